//! Waiting until what is queued is written.

use std::io;
use std::time::{Duration, Instant};

use super::{Queued, end};
use crate::sink::delivery::{Core, in_output};
use crate::sink::ledger::Outcome;
use crate::sink::queue::{Demand, Redeem, Ticket};
use crate::sync::{Arc, Weak};

/// How long a direct output that is flushed for a task waits for a thread that is in the middle of a line.
const PATIENCE: Duration = Duration::from_secs(1);

/// A demand that was made, until it is met or given up.
pub(in crate::sink) struct Waiting {
    /// Not held: it would keep the output from being dropped when it is written to the end.
    queued: Weak<Queued>,
    ticket: Arc<Ticket>,
}

impl Waiting {
    /// For one who waits to the end.
    pub(super) fn into_ticket(mut self) -> Arc<Ticket> {
        self.queued = Weak::new();
        Arc::clone(&self.ticket)
    }

    /// Waits as a thread; `TimedOut` if the deadline passes before.
    fn wait(&self, deadline: Option<Instant>) -> io::Result<()> {
        self.ticket.wait(deadline).unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(queued) = self.queued.upgrade() {
            queued.progress.withdraw(&self.ticket);
        }
    }
}

impl Queued {
    /// Demands that all that is in the queue by now be written, and synced if `sync`.
    pub(super) fn demand(self: &Arc<Self>, deadline: Option<Instant>, sync: bool) -> Waiting {
        let ticket = Arc::new(Ticket::new());
        self.progress.demand(self.ring.end(), Demand { deadline, sync, ticket: Arc::clone(&ticket) });
        self.call();
        Waiting { queued: Arc::downgrade(self), ticket }
    }

    /// Waits until all that is in the queue by now is written; `None` if the deadline passes before.
    pub(super) fn wait_until_written(self: &Arc<Self>, deadline: Option<Instant>) -> Option<()> {
        if end::is_forked() || in_output() {
            return None;
        }
        self.demand(deadline, false).ticket.wait(deadline).map(drop)
    }
}

/// Why an output cannot be used in a process that was forked off.
#[cold]
pub(super) fn left_at_work() -> io::Error {
    io::Error::other("it was being written to when this process was forked off, and took longer than a fork waits")
}

/// A flush of one output that has begun.
pub(crate) struct Flush {
    core: Arc<Core>,
    waiting: Vec<Waiting>,
    /// What a direct output has said at once.
    said: io::Result<()>,
}

impl Flush {
    /// Begins to flush an output and the queues in front of it. `None` where waiting could be waiting for oneself.
    pub(in crate::sink) fn begin(core: &Arc<Core>, deadline: Option<Instant>, sync: bool) -> Option<Flush> {
        if in_output() {
            return None;
        }
        if end::is_forked() {
            return Some(Flush::of_output(core, deadline, sync, core.was_at_work_at_fork()));
        }
        // Those whose sinks are gone too: they are written to the end.
        let queues: Vec<Arc<Queued>> = core.queues().lock().iter().filter_map(Weak::upgrade).collect();
        let waiting: Vec<Waiting> = queues.iter().map(|queued| queued.demand(deadline, sync)).collect();
        if waiting.is_empty() {
            return Some(Flush::of_output(core, deadline, sync, Ok(())));
        }
        Some(Flush { core: Arc::clone(core), waiting, said: Ok(()) })
    }

    /// Flushes an output in this call, if `usable`.
    fn of_output(core: &Arc<Core>, deadline: Option<Instant>, sync: bool, usable: io::Result<()>) -> Flush {
        let left = deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        let flushed = usable.and_then(|()| core.flush_output(left));
        let said = flushed.and_then(|()| if sync { core.sync() } else { Ok(()) });
        Flush { core: Arc::clone(core), waiting: Vec::new(), said }
    }

    /// The same for a task, which cannot wait for a thread for long.
    pub(in crate::sink) fn begin_for_task(core: &Arc<Core>) -> Option<Flush> {
        let is_direct = || core.queues().lock().iter().all(|queue| queue.strong_count() == 0);
        if end::is_forked() || is_direct() {
            return Flush::begin(core, Instant::now().checked_add(PATIENCE), false);
        }
        Flush::begin(core, None, false)
    }

    /// Waits until it is done, and says what has become of the output's records.
    pub(crate) fn finish(self, deadline: Option<Instant>) -> Outcome {
        let (core, result) = self.wait(deadline);
        core.flushed(result)
    }

    /// The same as a task.
    pub(crate) async fn finish_as_task(self) -> Outcome {
        let Flush { core, waiting, mut said } = self;
        for waiting in &waiting {
            let result = Redeem(Arc::clone(&waiting.ticket)).await;
            said = said.and(result);
        }
        core.flushed(said)
    }

    /// Waits until it is done, and says why it is not.
    pub(in crate::sink) fn wait(self, deadline: Option<Instant>) -> (Arc<Core>, io::Result<()>) {
        let Flush { core, waiting, said } = self;
        let result = waiting.iter().fold(said, |result, waiting| result.and(waiting.wait(deadline)));
        (core, result)
    }
}

impl Core {
    /// In a process that was forked off: an error if a writer thread, which is not there, may hold the output's lock.
    fn was_at_work_at_fork(&self) -> io::Result<()> {
        // Not waited for: who holds that lock may not be there either.
        let queues = self.queues().try_lock().ok_or_else(left_at_work)?;
        let queues: Vec<Arc<Queued>> = queues.iter().filter_map(Weak::upgrade).collect();
        if queues.iter().any(|queued| queued.is_at_work()) { Err(left_at_work()) } else { Ok(()) }
    }

    /// What became of the records, after a flush that ended with `result`.
    pub(in crate::sink) fn flushed(&self, result: io::Result<()>) -> Outcome {
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
