//! Out of the queue: what a writer thread does.

use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

use super::accounts::{Stamp, is_record, tag};
use super::fork_gate;
use super::queued::QueuedOutput;
use crate::bytes::Batch;
use crate::clock::Clock;
use crate::delivery::{Fate, Loss, MissingClaim, PutNotice, put_claimed_notice, put_notice};
use crate::limits::BATCH_BYTES;
use crate::output::drop_error;
use crate::queue::{Drained, FlushRequest, Label, Stop};
use crate::record::{ContextInfo, Moment, Notice};
use crate::sync::{AtomicBool, Ordering};

/// Says so of a queue until it is dropped.
struct BusyFlag<'a>(&'a AtomicBool);

impl<'a> BusyFlag<'a> {
    fn begin(at_work: &'a AtomicBool) -> Self {
        // Relaxed: see `Queued::is_busy`.
        at_work.store(true, Ordering::Relaxed);
        BusyFlag(at_work)
    }
}

impl Drop for BusyFlag<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl QueuedOutput {
    /// Takes a batch out and writes it, and meets the demands that are due then. `None` if another queue comes first.
    pub(super) fn drain_batch(&self, drained: &mut Drained) -> Option<Stop> {
        let _working = fork_gate::begin_to_work();
        let _busy = BusyFlag::begin(&self.being_written);
        drained.clear();
        if self.has_to_wait() {
            return None;
        }
        let mut reader = self.ring.reader();
        let stop = reader.take(drained, BATCH_BYTES);
        let head = reader.head();
        // In the same turn: what was thrown out is missing before the first of those that were drained.
        let evicted = if drained.labels.is_empty() { None } else { self.evicted.claim() };
        drop(reader);
        if !drained.labels.is_empty() {
            self.progress.notify_room();
            self.write(drained, evicted);
            // Relaxed: see `flush_now` and `abandon`.
            self.stalled.store(false, Ordering::Relaxed);
            self.abandoned.store(false, Ordering::Relaxed);
        }
        self.accounts.release_up_to(head);
        self.complete_flushes(self.progress.take_due(head));
        Some(stop)
    }

    /// What is left to do after a panic of our own, or when the process has no thread to spare: nothing more is accepted, nobody waits, and
    /// what was taken out has failed.
    pub(super) fn give_up(&self, drained: &mut Drained) {
        self.ring.close();
        self.progress.notify_room();
        let lost = drained.labels.get(drained.settled..).unwrap_or_default();
        self.resolve(lost, Fate::Failed);
        drained.clear();
        for request in self.progress.take_all() {
            request.ticket.complete(Err(io::Error::other("the writer thread of its queue has failed")));
        }
    }

    fn complete_flushes(&self, requests: Vec<FlushRequest>) {
        for FlushRequest { deadline, sync, ticket } in requests {
            let left = deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
            let flushed = self.core.flush_output(left);
            ticket.complete(if sync { flushed.and_then(|()| self.core.sync()) } else { flushed });
        }
    }

    fn write<'a>(&'a self, drained: &mut Drained, mut evicted: Option<MissingClaim<'a>>) {
        let Drained { bytes, ends, labels, settled: at } = drained;
        while *at < labels.len() {
            let owes = evicted.is_some() || self.core.has_failed() || self.unstated.has_unclaimed();
            let is_record = is_record(labels[*at].tag);
            // Before a record: the moment of a notice is not known. It is written alone then.
            let until = if owes && !is_record { *at + 1 } else { labels.len() };
            if owes
                && is_record
                && let Err(error) = self.state_before(labels[*at], &mut evicted)
            {
                self.fail(labels[*at], error);
                *at += 1;
                continue;
            }
            let mut batch = Batch::after(&bytes[..ends[until - 1]], &ends[..until], *at);
            let result = self.core.write_batch(&mut batch);
            let done = batch.lines_done();
            self.resolve(&labels[*at..done], Fate::Written);
            let got_on = done > *at;
            *at = done;
            match result {
                // Only the end of a line could not be written.
                Ok(()) if *at == until || got_on && !batch.is_inside_a_line() => {}
                // It says that it took nothing more, or not all of a line, and not why.
                Ok(()) => {
                    self.fail(labels[*at], took_nothing());
                    *at += 1;
                }
                // An output that has taken all may say that it failed: then it is not the records that did.
                Err(error) if *at == until => self.core.report_unflushed(error),
                Err(error) => {
                    self.fail(labels[*at], error);
                    *at += 1;
                }
            }
        }
    }

    /// States what is missing before the record with this label.
    #[cold]
    fn state_before<'a>(&'a self, label: Label, evicted: &mut Option<MissingClaim<'a>>) -> io::Result<()> {
        let Stamp { renderer, elapsed } = Stamp::unpack(label.stamp);
        let Some(renderer) = self.renderer(renderer) else { return Ok(()) };
        let account = self.accounts.get(label.tag);
        let nobody = ContextInfo::nobody();
        let (context, clock) = match &account {
            Some(account) => (account.info(), account.clock()),
            None => (&nobody, &Clock::System),
        };
        let moment = Moment { context, elapsed, clock, wall: Cell::new(None) };
        let put: PutNotice<'_> = &mut |_, notice| self.core.write_notice(&renderer, notice);
        self.core.put_failed_notice(&moment, put)?;
        put_notice(&self.unstated, Notice::Dropped, &moment, put)?;
        if let Some(claim) = evicted.take() {
            // Kept for the next record if it cannot be stated: those that have been thrown out since are missing later.
            if let Err(error) = put_claimed_notice(&claim, Notice::Dropped, &moment, put) {
                *evicted = Some(claim);
                return Err(error);
            }
            claim.confirm();
        }
        Ok(())
    }

    /// Counts a record that could not be written.
    #[cold]
    fn fail(&self, label: Label, error: io::Error) {
        let nobody = ContextInfo::nobody();
        match label.tag {
            tag::DROPPED => {
                let loss = Loss { count: label.stamp, context: &nobody, elapsed: Duration::ZERO };
                self.unstated.add(loss);
                drop_error(error);
            }
            number => {
                let account = self.accounts.get(number);
                let context = account.as_ref().map_or(&nobody, |account| account.info());
                let loss = Loss { count: 1, context, elapsed: Stamp::unpack(label.stamp).elapsed };
                self.core.add_failed(loss, error);
                self.resolve(&[label], Fate::Failed);
            }
        }
    }

    fn resolve(&self, labels: &[Label], fate: Fate) {
        let records = labels.iter().map(|label| label.tag).filter(|number| is_record(*number));
        let count = records.clone().count() as u64;
        if count > 0 {
            self.core.ledger().resolve(fate, count);
            self.accounts.resolve(fate, records);
        }
    }
}

/// For an output that says that all is well, and has not taken all.
#[cold]
fn took_nothing() -> io::Error {
    let reason = "it took nothing, or not all of a line, without saying why (Batch::advance tells how far a write_batch has come)";
    io::Error::new(io::ErrorKind::WriteZero, reason)
}
