//! The ceiling, and why there is no cleverer game with the interest cache.
//!
//! `tracing` asks a subscriber once for each callsite whether it is interested, caches the answer in the callsite, and keeps one
//! global maximum of levels. A library whose contexts come and go at run time could try to keep both exact: the most verbose
//! level of the contexts that live. It cannot be right. A foreign `reload` or `Dispatch::new` may publish an older maximum after
//! ours; a callsite that is being registered on one thread can store `never` after another thread's rebuild; and rebuilding
//! from inside the making of a context deadlocks with locks that other layers hold while they call us.
//!
//! So the answer never changes. The *ceiling* fixes at installation the most that any context can be given. No callsite at or
//! below it is ever answered `never`, none above it anything else, and making a context costs the same whatever the number of
//! callsites and contexts.
//!
//! One gap is left, at start-up. A callsite that is hit first between `Dispatch::new` and `set_global_default` asks a dispatcher that
//! is not there yet, caches `never`, and stays dead, because installing does not rebuild. So [`install`](super::Configure::install)
//! rebuilds once after it has installed; and the [first scope](super::first_scope) that is entered under a subscriber with this layer
//! rebuilds again, for a subscriber that the program installed itself, and, a few times within a tenth of a second, for callsites that
//! were in the middle of registering.
//!
//! What stays out of reach is a callsite that a thread hits first where there is no subscriber although one is installed: under
//! `Dispatch::none()`, or, while some thread has a subscriber of its own, inside another event. As long as the process has made one
//! `Dispatch` only, `tracing` writes down `never` for it, until something rebuilds.

use std::cell::Cell;

use tracing::subscriber::Interest;
use tracing::{Metadata, dispatcher};
use tracing_subscriber::layer::{Context, Filter};

use crate::LevelFilter;

/// The static half of a per-layer filter: it tells `tracing` the ceiling, and never says no to an event.
///
/// A per-layer filter that says no sets a bit in a map that the thread has once for all layers; when the no was to an `enabled!` that
/// was asked by a value inside another layer's formatting, the bit stays set and the event that is being formatted is lost to this
/// layer. A filter that never says no never sets its bit. What lies above the ceiling the layer leaves out itself.
///
/// It asks to be asked about every event, so that `tracing` asks every filter beside it too. Were all of them content with one answer
/// for each callsite, a bit that an `enabled!` has left behind would cost another layer the next event. What a value does to the map
/// while this layer itself renders it, the layer puts right. The asking makes an event that nobody wants one or two nanoseconds dearer
/// than a cached answer would.
#[derive(Clone, Debug)]
pub struct CeilingFilter {
    ceiling: LevelFilter,
}

impl CeilingFilter {
    pub(super) fn new(ceiling: LevelFilter) -> Self {
        CeilingFilter { ceiling }
    }
}

impl<S> Filter<S> for CeilingFilter {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        PASSES.set(PASSES.get().wrapping_add(1));
        true
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if *metadata.level() <= self.ceiling { Interest::sometimes() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.ceiling)
    }
}

thread_local! {
    /// How often this thread asked the filters beside a layer of ours. Without destructor, so that it can be counted in other destructors.
    static PASSES: Cell<u64> = const { Cell::new(0) };
}

/// Calls `f`, which may render values of the program's own, and leaves the verdicts of the filters beside this layer about the event or
/// span that is being dispatched as they were.
///
/// The thread has one map of verdicts for all filters, and each layer consults it when its turn comes. A value that logs, or asks
/// `enabled!`, while this layer renders it, overwrites the map; the layers whose turn is still to come would lose the event, or get
/// one that they do not want. Whether that has happened is known, because this layer's own filter was asked too: then all of them are
/// asked again about `metadata`, with `enabled`: a filter that has refused the event itself, in `event_enabled`, is not, and may get an
/// event after all that such a value is in, as it may from any other layer that renders it. (What the layers before this one are told
/// by that, they have no use for, and are asked anew for the next event.)
#[inline]
pub(super) fn keeping_verdicts(metadata: &Metadata<'_>, f: impl FnOnce()) {
    let before = PASSES.get();
    f();
    if PASSES.get() != before {
        ask_again(metadata);
    }
}

#[cold]
fn ask_again(metadata: &Metadata<'_>) {
    // What counts is what the filters note down; the answer was yes before.
    dispatcher::get_default(|dispatch| dispatch.enabled(metadata));
}
