//! What a log call does with a queue: it enqueues its record, also when the queue is full, closed, or in a forked child.
//!
//! To change what a full queue does, begin at `enqueue_refused`: it applies the [`Overflow`] policy.

use std::time::{Duration, Instant};

use super::accounts::{Stamp, tag};
use super::handle::OpenAccount;
use super::options::Overflow;
use super::queued::{QueuedOutput, QueuedView};
use crate::delivery::{DueReport, Fate, Loss, put_claimed_notice};
use crate::fallback;
use crate::format::Scratch;
use crate::limits::{CLOSED_QUEUE, EVICTION_ATTEMPTS, FLUSH_AT};
use crate::output::{allocating_under_lock, is_inside_output};
use crate::process::{exit_deadline, is_forked};
use crate::queue::{Label, Patience, Pushed, Refused};
use crate::record::{ContextInfo, Notice, Record};
use crate::sync::{Arc, Ordering, thread};

/// Why records are dropped, as the fallback reports it.
const FULL: &str =
    "its queue is full; they are counted, and the log gets a notice before the next record, or when it is flushed";
const STUCK: &str = "its queue is full, and the output takes nothing; they are counted, and the log gets a notice before the next record, or \
                     when it is flushed";
const GIVEN_UP: &str = "their context is closed, and its queue did not take them in time";
const ABANDONED: &str = "the process ends, and what was queued before them is not written";

/// The result of enqueueing a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Enqueued {
    /// The line is in the queue.
    Queued,
    /// The queue has no room for the line, and the overflow policy does not wait for room.
    Dropped,
    /// The queue has no room for the line, and the output has made no progress for the time that the overflow policy waits.
    Stuck,
    /// The context of the record is closed, and nobody waits for its records any longer.
    GivenUp,
    /// The line is longer than the queue. Every record that was enqueued before is written.
    TooLong,
    /// The queue is closed. Every record that was enqueued before is written, or has failed.
    Closed,
    /// The queue is closed, and its records were not written in time.
    Abandoned,
}

/// A line that a log call enqueues.
#[derive(Clone, Copy)]
struct NewLine<'a> {
    label: Label,
    bytes: &'a [u8],
    /// The tag of the record for which the log call waits. The label of a drop notice has another one.
    record: u32,
}

/// Returns the tag of the records of a context with this account.
#[inline]
fn tag_of(account: Option<&OpenAccount>) -> u32 {
    account.map_or(tag::NOBODY, |open| open.number)
}

impl QueuedOutput {
    /// Delivers `record`. Returns its fate, or `None` if it is in the queue and so not resolved yet.
    #[inline]
    pub(crate) fn deliver<'r>(
        self: &Arc<Self>,
        via: QueuedView<'r>,
        record: &Record<'_>,
        scratch: &mut Scratch<'r>,
        account: Option<&OpenAccount>,
    ) -> Option<Fate> {
        if is_forked() {
            return Some(self.deliver_in_child(via, record, scratch));
        }
        let core = &self.core;
        // Before the record is enqueued: from then on a writer thread may resolve it at any moment.
        core.counters().accept(1);
        let flushes = self.flushes(via, record);
        if core.has_dropped()
            && let Err(fate) = self.enqueue_drop_notice(via, record, flushes, account)
        {
            return Some(fate);
        }
        let stamp = Stamp { renderer: via.number, level: record.level(), elapsed: via.renderer.elapsed(record) };
        let label = Label { tag: tag_of(account), stamp: stamp.pack() };
        let line = scratch.line(via.renderer, record);
        match self.ring.push(label, line) {
            Ok(pushed) => {
                self.pushed(pushed);
                if flushes {
                    self.wait_for_flush(self.syncs(via, record), label.tag);
                }
                None
            }
            Err(refused) => {
                // A flush of the output waits for this call: it may write the record itself.
                let _call = core.unqueued().begin();
                let enqueued = self.enqueue_refused_record(flushes, refused, label, line);
                self.deliver_refused(enqueued, via, record, scratch, label.tag)
            }
        }
    }

    /// Does with a record what became of its line, which the ring had refused at first.
    #[cold]
    fn deliver_refused<'r>(
        self: &Arc<Self>,
        enqueued: Enqueued,
        via: QueuedView<'r>,
        record: &Record<'_>,
        scratch: &mut Scratch<'r>,
        tag: u32,
    ) -> Option<Fate> {
        match enqueued {
            Enqueued::Queued => {
                if self.flushes(via, record) {
                    self.wait_for_flush(self.syncs(via, record), tag);
                }
                None
            }
            Enqueued::TooLong | Enqueued::Closed => {
                let fate = self.write_directly(via, record, scratch);
                if self.syncs(via, record) {
                    self.core.sync_record();
                } else if enqueued == Enqueued::Closed {
                    // No writer thread may do so later.
                    self.flush_output(exit_deadline());
                } else if self.flushes(via, record) {
                    self.flush_output(FLUSH_AT);
                }
                Some(fate)
            }
            Enqueued::Dropped | Enqueued::Stuck | Enqueued::GivenUp | Enqueued::Abandoned => {
                Some(self.drop_record(via, record, enqueued))
            }
        }
    }

    #[cold]
    fn enqueue_refused_record(
        self: &Arc<Self>,
        flushes: bool,
        refused: Refused,
        label: Label,
        line: &[u8],
    ) -> Enqueued {
        self.enqueue_refused_line(flushes, refused, NewLine { label, bytes: line, record: label.tag })
    }

    /// Enqueues the line of a drop notice.
    fn enqueue_notice(self: &Arc<Self>, flushes: bool, line: NewLine<'_>) -> Enqueued {
        match self.ring.push(line.label, line.bytes) {
            Ok(pushed) => self.pushed(pushed),
            Err(refused) => self.enqueue_refused_line(flushes, refused, line),
        }
    }

    /// Enqueues a line that the ring has refused, as the overflow policy says. If its record `flushes`, this waits a while for room even if the
    /// overflow policy does not.
    #[cold]
    fn enqueue_refused_line(self: &Arc<Self>, flushes: bool, refused: Refused, line: NewLine<'_>) -> Enqueued {
        match self.enqueue_refused(refused, line) {
            Enqueued::Dropped if flushes => self.enqueue_flushing(line),
            result => result,
        }
    }

    /// Schedules the queue, if the ring was idle before this push or is half full with it.
    #[inline]
    fn pushed(self: &Arc<Self>, pushed: Pushed) -> Enqueued {
        if pushed.wake || pushed.is_half {
            self.notify();
        }
        Enqueued::Queued
    }

    /// Does with a refused line what the overflow policy says.
    #[cold]
    fn enqueue_refused(self: &Arc<Self>, refused: Refused, line: NewLine<'_>) -> Enqueued {
        match (refused, self.options.overflow) {
            (Refused::Full, Overflow::Block) => {
                self.notify();
                let patience = Patience::Without(self.options.patience);
                self.enqueue_when_room(patience, line).unwrap_or(Enqueued::Stuck)
            }
            (Refused::Full, Overflow::DropOldest) => self.enqueue_evicting(line),
            (Refused::Full, Overflow::DropNewest) | (Refused::TooLong, Overflow::DropNewest | Overflow::DropOldest) => {
                Enqueued::Dropped
            }
            (Refused::TooLong, Overflow::Block) => self.wait_until_empty(line.record),
            // Relaxed, here and where it is set: a log call at that very moment may see either value.
            (Refused::Closed, _) if self.is_abandoned() => Enqueued::Abandoned,
            (Refused::Closed, overflow) => {
                // Wait, so that the order of a thread's records holds even now. Not for ever: while the process exits, there may be no writer
                // thread any more.
                let patience = if overflow == Overflow::Block { exit_deadline() } else { CLOSED_QUEUE };
                match self.wait_as_call(Instant::now().checked_add(patience), line.record, false) {
                    Some(_) => Enqueued::Closed,
                    None if self.is_given_up(line.record) => self.given_up(),
                    None => {
                        self.abandon();
                        Enqueued::Abandoned
                    }
                }
            }
        }
    }

    /// Waits until the queue is written, for a record that is longer than the queue, as long as the output makes progress.
    fn wait_until_empty(self: &Arc<Self>, tag: u32) -> Enqueued {
        loop {
            let until = self.progress.patience_ends(self.options.patience);
            if self.wait_as_call(until, tag, false).is_some() {
                return Enqueued::TooLong;
            }
            if self.is_given_up(tag) {
                return self.given_up();
            }
            // The output may have taken something meanwhile.
            let until = self.progress.patience_ends(self.options.patience);
            if until.is_some_and(|until| Instant::now() >= until) || is_forked() || is_inside_output() {
                return Enqueued::Stuck;
            }
        }
    }

    /// Returns what became of the line of a record that is given up.
    fn given_up(&self) -> Enqueued {
        if self.is_abandoned() { Enqueued::Abandoned } else { Enqueued::GivenUp }
    }

    /// Waits for room and enqueues a line. `None` if the patience ends before.
    fn enqueue_when_room(self: &Arc<Self>, patience: Patience, line: NewLine<'_>) -> Option<Enqueued> {
        // `None` if the record is given up.
        let result = self.progress.wait_for_room(patience, || match self.ring.push(line.label, line.bytes) {
            Err(Refused::Full) if self.is_given_up(line.record) => Some(None),
            Err(Refused::Full) => None,
            result => Some(Some(result)),
        });
        Some(match result? {
            None => self.given_up(),
            Some(Ok(pushed)) => self.pushed(pushed),
            Some(Err(refused)) => self.enqueue_refused(refused, line),
        })
    }

    /// Enqueues the line of a record at a level of [`Queue::flush_at`](super::Queue::flush_at) for which there was no room: waits for room,
    /// unless the last such wait was in vain.
    #[cold]
    fn enqueue_flushing(self: &Arc<Self>, line: NewLine<'_>) -> Enqueued {
        // Relaxed: see `wait_for_flush`.
        if self.stalled.load(Ordering::Relaxed) {
            return Enqueued::Dropped;
        }
        self.notify();
        let result = self.enqueue_when_room(Patience::Until(Instant::now() + FLUSH_AT), line);
        self.stalled.store(result.is_none(), Ordering::Relaxed);
        result.unwrap_or(Enqueued::Dropped)
    }

    /// Evicts the oldest records and enqueues a line in their place.
    fn enqueue_evicting(self: &Arc<Self>, line: NewLine<'_>) -> Enqueued {
        for _ in 0..EVICTION_ATTEMPTS {
            let mut due = None;
            let evicted = |label| due = self.count_evicted(label).or(due);
            let made = allocating_under_lock(|| self.ring.reader().make_room(line.bytes.len(), evicted));
            if let Some(due) = due {
                let name = self.core.name();
                let message = format_args!(
                    "the oldest records in the queue of {name} are dropped, because it is full; they are counted, and the log gets a \
                     notice in their place"
                );
                if !fallback::report_dropped(due.turn, message) {
                    self.evicted.refused(due);
                }
            }
            match self.ring.push(line.label, line.bytes) {
                Ok(pushed) => return self.pushed(pushed),
                Err(Refused::Full) if made => {}
                // Another thread has not committed the oldest record yet.
                Err(Refused::Full) => thread::yield_now(),
                Err(refused) => return self.enqueue_refused(refused, line),
            }
        }
        Enqueued::Dropped
    }

    /// Counts a record that was evicted. Returns the report that this makes due. Called under the lock of readers: no code of the program runs
    /// here.
    pub(super) fn count_evicted(&self, label: Label) -> Option<DueReport> {
        match label.tag {
            tag::DROPPED => {
                let nobody = ContextInfo::nobody();
                self.core.dropped().confirm_enqueued(label.stamp);
                self.evicted.add(Loss { count: label.stamp, context: &nobody, elapsed: Duration::ZERO })
            }
            number => {
                let Stamp { renderer, elapsed, .. } = Stamp::unpack(label.stamp);
                // Relaxed: see `write_last_notices`. Before the count, so that what is told of this record is told in its format.
                self.last_renderer.store(renderer, Ordering::Relaxed);
                self.core.counters().resolve(Fate::Dropped, 1);
                self.accounts.resolve(Fate::Dropped, std::iter::once(number));
                let account = self.accounts.get(number);
                let nobody;
                let context = match &account {
                    Some(account) => account.info(),
                    None => {
                        nobody = ContextInfo::nobody();
                        &nobody
                    }
                };
                self.evicted.add(Loss { count: 1, context, elapsed })
            }
        }
    }

    /// Enqueues the drop notice that is due before `record`. An error is the fate of `record`, which cannot follow a notice
    /// that is not in the log.
    #[cold]
    fn enqueue_drop_notice(
        self: &Arc<Self>,
        via: QueuedView<'_>,
        record: &Record<'_>,
        flushes: bool,
        account: Option<&OpenAccount>,
    ) -> Result<(), Fate> {
        let Some(claim) = self.core.dropped().claim() else { return Ok(()) };
        let renderer = via.renderer;
        // `None` if the call has written the notice itself, or failed to.
        let mut enqueued = None;
        let put = put_claimed_notice(&claim, Notice::Dropped, &record.moment(), &mut |notice, notice_record| {
            let (Notice::Dropped(count) | Notice::Failed(count)) = notice;
            let label = Label { tag: tag::DROPPED, stamp: count };
            let mut line = crate::format::buffer::Buffer::take();
            renderer.render(notice_record, &mut line);
            match self.enqueue_notice(flushes, NewLine { label, bytes: &line, record: tag_of(account) }) {
                Enqueued::TooLong | Enqueued::Closed => self.core.write_notice(renderer, notice_record),
                result => {
                    enqueued = Some(result);
                    Ok(())
                }
            }
        });
        match (put, enqueued) {
            (Ok(()), Some(Enqueued::Queued)) => claim.enqueued(),
            (Ok(()), None) => claim.confirm(),
            (Ok(()), Some(result)) => {
                drop(claim);
                return Err(self.drop_record(via, record, result));
            }
            (Err(error), _) => {
                drop(claim);
                return Err(self.count_refused(record, error));
            }
        }
        Ok(())
    }

    /// Counts `record`, whose line or whose notice is not enqueued for the reason in `enqueued`.
    #[cold]
    fn drop_record(&self, via: QueuedView<'_>, record: &Record<'_>, enqueued: Enqueued) -> Fate {
        let why = match enqueued {
            Enqueued::Stuck => STUCK,
            Enqueued::GivenUp => GIVEN_UP,
            Enqueued::Abandoned => ABANDONED,
            Enqueued::Dropped | Enqueued::Queued | Enqueued::TooLong | Enqueued::Closed => FULL,
        };
        // Relaxed: see `write_last_notices`.
        self.last_renderer.store(via.number, Ordering::Relaxed);
        self.core.counters().resolve(Fate::Dropped, 1);
        self.core.add_dropped(self.core.dropped(), Loss::of(record), why);
        self.core.note_gap();
        Fate::Dropped
    }
}
