//! Events that reach the process default: counting them, and the record that tells of them.
//!
//! The record is written by the thread that logs, after its own event, so it needs no thread of its own, and comes where the mistake was made.

use std::fmt::Write as _;

use tracing::Metadata;

use super::emit::emit;
use crate::context::{ContextInner, with_default};
use crate::fallback;
use crate::output::is_inside_output;
use crate::record::{NoSpans, RecordMetadata, prefix, with_unclaimed};
use crate::unclaimed::{UnclaimedReport, default_takes_here, is_telling_due, note_arrival, take_untold};

/// How many places a record names, and how many bytes each of them has at most.
const PLACES: usize = 5;
const PLACE_BYTES: usize = 160;

/// Counts an event that reached `default`, which is the process default, and gives it to `deliver` if the default wants it.
#[inline(never)]
pub(super) fn arrive(
    default: &ContextInner,
    metadata: &RecordMetadata<'_>,
    wants: impl Fn(&ContextInner) -> bool,
    deliver: impl Fn(&ContextInner),
) {
    if wants(default) && note_arrival(metadata) {
        deliver(default);
    }
    // After the event, so that a reader sees what is meant. Not inside an output, whose own lock may be held.
    if !is_inside_output() && is_telling_due() {
        tell(default);
    }
}

/// Returns whether the process default takes events of `target` that are logged here, outside every scope.
#[cfg(feature = "log")]
pub(super) fn is_taken_here(target: &str) -> bool {
    default_takes_here(target)
}

/// Returns false if `metadata` is the question of `enabled!`, and the process default does not take events of that target. An event itself must
/// arrive to be counted.
pub(super) fn may_be_taken(metadata: &Metadata<'_>) -> bool {
    !metadata.name().starts_with("enabled ") || default_takes_here(metadata.target())
}

/// Writes the last record, before the process ends.
pub(super) fn tell_at_end() {
    if !is_inside_output() {
        with_default(tell);
    }
}

/// Writes a record to the process default about what was counted since the last one. To stderr, if no sink of the default takes it.
#[cold]
fn tell(default: &ContextInner) {
    let Some(report) = take_untold() else { return };
    let from = places(&report);
    with_unclaimed(report.total, &from, |event| {
        let metadata = RecordMetadata::own(event.metadata());
        if default.is_closed() || !default.sinks().iter().any(|sink| sink.wants(&metadata)) {
            let (total, events) = (report.total, if report.total == 1 { "event" } else { "events" });
            return fallback::report(format_args!(
                "{total} {events} reached the process default while other contexts were alive: {from}"
            ));
        }
        emit(default, event, metadata, &NoSpans);
    });
}

/// Returns the places with the most events.
fn places(report: &UnclaimedReport) -> String {
    let mut places = String::new();
    for entry in report.entries.iter().take(PLACES) {
        let separator = if places.is_empty() { "" } else { "; " };
        // Writing to a string does not fail.
        let _ = write!(places, "{separator}{}", prefix(&entry.to_string(), PLACE_BYTES));
    }
    let others = report.entries.iter().skip(PLACES).map(|entry| entry.count).sum::<u64>() + report.unlisted;
    if others > 0 {
        let separator = if places.is_empty() { "" } else { "; " };
        let _ = write!(places, "{separator}{others} elsewhere");
    }
    places
}
