//! The ceiling: the most verbose level that the process lets any context see.
//!
//! Each layer drops the events above its own ceiling, whatever a context asks for. This file clamps the contexts to the highest ceiling
//! of any layer, so that their verbosity shows what they really get, and warns the program when a context asked for more.

use tracing::level_filters::LevelFilter;

use super::live::live;
use super::output_context::OutputContext;
use crate::fallback;
use crate::sync::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use crate::verbosity::{LEVELS, Verbosity};

/// The highest ceiling of any layer that was added to a subscriber, as an index into `LEVELS`.
static CEILING: AtomicU8 = AtomicU8::new(UNSET);

const UNSET: u8 = u8::MAX;

/// The id of the newest built-in process default, which the program did not ask for and is not warned about. Ids begin at 1.
static BUILT_IN: AtomicU64 = AtomicU64::new(0);

/// Returns the ceiling: TRACE until a layer was added to a subscriber.
pub(super) fn ceiling() -> LevelFilter {
    LEVELS.get(usize::from(CEILING.load(Ordering::Relaxed))).copied().unwrap_or(LevelFilter::TRACE)
}

/// Records that a layer with this ceiling was added to a subscriber.
///
/// Contexts that are built from now on are clamped to the highest ceiling. Contexts that were built before keep their verbosity, and the
/// layer alone holds them below its ceiling; the program is warned about them.
pub(crate) fn add_ceiling(ceiling: LevelFilter) {
    let index = LEVELS.iter().filter(|level| **level < ceiling).count() as u8;
    // Relaxed, here and in `ceiling`: the level is the whole message. A thread that does not see it yet is held below it by the layer.
    let _ = CEILING.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |before| match before {
        UNSET => Some(index),
        before => Some(before.max(index)),
    });
    // Relaxed: the id is the whole message.
    let built_in = BUILT_IN.load(Ordering::Relaxed);
    for context in live().iter().filter(|context| context.id() != built_in) {
        warn_if_above(context.verbosity(), context.name());
    }
}

/// Exempts `context`, the built-in process default, from the warning of [`add_ceiling`].
pub(super) fn exempt_built_in(context: &OutputContext) {
    // Relaxed: the id is the whole message.
    BUILT_IN.store(context.id(), Ordering::Relaxed);
}

/// Returns true if `id` is that of the newest built-in process default.
pub(super) fn is_built_in(id: u64) -> bool {
    // Relaxed: the id is the whole message.
    BUILT_IN.load(Ordering::Relaxed) == id
}

/// Clamps `verbosity` to the ceiling.
pub(super) fn clamp(verbosity: Verbosity, name: &str) -> Verbosity {
    let ceiling = ceiling();
    if ceiling == LevelFilter::TRACE {
        return verbosity;
    }
    warn_if_above(&verbosity, name);
    verbosity.clamped(ceiling)
}

/// Warns, once for the process, that a context asks for more than it gets.
fn warn_if_above(verbosity: &Verbosity, name: &str) {
    static WARNED: AtomicBool = AtomicBool::new(false);
    let ceiling = ceiling();
    // Relaxed: the flag orders nothing. It only picks one of several threads to print the warning.
    if verbosity.max_level() > ceiling && !WARNED.swap(true, Ordering::Relaxed) {
        fallback::report(format_args!(
            "context {name:?} asks for {}, but this process was installed with the ceiling {ceiling}: it gets that; \
             raise it with logscope::configure().ceiling(…)",
            verbosity.max_level(),
        ));
    }
}
