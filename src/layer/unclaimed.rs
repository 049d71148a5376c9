//! Events that reach the process default: counting them, and the record that tells of them.
//!
//! The record is written by the thread that logs, after its own event, so it needs no thread of its own, and comes where the mistake was made.
//! Only the last record has one.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use tracing::Metadata;

use super::emit::emit;
use crate::context::{ContextInner, with_default};
use crate::fallback;
use crate::limits::{TOLD_PLACE_BYTES, TOLD_PLACES};
use crate::output::is_inside_output;
use crate::process::start_thread;
use crate::queue::FlushTicket;
use crate::record::{NoSpans, RecordMetadata, drop_quietly, prefix, with_unclaimed};
use crate::sync::Arc;
use crate::unclaimed::{UnclaimedReport, default_takes_here, is_telling_due, note_arrival, take_untold};

/// Counts an event that reached the process default, and gives it to `deliver` if the default wants it. `record` returns what its record says of
/// it.
#[inline]
pub(super) fn arrive<'a>(
    target: &str,
    record: impl Fn() -> RecordMetadata<'a>,
    wants: impl FnOnce(&ContextInner) -> bool,
    deliver: impl FnOnce(&ContextInner, RecordMetadata<'a>),
) {
    with_default(|default| {
        if wants(default) && note_arrival(target, &record) {
            deliver(default, record());
        }
        // After the event, so that a reader sees what is meant.
        if is_telling_due() {
            tell(default);
        }
    });
}

/// Returns whether the process default takes events of `target` that are logged here, outside every scope.
#[cfg(feature = "log")]
pub(super) fn is_taken_here(target: &str) -> bool {
    default_takes_here(target)
}

/// Returns false if `metadata` is the question of `enabled!`, and the process default does not take events of that target. An event itself must
/// arrive to be counted, and spans are made whatever their target is.
#[inline]
pub(super) fn may_be_taken(metadata: &Metadata<'_>) -> bool {
    default_takes_here(metadata.target()) || metadata.is_span() || !metadata.name().starts_with("enabled ")
}

/// Writes the last record, before the process ends, and waits for it for `patience`.
///
/// A thread of its own writes it: a sink may stand still, or may need what this thread holds, and the end must not.
pub(super) fn tell_at_end(patience: Duration) {
    if is_inside_output() {
        return;
    }
    let Some(report) = take_untold() else { return };
    let (report, written) = (Arc::new(report), Arc::new(FlushTicket::new()));
    let (telling, is_written) = (Arc::clone(&report), Arc::clone(&written));
    let started = start_thread("logscope-unclaimed", move || {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| with_default(|default| write(default, &telling)))) {
            drop_quietly(payload);
        }
        is_written.complete(Ok(()));
    });
    let until = Instant::now().checked_add(patience);
    if started.is_err() || written.wait(until).is_none() {
        report_on_stderr(&report);
    }
}

/// Writes a record to `default`, the process default, about what was counted since the last one.
#[cold]
fn tell(default: &ContextInner) {
    if let Some(report) = take_untold() {
        write(default, &report);
    }
}

/// Writes a record about the events to `default`; to stderr, if no sink of it takes the record.
fn write(default: &ContextInner, report: &UnclaimedReport) {
    with_unclaimed(report.total, &places(report), |event| {
        let metadata = RecordMetadata::own(event.metadata());
        if default.is_closed() || !default.sinks().iter().any(|sink| sink.wants(&metadata)) {
            return report_on_stderr(report);
        }
        emit(default, event, &metadata, &NoSpans);
    });
}

fn report_on_stderr(report: &UnclaimedReport) {
    let (total, events) = (report.total, if report.total == 1 { "event" } else { "events" });
    fallback::report(format_args!(
        "{total} {events} reached the process default while other contexts were alive: {}",
        places(report)
    ));
}

/// Returns the places with the most events.
fn places(report: &UnclaimedReport) -> String {
    let mut places = String::new();
    for entry in report.entries.iter().take(TOLD_PLACES) {
        let separator = if places.is_empty() { "" } else { "; " };
        // Writing to a string does not fail.
        let _ = write!(places, "{separator}{}", prefix(&entry.to_string(), TOLD_PLACE_BYTES));
    }
    let others = report.entries.iter().skip(TOLD_PLACES).map(|entry| entry.count).sum::<u64>() + report.unlisted;
    if others > 0 {
        let separator = if places.is_empty() { "" } else { "; " };
        let _ = write!(places, "{separator}{others} elsewhere");
    }
    places
}
