//! Warns the program if a filter of its own takes events from the layer.

use tracing::{Metadata, dispatcher};
use tracing_core::callsite::DefaultCallsite;
use tracing_core::metadata::Kind;

use crate::LevelFilter;
use crate::fallback;
use crate::sync::{AtomicBool, Ordering};

macro_rules! probes {
    ($($callsite:ident $metadata:ident $level:ident),* $(,)?) => {
        $(
            static $callsite: DefaultCallsite = DefaultCallsite::new(&$metadata);
            static $metadata: Metadata<'static> = tracing_core::metadata! {
                name: "logscope probe",
                target: "logscope",
                level: tracing::Level::$level,
                fields: &["message"],
                callsite: &$callsite,
                kind: Kind::EVENT,
            };
        )*
        /// One callsite for each level, most severe first. Nothing is logged from them.
        static PROBES: [&DefaultCallsite; 5] = [$(&$callsite),*];
        static PROBE_METADATA: [&Metadata<'static>; 5] = [$(&$metadata),*];
    };
}

probes! {
    ERROR_PROBE ERROR_METADATA ERROR,
    WARN_PROBE WARN_METADATA WARN,
    INFO_PROBE INFO_METADATA INFO,
    DEBUG_PROBE DEBUG_METADATA DEBUG,
    TRACE_PROBE TRACE_METADATA TRACE,
}

/// Returns the metadata of a callsite from which nothing is ever logged: an error of the target `logscope`.
pub(super) fn probe_metadata() -> &'static Metadata<'static> {
    &ERROR_METADATA
}

/// Warns, once per process, if a filter of the program's own takes events below the ceiling from the layer.
pub(super) fn warn_if_capped(ceiling: LevelFilter) {
    static SAID: AtomicBool = AtomicBool::new(false);
    let wanted = PROBES.iter().zip(PROBE_METADATA).filter(|(_, metadata)| *metadata.level() <= ceiling);
    let mut passed = LevelFilter::OFF;
    for (probe, metadata) in wanted {
        let interest = probe.interest();
        let enabled = *metadata.level() <= LevelFilter::current()
            && !interest.is_never()
            && dispatcher::get_default(|dispatch| dispatch.enabled(metadata));
        if !enabled {
            // Relaxed: the flag orders nothing; it only lets one layer of several warn.
            if SAID.swap(true, Ordering::Relaxed) {
                return;
            }
            return fallback::report(format_args!(
                "a filter beside logscope::layer() lets events of the target `logscope` through only up to {passed}, so contexts \
                 do not get what they want up to {ceiling}; give that filter to the layer that it is meant for, with \
                 `.with_filter(…)`, or lower the ceiling with logscope::configure().ceiling(…)"
            ));
        }
        passed = LevelFilter::from_level(*metadata.level());
    }
}
