//! Out of the queue: what a writer thread does.

use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

use super::accounts::{Stamp, is_record, tag};
use super::{Queued, end};
use crate::clock::Clock;
use crate::record::{ContextInfo, Moment, Notice};
use crate::sink::Batch;
use crate::sink::delivery::{Put, discard, state_claim, state_gap};
use crate::sink::gap::{Claim, Loss};
use crate::sink::ledger::Delivery;
use crate::sink::queue::{Demand, Label, Stop, Taken};
use crate::sync::{AtomicBool, Ordering};

/// How many bytes are written at once, about.
const BATCH: usize = 128 << 10;

/// Says so of a queue until it is dropped.
struct AtWork<'a>(&'a AtomicBool);

impl<'a> AtWork<'a> {
    fn begin(at_work: &'a AtomicBool) -> Self {
        // Relaxed: see `Queued::is_at_work`.
        at_work.store(true, Ordering::Relaxed);
        AtWork(at_work)
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Queued {
    /// Takes a batch out and writes it, and meets the demands that are due then. `None` if another queue comes first.
    pub(super) fn pass(&self, taken: &mut Taken) -> Option<Stop> {
        let _working = end::begin_to_work();
        let _at_work = AtWork::begin(&self.at_work);
        taken.clear();
        if self.has_to_wait() {
            return None;
        }
        let mut reader = self.ring.reader();
        let stop = reader.take(taken, BATCH);
        let head = reader.head();
        // In the same turn: what was thrown out is missing before the first of those that were taken.
        let evicted = if taken.labels.is_empty() { None } else { self.evicted.claim() };
        drop(reader);
        if !taken.labels.is_empty() {
            self.progress.tell_of_room();
            self.write(taken, evicted);
            // Relaxed: see `flush_now` and `abandon`.
            self.stalled.store(false, Ordering::Relaxed);
            self.abandoned.store(false, Ordering::Relaxed);
        }
        self.accounts.settle_up_to(head);
        self.meet(self.progress.settle(head));
        Some(stop)
    }

    /// What is left to do after a panic of our own, or when the process has no thread to spare: nothing more is accepted, nobody waits, and
    /// what was taken out has failed.
    pub(super) fn give_up(&self, taken: &mut Taken) {
        self.ring.close();
        self.progress.tell_of_room();
        let lost = taken.labels.get(taken.settled..).unwrap_or_default();
        self.settle(lost, Delivery::Failed);
        taken.clear();
        for demand in self.progress.give_up() {
            demand.ticket.complete(Err(io::Error::other("the writer thread of its queue has failed")));
        }
    }

    fn meet(&self, demands: Vec<Demand>) {
        for Demand { deadline, sync, ticket } in demands {
            let left = deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
            let flushed = self.core.flush_output(left);
            ticket.complete(if sync { flushed.and_then(|()| self.core.sync()) } else { flushed });
        }
    }

    fn write<'a>(&'a self, taken: &mut Taken, mut evicted: Option<Claim<'a>>) {
        let Taken { bytes, ends, labels, settled: at } = taken;
        while *at < labels.len() {
            let owes = evicted.is_some() || self.core.has_failed() || self.unstated.is_open();
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
            self.settle(&labels[*at..done], Delivery::Written);
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
                Err(error) if *at == until => self.core.tell_unflushed(error),
                Err(error) => {
                    self.fail(labels[*at], error);
                    *at += 1;
                }
            }
        }
    }

    /// States what is missing before the record with this label.
    #[cold]
    fn state_before<'a>(&'a self, label: Label, evicted: &mut Option<Claim<'a>>) -> io::Result<()> {
        let Stamp { renderer, elapsed } = Stamp::unpack(label.stamp);
        let Some(renderer) = self.renderer(renderer) else { return Ok(()) };
        let account = self.accounts.get(label.tag);
        let nobody = ContextInfo::nobody();
        let (context, clock) = match &account {
            Some(account) => (account.info(), account.clock()),
            None => (&nobody, &Clock::System),
        };
        let moment = Moment { context, elapsed, clock, wall: Cell::new(None) };
        let put: Put<'_> = &mut |_, notice| self.core.write_notice(&renderer, notice);
        self.core.state_failed(&moment, put)?;
        state_gap(&self.unstated, Notice::Dropped, &moment, put)?;
        if let Some(claim) = evicted.take() {
            // Kept for the next record if it cannot be stated: those that have been thrown out since are missing later.
            if let Err(error) = state_claim(&claim, Notice::Dropped, &moment, put) {
                *evicted = Some(claim);
                return Err(error);
            }
            claim.stated();
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
                discard(error);
            }
            number => {
                let account = self.accounts.get(number);
                let context = account.as_ref().map_or(&nobody, |account| account.info());
                let loss = Loss { count: 1, context, elapsed: Stamp::unpack(label.stamp).elapsed };
                self.core.fail(loss, error);
                self.settle(&[label], Delivery::Failed);
            }
        }
    }

    fn settle(&self, labels: &[Label], delivery: Delivery) {
        let records = labels.iter().map(|label| label.tag).filter(|number| is_record(*number));
        let count = records.clone().count() as u64;
        if count > 0 {
            self.core.ledger().settle(delivery, count);
            self.accounts.settle(delivery, records);
        }
    }
}

/// For an output that says that all is well, and has not taken all.
#[cold]
fn took_nothing() -> io::Error {
    let reason = "it took nothing, or not all of a line, without saying why (Batch::advance tells how far a write_batch has come)";
    io::Error::new(io::ErrorKind::WriteZero, reason)
}
