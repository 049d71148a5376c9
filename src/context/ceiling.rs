//! The most verbose level that the process lets any context see.
//!
//! A layer leaves out what lies above its own ceiling, whatever a context asks for. What is kept here is for the contexts: they are
//! clamped, so that they say what they get, and the program is told.

use tracing::level_filters::LevelFilter;

use super::default::is_built_in;
use super::live;
use crate::fallback;
use crate::sync::{AtomicBool, AtomicU8, Ordering};
use crate::verbosity::{LEVELS, Verbosity};

/// The place among the levels of the highest ceiling of any layer that was put into a subscriber.
static CEILING: AtomicU8 = AtomicU8::new(UNSET);

const UNSET: u8 = u8::MAX;

/// TRACE, as long as no layer was put into a subscriber.
pub(super) fn ceiling() -> LevelFilter {
    LEVELS.get(usize::from(CEILING.load(Ordering::Relaxed))).copied().unwrap_or(LevelFilter::TRACE)
}

/// A layer with this ceiling was put into a subscriber.
///
/// Contexts that are made from now on are clamped to the highest ceiling there is. Those that were made before are held below it by
/// the layer alone, and told of.
pub(crate) fn add_ceiling(ceiling: LevelFilter) {
    let place = LEVELS.iter().filter(|level| **level < ceiling).count() as u8;
    // Relaxed, here and in `ceiling`: the level is the whole message, and whoever does not see it yet is held below it by the layer.
    let _ = CEILING.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |before| match before {
        UNSET => Some(place),
        before => Some(before.max(place)),
    });
    for context in live().iter().filter(|context| !is_built_in(context)) {
        tell_if_above(context.verbosity(), context.name());
    }
}

/// Holds `verbosity` below the ceiling.
pub(super) fn clamp(verbosity: Verbosity, name: &str) -> Verbosity {
    let ceiling = ceiling();
    if ceiling == LevelFilter::TRACE {
        return verbosity;
    }
    tell_if_above(&verbosity, name);
    verbosity.clamped(ceiling)
}

/// Says, once for the process, that a context asks for more than it can get.
fn tell_if_above(verbosity: &Verbosity, name: &str) {
    static SAID: AtomicBool = AtomicBool::new(false);
    let ceiling = ceiling();
    // Relaxed: the flag orders nothing; it only makes one thread of several the one that speaks.
    if verbosity.max_level() > ceiling && !SAID.swap(true, Ordering::Relaxed) {
        fallback::tell(format_args!(
            "context {name:?} asks for {}, but this process was installed with the ceiling {ceiling}: it gets that; \
             raise it with logscope::configure().ceiling(…)",
            verbosity.max_level(),
        ));
    }
}
