//! What the library knows of its own process: whether it was forked, and how long its end waits.
//!
//! A forked child has a copy of its parent's memory and only the thread that forked. Locks that other threads held at that moment stay held
//! for ever, and there are no writer threads. Code that would wait for either asks [`is_forked`] first. The handlers of forks are in
//! `sink::exit`.
//!
//! Imports `sync` and `limits` only.

use std::time::Duration;

use crate::limits::EXIT_DEADLINE;
use crate::sync::{AtomicU64, AtomicUsize, Ordering};

/// How many forks lie between the process that made the first queue and this one.
static FORK_GENERATION: AtomicUsize = AtomicUsize::new(0);

/// Returns how many forks lie between the process that made the first queue and this one.
#[inline]
pub(crate) fn fork_generation() -> usize {
    // Relaxed: it changes only in the child of a fork, which then has one thread.
    FORK_GENERATION.load(Ordering::Relaxed)
}

/// True in the child of a process that had queues.
#[inline]
pub(crate) fn is_forked() -> bool {
    fork_generation() != 0
}

/// Notes in the child of a fork that it is one. Safe in a signal handler, as all code is that runs in the child of a process with
/// several threads.
#[cfg_attr(not(unix), expect(dead_code, reason = "only Unix forks"))]
pub(crate) fn enter_forked_child() {
    FORK_GENERATION.fetch_add(1, Ordering::Relaxed);
}

/// In milliseconds.
static EXIT_DEADLINE_MILLIS: AtomicU64 = AtomicU64::new(EXIT_DEADLINE.as_millis() as u64);

/// Returns how long the end of the process waits for queues to be written.
pub(crate) fn exit_deadline() -> Duration {
    // Relaxed: the number is the whole message.
    Duration::from_millis(EXIT_DEADLINE_MILLIS.load(Ordering::Relaxed))
}

/// Sets how long the end of the process waits for queues to be written.
pub(crate) fn set_exit_deadline(deadline: Duration) {
    EXIT_DEADLINE_MILLIS.store(u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
}
