//! Forks wait for writer threads, and writer threads for forks.
//!
//! A forked child must not find a lock that a writer thread of its parent held at the fork (see [`process`](crate::process)). So a fork
//! waits, for [`FORK`] at most, until no writer thread is working, starting or ending. Starting and ending count because std takes a
//! lock of its own then, which the `exit` of the child takes too. While a fork is under way no writer thread starts to work, to start or to
//! end.
//!
//! If an output holds a writer thread up for longer, the fork gives the thread up: the child cannot write to that output, and later forks do
//! not wait for the thread.

#![cfg_attr(not(unix), allow(dead_code, reason = "nothing forks there"))]

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::limits::FORK;
use crate::process::is_forked;
use crate::sync::{Condvar, Mutex};

static COUNTS: Mutex<ThreadCounts> = Mutex::new(ThreadCounts { threads: 0, forks: 0, given_up: 0, era: 0 });
static THREAD_OR_FORK_ENDED: Condvar = Condvar::new();

struct ThreadCounts {
    /// How many writer threads are working, starting or ending.
    threads: usize,
    /// How many forks are under way.
    forks: usize,
    /// How many of `threads` were given up: no fork waits for them any more.
    given_up: usize,
    /// How often a fork has given up all the threads that were counted at that moment.
    era: u64,
}

thread_local! {
    /// How often this thread is counted in [`ThreadCounts::threads`] as working.
    static OWN_WORK: Cell<usize> = const { Cell::new(0) };
}

/// A thread that forks wait for, until this is dropped.
pub(super) struct ForkBlocker {
    /// The [era](ThreadCounts::era) in which the thread was counted. If that is over, the thread was given up.
    era: u64,
}

impl ForkBlocker {
    fn count(counts: &mut ThreadCounts) -> Self {
        counts.threads += 1;
        ForkBlocker { era: counts.era }
    }
}

impl Drop for ForkBlocker {
    fn drop(&mut self) {
        // In a child that was forked inside an output, nothing needs to be counted.
        if is_forked() {
            return;
        }
        let mut counts = COUNTS.lock();
        counts.threads -= 1;
        counts.given_up -= usize::from(self.era < counts.era);
        if counts.forks > 0 {
            THREAD_OR_FORK_ENDED.notify_all();
        }
    }
}

/// A writer thread that is working, until this is dropped.
pub(super) struct WorkGuard {
    _blocker: ForkBlocker,
}

/// Begins to work: waits until no fork is under way. Forks then wait until the guard is dropped.
pub(super) fn begin_work() -> WorkGuard {
    let guard = WorkGuard { _blocker: begin() };
    OWN_WORK.set(OWN_WORK.get() + 1);
    guard
}

fn begin() -> ForkBlocker {
    let mut counts = COUNTS.lock();
    while counts.forks > 0 {
        THREAD_OR_FORK_ENDED.wait(&mut counts);
    }
    ForkBlocker::count(&mut counts)
}

impl Drop for WorkGuard {
    fn drop(&mut self) {
        OWN_WORK.set(OWN_WORK.get() - 1);
    }
}

/// Asks whether a thread may be started. The thread holds the returned blocker until it runs. `None` while a fork is under way: after the
/// fork, `pool::after_fork` starts a thread if one is needed.
pub(super) fn begin_start() -> Option<ForkBlocker> {
    let mut counts = COUNTS.lock();
    (counts.forks == 0).then(|| ForkBlocker::count(&mut counts))
}

/// Begins to end: to be called by a thread that is about to return from its function. Waits until no fork is under way. Later forks wait
/// until the thread has ended.
pub(super) fn begin_end() {
    thread_local! {
        /// Dropped with the other thread-locals of the thread, after std has taken its lock for the last time.
        static ENDING: Cell<Option<ForkBlocker>> = const { Cell::new(None) };
    }
    ENDING.set(Some(begin()));
}

/// Waits, for [`FORK`] at most, until no writer thread is working, starting or ending. Called in the parent.
pub(crate) fn before_fork() {
    before_fork_within(FORK);
}

fn before_fork_within(patience: Duration) {
    // A forked child that forks has no writer threads to wait for.
    if is_forked() {
        return;
    }
    let deadline = Instant::now() + patience;
    let mut counts = COUNTS.lock();
    counts.forks += 1;
    // A writer thread whose output forks does not wait for itself. (If it was given up, the sum counts it twice, and the fork may miss
    // another thread.)
    while counts.threads > counts.given_up + OWN_WORK.get() {
        if THREAD_OR_FORK_ENDED.wait_until(&mut counts, deadline).timed_out() {
            counts.given_up = counts.threads;
            counts.era += 1;
            break;
        }
    }
}

/// Lets writer threads work, start and end again. Called in the parent.
pub(crate) fn after_fork() {
    if is_forked() {
        return;
    }
    COUNTS.lock().forks -= 1;
    THREAD_OR_FORK_ENDED.notify_all();
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::sync::{Arc, AtomicBool, Ordering};

    const PATIENCE: Duration = Duration::from_secs(30);

    /// Begins a fork, and then calls `end`, which ends a thread that is counted. The fork must wait for that, and no thread may start during
    /// the fork.
    fn forks_wait_for(end: impl FnOnce()) {
        let has_ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&has_ended);
        let fork = thread::spawn(move || {
            before_fork_within(PATIENCE);
            let seen = seen.load(Ordering::SeqCst);
            let starts = begin_start().is_some();
            after_fork();
            // The other tests of this process may have needed a writer thread meanwhile, which could not be started.
            #[cfg(unix)]
            crate::background::pool::after_fork();
            (seen, starts)
        });
        let start = Instant::now();
        while COUNTS.lock().forks == 0 {
            assert!(start.elapsed() < PATIENCE);
            thread::yield_now();
        }
        has_ended.store(true, Ordering::SeqCst);
        end();
        assert_eq!(fork.join().unwrap(), (true, false), "(it has ended, a thread starts)");
    }

    /// Delays the end of a thread.
    struct Delay(mpsc::Receiver<()>);

    impl Drop for Delay {
        fn drop(&mut self) {
            let _ = self.0.recv_timeout(PATIENCE);
        }
    }

    thread_local! {
        static DELAY: Cell<Option<Delay>> = const { Cell::new(None) };
    }

    #[test]
    fn a_fork_waits_for_threads_that_start_or_end() {
        let starting = begin_start().unwrap();
        forks_wait_for(|| drop(starting));

        let (release, held) = mpsc::channel();
        let (ends, has_begun) = mpsc::channel();
        let ending = thread::spawn(move || {
            begin_end();
            // Used after the thread-local of `begin_end`, and so dropped before it.
            DELAY.set(Some(Delay(held)));
            ends.send(()).unwrap();
        });
        has_begun.recv_timeout(PATIENCE).unwrap();
        forks_wait_for(|| drop(release));
        ending.join().unwrap();
    }
}
