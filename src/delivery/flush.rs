//! Flushes: waiting until all records are written that were accepted before.

use std::io;
use std::time::{Duration, Instant};

use super::release::release;
use super::{CallsEnd, CallsEnded, Core, Front, InFlight, Ledger, Outcome, is_in_call};
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
    ledger: Arc<Ledger>,
    unqueued: Arc<InFlight>,
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
        Some(Flush {
            core: Arc::downgrade(core),
            ledger: Arc::clone(core.shared_ledger()),
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
    fn request_again(&mut self, deadline: Option<Instant>, drop_deadline: Option<Instant>) {
        if let Some(core) = self.core.upgrade() {
            self.queues.extend(Flush::request(&core, deadline, self.sync));
            release(core, drop_deadline);
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
        release(core, deadline);
    }

    /// Waits until the flush is done, and returns the fates of the output's records.
    pub(crate) fn finish(mut self, deadline: Option<Instant>) -> Outcome {
        let result = self.wait(deadline);
        self.outcome_after(result, deadline)
    }

    /// Waits until the flush is done.
    pub(crate) fn wait(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        if self.queues.is_empty() {
            if self.direct.is_none() {
                self.flush_direct(deadline);
            }
            return self.direct.take().unwrap_or(Ok(()));
        }
        // Not if this thread is in such a call itself.
        match if is_in_call() { CallsEnd::NoneInFlight } else { self.unqueued.wait(deadline) } {
            CallsEnd::NoneInFlight => {}
            // The output may have buffered what they wrote.
            CallsEnd::Ended => self.request_again(deadline, deadline),
            CallsEnd::TimedOut => return Err(io::ErrorKind::TimedOut.into()),
        }
        let mut result = Ok(());
        for queue in &self.queues {
            result = result.and(queue.wait(deadline));
        }
        result
    }

    /// Awaits the end of the flush, and returns the fates of the output's records.
    pub(crate) async fn finish_as_task(mut self) -> Outcome {
        if !self.queues.is_empty() && !is_in_call() {
            let unqueued = CallsEnded::new(Arc::clone(&self.unqueued), |unqueued| unqueued).await;
            if unqueued == CallsEnd::Ended {
                self.request_again(None, Some(Instant::now()));
            }
        }
        let mut result = self.direct.take().unwrap_or(Ok(()));
        for queue in &self.queues {
            let next = TicketFuture(Arc::clone(&queue.ticket)).await;
            result = result.and(next);
        }
        self.outcome_after(result, Some(Instant::now()))
    }

    /// Returns the fates of the records after a flush that ended with `result`. Reports a failure, but not a timeout that the pending records
    /// show.
    fn outcome_after(&self, result: io::Result<()>, drop_deadline: Option<Instant>) -> Outcome {
        let outcome = self.ledger.outcome();
        let Err(error) = result else {
            // The pending records were accepted after the flush had begun.
            return outcome.without_pending(outcome.pending);
        };
        if error.kind() != io::ErrorKind::TimedOut || outcome.pending == 0 {
            match self.core.upgrade() {
                Some(core) => {
                    core.report_unflushed(error);
                    release(core, drop_deadline);
                }
                // Whoever closed the output has flushed it, and reported what failed.
                None => drop_error(error),
            }
        }
        Outcome { unflushed: true, ..outcome }
    }
}

/// Waits until all flushes are done, and returns the fates of each output's records.
///
/// No output takes time from another: queues are written meanwhile, and outputs without queues are flushed one after the other, but each for
/// [`DIRECT_FLUSH`] only, until all others are done.
pub(crate) fn finish_all(flushes: Vec<Flush>, deadline: Option<Instant>) -> impl Iterator<Item = Outcome> {
    let (mut direct, queued): (Vec<_>, Vec<_>) = flushes.into_iter().partition(|flush| flush.queues.is_empty());
    if direct.len() + queued.len() > 1 {
        for flush in &mut direct {
            let soon = Instant::now() + DIRECT_FLUSH;
            flush.flush_direct(Some(deadline.map_or(soon, |deadline| deadline.min(soon))));
            if matches!(&flush.direct, Some(Err(error)) if error.kind() == io::ErrorKind::TimedOut) {
                flush.direct = None;
            }
        }
    }
    let (done, late): (Vec<_>, Vec<_>) = direct.into_iter().partition(|flush| flush.direct.is_some());
    done.into_iter().chain(queued).chain(late).map(move |flush| flush.finish(deadline))
}

/// Flushes all outputs of the process, and returns the fates of all its records, including those of closed outputs.
pub(crate) fn flush_all(deadline: Option<Instant>) -> Outcome {
    let begin = |core: Arc<Core>| {
        let begun = Flush::begin(&core, deadline, false).ok_or_else(|| core.outcome());
        release(core, deadline);
        begun
    };
    let (cores, mut sum) = Core::all();
    let mut flushes = Vec::with_capacity(cores.len());
    for begun in cores.into_iter().map(begin) {
        match begun {
            Ok(flush) => flushes.push(flush),
            Err(outcome) => sum = sum.plus(outcome),
        }
    }
    finish_all(flushes, deadline).fold(sum, Outcome::plus)
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
