//! The end of a test: whether it has failed, and what is shown of it.

use super::failure::nearest_misses;
use super::harness::harness;
use super::lines::count;
use super::open;
use super::recording::Recording;
use super::removal::Removal;
use super::seed_value;
use super::store::Kept;
use crate::limits::PASSED_TEST_RECORDS;
use crate::sync::{Arc, AtomicBool, Ordering};

/// True if all tests of the process are strict.
pub(super) static ALL_ARE_STRICT: AtomicBool = AtomicBool::new(false);

/// How a test has ended.
pub(super) struct End {
    /// What is to be shown of it; empty if that is nothing.
    pub(super) text: String,
    /// Why the test fails at its end, if it has not failed before.
    pub(super) violation: Option<String>,
    /// Whether it has failed, for whatever reason.
    pub(super) has_failed: bool,
}

/// What the code of a test says of it, before its log is looked at.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Verdict {
    Passed,
    /// It has panicked.
    Panicked,
    /// It has returned an error.
    Failed,
    /// It counts for nothing.
    Rejected,
    /// It was given up before its end.
    Unfinished,
}

impl Verdict {
    /// Returns the verdict on code that has returned, if `is_error` with an error.
    pub(super) fn of(is_error: bool) -> Verdict {
        if is_error { Verdict::Failed } else { Verdict::Passed }
    }
}

/// Ends a recording.
pub(super) fn end(recording: &Arc<Recording>, verdict: Verdict) -> End {
    open::leave(recording);
    let folders = recording.end_folders();
    let violation = if verdict == Verdict::Passed { violation(recording) } else { None };
    let reason = if verdict == Verdict::Failed { Some("the test has returned an error") } else { violation.as_deref() };
    let has_failed = verdict == Verdict::Panicked || reason.is_some();
    let mut text = match verdict {
        Verdict::Rejected => String::new(),
        _ if has_failed => text_of_failed(recording, violation.is_some() && is_strict(recording)),
        _ => text_of_passed(recording),
    };
    if has_failed {
        // A panic shows the seed itself, and what is thrown below is one.
        if verdict == Verdict::Failed {
            text.push_str(&seed_value::text_of_failure());
        }
        folders.into_iter().for_each(Removal::give_up);
    } else if let Some(outer) = open::of_this_thread().pop() {
        // The test that this is a part of can still fail.
        folders.into_iter().for_each(|folder| drop(outer.remove_at_end(folder)));
    }
    if let Some(reason) = reason {
        recording.write_to_file(reason);
    }
    if verdict != Verdict::Unfinished
        && let Some(live) = &recording.live
    {
        live.end(has_failed, harness().is_of_one_test || recording.has_name_of_this_thread());
    }
    End { text, violation, has_failed }
}

/// Returns what the log of a test that has failed shows, unless it is shown already. `has_unclaimed` says that its panic message shows what was
/// logged outside every context.
fn text_of_failed(recording: &Recording, has_unclaimed: bool) -> String {
    if recording.is_on_console() {
        return String::new();
    }
    let told = recording.told();
    let (all, records) = (recording.store.len(), recording.shown_since(told));
    let name = recording.name();
    let mut text = match (all, told) {
        (0, _) => format!("the log of {name} has no record\n"),
        (_, 0) => {
            let counted = recording.count_text(all, all.saturating_sub(records.len()));
            format!("the log of {name} ({counted}):\n{}", recording.lines(&records))
        }
        // The message of the assertion has them.
        (_, _) if records.is_empty() => String::new(),
        (_, _) => format!("the log of {name}, after its failure:\n{}", recording.lines(&records)),
    };
    let unclaimed = recording.shown(&recording.unclaimed.since(0));
    if !unclaimed.is_empty() && !has_unclaimed {
        text.push_str(&text_of_unclaimed(recording, &unclaimed));
    }
    text
}

/// Returns what libtest may show if the test fails after its capture, such as by returning an error.
fn text_of_passed(recording: &Recording) -> String {
    let all = recording.store.len();
    if all == 0 || !harness().captures_here() {
        return String::new();
    }
    let last = recording.store.since(all.saturating_sub(PASSED_TEST_RECORDS));
    let records = recording.shown(&last);
    let (name, counted) = (recording.name(), recording.count_text(all, last.len() - records.len()));
    format!("the log of {name} ({counted}):\n{}", recording.lines(&records))
}

/// Returns why a test fails that has come to its end.
fn violation(recording: &Recording) -> Option<String> {
    let rules = recording.rules.lock().clone();
    let mut reasons = Vec::new();
    if let Some(level) = rules.denied {
        let is_denied =
            |record: &Kept| record.level <= level && !rules.excused.iter().any(|excused| excused.matches(record));
        let records = recording.store.since(0);
        let denied: Vec<Kept> = records.iter().filter(|record| is_denied(record)).map(Arc::clone).collect();
        if !denied.is_empty() {
            reasons.push(format!(
                "{} at {level} or more severe, which the test denies:\n{}",
                count(denied.len()),
                recording.lines(&denied)
            ));
            let idle = rules.excused.iter().filter(|excused| !records.iter().any(|record| excused.matches(record)));
            reasons.extend(idle.map(|excused| {
                format!("  excused: {excused}: no such record\n{}", nearest_misses(recording, excused, &records))
            }));
        }
    }
    if is_strict(recording) && recording.unclaimed.len() > 0 {
        reasons.push(format!(
            "what is logged outside every context fails a strict test\n{}",
            text_of_unclaimed(recording, &recording.unclaimed.since(0))
        ));
    }
    let reasons = reasons.concat();
    (!reasons.is_empty()).then(|| reasons.trim_end().to_owned())
}

fn is_strict(recording: &Recording) -> bool {
    // Relaxed: a switch, by which no other data is read.
    recording.rules.lock().is_strict || ALL_ARE_STRICT.load(Ordering::Relaxed)
}

fn text_of_unclaimed(recording: &Recording, records: &[Kept]) -> String {
    // Also tests that record nothing: those are not known here.
    let doubt = if recording.has_doubtful() {
        " (other tests may have been running: these can be theirs; nextest and `--test-threads=1` tell)"
    } else {
        ""
    };
    let mut text = format!("outside every context, while {} ran, {}{doubt}:\n", recording.name(), count(records.len()));
    for record in records.iter().take(PASSED_TEST_RECORDS) {
        let place = match (&record.file, record.line) {
            (Some(file), Some(line)) => format!(" (at {file}:{line})"),
            _ => String::new(),
        };
        text.push_str(&format!("{}{place}\n", recording.lines([record]).trim_end()));
    }
    text
}
