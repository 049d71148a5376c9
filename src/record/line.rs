//! The events of records that stand for a finished line: the line is the message, and nothing but its level is known.

use tracing::field::Value;
use tracing::{Event, Level, Metadata};
use tracing_core::callsite::DefaultCallsite;
use tracing_core::metadata::Kind;

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

/// Calls `f` with an event whose message is `text`.
pub(crate) fn with_line<R>(level: Level, text: &str, f: impl FnOnce(&Event<'_>) -> R) -> R {
    let metadata = line_metadata(level);
    let Some(message) = metadata.fields().iter().next() else { unreachable!("it has one field") };
    let values = [(&message, Some(&text as &dyn Value))];
    let values = metadata.fields().value_set(&values);
    f(&Event::new(metadata, &values))
}
