//! Forks.
//!
//! A child that was forked has the memory of its parent, with what the parent will write, but no writer threads. There, nothing goes
//! through a queue: each call writes for itself, and what the queues contained at the fork is left to the parent, with the statements of
//! what is missing. So that no lock is left held by a writer thread that is not there in the child, a fork waits, for [`FORK_PATIENCE`] at
//! most, until none is at work. An output that holds a thread up for longer cannot be written to in the child, and later forks do not wait
//! for it.
//!
//! What other threads hold at a fork, and the child would wait for, is avoided in the child wherever a record passes by.

#![cfg_attr(not(unix), allow(dead_code, reason = "nothing forks there"))]

use std::cell::Cell;
use std::time::{Duration, Instant};

use parking_lot::Condvar;

use crate::sync::{AtomicUsize, Mutex, Ordering};

/// How long a fork waits until no writer thread is at work.
const FORK_PATIENCE: Duration = Duration::from_millis(500);

/// How many forks lie between the process that had the first queue and this one.
static FORKS: AtomicUsize = AtomicUsize::new(0);

pub(in super::super) fn forks() -> usize {
    // Relaxed: it is changed when the process has one thread only.
    FORKS.load(Ordering::Relaxed)
}

/// True in a process that was forked off one that has queues.
#[inline]
pub(crate) fn is_forked() -> bool {
    forks() != 0
}

static AT_WORK: Mutex<AtWork> = Mutex::new(AtWork { threads: 0, forks: 0, given_up: 0, era: 0 });
static WORK_OR_FORK_ENDS: Condvar = Condvar::new();

struct AtWork {
    threads: usize,
    /// How many forks are under way.
    forks: usize,
    /// How many of the threads no fork waits for any more.
    given_up: usize,
    /// How often that was decided: of all who were at work at the time.
    era: u64,
}

thread_local! {
    /// How often this thread is counted in [`AtWork::threads`].
    static WORKS: Cell<usize> = const { Cell::new(0) };
}

/// A writer thread that is at work.
pub(in super::super) struct Working {
    /// In which [era](AtWork::era) it began.
    era: u64,
}

/// Waits for a fork that is under way; until what is returned is dropped, forks wait.
pub(in super::super) fn begin_to_work() -> Working {
    let mut at_work = AT_WORK.lock();
    while at_work.forks > 0 {
        WORK_OR_FORK_ENDS.wait(&mut at_work);
    }
    at_work.threads += 1;
    WORKS.set(WORKS.get() + 1);
    Working { era: at_work.era }
}

impl Drop for Working {
    fn drop(&mut self) {
        // In the child of a fork in an output: the lock may be held by a thread that is not there.
        if is_forked() {
            return;
        }
        let mut at_work = AT_WORK.lock();
        at_work.threads -= 1;
        at_work.given_up -= usize::from(self.era < at_work.era);
        WORKS.set(WORKS.get() - 1);
        if at_work.forks > 0 {
            WORK_OR_FORK_ENDS.notify_all();
        }
    }
}

pub(super) fn before_fork() {
    // A child has no writer threads, and the lock may be held by a thread that is not there.
    if is_forked() {
        return;
    }
    let deadline = Instant::now() + FORK_PATIENCE;
    let mut at_work = AT_WORK.lock();
    at_work.forks += 1;
    // An output that forks does not wait for itself. (If it was given up it is counted twice: then another may be missed.)
    while at_work.threads > at_work.given_up + WORKS.get() {
        if WORK_OR_FORK_ENDS.wait_until(&mut at_work, deadline).timed_out() {
            at_work.given_up = at_work.threads;
            at_work.era += 1;
            break;
        }
    }
}

pub(super) fn after_fork_in_parent() {
    if is_forked() {
        return;
    }
    AT_WORK.lock().forks -= 1;
    WORK_OR_FORK_ENDS.notify_all();
}

/// Safe in a signal handler, as what runs in the child of a process with several threads must be.
pub(super) fn after_fork_in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}
