//! What the library knows of its own process: whether it was forked, and how long its exit waits.
//!
//! # The rule for forks
//!
//! A forked child has a copy of its parent's memory, but only the thread that forked. Two things are missing in it, and code must not wait
//! for either:
//!
//! - **Locks.** A lock that another thread held at the fork stays held for ever. So the code of queues, writer threads and the fallback asks
//!   [`is_forked`] before it takes a lock that its threads share, and does without the lock, or only tries it.
//!
//!   Not covered are locks that the program's own threads hold for a moment: those of the lists of outputs and of contexts, of the records
//!   that a log misses, of the registry and the descriptors of files, and an output's own lock, which a direct log call holds while it
//!   writes. If another thread held one of them at the fork, the child waits for ever as soon as it needs that lock.
//! - **Writer threads.** Records in a queue and pending flushes are left to the parent, and so are the drop notices that were due at the
//!   fork. In the child each log call writes its own record. An output that a writer thread was inside of at the fork cannot be used.
//!
//! The comments at the places that ask [`is_forked`] only say what they do instead. The handlers of forks are in `sink::exit`, and
//! `background::fork_gate` makes forks and writer threads wait for each other.
//!
//! This module imports `sync` and `limits` only. How long an exit waits unless the program sets it stands in `limits`.

use std::time::Duration;

use crate::limits::EXIT_DEADLINE;
use crate::sync::{AtomicU64, AtomicUsize, Ordering};

/// The number of forks between the process that made the first queue and this process.
static FORK_GENERATION: AtomicUsize = AtomicUsize::new(0);

/// Returns the number of forks between the process that made the first queue and this process.
#[inline]
pub(crate) fn fork_generation() -> usize {
    // Relaxed: the number changes only in the child of a fork, which has one thread then.
    FORK_GENERATION.load(Ordering::Relaxed)
}

/// True in a forked child of a process that had made a queue.
#[inline]
pub(crate) fn is_forked() -> bool {
    fork_generation() != 0
}

/// Notes, in the child of a fork, that it is one. Safe in a signal handler, as all code must be that runs in the child of a process with
/// several threads.
#[cfg(unix)]
pub(crate) fn enter_forked_child() {
    FORK_GENERATION.fetch_add(1, Ordering::Relaxed);
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
