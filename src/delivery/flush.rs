//! Flushes: waiting until all records are written that were accepted before.

use std::io;
use std::time::{Duration, Instant};

use super::{Core, Front, Outcome};
use crate::limits::TASK_FLUSH;
use crate::output::is_inside_output;
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
            front.withdraw_flush(&self.ticket);
        }
    }
}

/// Returns the error for an output that a forked child cannot use, because a writer thread was inside the output at the fork.
#[cold]
pub(crate) fn busy_at_fork() -> io::Error {
    io::Error::other("it was being written to when this process was forked off, and took longer than a fork waits")
}

/// A flush of one output and of the queues in front of it, which has begun.
pub(crate) struct Flush {
    core: Arc<Core>,
    queues: Vec<QueueFlush>,
    /// The result of flushing an output without queues, which happens in the call that begins the flush.
    direct: io::Result<()>,
}

impl Flush {
    /// Begins to flush an output and the queues in front of it. `None` inside an output: the caller could wait for itself there.
    pub(crate) fn begin(core: &Arc<Core>, deadline: Option<Instant>, sync: bool) -> Option<Flush> {
        if is_inside_output() {
            return None;
        }
        if is_forked() {
            return Some(Flush::direct(core, deadline, sync, core.is_usable_in_child()));
        }
        // Includes queues without sinks: they exist until they are written to the end.
        let fronts: Vec<Arc<dyn Front>> = core.fronts().lock().iter().filter_map(Weak::upgrade).collect();
        let queues: Vec<_> = fronts.into_iter().map(|front| QueueFlush::request(front, deadline, sync)).collect();
        if queues.is_empty() {
            return Some(Flush::direct(core, deadline, sync, Ok(())));
        }
        Some(Flush { core: Arc::clone(core), queues, direct: Ok(()) })
    }

    /// Flushes an output without queues in this call, unless `usable` is an error.
    fn direct(core: &Arc<Core>, deadline: Option<Instant>, sync: bool, usable: io::Result<()>) -> Flush {
        let left = || deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        let flushed = usable.and_then(|()| core.flush_output(left()));
        let direct = flushed.and_then(|()| if sync { core.sync(left()) } else { Ok(()) });
        Flush { core: Arc::clone(core), queues: Vec::new(), direct }
    }

    /// Begins a flush for a task. A direct output that another thread writes to holds the task up for [`TASK_FLUSH`] at most.
    pub(crate) fn begin_for_task(core: &Arc<Core>) -> Option<Flush> {
        let is_direct = || core.fronts().lock().iter().all(|front| front.strong_count() == 0);
        if is_forked() || is_direct() {
            return Flush::begin(core, Instant::now().checked_add(TASK_FLUSH), false);
        }
        Flush::begin(core, None, false)
    }

    /// Waits until the flush is done, and returns the fates of the output's records.
    pub(crate) fn finish(self, deadline: Option<Instant>) -> Outcome {
        let (core, result) = self.wait(deadline);
        core.outcome_after_flush(result)
    }

    /// Awaits the end of the flush, and returns the fates of the output's records.
    pub(crate) async fn finish_as_task(self) -> Outcome {
        let Flush { core, queues, direct: mut result } = self;
        for queue in &queues {
            let next = TicketFuture(Arc::clone(&queue.ticket)).await;
            result = result.and(next);
        }
        core.outcome_after_flush(result)
    }

    /// Waits until the flush is done, and returns its result.
    pub(crate) fn wait(self, deadline: Option<Instant>) -> (Arc<Core>, io::Result<()>) {
        let Flush { core, queues, direct } = self;
        let result = queues.iter().fold(direct, |result, queue| result.and(queue.wait(deadline)));
        (core, result)
    }
}

/// Flushes all outputs of the process, and returns the fates of all its records, including those of closed outputs.
pub(crate) fn flush_all(deadline: Option<Instant>) -> Outcome {
    let cores = Core::all();
    // All flushes begin before we wait for the first.
    let begun: Vec<_> = cores.iter().map(|core| (core, Flush::begin(core, deadline, false))).collect();
    let outcomes = begun.into_iter().map(|(core, flush)| match flush {
        Some(flush) => flush.finish(deadline),
        None => core.outcome(),
    });
    outcomes.fold(Outcome::default(), Outcome::plus).plus(Core::closed_outcome())
}

impl Core {
    /// Returns an error, in a forked child, if a writer thread of the parent was inside the output at the fork and may hold its lock.
    fn is_usable_in_child(&self) -> io::Result<()> {
        // `try_lock`: a thread that only the parent has may hold this lock, too.
        let fronts = self.fronts().try_lock().ok_or_else(busy_at_fork)?;
        let fronts: Vec<Arc<dyn Front>> = fronts.iter().filter_map(Weak::upgrade).collect();
        if fronts.iter().any(|front| front.is_being_written()) { Err(busy_at_fork()) } else { Ok(()) }
    }

    /// Returns the fates of the records after a flush that ended with `result`. Reports a failure, but not a timeout
    /// that the pending records show.
    fn outcome_after_flush(&self, result: io::Result<()>) -> Outcome {
        match result {
            // The pending records were accepted after the flush had begun.
            Ok(()) => self.outcome().without_pending(),
            Err(error) => {
                let outcome = self.outcome();
                if error.kind() != io::ErrorKind::TimedOut || outcome.pending == 0 {
                    self.report_unflushed(error);
                }
                Outcome { unflushed: true, ..outcome }
            }
        }
    }
}
