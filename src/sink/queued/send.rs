//! Into the queue: what the call that logs does.

use std::io;
use std::time::{Duration, Instant};

use super::accounts::{Stamp, tag};
use super::flush::left_at_work;
use super::{Attachment, Overflow, Queued, end};
use crate::format::{Renderer, Scratch};
use crate::record::{ContextInfo, Notice, Record};
use crate::sink::fallback;
use crate::sink::gap::Loss;
use crate::sink::ledger::Delivery;
use crate::sink::queue::{Label, Pushed, Refused};
use crate::sync::{Arc, Ordering, thread};

/// How long a record that is to be flushed at once waits for that.
const FLUSH_PATIENCE: Duration = Duration::from_secs(1);

/// How long a record that is not to wait does wait, once the queue is closed, for what is in it to be written.
const CLOSE_PATIENCE: Duration = Duration::from_millis(100);

/// How often room is made again for a record whose room another has taken.
const ATTEMPTS: u32 = 1_000;

/// Why records are dropped.
const FULL: &str = "its queue is full; what is missing is counted, and stated in the log where there is room again";
const ABANDONED: &str = "the process ends, and what was queued before them is not written";

/// What became of a line that was to be put into a queue.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::sink) enum Sent {
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

/// A view of the queue: what is delivered through it, and how.
pub(in crate::sink) struct Through<'a> {
    pub(in crate::sink) renderer: &'a Renderer,
    /// The number of the renderer.
    pub(in crate::sink) number: u8,
}

impl Queued {
    /// Delivers `record`, and says what became of it if that is known: not if it is in the queue.
    #[inline]
    pub(in crate::sink) fn deliver(
        self: &Arc<Self>,
        through: &Through<'_>,
        record: &Record<'_>,
        scratch: &mut Scratch,
        attachment: Option<&Attachment>,
    ) -> Option<Delivery> {
        if end::is_forked() {
            return Some(self.deliver_in_child(through, record, scratch));
        }
        let core = &self.core;
        // Before it is in the queue, from where it may be settled at any moment.
        core.ledger().accept(1);
        let flushes = record.level() <= self.options.flush_at;
        if core.has_dropped() && self.state(through, record, flushes).is_err() {
            return Some(self.drop_record(record, FULL));
        }
        let stamp = Stamp { renderer: through.number, elapsed: record.elapsed() };
        let label = Label { tag: attachment.map_or(tag::NOBODY, |open| open.number), stamp: stamp.pack() };
        match self.send_as(flushes, label, scratch.line(through.renderer, record)) {
            Sent::Queued => {
                if flushes {
                    self.flush_now();
                }
                None
            }
            Sent::Dropped => Some(self.drop_record(record, FULL)),
            Sent::Abandoned => Some(self.drop_record(record, ABANDONED)),
            Sent::TooLong => Some(self.write_past(through, record, scratch)),
            Sent::Closed => {
                let delivery = self.write_past(through, record, scratch);
                self.pass_on();
                Some(delivery)
            }
        }
    }

    /// Puts a line into the queue.
    #[inline]
    fn send(self: &Arc<Self>, label: Label, line: &[u8]) -> Sent {
        match self.ring.push(label, line) {
            Ok(pushed) => self.sent(pushed),
            Err(refused) => self.send_refused(refused, label, line),
        }
    }

    /// The same, with some patience if it `flushes`.
    #[inline]
    fn send_as(self: &Arc<Self>, flushes: bool, label: Label, line: &[u8]) -> Sent {
        match self.send(label, line) {
            Sent::Dropped if flushes => self.send_with_patience(label, line),
            sent => sent,
        }
    }

    #[inline]
    fn sent(self: &Arc<Self>, pushed: Pushed) -> Sent {
        if pushed.wake || pushed.is_half {
            self.call();
        }
        Sent::Queued
    }

    #[cold]
    fn send_refused(self: &Arc<Self>, refused: Refused, label: Label, line: &[u8]) -> Sent {
        match (refused, self.options.overflow) {
            (Refused::Full, Overflow::Block) => {
                self.call();
                self.wait_for_room(None, label, line).unwrap_or(Sent::Dropped)
            }
            (Refused::Full, Overflow::DropOldest) => self.send_for_the_oldest(label, line),
            (Refused::Full, Overflow::DropNewest) | (Refused::TooLong, Overflow::DropNewest | Overflow::DropOldest) => {
                Sent::Dropped
            }
            (Refused::TooLong, Overflow::Block) => {
                let _ = self.wait_until_written(None);
                Sent::TooLong
            }
            // Relaxed, here and where it is set: whoever logs at that moment finds the output standing still or not.
            (Refused::Closed, _) if self.abandoned.load(Ordering::Relaxed) => Sent::Abandoned,
            (Refused::Closed, overflow) => {
                // The order of a thread's records holds even now. Not for ever: where the process ends, nobody may be left to write.
                let patience = if overflow == Overflow::Block { end::exit_deadline() } else { CLOSE_PATIENCE };
                match self.wait_until_written(Instant::now().checked_add(patience)) {
                    Some(()) => Sent::Closed,
                    None => {
                        self.abandon();
                        Sent::Abandoned
                    }
                }
            }
        }
    }

    /// Puts a line into the queue once there is room for it; `None` if the deadline passes before.
    fn wait_for_room(self: &Arc<Self>, deadline: Option<Instant>, label: Label, line: &[u8]) -> Option<Sent> {
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
    fn send_with_patience(self: &Arc<Self>, label: Label, line: &[u8]) -> Sent {
        // Relaxed: see `flush_now`.
        if self.stalled.load(Ordering::Relaxed) {
            return Sent::Dropped;
        }
        self.call();
        let sent = self.wait_for_room(Some(Instant::now() + FLUSH_PATIENCE), label, line);
        self.stalled.store(sent.is_none(), Ordering::Relaxed);
        sent.unwrap_or(Sent::Dropped)
    }

    /// Puts a line into the queue in the place of the oldest.
    fn send_for_the_oldest(self: &Arc<Self>, label: Label, line: &[u8]) -> Sent {
        for _ in 0..ATTEMPTS {
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
        Sent::Dropped
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
                self.core.ledger().settle(Delivery::Dropped, 1);
                self.accounts.settle(Delivery::Dropped, std::iter::once(number));
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
    fn state(self: &Arc<Self>, through: &Through<'_>, record: &Record<'_>, flushes: bool) -> io::Result<()> {
        let renderer = through.renderer;
        self.core.state_dropped(record, &mut |notice, record| {
            let (Notice::Dropped(count) | Notice::Failed(count)) = notice;
            let label = Label { tag: tag::DROPPED, stamp: count };
            let mut line = crate::format::scratch::Buffer::take();
            renderer.render(record, &mut line);
            match self.send_as(flushes, label, &line) {
                Sent::Queued => Ok(()),
                Sent::Dropped | Sent::Abandoned => Err(io::ErrorKind::WouldBlock.into()),
                Sent::TooLong | Sent::Closed => self.core.write_notice(renderer, record),
            }
        })
    }

    #[cold]
    fn drop_record(&self, record: &Record<'_>, why: &str) -> Delivery {
        self.core.ledger().settle(Delivery::Dropped, 1);
        self.core.drop_records(Loss::of(record), why);
        Delivery::Dropped
    }

    /// Writes `record` in this call: the queue is closed, or too short for it.
    #[cold]
    fn write_past(&self, through: &Through<'_>, record: &Record<'_>, scratch: &mut Scratch) -> Delivery {
        let renderer = through.renderer;
        let core = &self.core;
        let stated = if core.owes() { core.state(renderer, record) } else { Ok(()) };
        let delivery = match stated.and_then(|()| core.write(renderer, record, scratch)) {
            Ok(()) => Delivery::Written,
            Err(error) => core.fail(Loss::of(record), error),
        };
        core.ledger().settle(delivery, 1);
        delivery
    }

    /// Writes `record` in this call, in a process that was forked off.
    #[cold]
    fn deliver_in_child(&self, through: &Through<'_>, record: &Record<'_>, scratch: &mut Scratch) -> Delivery {
        let renderer = through.renderer;
        let core = &self.core;
        let is_own = self.forks == end::forks();
        let usable = if self.is_at_work() { Err(left_at_work()) } else { Ok(()) };
        let stated = usable.and_then(|()| match core.owes() {
            false => Ok(()),
            true if is_own => core.state(renderer, record),
            // What was dropped before the fork is the parent's to state, and a thread that is not there may hold the lock on that.
            true => core.state_but_dropped(renderer, record),
        });
        let delivery = core.settle(record, stated.and_then(|()| core.write(renderer, record, scratch)));
        // What the parent's output held back at the fork will be passed on by the parent.
        if is_own {
            self.pass_on();
        }
        delivery
    }

    /// Has the output pass on what it holds back, where nobody may come and do so later.
    #[cold]
    fn pass_on(&self) {
        if let Err(error) = self.core.flush_output(end::exit_deadline()) {
            self.core.tell_unflushed(error);
        }
    }

    /// Waits for what is in the queue to be written, unless the last such wait was in vain.
    #[cold]
    fn flush_now(self: &Arc<Self>) {
        // Relaxed, here and where it is cleared: a hint, which spares others a wait.
        if !self.stalled.load(Ordering::Relaxed) {
            let written = self.wait_until_written(Some(Instant::now() + FLUSH_PATIENCE));
            self.stalled.store(written.is_none(), Ordering::Relaxed);
        }
    }
}
