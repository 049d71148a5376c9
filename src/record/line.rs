//! Records that stand for a finished line: the line is the message, and nothing but its level is known.

use std::cell::Cell;
use std::time::Duration;

use tracing::field::Value;
use tracing::{Event, Level, Metadata};
use tracing_core::callsite::DefaultCallsite;
use tracing_core::metadata::Kind;

use super::{ContextInfo, NoSpans, Record, RecordMetadata};
use crate::clock::Clock;

macro_rules! line_metadata {
    ($($callsite:ident $metadata:ident $level:ident),* $(,)?) => {
        $(
            static $callsite: DefaultCallsite = DefaultCallsite::new(&$metadata);
            static $metadata: Metadata<'static> = tracing_core::metadata! {
                name: "logscope line",
                target: "logscope",
                level: Level::$level,
                fields: &["message"],
                callsite: &$callsite,
                kind: Kind::EVENT,
            };
        )*
        /// Returns metadata of which nothing but the level says something.
        pub(crate) fn line_metadata(level: Level) -> &'static Metadata<'static> {
            match level {
                $(Level::$level => &$metadata),*
            }
        }
    };
}

line_metadata! {
    ERROR_LINE ERROR_METADATA ERROR,
    WARN_LINE WARN_METADATA WARN,
    INFO_LINE INFO_METADATA INFO,
    DEBUG_LINE DEBUG_METADATA DEBUG,
    TRACE_LINE TRACE_METADATA TRACE,
}

/// Calls `f` with a record of no context, whose message is `text`.
pub(crate) fn with_line<R>(level: Level, text: &str, f: impl FnOnce(&Record<'_>) -> R) -> R {
    let metadata = line_metadata(level);
    let Some(message) = metadata.fields().iter().next() else { unreachable!("it has one field") };
    let values = [(&message, Some(&text as &dyn Value))];
    let values = metadata.fields().value_set(&values);
    f(&Record {
        event: &Event::new(metadata, &values),
        metadata: RecordMetadata::own(metadata),
        elapsed: Duration::ZERO,
        origin: None,
        clock: &Clock::System,
        wall: Cell::new(None),
        seq: None,
        context: &ContextInfo::nobody(),
        spans: &NoSpans,
    })
}
