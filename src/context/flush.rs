//! Flushing and closing a context.

use std::time::{Duration, Instant};

use super::inner::Family;
use super::output_context::OutputContext;
use crate::delivery::{CallsEnded, Core, Flush, Ledger, Wait, finish_all, is_in_call, own_deliveries, release_all};
use crate::limits::TASK_FLUSH;
use crate::output::is_inside_output;
use crate::process::is_forked;
use crate::sink::{Flushing, OutputRef, Sink};
use crate::sync::{Arc, Ordering};

impl OutputContext {
    /// Hands what was logged before this call to the operating system, waiting at most `deadline`, and returns the ledger.
    ///
    /// [`Ledger::into_result`] makes an error of the ledger if a record is missing. The call waits for every log call that other threads
    /// have begun before, whatever else they log meanwhile. Records that are logged during the call are not waited for, and are not
    /// counted while they are pending.
    ///
    /// Called from inside an output (by a writer or a callback), where the call could wait for itself, it returns the ledger at once. Called
    /// from inside a log call (by a value that is being rendered, or a panic hook), it does not wait for log calls, and does not count the
    /// records of this thread that are being logged.
    #[must_use = "the ledger says whether everything was written: ask `is_complete()`"]
    pub fn flush(&self, deadline: Duration) -> Ledger {
        self.flush_until(Instant::now().checked_add(deadline))
    }

    /// Flushes as [`flush`](OutputContext::flush) does, for a task.
    ///
    /// The flush begins in this call, whether or not the future is polled. It has no deadline of its own: put the future under your
    /// runtime's timeout. Sinks that are not queued are flushed in the call itself, and once more in the poll that finds that log calls of
    /// other threads have ended; if other threads write to them, either takes a second at most.
    pub fn flush_async(&self) -> Flushing {
        let context = self.clone();
        // All direct outputs together hold the task up for this long at most.
        let begin = |context: &OutputContext| {
            let until = Instant::now().checked_add(TASK_FLUSH);
            context.begin_flushes(|core| Flush::begin_for_task(core, until))
        };
        // See `flush_until`.
        let waits = !is_inside_output() && !is_in_call();
        let calls = context.begin_wait_for_calls(waits);
        let mut flushes = begin(self);
        Flushing::new(async move {
            let mut resolved = waits;
            if !calls.is_over() {
                CallsEnded::new(Arc::clone(&context.inner.family), |family| &family.in_flight, calls).await;
                // Inside an output, this would flush nothing.
                resolved = !is_inside_output();
                flushes.extend(begin(&context));
            }
            let mut unflushed = false;
            for flush in flushes {
                unflushed |= flush.finish_as_task().await.unflushed;
            }
            context.ledger_after_flush(unflushed, resolved && !unflushed)
        })
    }

    /// Ends this context and all that share its id, flushes, waiting at most `deadline`, and returns the ledger.
    ///
    /// Records that are logged to them from now on are dropped and counted, with one warning on stderr. In the returned ledger
    /// `pending` counts the records that were abandoned at the deadline. A log call that then still waits for a queue returns, and its record is
    /// dropped. From inside an output the call does not wait, as [`flush`](OutputContext::flush).
    ///
    /// The sinks stay open for the other contexts that have them; an output is closed when its last sink is dropped.
    ///
    /// # In a task
    ///
    /// The call blocks, for as long as a queue has records to write or a log call is under way, so a task makes it where blocking is allowed.
    /// Await [`flush_async`](OutputContext::flush_async) first, and close what is then written:
    ///
    /// ```
    /// use std::time::Duration;
    /// use logscope::{OutputContext, sink};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    /// # runtime.block_on(async {
    /// let request = OutputContext::builder("request").sink(sink::null()).build();
    /// let _ = tokio::time::timeout(Duration::from_secs(5), request.flush_async()).await;
    /// let ledger = tokio::task::spawn_blocking(move || request.close(Duration::from_secs(1))).await?;
    /// assert!(ledger.is_complete(), "{ledger}");
    /// # Ok::<(), tokio::task::JoinError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "the ledger says whether everything was written: ask `is_complete()`"]
    pub fn close(&self, deadline: Duration) -> Ledger {
        let Family { in_flight, abandoned, .. } = &*self.inner.family;
        in_flight.close();
        let until = Instant::now().checked_add(deadline);
        let ledger = self.flush_until(until);
        // Inside a log call, a flush does not wait until the deadline.
        let is_over = until.is_some_and(|until| Instant::now() >= until);
        if is_over && ledger.pending > 0 && !is_forked() && !is_inside_output() {
            // Relaxed: see `Family::is_abandoned`.
            abandoned.store(true, Ordering::Relaxed);
            let cores = self.cores();
            cores.iter().for_each(|core| core.give_up_abandoned_calls());
            release_all(cores);
        }
        self.inner.family.end_use();
        ledger
    }

    /// Begins to wait for the log calls in flight, if the caller may wait for them. Before the flushes begin: see `delivery::in_flight`.
    fn begin_wait_for_calls(&self, waits: bool) -> Wait {
        if waits { self.inner.family.in_flight.begin_wait() } else { Wait::for_none() }
    }

    /// Begins to flush each output of this context's family.
    fn begin_flushes(&self, begin: impl Fn(&Arc<Core>) -> Option<Flush>) -> Vec<Flush> {
        let cores = self.cores();
        let flushes = cores.iter().filter_map(begin).collect();
        release_all(cores);
        flushes
    }

    /// Returns the outputs of this context's family. The caller may come to hold the last reference to one, and gives them back to
    /// [`release_all`].
    ///
    /// A member of the family may have had other sinks than this one has, and may have left records in their queues.
    fn cores(&self) -> Vec<Arc<Core>> {
        let mut cores: Vec<Arc<Core>> = self.inner.sinks.iter().map(Sink::core).cloned().collect();
        if let Some(output_refs) = self.inner.family.lock_output_refs() {
            cores.extend(output_refs.iter().filter_map(OutputRef::upgrade));
        }
        cores.sort_by_key(Arc::as_ptr);
        cores.dedup_by_key(|core| Arc::as_ptr(core));
        cores
    }

    fn flush_until(&self, deadline: Option<Instant>) -> Ledger {
        // The delivery that this thread is making ends only after this call.
        if is_inside_output() {
            return self.ledger();
        }
        // Not inside a log call, where a value that is being rendered flushes, or a panic hook: two threads could wait for each other.
        let waits = !is_in_call();
        let mut calls = self.begin_wait_for_calls(waits);
        let begin = || self.begin_flushes(|core| Flush::begin(core, deadline, false));
        // Before the calls have ended, so that the queues are written meanwhile.
        let mut flushes = begin();
        let mut resolved = waits;
        if !calls.is_over() {
            resolved = self.inner.family.in_flight.wait(&mut calls, deadline);
            if resolved {
                // For what these calls have enqueued, or have written to an output that buffers.
                flushes.extend(begin());
            }
        }
        let unflushed = finish_all(flushes, deadline).fold(false, |unflushed, ledger| unflushed | ledger.unflushed);
        self.ledger_after_flush(unflushed, resolved && !unflushed)
    }

    /// Returns the ledger after a flush. If every record that was accepted before the flush is `resolved`, those that are pending were accepted
    /// later, and do not count. The records of log calls that this very thread is in do not count either: they cannot be waited for.
    fn ledger_after_flush(&self, unflushed: bool, resolved: bool) -> Ledger {
        let ledger = Ledger { unflushed, ..self.ledger() };
        let later = if resolved { ledger.pending } else { own_deliveries(&self.inner.family.in_flight) };
        ledger.without_pending(later)
    }
}
