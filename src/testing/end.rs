//! The end of a test: whether it has failed, and what is shown of it.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::failure::count;
use super::harness::harness;
use super::open;
use super::recording::Recording;
use super::store::Kept;
use crate::limits::PASSED_TEST_RECORDS;
use crate::record::drop_quietly;
use crate::sync::{Arc, AtomicBool, Ordering};

/// True if all tests of the process are strict.
pub(super) static ALL_ARE_STRICT: AtomicBool = AtomicBool::new(false);

/// How a test has ended.
pub(super) struct End {
    /// What is to be shown of it; empty if that is nothing.
    pub(super) text: String,
    /// Why the test fails at its end, if it has not failed before.
    pub(super) violation: Option<String>,
}

/// Ends a recording. `has_failed` says that the test fails whatever its log is.
pub(super) fn end(recording: &Arc<Recording>, has_failed: bool) -> End {
    open::leave(recording);
    let violation = if has_failed { None } else { violation(recording) };
    let has_failed = has_failed || violation.is_some();
    let text = if has_failed { text_of_failed(recording) } else { text_of_passed(recording) };
    if let Some(live) = &recording.live {
        if let Some(violation) = &violation {
            live.write_to_file(violation);
        }
        live.end(has_failed);
    }
    End { text, violation }
}

thread_local! {
    /// The name of the test whose last failed attempt is kept on this thread, and what is to be shown of that.
    static FAILED: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
}

/// Keeps what is to be shown of an attempt that has failed, in place of the one before.
pub(super) fn keep_failed(test: String, text: String) {
    let _ = FAILED.try_with(|failed| failed.replace(Some((test, text))));
}

/// Forgets an attempt of another test than `test`.
pub(super) fn forget_other_tests(test: &str) {
    let _ = FAILED.try_with(|failed| failed.borrow_mut().take_if(|(other, _)| other != test));
}

/// Returns what is to be shown of the last attempt that has failed on this thread, unless that was shown.
pub(super) fn take_failed() -> String {
    FAILED.try_with(RefCell::take).ok().flatten().map_or_else(String::new, |(_, text)| text)
}

/// Prints `text`, so that libtest keeps it for the test whose thread this is. Never panics: stderr may be closed.
#[expect(clippy::print_stderr, reason = "libtest captures `print!` and `eprint!` only")]
pub(super) fn print(text: &str) {
    if text.is_empty() {
        return;
    }
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| eprint!("{text}"))) {
        drop_quietly(payload);
    }
}

/// Returns what the log of a test that has failed shows, unless it is shown already.
fn text_of_failed(recording: &Recording) -> String {
    if harness().shows_all && recording.live.is_some() {
        return String::new();
    }
    let told = recording.told();
    let (all, records) = (recording.store.len(), recording.shown_since(told));
    let mut text = match (all, told) {
        (0, _) => format!("the log of {} has no record\n", recording.name()),
        (_, 0) => format!("the log of {} ({}):\n{}", recording.name(), count(all), recording.lines(&records)),
        // The message of the assertion has them.
        (_, _) if records.is_empty() => String::new(),
        (_, _) => format!("the log of {}, after its failure:\n{}", recording.name(), recording.lines(&records)),
    };
    if recording.unclaimed.len() > 0 {
        text.push_str(&text_of_unclaimed(recording));
    }
    text
}

/// Returns what libtest may show if the test fails after its capture, such as by returning an error.
fn text_of_passed(recording: &Recording) -> String {
    let all = recording.store.len();
    if all == 0 || !harness().captures_here() {
        return String::new();
    }
    let records = recording.shown_since(all.saturating_sub(PASSED_TEST_RECORDS));
    let name = recording.name();
    format!("the log of {name} ({}):\n{}", count(all), recording.lines(&records))
}

/// Returns why a test fails that has come to its end.
fn violation(recording: &Recording) -> Option<String> {
    let rules = recording.rules.lock().clone();
    let mut reasons = Vec::new();
    if let Some(level) = rules.denied {
        let is_denied =
            |record: &Kept| record.level <= level && !rules.excused.iter().any(|excused| excused.matches(record));
        let denied: Vec<Kept> = recording.store.since(0).into_iter().filter(is_denied).collect();
        if !denied.is_empty() {
            reasons.push(format!(
                "{} at {level} or more severe, which the test denies:\n{}",
                count(denied.len()),
                recording.lines(&denied)
            ));
        }
    }
    // Relaxed: a switch, by which no other data is read.
    if (rules.is_strict || ALL_ARE_STRICT.load(Ordering::Relaxed)) && recording.unclaimed.len() > 0 {
        reasons.push(format!(
            "what is logged outside every context fails a strict test\n{}",
            text_of_unclaimed(recording)
        ));
    }
    let reasons = reasons.concat();
    (!reasons.is_empty()).then(|| reasons.trim_end().to_owned())
}

fn text_of_unclaimed(recording: &Recording) -> String {
    let records = recording.unclaimed.since(0);
    // Also tests that record nothing: those are not known here.
    let doubt = if harness().is_serial {
        ""
    } else {
        " (other tests may have been running: these can be theirs; nextest and `--test-threads=1` tell)"
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
