//! The end of the process, and forks.
//!
//! When the process ends in the ordinary way (a return from `main`, `exit`), the queues are closed and what is in them is written,
//! for [`exit_deadline`] at most; from then on, whoever still logs writes for itself. So nothing that was accepted is lost, not even
//! what is logged by other threads and by handlers that come later. The same is [`shutdown`] when it is asked for. Outputs whose last
//! sink is gone are waited for until they are dropped: what they keep to the end is a part of the log.
//!
//! An output that has not taken what was queued when the time is over is given up: what is logged later would come out of order, or never
//! come back. It is counted as dropped.

mod fork;
mod hooks;

use std::time::{Duration, Instant};

use super::{Queued, pool};
use crate::sink::all;
use crate::sink::delivery::{discard, in_output};
use crate::sink::fallback;
use crate::sink::ledger::Outcome;
use crate::sync::{Arc, AtomicBool, AtomicU64, Condvar, Mutex, Ordering, Weak};

pub(crate) use fork::is_forked;
pub(super) use fork::{Counted, begin_to_end, begin_to_start, begin_to_work, forks};

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
    // Nothing will be in it; and a thread that is not there may hold the lock.
    if is_forked() {
        return;
    }
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
    if !is_forked() {
        close_all();
        if in_output() {
            // As at the end of the process, since that is what follows; and no longer, since it may be waiting for itself.
            let end = Instant::now().checked_add(exit_deadline());
            wait_for_all(until.into_iter().chain(end).min());
        }
    }
    let outcome = all::flush(until);
    // What has not been taken by now was given its time: neither what is logged later nor the end of the process waits for it again.
    if !is_forked() && until.is_some_and(|until| Instant::now() >= until) {
        for queued in all_queues() {
            if !queued.is_done() {
                GAVE_UP.store(true, Ordering::Relaxed);
                queued.abandon();
            }
            pool::let_go(queued);
        }
    }
    outcome
}

/// The time of a [`shutdown`] was over before everything that was queued was written. Relaxed, both where it is set and read: by one thread, or by ones that
/// have other ways to know what came first.
static GAVE_UP: AtomicBool = AtomicBool::new(false);

fn all_queues() -> Vec<Arc<Queued>> {
    QUEUES.lock().all.iter().filter_map(Weak::upgrade).collect()
}

fn close_all() {
    let mut queues = QUEUES.lock();
    queues.ended = true;
    let all: Vec<_> = queues.all.iter().filter_map(Weak::upgrade).collect();
    drop(queues);
    // Outside the lock: where no thread can be started, what lies there is written in this call.
    pool::prepare_for_the_end();
    for queued in all {
        queued.close();
        pool::let_go(queued);
    }
}

/// What happens when the process ends in the ordinary way.
fn at_exit() {
    if is_forked() {
        return;
    }
    let has_given_up = GAVE_UP.load(Ordering::Relaxed);
    let patience = if has_given_up { Duration::ZERO } else { exit_deadline() };
    let until = Instant::now().checked_add(patience);
    close_all();
    let late = wait_for_all(until);
    // Two queues may be in front of one output, whose records are counted together.
    let mut cores: Vec<_> = late.iter().map(|queued| &queued.core).collect();
    cores.sort_by_key(|core| Arc::as_ptr(core));
    cores.dedup_by_key(|core| Arc::as_ptr(core));
    let pending: u64 = cores.iter().map(|core| core.outcome().pending).sum();
    if pending > 0 {
        late.iter().for_each(|queued| queued.abandon());
        let time = if has_given_up { String::from("the time that they had") } else { format!("{patience:?}") };
        fallback::tell(format_args!(
            "{pending} records that were queued are not written, because the process ends and its outputs did not take them within {time}"
        ));
    }
    drop(late);
    // From inside an output it could be waiting for that.
    if !in_output() {
        wait_for_those_that_leave(until);
    }
}

/// Waits until all that is queued is written, and returns the queues of which that is not so when `until` comes. Unlike a flush, it
/// waits inside an output too, where nobody will come back later: only what this very thread is writing is not waited for.
fn wait_for_all(until: Option<Instant>) -> Vec<Arc<Queued>> {
    let demands = all_queues().into_iter().map(|queued| {
        let ticket = (!pool::is_at_hand(&queued)).then(|| queued.demand(until, false).into_ticket());
        // Not held while it waits: whoever lets go last drops the output, and that had better be a writer thread.
        (Arc::downgrade(&queued), queued.core.name().to_owned(), ticket)
    });
    let demands: Vec<_> = demands.collect();
    let late = demands.into_iter().filter_map(|(queued, name, ticket)| match ticket.and_then(|it| it.wait(until)) {
        Some(Ok(())) => None,
        Some(Err(error)) => {
            fallback::tell(format_args!("cannot flush {name}: {error}"));
            discard(error);
            None
        }
        None => queued.upgrade(),
    });
    late.collect()
}

static LEAVING: Mutex<usize> = Mutex::new(0);
static ONE_HAS_LEFT: Condvar = Condvar::new();

/// Part of a queue, and dropped last: the end of the process waits for queues that no sink holds any more.
#[derive(Default)]
pub(super) struct Leaving(AtomicBool);

impl Leaving {
    /// No sink holds the queue any more.
    pub(super) fn begin(&self) {
        // Relaxed: there is one who does this, and it is read when nobody else is left.
        if !is_forked() && !self.0.swap(true, Ordering::Relaxed) {
            *LEAVING.lock() += 1;
        }
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if *self.0.get_mut() && !is_forked() {
            *LEAVING.lock() -= 1;
            ONE_HAS_LEFT.notify_all();
        }
    }
}

fn wait_for_those_that_leave(until: Option<Instant>) {
    let mut leaving = LEAVING.lock();
    while *leaving > 0 {
        match until {
            Some(until) if ONE_HAS_LEFT.wait_until(&mut leaving, until).timed_out() => return,
            Some(_) => {}
            None => ONE_HAS_LEFT.wait(&mut leaving),
        }
    }
}
