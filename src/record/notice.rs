//! The events of the records that logscope itself writes into a log: notices, opening records, and what it tells of the program.
//!
//! - A *notice* says that records are missing. It goes to the one sink that misses them, has no number, and counts in no ledger.
//! - An *opening record* says which records a log has. It goes to each sink of a context but those at OFF, with one number, and counts
//!   in the ledgers like any other record.
//! - The record of a *panic* is one of the context in which the program panicked, and counts as if the program had logged it.
//!
//! - The record that tells of *unclaimed* events is one of the process default, and counts like any other record.
//!
//! - The records of *spans* that are made or closed are such, too.
//!
//! All are ordinary events, so that every format renders them like any other. They are never dispatched, so no subscriber sees them.

use std::fmt;
use std::time::Duration;

use tracing::field::{Value, display};
use tracing::{Event, Level, Metadata};
use tracing_core::callsite::DefaultCallsite;
use tracing_core::metadata::Kind;

/// What a sink has to report in its log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Notice {
    /// This number of records could not be written: the output failed.
    Failed(u64),
    /// This number of records was dropped before it reached the output.
    Dropped(u64),
}

/// The level of the notices.
pub(crate) const NOTICE_LEVEL: Level = Level::WARN;

/// The target of the records of panics.
pub(crate) const PANIC_TARGET: &str = "panic";

macro_rules! own_metadata {
    ($callsite:ident, $metadata:ident, $target:expr, $level:expr, $fields:expr) => {
        static $callsite: DefaultCallsite = DefaultCallsite::new(&$metadata);
        static $metadata: Metadata<'static> = tracing_core::metadata! {
            // As the macros of `tracing` name an event: these have no names of their own.
            name: concat!("event ", file!(), ":", line!()),
            target: $target,
            level: $level,
            fields: $fields,
            callsite: &$callsite,
            kind: Kind::EVENT,
        };
    };
}

own_metadata!(FAILED_CALLSITE, FAILED, "logscope", NOTICE_LEVEL, &["message", "failed"]);
own_metadata!(DROPPED_CALLSITE, DROPPED, "logscope", NOTICE_LEVEL, &["message", "dropped"]);
own_metadata!(OPENING_CALLSITE, OPENING, "logscope", Level::INFO, &["message", "verbosity"]);
own_metadata!(UNCLAIMED_CALLSITE, UNCLAIMED, "logscope", Level::WARN, &["message", "events", "from"]);
own_metadata!(PANIC_CALLSITE, PANIC, PANIC_TARGET, Level::ERROR, &["message", "location", "thread"]);

own_metadata!(SPAN_NEW_CALLSITE, SPAN_NEW, "logscope", Level::INFO, &["message"]);
own_metadata!(SPAN_CLOSE_CALLSITE, SPAN_CLOSE, "logscope", Level::INFO, &["message", "time.busy", "time.idle"]);

/// Calls `f` with the event for `notice`.
pub(crate) fn with_notice<R>(notice: Notice, f: impl FnOnce(&Event<'_>) -> R) -> R {
    match notice {
        Notice::Failed(count) => {
            with_event(&FAILED, [Some(&"records are missing here: they could not be written"), Some(&count)], f)
        }
        Notice::Dropped(count) => {
            with_event(&DROPPED, [Some(&"records are missing here: they were dropped"), Some(&count)], f)
        }
    }
}

/// Calls `f` with the event of an opening record: the log has no records above `verbosity`.
pub(crate) fn with_opening<R>(verbosity: &str, f: impl FnOnce(&Event<'_>) -> R) -> R {
    with_event(&OPENING, [Some(&"records above this verbosity are not in this log"), Some(&verbosity)], f)
}

/// Calls `f` with the event of a record that tells of unclaimed events: how many, and from where.
pub(crate) fn with_unclaimed<R>(events: u64, from: &str, f: impl FnOnce(&Event<'_>) -> R) -> R {
    let message =
        "events reached the process default while other contexts were alive: was work handed over without its context?";
    with_event(&UNCLAIMED, [Some(&message), Some(&events), Some(&from)], f)
}

/// Calls `f` with the event of a panic.
pub(crate) fn with_panic_event<R>(
    message: &str,
    location: Option<&str>,
    thread: Option<&str>,
    f: impl FnOnce(&Event<'_>) -> R,
) -> R {
    let location = location.as_ref().map(|text| text as &dyn Value);
    let thread = thread.as_ref().map(|text| text as &dyn Value);
    with_event(&PANIC, [Some(&message), location, thread], f)
}

/// Calls `f` with the event of a span that is made. Level, target and place are those of the span, and not in the event.
pub(crate) fn with_span_new<R>(f: impl FnOnce(&Event<'_>) -> R) -> R {
    with_event(&SPAN_NEW, [Some(&"new")], f)
}

/// Calls `f` with the event of a span that is closed, and was entered and not entered for these times.
pub(crate) fn with_span_close<R>(busy: Duration, idle: Duration, f: impl FnOnce(&Event<'_>) -> R) -> R {
    let [busy, idle] = [busy, idle].map(|time| display(ShortTime(time)));
    with_event(&SPAN_CLOSE, [Some(&"close"), Some(&busy), Some(&idle)], f)
}

/// A time with three digits and a unit, as the `FmtSpan` of `tracing-subscriber` shows it: `1.50s`, `12.3ms`, `456µs`.
struct ShortTime(Duration);

impl fmt::Display for ShortTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut time = self.0.as_nanos() as f64;
        for unit in ["ns", "µs", "ms"] {
            match time {
                _ if time < 10.0 => return write!(f, "{time:.2}{unit}"),
                _ if time < 100.0 => return write!(f, "{time:.1}{unit}"),
                _ if time < 1_000.0 => return write!(f, "{time:.0}{unit}"),
                _ => time /= 1_000.0,
            }
        }
        match time {
            _ if time < 10.0 => write!(f, "{time:.2}s"),
            _ if time < 100.0 => write!(f, "{time:.1}s"),
            _ => write!(f, "{time:.0}s"),
        }
    }
}

/// Calls `f` with an event that has these values of its fields.
fn with_event<R, const N: usize>(
    metadata: &'static Metadata<'static>,
    values: [Option<&dyn Value>; N],
    f: impl FnOnce(&Event<'_>) -> R,
) -> R {
    let values = metadata.fields().value_set_all(&values);
    f(&Event::new(metadata, &values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits_and_a_unit() {
        let shown = |nanos| ShortTime(Duration::from_nanos(nanos)).to_string();
        assert_eq!([0, 7, 12, 999].map(shown), ["0.00ns", "7.00ns", "12.0ns", "999ns"]);
        assert_eq!([1_500, 45_678, 123_456].map(shown), ["1.50µs", "45.7µs", "123µs"]);
        assert_eq!(
            [2_000_000, 1_500_000_000, 61_000_000_000, 3_600_000_000_000].map(shown),
            ["2.00ms", "1.50s", "61.0s", "3600s"]
        );
    }
}
