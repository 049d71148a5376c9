//! Forks wait for writer threads, and writer threads for forks.
//!
//! A forked child must not find a lock that a writer thread of its parent held at the fork (see [`process`](crate::process)). So a fork
//! *shuts the gate*, and waits until no writer thread is working, starting or ending. Starting and ending count because std takes a lock of
//! its own then, which the `exit` of the child takes too. While the gate is shut no writer thread starts to work, to start or to end.
//!
//! A slow output must not hold up the others by that. If threads are still at work after [`STUCK`], the fork opens the gate, and waits until
//! these threads come back. Then it shuts the gate again. Meanwhile the other threads work; only the queues that have held up the fork wait for
//! it, so that they do not hold it up again.
//!
//! After [`FORK`] in all, the fork gives the threads up that are still at work: the child cannot write to their outputs, and later forks do not
//! wait for these threads.

#![cfg_attr(not(unix), allow(dead_code, reason = "nothing forks there"))]

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::inside::Inside;
use crate::limits::{FORK, STUCK};
use crate::process::is_forked;
use crate::sync::{AtomicBool, Condvar, Mutex, MutexGuard, Ordering, prepare_to_wait};

static COUNTS: Mutex<ThreadCounts> =
    Mutex::new(ThreadCounts { threads: 0, shut: 0, waiting: 0, late: 0, given_up: 0, era: 0, given_up_era: 0 });
static THREAD_OR_FORK_ENDED: Condvar = Condvar::new();

/// Writer threads that are working, starting or ending, and forks that are under way.
///
/// An era ends whenever a fork opens the gate again, or gives threads up. So the era in which a thread was counted tells whether a fork has
/// found it late, or has given it up.
struct ThreadCounts {
    /// How many writer threads are working, starting or ending.
    threads: usize,
    /// How many forks have shut the gate.
    shut: usize,
    /// How many forks wait for late threads, while the gate is open.
    waiting: usize,
    /// How many of `threads` are late: they were at work as long as a gate was shut, and are not given up.
    late: usize,
    /// How many of `threads` were given up: no fork waits for them any more.
    given_up: usize,
    /// Threads that are counted now are neither late nor given up.
    era: u64,
    /// Threads that were counted before this era are given up.
    given_up_era: u64,
}

impl ThreadCounts {
    /// True if the calling thread may not fork yet. A writer thread whose output forks does not wait for itself. (If it was given up, the sum
    /// counts it twice, and the fork may miss another thread.)
    fn must_wait(&self) -> bool {
        self.threads > self.given_up + OWN_WORK.get()
    }

    fn find_late(&mut self) {
        self.late = self.threads - self.given_up;
        self.era += 1;
    }

    fn give_up(&mut self) {
        self.given_up = self.threads;
        self.late = 0;
        self.era += 1;
        self.given_up_era = self.era;
    }
}

thread_local! {
    /// How often this thread is counted in [`ThreadCounts::threads`] as working.
    static OWN_WORK: Cell<usize> = const { Cell::new(0) };
}

/// A thread that forks wait for, until this is dropped.
pub(super) struct ForkBlocker<'a> {
    /// The [era](ThreadCounts::era) in which the thread was counted.
    era: u64,
    /// Set if the thread is late.
    was_late: Option<&'a AtomicBool>,
}

impl<'a> ForkBlocker<'a> {
    fn count(counts: &mut ThreadCounts, was_late: Option<&'a AtomicBool>) -> Self {
        counts.threads += 1;
        ForkBlocker { era: counts.era, was_late }
    }
}

impl Drop for ForkBlocker<'_> {
    fn drop(&mut self) {
        // In a child that was forked inside an output, nothing needs to be counted.
        if is_forked() {
            return;
        }
        let mut counts = COUNTS.lock();
        counts.threads -= 1;
        if self.era < counts.given_up_era {
            counts.given_up -= 1;
        } else if self.era < counts.era {
            counts.late -= 1;
            // Relaxed: see `begin`.
            self.was_late.into_iter().for_each(|was_late| was_late.store(true, Ordering::Relaxed));
        }
        if counts.shut + counts.waiting > 0 {
            THREAD_OR_FORK_ENDED.notify_all();
        }
    }
}

/// A writer thread that is working, until this is dropped.
pub(super) struct WorkGuard<'a> {
    _blocker: ForkBlocker<'a>,
}

/// Begins to work: waits until the gate is open. Forks then wait until the guard is dropped. `was_late` belongs to the queue that the thread
/// works on: it is true if the queue has held up a fork that may be under way.
pub(super) fn begin_work(was_late: Option<&AtomicBool>) -> WorkGuard<'_> {
    let guard = WorkGuard { _blocker: begin(was_late) };
    OWN_WORK.set(OWN_WORK.get() + 1);
    guard
}

fn begin(was_late: Option<&AtomicBool>) -> ForkBlocker<'_> {
    // The program's allocator may log: see `before_fork_within`.
    prepare_to_wait();
    let mut counts = COUNTS.lock();
    // Relaxed: only the thread that works on the queue uses the flag, and the lock of the queue's schedule is between two such threads.
    let is_held = was_late.is_some_and(|was_late| was_late.swap(false, Ordering::Relaxed));
    // So that the pool does not count this thread as one that works.
    let _inside = is_held.then(Inside::enter);
    while counts.shut > 0 || is_held && counts.waiting > 0 {
        THREAD_OR_FORK_ENDED.wait(&mut counts);
    }
    ForkBlocker::count(&mut counts, was_late)
}

impl Drop for WorkGuard<'_> {
    fn drop(&mut self) {
        OWN_WORK.set(OWN_WORK.get() - 1);
    }
}

/// Asks whether a thread may be started. The thread holds the returned blocker until it runs. `None` while the gate is shut: whoever opens it
/// asks the pool to start a thread if one is needed.
pub(super) fn begin_start() -> Option<ForkBlocker<'static>> {
    let mut counts = COUNTS.lock();
    (counts.shut == 0).then(|| ForkBlocker::count(&mut counts, None))
}

/// Begins to end: to be called by a thread that is about to return from its function. Waits until the gate is open. Later forks wait until the
/// thread has ended.
pub(super) fn begin_end() {
    thread_local! {
        /// Dropped with the other thread-locals of the thread, after std has taken its lock for the last time.
        static ENDING: Cell<Option<ForkBlocker<'static>>> = const { Cell::new(None) };
    }
    ENDING.set(Some(begin(None)));
}

/// Shuts the gate, and waits, for [`FORK`] at most, until no writer thread is working, starting or ending. Calls `start_thread` after it has
/// opened the gate in between. Called in the parent.
pub(super) fn before_fork(start_thread: impl Fn()) {
    before_fork_within(FORK, start_thread);
}

fn before_fork_within(patience: Duration, start_thread: impl Fn()) {
    // A forked child that forks has no writer threads to wait for.
    if is_forked() {
        return;
    }
    // The program's allocator may log, and a log call may start a thread, and so need the lock.
    prepare_to_wait();
    let deadline = Instant::now() + patience;
    let mut counts = COUNTS.lock();
    loop {
        counts.shut += 1;
        counts = wait_while(counts, Instant::now() + STUCK, ThreadCounts::must_wait);
        if !counts.must_wait() {
            return;
        }
        if Instant::now() >= deadline {
            return counts.give_up();
        }
        counts.find_late();
        counts.shut -= 1;
        counts.waiting += 1;
        drop(counts);
        THREAD_OR_FORK_ENDED.notify_all();
        start_thread();
        counts = wait_while(COUNTS.lock(), deadline, |counts| counts.late > OWN_WORK.get());
        // In one hold of the lock with shutting the gate: a thread that waits for this fork goes on waiting.
        counts.waiting -= 1;
    }
}

/// Waits as long as `is_so`, at most until `deadline`.
fn wait_while(
    mut counts: MutexGuard<'static, ThreadCounts>,
    deadline: Instant,
    is_so: impl Fn(&ThreadCounts) -> bool,
) -> MutexGuard<'static, ThreadCounts> {
    while is_so(&counts) && !THREAD_OR_FORK_ENDED.wait_until(&mut counts, deadline).timed_out() {}
    counts
}

/// Opens the gate. Called in the parent, after the fork.
pub(crate) fn after_fork() {
    if is_forked() {
        return;
    }
    COUNTS.lock().shut -= 1;
    THREAD_OR_FORK_ENDED.notify_all();
}

#[cfg(test)]
mod tests;
