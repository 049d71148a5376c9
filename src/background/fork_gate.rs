//! Forks.
//!
//! A child that was forked has the memory of its parent, with what the parent will write, but no writer threads. There, nothing goes
//! through a queue: each call writes for itself, and what the queues contained at the fork is left to the parent, with the statements of
//! what is missing. So that no lock is left held by a writer thread that is not there in the child, a fork waits, for [`FORK`] at
//! most, until none is at work, none is being started and none is ending: at both times std takes a lock of its own, which the child's
//! `exit` takes too. An output that holds a thread up for longer cannot be written to in the child, and later forks do not wait for it.
//!
//! What other threads hold at a fork, and the child would wait for, is avoided in the child wherever a record passes by.

#![cfg_attr(not(unix), allow(dead_code, reason = "nothing forks there"))]

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::limits::FORK;
use crate::process::is_forked;
use crate::sync::{Condvar, Mutex};

static AT_WORK: Mutex<ThreadCounts> = Mutex::new(ThreadCounts { threads: 0, forks: 0, given_up: 0, era: 0 });
static WORK_OR_FORK_ENDS: Condvar = Condvar::new();

struct ThreadCounts {
    /// How many threads are at work, being started or ending.
    threads: usize,
    /// How many forks are under way.
    forks: usize,
    /// How many of the threads no fork waits for any more.
    given_up: usize,
    /// How often that was decided: of all who were at work at the time.
    era: u64,
}

thread_local! {
    /// How often this thread is counted in [`ThreadCounts::threads`].
    static WORKS: Cell<usize> = const { Cell::new(0) };
}

/// Forks wait until it is dropped.
pub(super) struct Counted {
    /// In which [era](ThreadCounts::era) it was counted.
    era: u64,
}

impl Counted {
    fn count(at_work: &mut ThreadCounts) -> Self {
        at_work.threads += 1;
        Counted { era: at_work.era }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        // In the child of a fork in an output: the lock may be held by a thread that is not there.
        if is_forked() {
            return;
        }
        let mut at_work = AT_WORK.lock();
        at_work.threads -= 1;
        at_work.given_up -= usize::from(self.era < at_work.era);
        if at_work.forks > 0 {
            WORK_OR_FORK_ENDS.notify_all();
        }
    }
}

/// A writer thread that is at work.
pub(super) struct Working {
    _counted: Counted,
}

/// Waits for a fork that is under way; until what is returned is dropped, forks wait.
pub(super) fn begin_to_work() -> Working {
    let working = Working { _counted: begin() };
    WORKS.set(WORKS.get() + 1);
    working
}

fn begin() -> Counted {
    let mut at_work = AT_WORK.lock();
    while at_work.forks > 0 {
        WORK_OR_FORK_ENDS.wait(&mut at_work);
    }
    Counted::count(&mut at_work)
}

impl Drop for Working {
    fn drop(&mut self) {
        WORKS.set(WORKS.get() - 1);
    }
}

/// A thread may be started, and holds what is returned until it runs; `None` while a fork is under way: when that is over,
/// [`pool::after_fork`] is called.
pub(super) fn begin_to_start() -> Option<Counted> {
    let mut at_work = AT_WORK.lock();
    (at_work.forks == 0).then(|| Counted::count(&mut at_work))
}

/// This thread is about to return from its function: it waits for a fork that is under way, and later forks wait until it has ended.
pub(super) fn begin_to_end() {
    thread_local! {
        /// Dropped with the thread's other locals, which is after std has taken its lock for the last time.
        static ENDING: Cell<Option<Counted>> = const { Cell::new(None) };
    }
    ENDING.set(Some(begin()));
}

pub(crate) fn before_fork() {
    before_fork_within(FORK);
}

fn before_fork_within(patience: Duration) {
    // A child has no writer threads, and the lock may be held by a thread that is not there.
    if is_forked() {
        return;
    }
    let deadline = Instant::now() + patience;
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

pub(crate) fn after_fork() {
    if is_forked() {
        return;
    }
    AT_WORK.lock().forks -= 1;
    WORK_OR_FORK_ENDS.notify_all();
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::sync::{Arc, AtomicBool, Ordering};

    const PATIENCE: Duration = Duration::from_secs(30);

    /// Begins a fork, which must wait until `end` has made what was counted end, and while which no thread starts.
    fn forks_wait_for(end: impl FnOnce()) {
        let has_ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&has_ended);
        let fork = thread::spawn(move || {
            before_fork_within(PATIENCE);
            let seen = seen.load(Ordering::SeqCst);
            let starts = begin_to_start().is_some();
            after_fork();
            (seen, starts)
        });
        let start = Instant::now();
        while AT_WORK.lock().forks == 0 {
            assert!(start.elapsed() < PATIENCE);
            thread::yield_now();
        }
        has_ended.store(true, Ordering::SeqCst);
        end();
        assert_eq!(fork.join().unwrap(), (true, false), "(it has ended, a thread starts)");
    }

    /// Holds the end of a thread up.
    struct HeldUp(mpsc::Receiver<()>);

    impl Drop for HeldUp {
        fn drop(&mut self) {
            let _ = self.0.recv_timeout(PATIENCE);
        }
    }

    thread_local! {
        static HELD_UP: Cell<Option<HeldUp>> = const { Cell::new(None) };
    }

    #[test]
    fn a_fork_waits_for_threads_that_start_or_end() {
        let starting = begin_to_start().unwrap();
        forks_wait_for(|| drop(starting));

        let (let_go, held) = mpsc::channel();
        let (ends, has_begun) = mpsc::channel();
        let ending = thread::spawn(move || {
            begin_to_end();
            // What is first used last is dropped first.
            HELD_UP.set(Some(HeldUp(held)));
            ends.send(()).unwrap();
        });
        has_begun.recv_timeout(PATIENCE).unwrap();
        forks_wait_for(|| drop(let_go));
        ending.join().unwrap();
    }
}
