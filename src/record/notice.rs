//! The events of the records that logscope itself writes into a log: notices and opening records.
//!
//! - A *notice* says that records are missing. It goes to the one sink that misses them, has no number, and counts in no ledger.
//! - An *opening record* says at which level a log begins. It goes to each sink of a context but those at OFF, with one number, and counts
//!   in the ledgers like any other record.
//!
//! Both are ordinary events, so that every format renders them like any other. They are never dispatched, so no subscriber sees them.

use tracing::field::Value;
use tracing::level_filters::LevelFilter;
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

macro_rules! notice_metadata {
    ($callsite:ident, $metadata:ident, $level:expr, $field:literal) => {
        static $callsite: DefaultCallsite = DefaultCallsite::new(&$metadata);
        static $metadata: Metadata<'static> = tracing_core::metadata! {
            // As the macros of `tracing` name an event: a notice has no name of its own.
            name: concat!("event ", file!(), ":", line!()),
            target: "logscope",
            level: $level,
            fields: &["message", $field],
            callsite: &$callsite,
            kind: Kind::EVENT,
        };
    };
}

notice_metadata!(FAILED_CALLSITE, FAILED, NOTICE_LEVEL, "failed");
notice_metadata!(DROPPED_CALLSITE, DROPPED, NOTICE_LEVEL, "dropped");
notice_metadata!(OPENING_CALLSITE, OPENING, Level::INFO, "max_level");

/// Calls `f` with the event for `notice`.
pub(crate) fn with_notice<R>(notice: Notice, f: impl FnOnce(&Event<'_>) -> R) -> R {
    match notice {
        Notice::Failed(count) => with_event(&FAILED, "records are missing here: they could not be written", &count, f),
        Notice::Dropped(count) => with_event(&DROPPED, "records are missing here: they were dropped", &count, f),
    }
}

/// Calls `f` with the event of an opening record: the log has no records above `max_level`.
pub(crate) fn with_opening<R>(max_level: LevelFilter, f: impl FnOnce(&Event<'_>) -> R) -> R {
    let max_level = max_level.to_string();
    with_event(&OPENING, "records above max_level are not in this log", &max_level.as_str(), f)
}

fn with_event<R>(
    metadata: &'static Metadata<'static>,
    message: &str,
    value: &dyn Value,
    f: impl FnOnce(&Event<'_>) -> R,
) -> R {
    let fields = metadata.fields();
    let mut names = fields.iter();
    let (Some(first), Some(second)) = (names.next(), names.next()) else {
        unreachable!("a notice has two fields");
    };
    let message = &message as &dyn Value;
    let values = [(&first, Some(message)), (&second, Some(value))];
    let values = fields.value_set(&values);
    f(&Event::new(metadata, &values))
}
