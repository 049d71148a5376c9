//! Rebuilding the interest cache of `tracing` from the first scope that is entered under [`layer()`](crate::layer()). Why a rebuild is
//! needed stands in [`ceiling`](super::ceiling). Under [`init`](crate::init()) none of this exists: `install` rebuilds itself.
//!
//! The rebuild runs on a thread of its own. The thread that enters the scope may hold locks that a rebuild needs: it may be in a layer's
//! callback, in a value's `Debug` under a `reload` lock, or registering a `Dispatch`. The scope waits for the rebuild, at most
//! [`FIRST_REBUILD`].
//!
//! The scope's subscriber must be the current one on the rebuilding thread. As long as a process has made one `Dispatch` only,
//! `tracing` asks the current subscriber of the thread that rebuilds; if that thread has none, every callsite of the process is dead from
//! then on. A subscriber that is not the global one is therefore made current on the rebuilding thread. The global one is current
//! there anyway, and is not set again: while any thread has a subscriber of its own, `tracing` drops, on every thread, each event that is
//! logged inside another.
//!
//! No single rebuild can reach a callsite that another thread is registering at that moment. That thread has asked while there was
//! no subscriber yet, may be preempted, and then stores `never` after the rebuild. Nobody can ask a callsite whether it is being
//! registered. So under the global subscriber the rebuilding thread rebuilds a few more times, after [`REBUILD_PAUSES`], which gives such a
//! thread time to store its answer, and then ends. The pauses begin when the first rebuild ends, and none is left out if that is late: on
//! a machine that slows down this thread, the other thread needs more time too. Nothing waits for these later rebuilds: no scope, fork,
//! flush or exit.
//!
//! A child that is forked during the first rebuild does not have the rebuilding thread. Its next scope makes a rebuild of its own. The child
//! can find locks that are never released: then that rebuild hangs, and the scopes of the child go on after the same time.
//! If it was forked while a thread of its parent held the lock on the phase, to start the rebuilding thread, the child makes no rebuild.
//!
//! Each layer keeps a state of its own, because subscribers follow one another: a program may log its own start under a subscriber that is
//! set for a scope, and then install another. (One case is not covered: one `Dispatch` that is first used for a scope and then installed.)

use std::time::Instant;

use tracing::callsite::rebuild_interest_cache;
use tracing::{Dispatch, dispatcher};
use tracing_subscriber::Registry;

use super::capped::{probe_metadata, warn_if_capped};
use super::ceiling::has_layer_filters;
use crate::LevelFilter;
use crate::limits::{FIRST_REBUILD, REBUILD_LOCK, REBUILD_PAUSES};
use crate::process::start_thread;
use crate::scope;
use crate::sync::thread::{self, ThreadId};
use crate::sync::{Arc, AtomicBool, Condvar, Mutex, MutexGuard, Ordering};

/// The name of the rebuilding thread.
const THREAD_NAME: &str = "logscope-rebuild";

/// Finds the state of the layer in a subscriber that holds one.
pub(super) type FindState = fn(&Dispatch) -> Option<Arc<FirstScope>>;

/// What a layer knows about the first scope that is entered under it.
pub(super) struct FirstScope {
    phase: Mutex<RebuildPhase>,
    rebuilt: Condvar,
    /// True while scopes call the hook for this layer.
    armed: AtomicBool,
    /// True if the layer is known to stand beside per-layer filters.
    is_beside_filters: AtomicBool,
    /// The process that made the layer.
    process: u32,
    /// The layer's ceiling: filters beside the layer may take from it what lies below.
    ceiling: LevelFilter,
    find: FindState,
}

#[derive(Clone, Copy)]
enum RebuildPhase {
    /// The next scope that is entered under a subscriber with the layer rebuilds.
    Armed,
    /// A thread of `process` is making the first rebuild. Scopes wait for it until `until`. In a forked child of that process, nothing is
    /// under way.
    Running { thread: ThreadId, process: u32, until: Instant },
    /// The first rebuild is over.
    Done,
}

impl FirstScope {
    /// Makes the state of a layer that is being made, and has each scope call `hook`, which calls [`entering_scope`], until the rebuild is
    /// done. Nobody says when `reload` puts a layer into a subscriber, so each scope looks whether it is there.
    pub(super) fn new(ceiling: LevelFilter, find: FindState, hook: fn()) -> Arc<Self> {
        scope::arm(hook);
        Arc::new(FirstScope {
            phase: Mutex::new(RebuildPhase::Armed),
            rebuilt: Condvar::new(),
            armed: AtomicBool::new(true),
            is_beside_filters: AtomicBool::new(false),
            process: std::process::id(),
            ceiling,
            find,
        })
    }

    /// Has scopes no longer call the hook for this layer.
    fn disarm(&self) {
        // Release, with the Acquire in `entering_scope`: a scope that no longer calls the hook comes after the rebuild.
        if self.armed.swap(false, Ordering::Release) {
            scope::disarm();
        }
    }

    /// Locks the phase. Returns `None` in a forked child that cannot have the lock soon: a thread that only the parent has may hold it for
    /// ever.
    fn lock_phase(&self) -> Option<MutexGuard<'_, RebuildPhase>> {
        if self.process == std::process::id() { Some(self.phase.lock()) } else { self.phase.try_lock_for(REBUILD_LOCK) }
    }

    /// Starts the rebuild under `dispatch`, which holds the layer, unless a scope has done so before, and waits for it.
    fn rebuild(self: &Arc<Self>, dispatch: Dispatch) {
        let Some(mut phase) = self.lock_phase() else { return self.disarm() };
        // The rebuild asks the other layers about each callsite. A scope that they enter on its thread must not wait for the rebuild.
        let is_rebuilding = |rebuilding: ThreadId| rebuilding == thread::current().id();
        if let RebuildPhase::Running { thread, process, .. } = *phase
            && process != std::process::id()
            && !is_rebuilding(thread)
        {
            *phase = RebuildPhase::Armed;
        }
        if matches!(*phase, RebuildPhase::Armed) {
            let entered = Instant::now();
            let first_scope = Arc::clone(self);
            match start_thread(THREAD_NAME, move || first_scope.run(dispatch)) {
                Ok(handle) => {
                    *phase = RebuildPhase::Running {
                        thread: handle.thread().id(),
                        process: std::process::id(),
                        until: entered + FIRST_REBUILD,
                    }
                }
                // The next scope tries again.
                Err(_) => return,
            }
        }
        while let RebuildPhase::Running { thread, until, .. } = *phase {
            if is_rebuilding(thread) || self.rebuilt.wait_until(&mut phase, until).timed_out() {
                return;
            }
        }
    }

    /// What the rebuilding thread does.
    fn run(self: Arc<Self>, dispatch: Dispatch) {
        if !self.rebuild_first(dispatch) {
            return;
        }
        for pause in REBUILD_PAUSES {
            thread::sleep(pause);
            rebuild_interest_cache();
        }
    }

    /// Makes the rebuild that the first scope waits for. Returns true if it was under the global subscriber.
    fn rebuild_first(&self, dispatch: Dispatch) -> bool {
        // Declared first, so that it drops last: `dispatch` may be the last reference to its subscriber, whose layers are the
        // program's code.
        let _rebuilt = MarkDone(self);
        let dispatch = dispatch;
        let registry = dispatch.downcast_ref::<Registry>();
        if registry.is_some_and(|registry| has_layer_filters(registry, probe_metadata())) {
            // Relaxed: the rebuild, which follows, orders it before the questions that it is for.
            self.is_beside_filters.store(true, Ordering::Relaxed);
        }
        let rebuild = || {
            rebuild_interest_cache();
            warn_if_capped(self.ceiling);
        };
        let is_global = dispatcher::get_default(|global| self.is_in(global));
        if is_global {
            rebuild();
        } else {
            dispatcher::with_default(&dispatch, rebuild);
        }
        is_global
    }

    /// Returns true if the layer is known to stand beside per-layer filters. That is found out before the first rebuild.
    pub(super) fn is_beside_filters(&self) -> bool {
        // Relaxed: see `rebuild_first`.
        self.is_beside_filters.load(Ordering::Relaxed)
    }

    fn is_in(&self, dispatch: &Dispatch) -> bool {
        (self.find)(dispatch).is_some_and(|found| std::ptr::eq(self, &*found))
    }
}

impl Drop for FirstScope {
    fn drop(&mut self) {
        self.disarm();
    }
}

/// Rebuilds if the current subscriber holds a layer that needs it. Called before each scope while a layer is armed.
pub(super) fn entering_scope(find: FindState) {
    let found = dispatcher::get_default(|dispatch| {
        let first_scope = find(dispatch)?;
        first_scope.armed.load(Ordering::Acquire).then(|| (first_scope, dispatch.clone()))
    });
    if let Some((first_scope, dispatch)) = found {
        first_scope.rebuild(dispatch);
    }
}

/// Ends the first rebuild when it is dropped: also when a layer has panicked in it.
struct MarkDone<'a>(&'a FirstScope);

impl Drop for MarkDone<'_> {
    fn drop(&mut self) {
        if let Some(mut phase) = self.0.lock_phase() {
            *phase = RebuildPhase::Done;
        }
        self.0.disarm();
        self.0.rebuilt.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forked_child_does_not_wait_for_ever_for_a_lock_that_its_parent_held() {
        let mut first_scope = FirstScope::new(LevelFilter::TRACE, |_| None, || ());
        // The layer was made in another process.
        Arc::get_mut(&mut first_scope).unwrap().process = std::process::id() + 1;
        let held = first_scope.phase.lock();
        let (ended, has_ended) = std::sync::mpsc::channel();
        let child = Arc::clone(&first_scope);
        std::thread::spawn(move || {
            child.rebuild(Dispatch::none());
            drop(MarkDone(&child));
            ended.send(()).unwrap();
        });
        has_ended.recv_timeout(std::time::Duration::from_secs(30)).unwrap();
        assert!(matches!(*held, RebuildPhase::Armed));
    }
}
