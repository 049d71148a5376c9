//! Into the queue: what the call that logs does.

use std::io;
use std::time::{Duration, Instant};

use super::accounts::{Stamp, tag};
use super::handle::OpenAccount;
use super::options::Overflow;
use super::queued::QueuedOutput;
use crate::delivery::{Fate, Loss, busy_at_fork};
use crate::fallback;
use crate::format::{Renderer, Scratch};
use crate::limits::{CLOSED_QUEUE, EVICTIONS, FLUSH_AT};
use crate::process::{exit_deadline, fork_generation, is_forked};
use crate::queue::{Label, Pushed, Refused};
use crate::record::{ContextInfo, Notice, Record};
use crate::sync::{Arc, Ordering, thread};

/// Why records are dropped.
const FULL: &str = "its queue is full; what is missing is counted, and stated in the log where there is room again";
const ABANDONED: &str = "the process ends, and what was queued before them is not written";

/// What became of a line that was to be put into a queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Enqueued {
    /// It is in the queue.
    Queued,
    /// There was no room.
    Dropped,
    /// It is too long for the queue; all that was queued before is written.
    TooLong,
    /// The queue is closed; all that was queued before is written, as far as that was to be had.
    Closed,
    /// The queue is closed, and what was queued before will not be written.
    Abandoned,
}

/// A renderer, and the number by which the queue knows it.
#[derive(Clone, Copy)]
pub(crate) struct NumberedRenderer<'a> {
    pub(crate) renderer: &'a Renderer,
    pub(crate) number: u8,
}

impl QueuedOutput {
    /// Delivers `record`, and says what became of it if that is known: not if it is in the queue.
    #[inline]
    pub(crate) fn deliver(
        self: &Arc<Self>,
        via: NumberedRenderer<'_>,
        record: &Record<'_>,
        scratch: &mut Scratch,
        account: Option<&OpenAccount>,
    ) -> Option<Fate> {
        if is_forked() {
            return Some(self.deliver_in_child(via, record, scratch));
        }
        let core = &self.core;
        // Before it is in the queue, from where it may be settled at any moment.
        core.ledger().accept(1);
        let flushes = record.level() <= self.options.flush_at;
        if core.has_dropped() && self.state(via, record, flushes).is_err() {
            return Some(self.drop_record(record, FULL));
        }
        let stamp = Stamp { renderer: via.number, elapsed: record.elapsed() };
        let label = Label { tag: account.map_or(tag::NOBODY, |open| open.number), stamp: stamp.pack() };
        match self.send_as(flushes, label, scratch.line(via.renderer, record)) {
            Enqueued::Queued => {
                if flushes {
                    self.flush_now();
                }
                None
            }
            Enqueued::Dropped => Some(self.drop_record(record, FULL)),
            Enqueued::Abandoned => Some(self.drop_record(record, ABANDONED)),
            Enqueued::TooLong => Some(self.write_past(via, record, scratch)),
            Enqueued::Closed => {
                let delivery = self.write_past(via, record, scratch);
                self.pass_on();
                Some(delivery)
            }
        }
    }

    /// Puts a line into the queue.
    #[inline]
    fn send(self: &Arc<Self>, label: Label, line: &[u8]) -> Enqueued {
        match self.ring.push(label, line) {
            Ok(pushed) => self.sent(pushed),
            Err(refused) => self.send_refused(refused, label, line),
        }
    }

    /// The same, with some patience if it `flushes`.
    #[inline]
    fn send_as(self: &Arc<Self>, flushes: bool, label: Label, line: &[u8]) -> Enqueued {
        match self.send(label, line) {
            Enqueued::Dropped if flushes => self.send_with_patience(label, line),
            sent => sent,
        }
    }

    #[inline]
    fn sent(self: &Arc<Self>, pushed: Pushed) -> Enqueued {
        if pushed.wake || pushed.is_half {
            self.call();
        }
        Enqueued::Queued
    }

    #[cold]
    fn send_refused(self: &Arc<Self>, refused: Refused, label: Label, line: &[u8]) -> Enqueued {
        match (refused, self.options.overflow) {
            (Refused::Full, Overflow::Block) => {
                self.call();
                self.wait_for_room(None, label, line).unwrap_or(Enqueued::Dropped)
            }
            (Refused::Full, Overflow::DropOldest) => self.send_for_the_oldest(label, line),
            (Refused::Full, Overflow::DropNewest) | (Refused::TooLong, Overflow::DropNewest | Overflow::DropOldest) => {
                Enqueued::Dropped
            }
            (Refused::TooLong, Overflow::Block) => {
                let _ = self.wait_until_written(None);
                Enqueued::TooLong
            }
            // Relaxed, here and where it is set: whoever logs at that moment finds the output standing still or not.
            (Refused::Closed, _) if self.abandoned.load(Ordering::Relaxed) => Enqueued::Abandoned,
            (Refused::Closed, overflow) => {
                // The order of a thread's records holds even now. Not for ever: where the process ends, nobody may be left to write.
                let patience = if overflow == Overflow::Block { exit_deadline() } else { CLOSED_QUEUE };
                match self.wait_until_written(Instant::now().checked_add(patience)) {
                    Some(_) => Enqueued::Closed,
                    None => {
                        self.abandon();
                        Enqueued::Abandoned
                    }
                }
            }
        }
    }

    /// Puts a line into the queue once there is room for it; `None` if the deadline passes before.
    fn wait_for_room(self: &Arc<Self>, deadline: Option<Instant>, label: Label, line: &[u8]) -> Option<Enqueued> {
        let result = self.progress.wait_for_room(deadline, || match self.ring.push(label, line) {
            Err(Refused::Full) => None,
            result => Some(result),
        });
        Some(match result? {
            Ok(pushed) => self.sent(pushed),
            Err(refused) => self.send_refused(refused, label, line),
        })
    }

    /// Puts the line of a record that is to be flushed at once, and for which there was no room, into the queue, unless the last wait for
    /// such a one was in vain.
    #[cold]
    fn send_with_patience(self: &Arc<Self>, label: Label, line: &[u8]) -> Enqueued {
        // Relaxed: see `flush_now`.
        if self.stalled.load(Ordering::Relaxed) {
            return Enqueued::Dropped;
        }
        self.call();
        let sent = self.wait_for_room(Some(Instant::now() + FLUSH_AT), label, line);
        self.stalled.store(sent.is_none(), Ordering::Relaxed);
        sent.unwrap_or(Enqueued::Dropped)
    }

    /// Puts a line into the queue in the place of the oldest.
    fn send_for_the_oldest(self: &Arc<Self>, label: Label, line: &[u8]) -> Enqueued {
        for _ in 0..EVICTIONS {
            let mut begins = false;
            let made = self.ring.reader().make_room(line.len(), |label| begins |= self.evict(label));
            if begins {
                let name = self.core.name();
                fallback::tell(format_args!(
                    "the oldest records in the queue of {name} are dropped, since it is full; what is missing is counted, and stated in \
                     the log where they would stand"
                ));
            }
            match self.ring.push(label, line) {
                Ok(pushed) => return self.sent(pushed),
                Err(Refused::Full) if made => {}
                // The oldest is not there yet: another thread is in the middle of it.
                Err(Refused::Full) => thread::yield_now(),
                Err(refused) => return self.send_refused(refused, label, line),
            }
        }
        Enqueued::Dropped
    }

    /// Counts a record that was thrown out of the queue; true if it is the first of an outage. Called under the reader's turn: no code of the
    /// program's runs here.
    fn evict(&self, label: Label) -> bool {
        match label.tag {
            tag::DROPPED => {
                let nobody = ContextInfo::nobody();
                self.evicted.add(Loss { count: label.stamp, context: &nobody, elapsed: Duration::ZERO })
            }
            number => {
                let elapsed = Stamp::unpack(label.stamp).elapsed;
                self.core.ledger().resolve(Fate::Dropped, 1);
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

    /// Puts what is to be stated before `record` into the queue.
    #[cold]
    fn state(self: &Arc<Self>, via: NumberedRenderer<'_>, record: &Record<'_>, flushes: bool) -> io::Result<()> {
        let renderer = via.renderer;
        self.core.put_dropped_notice(record, &mut |notice, record| {
            let (Notice::Dropped(count) | Notice::Failed(count)) = notice;
            let label = Label { tag: tag::DROPPED, stamp: count };
            let mut line = crate::format::scratch::Buffer::take();
            renderer.render(record, &mut line);
            match self.send_as(flushes, label, &line) {
                Enqueued::Queued => Ok(()),
                Enqueued::Dropped | Enqueued::Abandoned => Err(io::ErrorKind::WouldBlock.into()),
                Enqueued::TooLong | Enqueued::Closed => self.core.write_notice(renderer, record),
            }
        })
    }

    #[cold]
    fn drop_record(&self, record: &Record<'_>, why: &str) -> Fate {
        self.core.ledger().resolve(Fate::Dropped, 1);
        self.core.add_dropped(Loss::of(record), why);
        Fate::Dropped
    }

    /// Writes `record` in this call: the queue is closed, or too short for it.
    #[cold]
    fn write_past(&self, via: NumberedRenderer<'_>, record: &Record<'_>, scratch: &mut Scratch) -> Fate {
        let renderer = via.renderer;
        let core = &self.core;
        let stated = if core.has_missing() { core.write_notices(renderer, record) } else { Ok(()) };
        let delivery = match stated.and_then(|()| core.write(renderer, record, scratch)) {
            Ok(()) => Fate::Written,
            Err(error) => core.add_failed(Loss::of(record), error),
        };
        core.ledger().resolve(delivery, 1);
        delivery
    }

    /// Writes `record` in this call, in a process that was forked off.
    #[cold]
    fn deliver_in_child(&self, via: NumberedRenderer<'_>, record: &Record<'_>, scratch: &mut Scratch) -> Fate {
        let renderer = via.renderer;
        let core = &self.core;
        let is_own = self.fork_generation == fork_generation();
        let usable = if self.is_being_written() { Err(busy_at_fork()) } else { Ok(()) };
        let stated = usable.and_then(|()| match core.has_missing() {
            false => Ok(()),
            true if is_own => core.write_notices(renderer, record),
            // What was dropped before the fork is the parent's to state, and a thread that is not there may hold the lock on that.
            true => core.write_failed_notice(renderer, record),
        });
        let delivery = core.count_result(record, stated.and_then(|()| core.write(renderer, record, scratch)));
        // What the parent's output held back at the fork will be passed on by the parent.
        if is_own {
            self.pass_on();
        }
        delivery
    }

    /// Has the output pass on what it holds back, where nobody may come and do so later.
    #[cold]
    fn pass_on(&self) {
        if let Err(error) = self.core.flush_output(exit_deadline()) {
            self.core.report_unflushed(error);
        }
    }

    /// Waits for what is in the queue to be written, unless the last such wait was in vain.
    #[cold]
    fn flush_now(self: &Arc<Self>) {
        // Relaxed, here and where it is cleared: a hint, which spares others a wait.
        if !self.stalled.load(Ordering::Relaxed) {
            let written = self.wait_until_written(Some(Instant::now() + FLUSH_AT));
            self.stalled.store(written.is_none(), Ordering::Relaxed);
        }
    }
}
