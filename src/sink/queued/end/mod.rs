//! The end of the process, and forks.
//!
//! When the process ends in the ordinary way (a return from `main`, `exit`), the queues are closed and what is in them is written,
//! for [`exit_deadline`] at most; from then on, whoever still logs writes for itself. So nothing that was accepted is lost, not even
//! what is logged by other threads and by handlers that come later. The same is [`shutdown`] when it is asked for.
//!
//! A child that was forked has the memory of its parent, with what the parent will write, but no writer threads. There, nothing goes
//! through a queue: each call writes for itself, and what the queues contained at the fork is left to the parent. So that no lock is
//! left held by a writer thread that is not there in the child, a fork waits, for [`FORK_PATIENCE`] at most, until none is at work.

mod hooks;

use std::time::{Duration, Instant};

use parking_lot::Condvar;

use super::Queued;
use crate::sink::all;
use crate::sink::fallback;
use crate::sink::ledger::Outcome;
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering, Weak};

/// How long a fork waits until no writer thread is at work.
const FORK_PATIENCE: Duration = Duration::from_millis(100);

/// The queues that there are.
static QUEUES: Mutex<Queues> = Mutex::new(Queues { all: Vec::new(), ended: false });

struct Queues {
    all: Vec<Weak<Queued>>,
    /// New ones are closed at once.
    ended: bool,
}

/// In milliseconds.
static EXIT_DEADLINE: AtomicU64 = AtomicU64::new(5_000);

/// How long the end of the process waits for what is queued.
pub(super) fn exit_deadline() -> Duration {
    // Relaxed: the number is the whole message.
    Duration::from_millis(EXIT_DEADLINE.load(Ordering::Relaxed))
}

pub(crate) fn set_exit_deadline(deadline: Duration) {
    EXIT_DEADLINE.store(u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// Has the end of the process look after a queue.
pub(super) fn watch(queued: &Arc<Queued>) {
    hooks::install();
    let mut queues = QUEUES.lock();
    if queues.all.len() == queues.all.capacity() {
        queues.all.retain(|queued| queued.strong_count() > 0);
    }
    queues.all.push(Arc::downgrade(queued));
    let ended = queues.ended;
    drop(queues);
    if ended {
        queued.close();
    }
}

/// Writes what is queued, within `deadline`; from now on, each call that logs writes for itself.
pub(crate) fn shutdown(deadline: Duration) -> Outcome {
    let until = Instant::now().checked_add(deadline);
    close_all();
    all::flush(until)
}

fn close_all() {
    let mut queues = QUEUES.lock();
    queues.ended = true;
    let all: Vec<_> = queues.all.iter().filter_map(Weak::upgrade).collect();
    drop(queues);
    for queued in all {
        queued.close();
    }
}

/// What happens when the process ends in the ordinary way.
fn at_exit() {
    if is_forked() {
        return;
    }
    let until = Instant::now().checked_add(exit_deadline());
    close_all();
    let queues: Vec<_> = QUEUES.lock().all.iter().filter_map(Weak::upgrade).collect();
    let mut pending = 0;
    for queued in queues {
        if queued.wait_until_written(until).is_none() {
            pending += queued.core.outcome().pending;
        }
    }
    if pending > 0 {
        fallback::tell(format_args!(
            "{pending} records that were queued are not written, because the process ends and its outputs did not take them within \
             {:?}",
            exit_deadline()
        ));
    }
}

/// This process was forked off one that has queues.
static FORKED: AtomicBool = AtomicBool::new(false);

/// True in a process that was forked off one that has queues.
#[inline]
pub(super) fn is_forked() -> bool {
    // Relaxed: it is set when the process has one thread only.
    FORKED.load(Ordering::Relaxed)
}

static AT_WORK: Mutex<AtWork> = Mutex::new(AtWork { threads: 0, forking: false });
static WORK_OR_FORK_ENDS: Condvar = Condvar::new();

struct AtWork {
    threads: usize,
    forking: bool,
}

/// A writer thread that is at work.
pub(super) struct Working(());

/// Waits for a fork that is under way; until what is returned is dropped, forks wait.
pub(super) fn begin_to_work() -> Working {
    let mut at_work = AT_WORK.lock();
    while at_work.forking {
        WORK_OR_FORK_ENDS.wait(&mut at_work);
    }
    at_work.threads += 1;
    Working(())
}

impl Drop for Working {
    fn drop(&mut self) {
        let mut at_work = AT_WORK.lock();
        at_work.threads -= 1;
        if at_work.forking {
            WORK_OR_FORK_ENDS.notify_all();
        }
    }
}

fn before_fork() {
    let deadline = Instant::now() + FORK_PATIENCE;
    let mut at_work = AT_WORK.lock();
    at_work.forking = true;
    while at_work.threads > 0 && !WORK_OR_FORK_ENDS.wait_until(&mut at_work, deadline).timed_out() {}
}

fn after_fork_in_parent() {
    AT_WORK.lock().forking = false;
    WORK_OR_FORK_ENDS.notify_all();
}

fn after_fork_in_child() {
    FORKED.store(true, Ordering::Relaxed);
}
