//! Starting writer threads.

use std::io;

use crate::background::fork_gate::{self, ForkBlocker};
use crate::sync::{AtomicBool, Ordering, thread};

/// True if the last thread that was needed could not be started.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// True if the last thread that was needed could not be started.
pub(super) fn is_refused() -> bool {
    // Relaxed: a hint. Whoever needs a thread later tries too.
    REFUSED.load(Ordering::Relaxed)
}

/// The system has refused a thread.
pub(super) struct Refused {
    pub(super) error: io::Error,
    /// The thread before was not refused.
    pub(super) is_first: bool,
}

/// Starts a writer thread, which calls `run`. An error says that it was refused, and whether the one before was, too.
#[cold]
pub(super) fn start(blocker: ForkBlocker, run: fn()) -> Result<(), Refused> {
    let started = with_blocked_signals(|| {
        thread::Builder::new().name("logscope-writer".into()).spawn(move || {
            drop(blocker);
            run();
            fork_gate::begin_end();
        })
    });
    // Relaxed: see `is_refused`.
    let was_refused = REFUSED.swap(started.is_err(), Ordering::Relaxed);
    started.map(drop).map_err(|error| Refused { error, is_first: !was_refused })
}

/// Calls `start`, which starts a thread. The thread blocks all signals but those that a fault of its own raises: a handler of the program's
/// must not run on a thread that the program does not know, and could stand still there.
#[cfg(unix)]
fn with_blocked_signals<R>(start: impl FnOnce() -> R) -> R {
    use nix::sys::signal::{SigSet, SigmaskHow, Signal};

    let mut blocked = SigSet::all();
    for raised_by_faults in
        [Signal::SIGBUS, Signal::SIGFPE, Signal::SIGILL, Signal::SIGSEGV, Signal::SIGSYS, Signal::SIGTRAP]
    {
        blocked.remove(raised_by_faults);
    }
    // A new thread has the mask of the thread that starts it.
    let before = blocked.thread_swap_mask(SigmaskHow::SIG_SETMASK);
    let result = start();
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
    result
}

#[cfg(not(unix))]
fn with_blocked_signals<R>(start: impl FnOnce() -> R) -> R {
    start()
}
