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
//! rebuilds once after it has installed; and the first scope that is entered while the global subscriber holds this layer rebuilds once
//! more, for a subscriber that the program installed itself, and for a callsite that was in the middle of registering during the
//! first rebuild. That one runs on a thread of its own: whoever enters the scope may hold locks that a rebuild needs (it may be a
//! layer's callback, a value's `Debug` under a `reload` lock, or a `Dispatch` that is being registered). The scope waits for it, but
//! not for ever.

use std::cell::Cell;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tracing::callsite::rebuild_interest_cache;
use tracing::subscriber::Interest;
use tracing::{Dispatch, Metadata, dispatcher};
use tracing_core::callsite::DefaultCallsite;
use tracing_core::metadata::Kind;
use tracing_subscriber::layer::{Context, Filter};

use super::ContextLayer;
use crate::LevelFilter;
use crate::scope;
use crate::sink::fallback;

/// How long the first scope waits for the rebuild before it goes on without.
const REBUILD_DEADLINE: Duration = Duration::from_secs(1);

/// The static half of a per-layer filter: it tells `tracing` the ceiling, and never says no to an event.
///
/// A per-layer filter that says no sets a bit in a map that the thread has once for all layers; when the no was to an `enabled!` that
/// was asked by a value inside another layer's formatting, the bit stays set and the event that is being formatted is lost to this
/// layer. A filter that never says no never sets its bit. What lies above the ceiling the layer leaves out itself.
///
/// It asks to be asked about every event, so that `tracing` asks every filter beside it too. Were all of them content with one answer
/// for each callsite, a bit that an `enabled!` has left behind would cost another layer the next event. What a value does to the map
/// while this layer itself renders it, the layer puts right.
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
/// asked again about `metadata`. (What the layers before this one are told by that, they have no use for, and are asked anew for the
/// next event.)
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

/// Where the rebuild of the first scope stands.
struct Rebuild {
    phase: Phase,
    /// The ceiling of a layer that stands among others, whose filters may cap it.
    among_others: Option<LevelFilter>,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Phase {
    /// No subscriber with this layer was made yet.
    Idle,
    /// A subscriber with this layer was made; the first scope under it rebuilds.
    Armed,
    /// A thread is rebuilding.
    Running(std::thread::ThreadId),
    /// The global dispatcher's callsites are right, and stay so.
    Done,
}

static REBUILD: Mutex<Rebuild> = Mutex::new(Rebuild { phase: Phase::Idle, among_others: None });
static REBUILT: Condvar = Condvar::new();

/// This layer was added to a subscriber: the next scope rebuilds, if that subscriber has become the global one. `among_others` is the
/// layer's ceiling where it is not alone.
pub(super) fn arm(among_others: Option<LevelFilter>) {
    let mut rebuild = REBUILD.lock();
    // A rebuild that is running is of no use to a subscriber that is made meanwhile.
    if matches!(rebuild.phase, Phase::Idle | Phase::Running(_)) {
        *rebuild = Rebuild { phase: Phase::Armed, among_others };
        scope::arm_first_scope(super::rebuild_hook);
    }
}

/// Runs when a scope is entered while armed.
pub(super) fn first_scope() {
    let ours = dispatcher::get_default(holds_layer);
    let deadline = Instant::now() + REBUILD_DEADLINE;
    let mut rebuild = REBUILD.lock();
    if ours && rebuild.phase == Phase::Armed {
        match spawn_rebuild(rebuild.among_others) {
            Some(thread) => rebuild.phase = Phase::Running(thread),
            None => return,
        }
    }
    while let Phase::Running(thread) = rebuild.phase {
        // The rebuild asks the layers beside this one about each callsite, and what they do on its thread must not wait for it.
        if thread == std::thread::current().id() || REBUILT.wait_until(&mut rebuild, deadline).timed_out() {
            return;
        }
    }
}

/// Starts the thread that rebuilds. `None` where no thread can be had: the next scope tries again.
fn spawn_rebuild(among_others: Option<LevelFilter>) -> Option<std::thread::ThreadId> {
    let rebuild = move || {
        rebuild_interest_cache();
        // On this thread no subscriber that is set for a scope stands before the global one.
        let global = dispatcher::get_default(holds_layer);
        if let Some(ceiling) = among_others.filter(|_| global) {
            tell_if_capped(ceiling);
        }
        let mut rebuild = REBUILD.lock();
        if rebuild.phase == Phase::Running(std::thread::current().id()) {
            // Under a subscriber that is set for a scope, the one that will be global is still to come.
            rebuild.phase = if global { Phase::Done } else { Phase::Idle };
            scope::disarm_first_scope();
        }
        REBUILT.notify_all();
    };
    let spawned = std::thread::Builder::new().name("logscope-rebuild".to_owned()).spawn(rebuild);
    Some(spawned.ok()?.thread().id())
}

fn holds_layer(dispatch: &Dispatch) -> bool {
    dispatch.downcast_ref::<ContextLayer>().is_some()
}

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
        /// A callsite of each level that nothing is ever logged from, most severe first.
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

/// Says so, once, if a filter of the program's own keeps from this layer what lies below the ceiling.
fn tell_if_capped(ceiling: LevelFilter) {
    let wanted = PROBES.iter().zip(PROBE_METADATA).filter(|(_, metadata)| *metadata.level() <= ceiling);
    let mut passed = LevelFilter::OFF;
    for (probe, metadata) in wanted {
        let interest = probe.interest();
        let enabled = *metadata.level() <= LevelFilter::current()
            && !interest.is_never()
            && dispatcher::get_default(|dispatch| dispatch.enabled(metadata));
        if !enabled {
            return fallback::tell(format_args!(
                "a filter beside logscope::layer() lets events of the target `logscope` through only up to {passed}, so contexts \
                 do not get what they want up to {ceiling}; give that filter to the layer that it is meant for, with \
                 `.with_filter(…)`, or lower the ceiling with logscope::configure().ceiling(…)"
            ));
        }
        passed = LevelFilter::from_level(*metadata.level());
    }
}
