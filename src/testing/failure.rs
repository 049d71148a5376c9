//! The message of an assertion that fails: what was asked, what misses it by least, and the log.

use std::fmt::{Display, Write as _};

use super::filter::Filter;
use super::lines::count;
use super::recording::Recording;
use super::store::{Kept, Store};

/// How many records are named that fulfil most of what was asked.
const MISSES: usize = 5;

/// How many records of the log are in the message at most: the newest ones.
const LOG_LINES: usize = 500;

/// Returns the message of a failed assertion about the records of `store`.
pub(super) fn message(
    recording: &Recording,
    store: &Store,
    filter: &Filter,
    expected: &dyn Display,
    found: &[Kept],
) -> String {
    let all = store.since(0);
    let is_of_test = std::ptr::eq(store, &recording.store);
    let mut text = format!("expected {expected}, found {}\n  asked for: {filter}\n", count(found.len()));
    if !found.is_empty() && found.len() < all.len() {
        text.push_str("  found:\n");
        push_indented(&mut text, &recording.lines(found.iter().rev().take(LOG_LINES).rev()));
    }
    push_misses(&mut text, recording, filter, &all);
    let whose = if is_of_test { "log" } else { "records outside every context in the time" };
    let shown = recording.shown(&all);
    let counted = recording.count_text(all.len(), all.len() - shown.len());
    let _ = writeln!(text, "  the {whose} of {} ({counted}):", recording.name());
    let last = &shown[shown.len().saturating_sub(LOG_LINES)..];
    if last.len() < shown.len() {
        let _ = writeln!(text, "    … {} earlier ones", shown.len() - last.len());
    } else if is_of_test {
        recording.note_told(all.len());
    }
    push_indented(&mut text, &recording.lines(last));
    text.truncate(text.trim_end().len());
    text
}

/// Names the records that fulfil all but the fewest conditions.
fn push_misses(text: &mut String, recording: &Recording, filter: &Filter, records: &[Kept]) {
    let missed = |record: &Kept| filter.missed_by(record).len();
    let fewest = records.iter().map(missed).filter(|missed| *missed > 0).min();
    let Some(fewest) = fewest.filter(|fewest| *fewest == 1 || *fewest < filter.len()) else { return };
    let nearest: Vec<&Kept> = records.iter().filter(|record| missed(record) == fewest).collect();
    text.push_str("  nearest misses:\n");
    for record in nearest.iter().take(MISSES) {
        push_indented(text, &recording.lines([*record]));
        for condition in filter.missed_by(record) {
            let _ = writeln!(text, "      not {condition}: {}", condition.found_in(record));
        }
    }
    if nearest.len() > MISSES {
        let _ = writeln!(text, "    … {} more", nearest.len() - MISSES);
    }
}

fn push_indented(text: &mut String, lines: &str) {
    for line in lines.lines() {
        let _ = writeln!(text, "    {line}");
    }
}
