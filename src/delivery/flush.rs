//! Waiting until what was accepted is written.

use std::io;
use std::time::{Duration, Instant};

use super::{Core, Front, Outcome};
use crate::limits::TASK_FLUSH;
use crate::output::is_inside_output;
use crate::process::is_forked;
use crate::queue::{FlushTicket, TicketFuture};
use crate::sync::{Arc, Weak};

/// A flush that was requested of a queue, until it is done or nobody waits for it.
pub(crate) struct PendingFlush {
    /// Weak, so that waiting does not keep the output from being dropped when its queue is written to the end.
    front: Weak<dyn Front>,
    ticket: Arc<FlushTicket>,
}

impl PendingFlush {
    /// Asks that all records that are in the queue by now be written, and synced if `sync`.
    pub(crate) fn request(front: Arc<dyn Front>, deadline: Option<Instant>, sync: bool) -> Self {
        let weak = Arc::downgrade(&front);
        PendingFlush { ticket: front.request_flush(deadline, sync), front: weak }
    }

    /// Waits as a thread; `TimedOut` if the deadline passes before.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> io::Result<()> {
        self.ticket.wait(deadline).unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Drop for PendingFlush {
    fn drop(&mut self) {
        if let Some(front) = self.front.upgrade() {
            front.withdraw_flush(&self.ticket);
        }
    }
}

/// Returns the error for an output that cannot be used in a forked child, because a writer thread was inside it at the fork.
#[cold]
pub(crate) fn left_at_work() -> io::Error {
    io::Error::other("it was being written to when this process was forked off, and took longer than a fork waits")
}

/// A flush of one output that has begun.
pub(crate) struct Flush {
    core: Arc<Core>,
    pending: Vec<PendingFlush>,
    /// The result of a direct output, which is flushed in the call that begins.
    direct: io::Result<()>,
}

impl Flush {
    /// Begins to flush an output and the queues in front of it. `None` inside an output, where the caller could wait for itself.
    pub(crate) fn begin(core: &Arc<Core>, deadline: Option<Instant>, sync: bool) -> Option<Flush> {
        if is_inside_output() {
            return None;
        }
        if is_forked() {
            return Some(Flush::direct(core, deadline, sync, core.is_usable_in_child()));
        }
        // Queues whose sinks are gone too: they are written to the end.
        let fronts: Vec<Arc<dyn Front>> = core.fronts().lock().iter().filter_map(Weak::upgrade).collect();
        let pending: Vec<_> = fronts.into_iter().map(|front| PendingFlush::request(front, deadline, sync)).collect();
        if pending.is_empty() {
            return Some(Flush::direct(core, deadline, sync, Ok(())));
        }
        Some(Flush { core: Arc::clone(core), pending, direct: Ok(()) })
    }

    /// Flushes a direct output in this call, if it is usable.
    fn direct(core: &Arc<Core>, deadline: Option<Instant>, sync: bool, usable: io::Result<()>) -> Flush {
        let left = deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        let flushed = usable.and_then(|()| core.flush_output(left));
        let direct = flushed.and_then(|()| if sync { core.sync() } else { Ok(()) });
        Flush { core: Arc::clone(core), pending: Vec::new(), direct }
    }

    /// Begins a flush for a task, which must not be held up for long by a direct output.
    pub(crate) fn begin_for_task(core: &Arc<Core>) -> Option<Flush> {
        let is_direct = || core.fronts().lock().iter().all(|front| front.strong_count() == 0);
        if is_forked() || is_direct() {
            return Flush::begin(core, Instant::now().checked_add(TASK_FLUSH), false);
        }
        Flush::begin(core, None, false)
    }

    /// Waits until the flush is done, and returns what became of the output's records.
    pub(crate) fn finish(self, deadline: Option<Instant>) -> Outcome {
        let (core, result) = self.wait(deadline);
        core.outcome_after_flush(result)
    }

    /// Waits as a task until the flush is done, and returns what became of the output's records.
    pub(crate) async fn finish_as_task(self) -> Outcome {
        let Flush { core, pending, direct: mut result } = self;
        for pending in &pending {
            let next = TicketFuture(Arc::clone(&pending.ticket)).await;
            result = result.and(next);
        }
        core.outcome_after_flush(result)
    }

    /// Waits until the flush is done, and returns why it is not.
    pub(crate) fn wait(self, deadline: Option<Instant>) -> (Arc<Core>, io::Result<()>) {
        let Flush { core, pending, direct } = self;
        let result = pending.iter().fold(direct, |result, pending| result.and(pending.wait(deadline)));
        (core, result)
    }
}

/// Flushes all outputs of the process, and returns what became of all its records, those of closed outputs among them.
pub(crate) fn flush_all(deadline: Option<Instant>) -> Outcome {
    let cores = Core::all();
    // All flushes begin before the first is waited for.
    let begun: Vec<_> = cores.iter().map(|core| (core, Flush::begin(core, deadline, false))).collect();
    let outcomes = begun.into_iter().map(|(core, flush)| match flush {
        Some(flush) => flush.finish(deadline),
        None => core.outcome(),
    });
    outcomes.fold(Outcome::default(), Outcome::plus).plus(Core::closed_outcome())
}

impl Core {
    /// In a forked child: an error if a writer thread, which is not there, may hold the output's lock.
    fn is_usable_in_child(&self) -> io::Result<()> {
        // Not waited for: the thread that holds this lock may not be there either.
        let fronts = self.fronts().try_lock().ok_or_else(left_at_work)?;
        let fronts: Vec<Arc<dyn Front>> = fronts.iter().filter_map(Weak::upgrade).collect();
        if fronts.iter().any(|front| front.is_being_written()) { Err(left_at_work()) } else { Ok(()) }
    }

    /// What became of the records, after a flush that ended with `result`.
    fn outcome_after_flush(&self, result: io::Result<()>) -> Outcome {
        match result {
            // What is pending was accepted after the flush had begun.
            Ok(()) => self.outcome().without_pending(),
            Err(error) => {
                let outcome = self.outcome();
                if error.kind() != io::ErrorKind::TimedOut || outcome.pending == 0 {
                    self.tell_unflushed(error);
                }
                Outcome { unflushed: true, ..outcome }
            }
        }
    }
}
