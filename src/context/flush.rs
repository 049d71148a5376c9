//! Flushing and closing a context.

use std::time::{Duration, Instant};

use super::live::family_members;
use super::output_context::OutputContext;
use crate::delivery::{Flush, Outcome};
use crate::limits::{LEDGER_LOOK, LONGEST_LEDGER_LOOK};
use crate::output::is_inside_output;
use crate::process::is_forked;
use crate::sink::{OutputRef, Sink};
use crate::sync::thread;

impl OutputContext {
    /// Hands what was logged before this call to the operating system, waiting at most `deadline`, and returns the ledger.
    ///
    /// [`Outcome::into_result`] makes an error of the ledger if a record is missing. For a direct sink the call waits until deliveries
    /// that other threads have begun are over. Records that are logged during the call are not waited for, and are not counted
    /// while they are pending.
    ///
    /// Called from inside an output (by a writer or a callback), where the call could wait for itself, it returns the ledger at once.
    #[must_use = "the outcome says whether everything was written: ask `is_complete()`"]
    pub fn flush(&self, deadline: Duration) -> Outcome {
        self.flush_until(Instant::now().checked_add(deadline))
    }

    /// Flushes as [`flush`](OutputContext::flush) does, for a task.
    ///
    /// The flush begins in this call, whether or not the future is polled. It has no deadline of its own: put the future under your
    /// runtime's timeout. Sinks that are not queued are flushed in the call itself.
    #[must_use = "a future does nothing unless it is awaited, and its outcome says whether everything was written"]
    pub fn flush_async(&self) -> impl Future<Output = Outcome> + Send + use<> {
        let context = self.clone();
        let accepted_before = self.ledger().accepted;
        let flushes = self.begin_flushes(Sink::begin_flush_for_task, OutputRef::begin_flush_for_task);
        async move {
            let mut unflushed = false;
            for flush in flushes {
                unflushed |= flush.finish_as_task().await.unflushed;
            }
            let outcome = Outcome { unflushed, ..context.ledger() };
            let is_complete = outcome.accepted - outcome.pending >= accepted_before;
            if is_complete && !unflushed { outcome.without_pending() } else { outcome }
        }
    }

    /// Ends this context and all that share its id, flushes, waiting at most `deadline`, and returns the ledger.
    ///
    /// Records that are logged to them from now on are dropped and counted, with one warning on stderr. In the returned ledger
    /// `pending` counts the records that were abandoned at the deadline. From inside an output the call does not wait, as
    /// [`flush`](OutputContext::flush).
    ///
    /// The sinks stay open for the other contexts that have them; an output is closed when its last sink is dropped.
    #[must_use = "the outcome says whether everything was written: ask `is_complete()`"]
    pub fn close(&self, deadline: Duration) -> Outcome {
        self.inner.family.counter.close();
        self.flush_until(Instant::now().checked_add(deadline))
    }

    /// Begins to flush each output of this context's family.
    ///
    /// Each member of a family may have sinks that the others do not have, and a member that is gone may have left records in a queue.
    /// Every flush begins before the first one is waited for.
    fn begin_flushes(
        &self,
        begin: impl Fn(&Sink) -> Option<Flush>,
        begin_ref: impl Fn(&OutputRef) -> Option<Flush>,
    ) -> Vec<Flush> {
        let members = family_members(&self.inner);
        let mut sinks: Vec<&Sink> = Vec::new();
        for sink in members.iter().flat_map(|inner| &inner.sinks) {
            if !sinks.iter().any(|known| known.has_output_of(sink)) {
                sinks.push(sink);
            }
        }
        // In a forked child the lock may be held for ever by a thread of the parent, and no record is on its way.
        let output_refs = if is_forked() { Vec::new() } else { self.inner.family.output_refs.lock().clone() };
        let output_refs = output_refs.iter().filter(|output_ref| !sinks.iter().any(|sink| output_ref.is_of(sink)));
        output_refs.filter_map(begin_ref).chain(sinks.iter().filter_map(|sink| begin(sink))).collect()
    }

    fn flush_until(&self, deadline: Option<Instant>) -> Outcome {
        // The delivery that this thread is making ends only after this call.
        if is_inside_output() {
            return self.ledger();
        }
        let accepted_before = self.ledger().accepted;
        let flushes =
            self.begin_flushes(|sink| sink.begin_flush(deadline), |output_ref| output_ref.begin_flush(deadline));
        let mut unflushed = false;
        for flush in flushes {
            unflushed |= flush.finish(deadline).unflushed;
        }
        // Records that are pending in a forked child were pending in its parent, which writes them.
        if is_forked() {
            return Outcome { unflushed, ..self.ledger() }.without_pending();
        }
        // A direct delivery counts itself when it returns. So a record that is pending here is being written at this moment: by another
        // thread, or by this one, if a value asks from inside its own `Debug`. In that case waiting cannot help, and the deadline ends it.
        let mut pause = LEDGER_LOOK;
        loop {
            let outcome = Outcome { unflushed, ..self.ledger() };
            if !unflushed && outcome.accepted - outcome.pending >= accepted_before {
                return outcome.without_pending();
            }
            let left = match deadline {
                Some(deadline) => deadline.saturating_duration_since(Instant::now()),
                None => Duration::MAX,
            };
            if outcome.pending == 0 || left.is_zero() || unflushed {
                return outcome;
            }
            // Not `park_timeout`: it would take a wake-up that is meant for an executor which polls on this thread.
            thread::sleep(pause.min(left));
            pause = (pause * 2).min(LONGEST_LEDGER_LOOK);
        }
    }
}
