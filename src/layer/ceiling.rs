//! The ceiling of a layer, and why the interest cache is left alone.
//!
//! `tracing` asks a subscriber once per callsite whether it is interested, caches the answer in the callsite, and keeps one global maximum
//! level. A library whose contexts come and go at run time could try to keep both exact, by following the most verbose level of all live
//! contexts. Such bookkeeping cannot be right:
//!
//! - a foreign `reload` or `Dispatch::new` may publish an older maximum after ours;
//! - a callsite that one thread is registering can store `never` after another thread's rebuild;
//! - a rebuild from inside `build()` deadlocks with locks that other layers hold while they call us.
//!
//! So the answer never changes. The *ceiling* fixes, at installation, the most verbose level that any context can have. No callsite at or
//! below the ceiling is ever answered `never`, and none above it is answered anything else. Building a context costs the same whatever the
//! number of callsites and contexts.
//!
//! One gap is left, at start-up. A callsite that is hit for the first time between `Dispatch::new` and `set_global_default` finds no
//! dispatcher, caches `never`, and stays dead, because installing does not rebuild the cache. So [`install`](super::Config::install)
//! rebuilds once after it has installed. Under `layer()`, where the program installs its own subscriber, the
//! [first scope](super::first_scope) rebuilds, and repeats that for about a tenth of a second after the first rebuild, for callsites that other
//! threads were registering.
//!
//! Out of reach is a callsite that a thread hits for the first time where it has no subscriber although one is installed: under
//! `Dispatch::none()`, or inside another event while some thread has a subscriber of its own. As long as the process has made one
//! `Dispatch` only, `tracing` stores `never` for this callsite until something rebuilds the cache.

use std::cell::Cell;

use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber as _, dispatcher};
use tracing_subscriber::Registry;
use tracing_subscriber::filter::Filtered;
use tracing_subscriber::layer::{Context, Filter, Identity, Layer, SubscriberExt as _};

use crate::LevelFilter;

/// Tells `tracing` the ceiling of a [`layer()`](crate::layer()), and never rejects an event.
///
/// tracing-subscriber keeps one bit map per thread for the per-layer filters of all layers, and a filter that rejects an event sets its bit
/// there. If a value asks `enabled!` inside another layer's formatting, a rejection stays in the map, and the layer then loses the event
/// that is being formatted. A filter that never rejects never sets its bit. The layer itself drops the events above the ceiling.
///
/// The filter answers `sometimes` for each callsite, so that `tracing` asks all filters about each event. If all filters had cached answers,
/// a bit that an `enabled!` left behind would cost another layer its next event. Asking makes an unwanted event one or two nanoseconds
/// dearer than a cached answer. The map that a value changes while this layer renders it is restored by this layer.
#[derive(Clone, Debug)]
pub(super) struct CeilingFilter {
    ceiling: LevelFilter,
}

impl CeilingFilter {
    pub(super) fn new(ceiling: LevelFilter) -> Self {
        CeilingFilter { ceiling }
    }
}

impl<S> Filter<S> for CeilingFilter {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        note_question();
        true
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if *metadata.level() <= self.ceiling { Interest::sometimes() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.ceiling)
    }
}

/// Returns true if the layers of `registry` have per-layer filters, which add up their answers about a callsite.
///
/// Nothing says so, so we try it: we add an answer, and look whether the registry takes it. To be called on a thread that is not asking layers
/// about a callsite.
pub(super) fn has_layer_filters(registry: &Registry, callsite: &'static Metadata<'static>) -> bool {
    let filtered = || Filtered::<_, _, Registry>::new(Identity::new(), CeilingFilter::new(LevelFilter::TRACE));
    Layer::register_callsite(&filtered(), callsite);
    let is_taken = registry.register_callsite(callsite).is_sometimes();
    if !is_taken {
        // A registry that takes it.
        let _ = tracing_subscriber::registry().with(filtered()).register_callsite(callsite);
    }
    is_taken
}

thread_local! {
    /// How often this thread asked the filters beside this layer. Without destructor, so that other destructors can count.
    static PASSES: Cell<u64> = const { Cell::new(0) };
}

/// Notes that the filters are asked.
pub(super) fn note_question() {
    PASSES.set(PASSES.get().wrapping_add(1));
}

/// Calls `f`, which may render values of the program's own, and restores the filters' verdicts about the event or span that is being
/// dispatched.
///
/// Each layer reads its verdict from the thread's one map when its turn comes. A value that logs, or asks `enabled!`, while this layer
/// renders it overwrites the map. The layers whose turn is still to come would then lose the event, or get one that they rejected. This
/// layer's own filter counts how often filters are asked, so we know that it happened, and ask all of them again about `metadata`.
///
/// We re-ask `enabled`, not `event_enabled`. A filter that rejected this event in `event_enabled` can still receive it if one of its values
/// logs while being rendered, as it can from any other layer that renders the value. Layers before this one have had their turn, and are
/// asked anew for the next event.
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
    // The answer was yes before, and is not used. Asking makes the filters set their bits again.
    dispatcher::get_default(|dispatch| dispatch.enabled(metadata));
}
