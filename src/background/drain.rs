//! What a writer thread does with a queue: it drains a batch, writes it, resolves its records, and completes the flushes that are due.

use std::cell::Cell;
use std::io;
use std::panic::RefUnwindSafe;
use std::time::{Duration, Instant};

use tracing::Level;

use super::accounts::{Stamp, is_record, tag};
use super::fork_gate;
use super::inside::Inside;
use super::queued::QueuedOutput;
use crate::bytes::{Batch, TakenObserver};
use crate::clock::{Clock, Counted, Wall};
use crate::delivery::{Fate, Loss, MissingClaim, PutNotice, put_claimed_notice, put_notice, with_last_moment};
use crate::limits::BATCH_BYTES;
use crate::output::{allocating_under_lock, copy_error, drop_error};
use crate::process::exit_deadline;
use crate::queue::{Drained, FlushRequest, Label, Stop};
use crate::record::{ContextInfo, Moment, NOTICE_LEVEL, Notice};
use crate::sync::{AtomicBool, AtomicUsize, Ordering};

/// Marks a queue as being written, and this thread as inside its output, until this is dropped.
struct BusyFlag<'a>(&'a AtomicBool, Inside);

impl<'a> BusyFlag<'a> {
    fn begin(being_written: &'a AtomicBool) -> Self {
        // Relaxed: see `QueuedOutput::is_being_written`.
        being_written.store(true, Ordering::Relaxed);
        BusyFlag(being_written, Inside::enter())
    }
}

impl Drop for BusyFlag<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl QueuedOutput {
    /// Drains a batch, writes it, and completes the flushes that are due then. `None` if another queue must be written first.
    pub(super) fn drain_batch(&self, drained: &mut Drained) -> Option<Stop> {
        let _working = fork_gate::begin_work(Some(&self.was_late));
        drained.clear();
        if self.has_unwritten_predecessor() {
            return None;
        }
        let mut reader = self.ring.reader();
        let stop = reader.drain(drained, BATCH_BYTES);
        let head = reader.head();
        // Under the same lock of readers: the evicted records are missing from the log just before the first of the batch.
        let evicted = if drained.labels.is_empty() { None } else { self.evicted.claim() };
        drop(reader);
        if !drained.labels.is_empty() {
            self.progress.begin_batch();
            let busy = BusyFlag::begin(&self.being_written);
            self.write(drained, evicted);
            drop(busy);
            // Relaxed: see `wait_for_flush` and `abandon`.
            self.stalled.store(false, Ordering::Relaxed);
            self.abandoned.store(false, Ordering::Relaxed);
        }
        self.accounts.release_up_to(head);
        self.complete_flushes(allocating_under_lock(|| self.progress.take_due(head)), stop == Stop::Empty);
        Some(stop)
    }

    /// Closes the queue after a panic of our own, or when no writer thread can be started: the records of the batch that are not resolved
    /// have failed, and nobody goes on waiting.
    pub(super) fn give_up(&self, drained: &mut Drained) {
        self.ring.close();
        self.progress.notify_room();
        let unresolved = drained.labels.get(*drained.resolved.get_mut()..).unwrap_or_default();
        self.resolve(unresolved, Fate::Failed);
        for label in unresolved.iter().filter(|label| !is_record(label.tag)) {
            self.keep_notice(*label);
        }
        drained.clear();
        for request in allocating_under_lock(|| self.progress.take_all()) {
            request.ticket.complete(Err(io::Error::other("the writer thread of its queue has failed")));
        }
    }

    /// Completes the flushes that are due. `is_empty` if the queue has no record behind those that were written.
    fn complete_flushes(&self, requests: Vec<FlushRequest>, is_empty: bool) {
        if requests.is_empty() {
            return;
        }
        let _busy = BusyFlag::begin(&self.being_written);
        self.write_last_notices(is_empty);
        // One flush and one sync for all: whoever has the shorter deadline stops to wait by itself.
        let flushed = self.core.flush_output(time_left(&requests));
        let (syncs, flushes): (Vec<_>, Vec<_>) = requests.into_iter().partition(|request| request.sync);
        if syncs.is_empty() {
            return complete_all(flushes, flushed);
        }
        complete_all(flushes, flushed.as_ref().copied().map_err(copy_error));
        let synced = flushed.and_then(|()| self.core.sync(time_left(&syncs)));
        complete_all(syncs, synced);
    }

    /// Flushes the output if no sink holds the queue any more, and releases the file. Called when a writer thread has left the queue.
    pub(super) fn finish_if_last(&self) {
        if self.handle.lock().strong_count() > 0 {
            return;
        }
        // Now, because neither notices nor errors could be written when the output is dropped.
        self.write_last_notices(true);
        if let Err(error) = self.core.flush_output(exit_deadline()) {
            self.report_unflushed(error);
        }
        // While the queue still exists: `FileOptions::open` waits as long as it finds a queue without sinks, and then needs the file free.
        if self.is_done() {
            let keep = self.keep.lock().take();
            drop(keep);
        }
    }

    /// Reports that a flush failed for which no caller waits: when the queue ends, or the process.
    ///
    /// If no sink holds the queue, an output that never can be flushed is about to be dropped, and passes on then what it has.
    pub(crate) fn report_unflushed(&self, error: io::Error) {
        if error.kind() == io::ErrorKind::Unsupported && self.handle.lock().strong_count() == 0 {
            drop_error(error);
        } else {
            self.core.report_unflushed(error);
        }
    }

    fn write<'a>(&'a self, drained: &Drained, mut evicted: Option<MissingClaim<'a>>) {
        let Drained { bytes, ends, labels, resolved } = drained;
        let taken = TakenLines { queued: self, labels, resolved };
        if let Some(record) = labels.iter().rfind(|label| is_record(label.tag)) {
            // Relaxed: see `write_last_notices`.
            self.last_renderer.store(Stamp::unpack(record.stamp).renderer, Ordering::Relaxed);
        }
        while taken.count() < labels.len() {
            let at = taken.count();
            let has_notices = evicted.is_some() || self.core.has_failed() || self.late_drops.has_unclaimed();
            let is_record = is_record(labels[at].tag);
            // Notices are written before a record, because they take its moment. A drop notice in the queue has none: it is written alone,
            // and the others wait for the next record.
            let until = if has_notices && !is_record { at + 1 } else { labels.len() };
            if has_notices
                && is_record
                && let Err(error) = self.write_notices_before(labels[at], &mut evicted)
            {
                taken.refuse_next(error);
                continue;
            }
            let mut batch = Batch::after(&bytes[..ends[until - 1]], &ends[..until], at, &taken);
            let result = self.core.write_batch(&mut batch);
            let done = batch.lines_done();
            match result {
                // The batch is written, or the output has stopped behind a line of which only the `\n` could not be written: that line counts
                // as written, and the next round goes on behind it.
                Ok(()) if done == until || done > at && !batch.is_inside_a_line() => {}
                // The output has taken nothing, or a part of a line, and does not say why.
                Ok(()) => taken.refuse_next(took_nothing()),
                // The output has taken the whole batch and returns an error: then no record has failed.
                Err(error) if done == until => self.core.report_unflushed(error),
                Err(error) => taken.refuse_next(error),
            }
        }
    }

    /// Writes the notices of missing records that are due before the record with this label.
    #[cold]
    fn write_notices_before<'a>(&'a self, label: Label, evicted: &mut Option<MissingClaim<'a>>) -> io::Result<()> {
        let Stamp { renderer, elapsed, .. } = Stamp::unpack(label.stamp);
        let Some(renderer) = self.renderer(renderer) else { return Ok(()) };
        let account = self.accounts.get(label.tag);
        let nobody = ContextInfo::nobody();
        let (context, clock) = match &account {
            Some(account) => (account.info(), account.clock()),
            None => (&nobody, &Clock::SYSTEM),
        };
        let moment = Moment { context, elapsed, counted: Counted::Unknown, clock, wall: Cell::new(Wall::Unread) };
        let put: PutNotice<'_> = &mut |_, notice| self.core.write_notice(&renderer, notice);
        self.core.put_failed_notice(&moment, put)?;
        put_notice(&self.late_drops, Notice::Dropped, &moment, put)?;
        if let Some(claim) = evicted.take() {
            // If the notice cannot be written, keep the claim for the next record: records that were evicted since are missing after it.
            if let Err(error) = put_claimed_notice(&claim, Notice::Dropped, &moment, put) {
                *evicted = Some(claim);
                return Err(error);
            }
            claim.confirm();
        }
        Ok(())
    }

    /// Writes the notices of missing records that no record follows, because the output is about to be flushed or closed. Records that the queue
    /// had no room for are missing behind all that it has, so their notice has to wait unless the queue `is_empty`.
    pub(super) fn write_last_notices(&self, is_empty: bool) {
        let lists = [&self.late_drops, &self.evicted];
        let has_gap = is_empty && self.core.has_gap();
        if !has_gap && !self.core.has_failed() && !lists.iter().any(|missing| missing.has_unclaimed()) {
            return;
        }
        // Relaxed: only which view renders them depends on it.
        let Some(renderer) = self.renderer(self.last_renderer.load(Ordering::Relaxed)) else { return };
        let written = with_last_moment(|moment| {
            let put: PutNotice<'_> = &mut |_, notice| self.core.write_notice(&renderer, notice);
            self.core.put_failed_notice(moment, put)?;
            lists.iter().try_for_each(|missing| put_notice(missing, Notice::Dropped, moment, put))?;
            if has_gap { self.core.put_gap_notice(moment, put) } else { Ok(()) }
        });
        // The records stay missing, and the next notice counts them. That the output fails was reported when it lost the records.
        if let Err(error) = written {
            drop_error(error);
        }
    }

    /// Counts a record, or the records of a drop notice, that could not be written.
    #[cold]
    fn count_refused_line(&self, label: Label, error: io::Error) {
        let nobody = ContextInfo::nobody();
        match label.tag {
            tag::DROPPED => {
                self.keep_notice(label);
                drop_error(error);
            }
            number => {
                let account = self.accounts.get(number);
                let context = account.as_ref().map_or(&nobody, |account| account.info());
                let loss = Loss { count: 1, context, elapsed: Stamp::unpack(label.stamp).elapsed };
                let fate = self.core.add_refused(loss, error, &self.late_drops);
                self.resolve(&[label], fate);
            }
        }
    }

    /// Keeps the count of a drop notice that could not be written, for a later notice.
    #[cold]
    fn keep_notice(&self, label: Label) {
        let nobody = ContextInfo::nobody();
        self.late_drops.add(Loss { count: label.stamp, context: &nobody, elapsed: Duration::ZERO });
        self.core.dropped().confirm_enqueued(label.stamp);
    }

    /// Counts the fate of the records among these lines.
    fn resolve(&self, labels: &[Label], fate: Fate) {
        let records = labels.iter().map(|label| label.tag).filter(|number| is_record(*number));
        let count = records.clone().count() as u64;
        if count > 0 {
            self.core.counters().resolve(fate, count);
            self.accounts.resolve(fate, records);
        }
    }
}

/// The lines of a drained batch whose fate is known, because the output has taken or refused them.
///
/// They are counted while the output takes them: an output may take a second for each line.
struct TakenLines<'a> {
    queued: &'a QueuedOutput,
    labels: &'a [Label],
    /// How many lines, from the first. Relaxed: only the thread that writes the batch uses it, but a [`Batch`] is `Sync`.
    resolved: &'a AtomicUsize,
}

impl TakenLines<'_> {
    fn count(&self) -> usize {
        self.resolved.load(Ordering::Relaxed)
    }

    /// Counts the next line, which the output has refused.
    #[cold]
    fn refuse_next(&self, error: io::Error) {
        let at = self.count();
        self.resolved.store(at + 1, Ordering::Relaxed);
        self.queued.count_refused_line(self.labels[at], error);
    }
}

/// A panic of the output leaves nothing half done: whole lines are counted.
impl RefUnwindSafe for TakenLines<'_> {}

impl TakenObserver for TakenLines<'_> {
    fn level(&self, line: usize) -> Level {
        let label = self.labels[line];
        if is_record(label.tag) { Stamp::unpack(label.stamp).level } else { NOTICE_LEVEL }
    }

    fn taken(&self, lines: usize) {
        self.queued.progress.note_taken();
        let before = self.count();
        if lines <= before {
            return;
        }
        self.resolved.store(lines, Ordering::Relaxed);
        let labels = &self.labels[before..lines];
        self.queued.resolve(labels, Fate::Written);
        for label in labels.iter().filter(|label| label.tag == tag::DROPPED) {
            self.queued.core.dropped().confirm_enqueued(label.stamp);
        }
    }
}

/// Returns the time until the last of the deadlines.
fn time_left(requests: &[FlushRequest]) -> Duration {
    let left = |request: &FlushRequest| {
        request.deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()))
    };
    requests.iter().map(left).max().unwrap_or_default()
}

/// Completes the requests: the last one with the result, the others with copies of it.
fn complete_all(mut requests: Vec<FlushRequest>, result: io::Result<()>) {
    let last = requests.pop();
    for request in requests {
        request.ticket.complete(result.as_ref().copied().map_err(copy_error));
    }
    match (last, result) {
        (Some(last), result) => last.ticket.complete(result),
        (None, Err(error)) => drop_error(error),
        (None, Ok(())) => {}
    }
}

/// Returns the error of an output that has returned `Ok` without taking the lines.
#[cold]
fn took_nothing() -> io::Error {
    let reason = "it took nothing, or not all of a line, without saying why (Batch::advance tells how far a write_batch has come)";
    io::Error::new(io::ErrorKind::WriteZero, reason)
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;
