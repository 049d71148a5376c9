//! Metadata for finished lines, of which nothing but the level is known.

use tracing::{Level, Metadata};
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
