//! The rebuild that the first scope under a layer brings about; why there has to be one stands in [`ceiling`](super::ceiling).
//!
//! It runs on a thread of its own: whoever enters the scope may hold locks that a rebuild needs (it may be a layer's callback, a value's
//! `Debug` under a `reload` lock, or a `Dispatch` that is being registered). The scope waits for it, but not for ever.
//!
//! On that thread the subscriber of the scope must be the current one. As long as a process has made one `Dispatch`, `tracing` asks that
//! of the thread that rebuilds; where there is none, every callsite of the process is dead from then on. So a subscriber that is not the
//! global one is made current there. The global one is so anyway, and is left alone: while any thread has a subscriber of its own,
//! `tracing` does not let one event be logged inside another, on no thread.
//!
//! One thing no rebuild can know of is a callsite that another thread is registering at that moment: having asked where there was no
//! subscriber yet, the thread may be held up, and write down `never` when the rebuild is over. Nobody can ask a callsite whether it is being
//! registered. So under the global subscriber the same thread rebuilds a few times more, when such a thread has had time to go on, and what
//! it left behind is mended.
//!
//! Each layer keeps where it stands, because subscribers come one after the other: a program may log its own start under one that is set
//! for a scope, and install another. (What is not covered is one `Dispatch` that is first used for a scope and then installed.)

use std::time::{Duration, Instant};

use tracing::callsite::rebuild_interest_cache;
use tracing::{Dispatch, dispatcher};

use super::ContextLayer;
use super::capped::tell_if_capped;
use crate::LevelFilter;
use crate::scope;
use crate::sync::thread::{self, ThreadId};
use crate::sync::{Arc, Condvar, Mutex};

/// How long scopes wait for a rebuild, from its beginning, before they go on without.
const PATIENCE: Duration = Duration::from_secs(1);

/// The pauses before the rebuilds that follow the first.
const PAUSES: [Duration; 3] = [Duration::from_millis(1), Duration::from_millis(10), Duration::from_millis(100)];

/// What a layer knows of the first scope that is entered under it.
pub(super) struct FirstScope {
    phase: Mutex<Phase>,
    done: Condvar,
    /// The ceiling of a layer that stands among others, whose filters may cap it.
    among_others: Option<LevelFilter>,
}

#[derive(Clone, Copy)]
enum Phase {
    /// The layer is not in a subscriber yet.
    New,
    /// It is: the next scope under it rebuilds.
    Armed,
    /// A thread is rebuilding.
    Running { thread: ThreadId, until: Instant },
    /// The callsites are right, and stay so.
    Done,
}

impl FirstScope {
    pub(super) fn new(among_others: Option<LevelFilter>) -> Arc<Self> {
        Arc::new(FirstScope { phase: Mutex::new(Phase::New), done: Condvar::new(), among_others })
    }

    /// The layer was added to a subscriber.
    pub(super) fn arm(&self) {
        let mut phase = self.phase.lock();
        if matches!(*phase, Phase::New) {
            *phase = Phase::Armed;
            scope::arm(entered);
        }
    }

    fn is_done(&self) -> bool {
        matches!(*self.phase.lock(), Phase::Done)
    }

    /// Has the callsites rebuilt under `dispatch`, which holds the layer, unless that has been done, and waits.
    fn rebuild(self: &Arc<Self>, dispatch: Dispatch) {
        let mut phase = self.phase.lock();
        if matches!(*phase, Phase::Armed) {
            let until = Instant::now() + PATIENCE;
            let first_scope = Arc::clone(self);
            let thread = thread::Builder::new().name("logscope-rebuild".to_owned());
            match thread.spawn(move || run(&first_scope, dispatch)) {
                Ok(handle) => *phase = Phase::Running { thread: handle.thread().id(), until },
                // The next scope tries again.
                Err(_) => return,
            }
        }
        while let Phase::Running { thread, until } = *phase {
            // The rebuild asks the layers beside this one about each callsite, and what they do on its thread must not wait for it.
            if thread == thread::current().id() || self.done.wait_until(&mut phase, until).timed_out() {
                return;
            }
        }
    }

    fn is_in(&self, dispatch: &Dispatch) -> bool {
        dispatch.downcast_ref::<ContextLayer>().is_some_and(|layer| std::ptr::eq(self, &*layer.first_scope))
    }
}

impl Drop for FirstScope {
    fn drop(&mut self) {
        if matches!(self.phase.get_mut(), Phase::Armed) {
            scope::disarm();
        }
    }
}

/// Runs whenever a scope is entered while a layer is armed.
fn entered() {
    let found = dispatcher::get_default(|dispatch| {
        let first_scope = &dispatch.downcast_ref::<ContextLayer>()?.first_scope;
        (!first_scope.is_done()).then(|| (Arc::clone(first_scope), dispatch.clone()))
    });
    if let Some((first_scope, dispatch)) = found {
        first_scope.rebuild(dispatch);
    }
}

/// What the thread does that rebuilds.
fn run(first_scope: &FirstScope, dispatch: Dispatch) {
    if rebuild_first(first_scope, dispatch) {
        for pause in PAUSES {
            thread::sleep(pause);
            rebuild_interest_cache();
        }
    }
}

/// The rebuild that the first scope waits for. True if it was under the global subscriber.
fn rebuild_first(first_scope: &FirstScope, dispatch: Dispatch) -> bool {
    // Declared first, to be dropped last: the dispatcher may be the last of its kind, and the layers in it the program's own.
    let _over = Over(first_scope);
    let dispatch = dispatch;
    let rebuild = || {
        rebuild_interest_cache();
        if let Some(ceiling) = first_scope.among_others {
            tell_if_capped(ceiling);
        }
    };
    let global = dispatcher::get_default(|global| first_scope.is_in(global));
    if global {
        rebuild();
    } else {
        dispatcher::with_default(&dispatch, rebuild);
    }
    global
}

/// Ends the rebuild when it is dropped: also when a layer has panicked in it.
struct Over<'a>(&'a FirstScope);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        *self.0.phase.lock() = Phase::Done;
        scope::disarm();
        self.0.done.notify_all();
    }
}
