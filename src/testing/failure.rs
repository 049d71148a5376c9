//! The message of an assertion that fails: what was asked, what misses it by least, and the log.

use std::fmt::{Display, Write as _};
use std::time::Duration;

use super::filter::{Condition, Filter};
use super::lines::count;
use super::recording::Recording;
use super::store::Kept;
use crate::record::RecordBuf;

/// How many records are named that fulfil most of what was asked.
const MISSES: usize = 5;

/// How many records are shown at each end of a list.
const END_LINES: usize = 30;

/// An assertion that fails.
pub(super) struct Failure<'a> {
    pub(super) recording: &'a Recording,
    /// Whether records outside every context were asked for.
    pub(super) is_of_unclaimed: bool,
    pub(super) filter: &'a Filter,
    pub(super) expected: &'a dyn Display,
    pub(super) found: &'a [Kept],
    /// The text that is missing in an order of records.
    pub(super) missing: Option<&'a str>,
    /// How long the query has waited at most, and whether a thread has waited, which could have done other work.
    pub(super) waited: Option<(Duration, bool)>,
}

impl Failure<'_> {
    /// Returns the message.
    pub(super) fn message(&self) -> String {
        let Failure { recording, is_of_unclaimed, filter, expected, found, missing, waited } = *self;
        let store = if is_of_unclaimed { &recording.unclaimed } else { &recording.store };
        let all = store.since(0);
        let mut text = format!("expected {expected}, found {}\n  asked for: {filter}\n", count(found.len()));
        if let Some((time, by_thread)) = waited {
            let held_up = if by_thread && is_in_runtime() {
                ", on a thread of a tokio runtime: a task waits by `.arrived().await`, which lets others go on"
            } else {
                ""
            };
            let _ = writeln!(text, "  waited: up to {time:?}{held_up}");
        }
        if !found.is_empty() && found.len() < all.len() {
            text.push_str("  found:\n");
            push_ends(&mut text, recording, found);
        }
        let mut misses = match missing {
            Some(missing) => misses_of_order(recording, filter, missing, &all),
            None => nearest_misses(recording, filter, &all),
        };
        if !is_of_unclaimed {
            misses.push_str(&misses_outside(recording, filter));
        }
        if !misses.is_empty() {
            text.push_str("  nearest misses:\n");
            text.push_str(&misses);
        }
        let whose = if is_of_unclaimed { "records outside every context in the time" } else { "log" };
        let shown = recording.shown(&all);
        let counted = recording.count_text(all.len(), all.len() - shown.len());
        let name = recording.name();
        if !is_of_unclaimed && recording.is_on_console() {
            let _ = writeln!(text, "  the {whose} of {name} ({counted}) stands above");
        } else {
            let _ = writeln!(text, "  the {whose} of {name} ({counted}):");
            push_ends(&mut text, recording, &shown);
        }
        if !is_of_unclaimed {
            recording.note_told(all.len());
        }
        text.truncate(text.trim_end().len());
        text
    }
}

#[cfg(feature = "tokio")]
fn is_in_runtime() -> bool {
    tokio::runtime::Handle::try_current().is_ok()
}

#[cfg(not(feature = "tokio"))]
fn is_in_runtime() -> bool {
    false
}

/// Names the records that fulfil all but the fewest conditions.
pub(super) fn nearest_misses(recording: &Recording, filter: &Filter, records: &[Kept]) -> String {
    let mut text = String::new();
    let missed = |record: &Kept| filter.missed_by(record).len();
    let fewest = records.iter().map(missed).filter(|missed| *missed > 0).min();
    let Some(fewest) = fewest.filter(|fewest| *fewest == 1 || *fewest < filter.len()) else { return text };
    let nearest: Vec<&Kept> = records.iter().filter(|record| missed(record) == fewest).collect();
    for record in nearest.iter().take(MISSES) {
        push_indented(&mut text, &recording.lines([*record]));
        push_conditions(&mut text, filter, record);
    }
    push_rest(&mut text, nearest.len());
    text
}

/// Names the records with the text that is missing in an order; if there is none, those that fulfil all else.
fn misses_of_order(recording: &Recording, filter: &Filter, missing: &str, records: &[Kept]) -> String {
    let with_text: Vec<&Kept> = records.iter().filter(|record| record.message.contains(missing)).collect();
    if with_text.is_empty() {
        let mut filter = filter.clone();
        filter.add(Condition::Message(missing.to_owned()));
        return nearest_misses(recording, &filter, records);
    }
    let mut text = String::new();
    for record in with_text.iter().take(MISSES) {
        push_indented(&mut text, &recording.lines([*record]));
        if filter.matches(record) {
            text.push_str("      not after the others: it came before\n");
        }
        push_conditions(&mut text, filter, record);
    }
    push_rest(&mut text, with_text.len());
    text
}

/// Says which conditions a record does not fulfil.
fn push_conditions(text: &mut String, filter: &Filter, record: &RecordBuf) {
    for condition in filter.missed_by(record) {
        let _ = writeln!(text, "      not {condition}: {}", condition.found_in(record));
    }
}

/// Names the records that fulfil all conditions, and were logged outside every context: their work has lost the context.
fn misses_outside(recording: &Recording, filter: &Filter) -> String {
    let mut text = String::new();
    let outside: Vec<Kept> = recording.unclaimed.since(0).into_iter().filter(|record| filter.matches(record)).collect();
    for record in outside.iter().take(MISSES) {
        push_indented(&mut text, &recording.lines([record]));
        let place = record.file.as_ref().zip(record.line).map(|(file, line)| format!(" at {file}:{line}"));
        let place = place.unwrap_or_default();
        let whose = if recording.has_doubtful() { ", if it is of this test," } else { "" };
        let _ = writeln!(
            text,
            "      not in the test's context: logged outside every context{place}; start its thread or task{whose} by \
             `logscope::thread`, `logscope::tokio` or `logscope::rayon`: see `logscope::docs::carry`"
        );
    }
    push_rest(&mut text, outside.len());
    text
}

/// Shows the first and the last of `records`.
fn push_ends(text: &mut String, recording: &Recording, records: &[Kept]) {
    match records.len().checked_sub(2 * END_LINES) {
        None | Some(0) => push_indented(text, &recording.lines(records)),
        Some(more) => {
            push_indented(text, &recording.lines(&records[..END_LINES]));
            let _ = writeln!(text, "    … {more} more, which LOGSCOPE_TEST_DIR would have");
            push_indented(text, &recording.lines(&records[records.len() - END_LINES..]));
        }
    }
}

/// Says how many misses are not named.
fn push_rest(text: &mut String, misses: usize) {
    if misses > MISSES {
        let _ = writeln!(text, "    … {} more", misses - MISSES);
    }
}

fn push_indented(text: &mut String, lines: &str) {
    for line in lines.lines() {
        let _ = writeln!(text, "    {line}");
    }
}
