//! What the library knows of its own process: whether it was forked, and how long its exit waits; starting its own threads.
//!
//! # The rule for forks
//!
//! A forked child has a copy of its parent's memory, but only the thread that forked. Two things are missing in it, and code must not wait
//! for either:
//!
//! - **Locks.** A lock that another thread held at the fork stays held for ever. So the lists and registries of the library, which the making
//!   of a sink or a context locks, are [`ForkLocal`]: the child has locks of its own. So are the locks on the missing records of an output,
//!   which log calls take. The other locks of single outputs, queues and contexts are not.
//!   So code that runs in a log call, a flush or a `Drop` asks [`is_forked`] before it takes one that another thread can hold, and does
//!   without the lock, or only tries it.
//! - **Writer threads.** Records in a queue and pending flushes are left to the parent, and so are the drop notices that were due at the
//!   fork. In the child each log call writes its own record. An output that a writer thread was inside of at the fork cannot be used.
//!
//! The comments at the places that ask [`is_forked`] only say what they do instead. The handlers of forks are in `sink::exit`, and
//! `background::fork_gate` makes forks and writer threads wait for each other.
//!
//! This module imports `sync` and `limits` only. How long an exit waits unless the program sets it stands in `limits`.

use std::time::Duration;

use crate::limits::EXIT_DEADLINE;
use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

mod exit;
mod fork_local;
mod threads;

pub(crate) use exit::at_exit;
pub(crate) use fork_local::{ForkLocal, Later};
pub(crate) use threads::start_thread;

/// How many forks lie between the process that first used the library and this process.
static FORK_GENERATION: AtomicUsize = AtomicUsize::new(0);

/// Returns a number that is greater in a forked child than in its parent, and zero in the process that first used the library.
#[inline]
pub(crate) fn fork_generation() -> usize {
    // Relaxed: the number changes only in the child of a fork, which has one thread then.
    FORK_GENERATION.load(Ordering::Relaxed)
}

/// A queue was made in this process, or in one that it was forked from.
static HAS_QUEUES: AtomicBool = AtomicBool::new(false);

/// Notes that a queue is made, before any of its locks can be taken.
pub(crate) fn note_queue() {
    // Relaxed, as all here: a fork copies the memory as it is.
    HAS_QUEUES.store(true, Ordering::Relaxed);
}

static IS_FORKED: AtomicBool = AtomicBool::new(false);

/// True in a forked child of a process that had made a queue.
#[inline]
pub(crate) fn is_forked() -> bool {
    // Relaxed: see `fork_generation`.
    IS_FORKED.load(Ordering::Relaxed)
}

/// Notes, in the child of a fork, that it is one. Safe in a signal handler, as all code must be that runs in the child of a process with
/// several threads.
#[cfg(unix)]
extern "C" fn enter_forked_child() {
    FORK_GENERATION.fetch_add(1, Ordering::Relaxed);
    if HAS_QUEUES.load(Ordering::Relaxed) {
        IS_FORKED.store(true, Ordering::Relaxed);
    }
}

/// Has each forked child know that it is one, from now on.
#[inline]
pub(crate) fn watch_forks() {
    #[cfg(unix)]
    {
        static WATCHED: AtomicBool = AtomicBool::new(false);

        #[cold]
        fn watch() {
            unsafe extern "C" {
                fn pthread_atfork(
                    prepare: Option<extern "C" fn()>,
                    parent: Option<extern "C" fn()>,
                    child: Option<extern "C" fn()>,
                ) -> std::ffi::c_int;
            }
            // SAFETY:
            // - `pthread_atfork` of POSIX takes three functions without arguments, each of which may be null, as declared above.
            // - The function must not unwind, and must be safe in a signal handler: it only changes atomics.
            // - The function must exist as long as the process runs: it is part of the program.
            let _refused = unsafe { pthread_atfork(None, None, Some(enter_forked_child)) };
            WATCHED.store(true, Ordering::Relaxed);
        }

        // Relaxed: a thread that does not see it installs the handler once more, and then the generation rises by two. Not a `Once`: a fork
        // could leave that half done.
        if !WATCHED.load(Ordering::Relaxed) {
            watch();
        }
    }
}

/// In milliseconds.
static EXIT_DEADLINE_MILLIS: AtomicU64 = AtomicU64::new(EXIT_DEADLINE.as_millis() as u64);

/// Returns how long the exit of the process waits for queues to be written.
pub(crate) fn exit_deadline() -> Duration {
    // Relaxed: no other data depends on the number.
    Duration::from_millis(EXIT_DEADLINE_MILLIS.load(Ordering::Relaxed))
}

/// Sets how long the exit of the process waits for queues to be written.
pub(crate) fn set_exit_deadline(deadline: Duration) {
    EXIT_DEADLINE_MILLIS.store(u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
}
