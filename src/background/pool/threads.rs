//! Starting writer threads.

use std::io;

use crate::background::fork_gate::{self, ForkBlocker};
use crate::fallback;
use crate::process::start_thread;
use crate::sync::{AtomicBool, Ordering};

/// True if the last thread that was needed could not be started.
static REFUSED: AtomicBool = AtomicBool::new(false);

/// True if the last thread that was needed could not be started.
pub(super) fn is_refused() -> bool {
    // Relaxed: a hint. Whoever needs a thread later tries too.
    REFUSED.load(Ordering::Relaxed)
}

/// The system has refused a thread.
pub(super) struct Refused {
    error: io::Error,
    /// The thread before was not refused.
    is_first: bool,
}

impl Refused {
    #[cold]
    pub(super) fn report(&self) {
        if self.is_first {
            let error = &self.error;
            fallback::report(format_args!(
                "no writer thread can be started: {error}; until one can, what is queued is written by the calls that log"
            ));
        }
    }
}

/// Starts a writer thread, which calls `run`. An error says that it was refused, and whether the one before was, too.
#[cold]
pub(super) fn start(blocker: ForkBlocker<'static>, run: fn()) -> Result<(), Refused> {
    let started = start_thread("logscope-writer", move || {
        drop(blocker);
        run();
        fork_gate::begin_end();
    });
    // Relaxed: see `is_refused`.
    let was_refused = REFUSED.swap(started.is_err(), Ordering::Relaxed);
    started.map(drop).map_err(|error| Refused { error, is_first: !was_refused })
}
