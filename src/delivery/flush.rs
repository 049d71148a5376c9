//! Flushes: waiting until all records are written that were accepted before.

use std::io;
use std::time::{Duration, Instant};

use super::in_flight::Wait;
use super::release::{release, release_all};
use super::{CallsEnded, Core, Counters, Front, InFlight, Ledger, is_in_call};
use crate::limits::DIRECT_FLUSH;
use crate::output::{drop_error, is_inside_output};
use crate::process::is_forked;
use crate::queue::{FlushTicket, TicketFuture};
use crate::sync::{Arc, Weak};

/// A flush that was requested from one queue. Dropping it withdraws the request.
pub(crate) struct QueueFlush {
    /// Weak, so that a caller that waits does not keep the output open after its queue is written to the end.
    front: Weak<dyn Front>,
    ticket: Arc<FlushTicket>,
}

impl QueueFlush {
    /// Requests that all records that are in the queue now be written, and synced if `sync`.
    pub(crate) fn request(front: Arc<dyn Front>, deadline: Option<Instant>, sync: bool) -> Self {
        let weak = Arc::downgrade(&front);
        QueueFlush { ticket: front.request_flush(deadline, sync), front: weak }
    }

    /// Blocks this thread until the flush is done. `TimedOut` if the deadline passes first.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> io::Result<()> {
        self.ticket.wait(deadline).unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Drop for QueueFlush {
    fn drop(&mut self) {
        if let Some(front) = self.front.upgrade() {
            Front::withdraw_flush(front, &self.ticket);
        }
    }
}

/// Returns the error for an output that a forked child cannot use, because a writer thread was inside the output at the fork.
#[cold]
pub(crate) fn busy_at_fork() -> io::Error {
    io::Error::other("it was being written to when this process was forked off, and took longer than a fork waits")
}

/// A flush of one output and of the queues in front of it, which has begun.
///
/// It does not keep the output open: if a sink is dropped meanwhile, a writer thread drops the output, and not the caller that waits.
pub(crate) struct Flush {
    core: Weak<Core>,
    counters: Arc<Counters>,
    unqueued: Arc<InFlight>,
    /// For the calls among them that were in flight when the flush began.
    calls: Wait,
    queues: Vec<QueueFlush>,
    sync: bool,
    /// The result for an output without queues, once that is flushed.
    direct: Option<io::Result<()>>,
}

impl Flush {
    /// Begins to flush an output and the queues in front of it. Does not wait. `None` inside an output: the caller could wait for itself
    /// there.
    pub(crate) fn begin(core: &Arc<Core>, deadline: Option<Instant>, sync: bool) -> Option<Flush> {
        if is_inside_output() {
            return None;
        }
        // Not if this thread is in such a call itself. Before the request: see `in_flight`.
        let calls = if is_in_call() { Wait::for_none() } else { core.unqueued().begin_wait() };
        Some(Flush {
            calls,
            core: Arc::downgrade(core),
            counters: Arc::clone(core.shared_counters()),
            unqueued: Arc::clone(core.unqueued()),
            queues: Flush::request(core, deadline, sync),
            sync,
            direct: None,
        })
    }

    /// Requests a flush from each queue in front of `core`.
    fn request(core: &Arc<Core>, deadline: Option<Instant>, sync: bool) -> Vec<QueueFlush> {
        if is_forked() {
            return Vec::new();
        }
        // Includes queues without sinks: they exist until they are written to the end.
        let fronts: Vec<Arc<dyn Front>> = core.fronts().lock().iter().filter_map(Weak::upgrade).collect();
        fronts.into_iter().map(|front| QueueFlush::request(front, deadline, sync)).collect()
    }

    /// Requests a flush from each queue once more, for what log calls have enqueued since. The results of the first requests count, too.
    fn request_again(&mut self, deadline: Option<Instant>) {
        if let Some(core) = self.core.upgrade() {
            self.queues.extend(Flush::request(&core, deadline, self.sync));
            release(core);
        }
    }

    /// Begins a flush for a task. An output without queues is flushed in this call: if another thread writes to it, that holds the task up
    /// until `direct_deadline` at most.
    pub(crate) fn begin_for_task(core: &Arc<Core>, direct_deadline: Option<Instant>) -> Option<Flush> {
        let mut flush = Flush::begin(core, None, false)?;
        if flush.queues.is_empty() {
            flush.flush_direct(direct_deadline);
        }
        Some(flush)
    }

    /// Flushes an output without queues, unless it is closed already.
    fn flush_direct(&mut self, deadline: Option<Instant>) {
        let Some(core) = self.core.upgrade() else { return self.direct = Some(Ok(())) };
        let usable = if is_forked() { core.is_usable_in_child() } else { Ok(()) };
        let left = || deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        let flushed = usable.and_then(|()| core.flush_output(left()));
        self.direct = Some(flushed.and_then(|()| if self.sync { core.sync(left()) } else { Ok(()) }));
        release(core);
    }

    /// Waits until the flush is done, and returns the fates of the output's records.
    pub(crate) fn finish(mut self, deadline: Option<Instant>) -> Ledger {
        let result = self.wait(deadline);
        self.ledger_after(result)
    }

    /// Waits until the flush is done.
    pub(crate) fn wait(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        if self.queues.is_empty() {
            if self.direct.is_none() {
                self.flush_direct(deadline);
            }
            return self.direct.take().unwrap_or(Ok(()));
        }
        if !self.wait_for_calls(deadline, deadline) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let mut result = Ok(());
        for queue in &self.queues {
            result = result.and(queue.wait(deadline));
        }
        result
    }

    /// Waits, until `turn_end`, for the log calls that were in flight when the flush began. What they have enqueued, or have written to an
    /// output that buffers, is then flushed until `deadline`. False if calls are in flight.
    fn wait_for_calls(&mut self, turn_end: Option<Instant>, deadline: Option<Instant>) -> bool {
        if !self.calls.is_over() {
            if !self.unqueued.wait(&mut self.calls, turn_end) {
                return false;
            }
            self.request_again(deadline);
        }
        true
    }

    /// Does what there is to do before the flush only waits for writer threads, until `turn_end`. False if it is not done.
    fn take_turn(&mut self, turn_end: Option<Instant>, deadline: Option<Instant>) -> bool {
        if !self.queues.is_empty() {
            return self.wait_for_calls(turn_end, deadline);
        }
        self.flush_direct(turn_end);
        // If it times out before its turn is over, that is its answer, and it is not asked again.
        let is_over = turn_end.is_some_and(|turn_end| Instant::now() >= turn_end);
        if is_over && matches!(&self.direct, Some(Err(error)) if error.kind() == io::ErrorKind::TimedOut) {
            self.direct = None;
        }
        self.direct.is_some()
    }

    /// Awaits the end of the flush, and returns the fates of the output's records.
    pub(crate) async fn finish_as_task(mut self) -> Ledger {
        if !self.queues.is_empty() && !self.calls.is_over() {
            let calls = std::mem::replace(&mut self.calls, Wait::for_none());
            CallsEnded::new(Arc::clone(&self.unqueued), |unqueued| unqueued, calls).await;
            self.request_again(None);
        }
        let mut result = self.direct.take().unwrap_or(Ok(()));
        for queue in &self.queues {
            let next = TicketFuture(Arc::clone(&queue.ticket)).await;
            result = result.and(next);
        }
        self.ledger_after(result)
    }

    /// Returns the fates of the records after a flush that ended with `result`. Reports a failure, but not a timeout that the pending records
    /// show.
    fn ledger_after(&self, result: io::Result<()>) -> Ledger {
        let ledger = self.counters.ledger();
        let Err(error) = result else {
            // The pending records were accepted after the flush had begun.
            return ledger.without_pending(ledger.pending);
        };
        if error.kind() != io::ErrorKind::TimedOut || ledger.pending == 0 {
            match self.core.upgrade() {
                Some(core) => {
                    core.report_unflushed(error);
                    release(core);
                }
                // Whoever closed the output has flushed it, and reported what failed.
                None => drop_error(error),
            }
        }
        Ledger { unflushed: true, ..ledger }
    }
}

/// Waits until all flushes are done, and returns the fates of each output's records.
///
/// No output takes time from another: writer threads write the queues meanwhile, and for the rest the outputs take turns, each
/// [`DIRECT_FLUSH`] long at first, and then twice as long as before.
pub(crate) fn finish_all(mut flushes: Vec<Flush>, deadline: Option<Instant>) -> impl Iterator<Item = Ledger> {
    let mut late: Vec<&mut Flush> = if flushes.len() > 1 { flushes.iter_mut().collect() } else { Vec::new() };
    let mut turn = DIRECT_FLUSH;
    while late.len() > 1 && deadline.is_none_or(|deadline| Instant::now() < deadline) {
        late.retain_mut(|flush| {
            let turn_end = Instant::now().checked_add(turn);
            !flush.take_turn(deadline.into_iter().chain(turn_end).min(), deadline)
        });
        turn = turn.saturating_mul(2);
    }
    if let [last] = &mut late[..] {
        last.take_turn(deadline, deadline);
    }
    flushes.into_iter().map(move |flush| flush.finish(deadline))
}

/// Flushes all outputs of the process, and returns the fates of all its records, including those of closed outputs.
pub(crate) fn flush_all(deadline: Option<Instant>) -> Ledger {
    let (cores, mut sum) = Core::all();
    let mut flushes = Vec::with_capacity(cores.len());
    for core in &cores {
        match Flush::begin(core, deadline, false) {
            Some(flush) => flushes.push(flush),
            None => sum = sum.plus(core.ledger()),
        }
    }
    // After all flushes have begun: another thread may now drop an output.
    release_all(cores);
    finish_all(flushes, deadline).fold(sum, Ledger::plus)
}

impl Core {
    /// Returns an error, in a forked child, if a writer thread of the parent was inside the output at the fork and may hold its lock.
    fn is_usable_in_child(&self) -> io::Result<()> {
        // `try_lock`: a thread that only the parent has may hold this lock, too.
        let fronts = self.fronts().try_lock().ok_or_else(busy_at_fork)?;
        let fronts: Vec<Arc<dyn Front>> = fronts.iter().filter_map(Weak::upgrade).collect();
        if fronts.iter().any(|front| front.is_being_written()) { Err(busy_at_fork()) } else { Ok(()) }
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;
