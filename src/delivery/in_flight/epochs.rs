//! The calls of one process, told apart by the epoch in which they began: see [`in_flight`](super).

use std::time::Instant;

use super::waiters::{Sealed, Waiters};
use crate::limits::CONTEXT_FORK_GENERATIONS;
use crate::output::wake_contained;
use crate::process::{Later, fork_generation};
use crate::sync::model::{AtomicU64, OnceBox, fence};
use crate::sync::{Ordering, prepare_to_wait};

/// Bit of `begun`: calls that begin now are refused.
const CLOSED: u64 = 1 << 63;
/// Bit of `begun`: the current epoch.
const EPOCH: u64 = 1 << 62;
/// Bit of `ended`: somebody waits for the calls of this epoch.
const AWAITED: u64 = 1 << 63;

/// The calls of one process.
pub(super) struct Epochs {
    /// | bits | meaning |
    /// |---|---|
    /// | 63 | `CLOSED`: a number that is taken while this bit is set belongs to no record |
    /// | 62 | `EPOCH`: the epoch of a call that begins now; changed only under the lock of `waiters` |
    /// | 0..=61 | how many calls have begun, refused ones too |
    begun: AtomicU64,
    /// For each epoch:
    ///
    /// | bits | meaning |
    /// |---|---|
    /// | 63 | `AWAITED`: the next call that ends wakes the threads and tasks that wait |
    /// | 0..=62 | how many calls of the epoch have ended |
    ended: [AtomicU64; 2],
    /// The fork generation of the process.
    generation: usize,
    /// Made by the first who waits, or in a forked child: most contexts are never waited for while a call is in flight, and never forked.
    extra: OnceBox<Extra>,
}

/// What few contexts need.
pub(super) struct Extra {
    waiters: Waiters,
    /// The calls of forked children. A child takes no lock of its parent's waiters.
    later: Later<Epochs, CONTEXT_FORK_GENERATIONS>,
}

/// How far a wait for the calls has come that were in flight when it began.
#[derive(Debug)]
#[must_use = "a wait that is begun has waited for nothing yet"]
pub(crate) struct Wait {
    generation: usize,
    /// The number of the seal, once this wait has sealed an epoch.
    seal: Option<u64>,
    /// True if all these calls have ended.
    is_over: bool,
}

impl Wait {
    /// A wait for no call.
    pub(crate) fn for_none() -> Self {
        Wait { generation: fork_generation(), seal: None, is_over: true }
    }

    /// True if the calls have ended.
    pub(crate) fn is_over(&self) -> bool {
        // In a forked child, the calls are those of its parent.
        self.is_over || self.generation != fork_generation()
    }
}

impl Epochs {
    /// `begun` calls have begun and ended before.
    pub(super) fn new(begun: u64) -> Self {
        Epochs {
            begun: AtomicU64::new(begun),
            ended: [AtomicU64::new(begun & !CLOSED), AtomicU64::new(0)],
            generation: fork_generation(),
            extra: OnceBox::new(),
        }
    }

    /// True in a child that was forked off since this was made.
    #[inline]
    pub(super) fn is_inherited(&self) -> bool {
        self.generation != fork_generation()
    }

    /// Returns the calls of this process, which is such a child.
    #[cold]
    pub(super) fn of_child(&self) -> &Epochs {
        self.after_forks(fork_generation() - self.generation)
    }

    /// Returns the calls of the child that is so many forks away.
    pub(super) fn after_forks(&self, forks: usize) -> &Epochs {
        self.extra().later.of(forks, self, Epochs::inherit)
    }

    pub(super) fn inherit(parents: &Epochs) -> Epochs {
        // Relaxed: no other thread of this process has begun a call yet, and a fork copies the memory as it is.
        Epochs::new(parents.begun.load(Ordering::Relaxed) & !EPOCH)
    }

    /// Allocates at the first call: not under a lock, since the program's allocator may log.
    fn extra(&self) -> &Extra {
        self.extra.get_or_init(|| Box::new(Extra { waiters: Waiters::new(), later: Later::new() }))
    }

    pub(super) fn waiters(&self) -> &Waiters {
        &self.extra().waiters
    }

    #[inline]
    pub(super) fn begin(&self) -> LogCall<'_> {
        // Release, with the Acquire of `close`: if the bit is set after this number was taken, `close` reads from this
        // read-modify-write, or from a later one in the same release sequence, and so sees the deliveries that were counted as accepted
        // before it. With Relaxed, `close` could return a ledger without a delivery that is still to be written.
        LogCall { epochs: self, before: self.begun.fetch_add(1, Ordering::Release) }
    }

    pub(super) fn begun(&self) -> u64 {
        // Relaxed: a thread that must see a call has synchronised with the thread that began it, through the ledger or through `close`.
        self.begun.load(Ordering::Relaxed) & !(CLOSED | EPOCH)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.begun.load(Ordering::Acquire) & CLOSED != 0
    }

    pub(super) fn close(&self) {
        // Acquire: see `begin`. Release, with the Acquire of `is_closed`: a thread that sees the bit sees what came before the closing.
        self.begun.fetch_or(CLOSED, Ordering::AcqRel);
    }

    /// True if every call that has begun before has ended.
    fn is_idle(&self) -> bool {
        // The ends first: a call that began before is missing in them while it is in flight, and is in `begun`, which is read later and so has
        // all calls that are in the ends. The other way round, a call that begins and ends in between would stand in for it. Acquire, with the
        // Release of `end`: whoever learns that a call has ended sees what it has written and enqueued, and that it had begun.
        let ended: u64 = self.ended.iter().map(|ended| ended.load(Ordering::Acquire) & !AWAITED).sum();
        self.begun() == ended
    }

    pub(super) fn begin_wait(&self) -> Wait {
        let mut wait = Wait { generation: self.generation, seal: None, is_over: self.is_idle() };
        if !wait.is_over {
            prepare_to_wait();
            // So that calls which begin later are in another epoch, however late the caller blocks.
            self.advance(&mut self.waiters().sealed.lock(), &mut wait);
        }
        wait
    }

    pub(super) fn wait(&self, wait: &mut Wait, deadline: Option<Instant>) -> bool {
        prepare_to_wait();
        let waiters = self.waiters();
        let mut sealed = waiters.sealed.lock();
        loop {
            if self.advance(&mut sealed, wait) {
                return true;
            }
            let timed_out;
            (sealed, timed_out) = waiters.call_ended.wait_until(sealed, deadline);
            if timed_out {
                return self.advance(&mut sealed, wait);
            }
        }
    }

    /// Takes `wait` as far as it goes without blocking. False if it has to wait for calls in flight: the next of them that ends wakes it.
    pub(super) fn advance(&self, sealed: &mut Sealed, wait: &mut Wait) -> bool {
        while !wait.is_over {
            // An epoch is sealed only when every call of the other has ended. So if another seal has followed that of this wait, the calls
            // that this one waits for have ended.
            let has_later_seal = wait.seal.is_some_and(|seal| seal != sealed.seals);
            if !has_later_seal && !self.has_sealed_ended(sealed) {
                return false;
            }
            match wait.seal {
                Some(_) => wait.is_over = true,
                None => wait.seal = Some(self.seal(sealed)),
            }
        }
        true
    }

    /// True if every call of the sealed epoch has ended. Otherwise the next one that ends wakes the threads and tasks that wait.
    fn has_sealed_ended(&self, sealed: &Sealed) -> bool {
        let ended = &self.ended[((sealed.seals + 1) % 2) as usize];
        // Acquire, with the Release of `end`: whoever learns that a call has ended sees what it has counted.
        let has_ended = |ended: u64| ended & !AWAITED == sealed.begun;
        // Looked at and marked in one step: a call that ended between the two would wake nobody. Release, with the fence in `wake`, which has to
        // find `extra`.
        has_ended(ended.load(Ordering::Acquire)) || has_ended(ended.fetch_or(AWAITED, Ordering::AcqRel))
    }

    /// Seals the current epoch, now that every call of the other has ended. Returns the number of the seal.
    fn seal(&self, sealed: &mut Sealed) -> u64 {
        // Acquire and Release as in `close`: a flush reads the ledger after this.
        let before = self.begun.fetch_xor(EPOCH, Ordering::AcqRel);
        // The calls that began in neither epoch but this one.
        sealed.begun = (before & !(CLOSED | EPOCH)) - sealed.begun;
        sealed.seals += 1;
        sealed.seals
    }

    /// Ends a call that began in `epoch`.
    #[inline]
    fn end(&self, epoch: usize) {
        // Release: see `has_sealed_ended` and `is_idle`.
        if self.ended[epoch].fetch_add(1, Ordering::Release) & AWAITED != 0 {
            self.wake(epoch);
        }
    }

    #[cold]
    fn wake(&self, epoch: usize) {
        // A thread forked in the middle of a call: the parent's lock may be held for ever.
        if self.is_inherited() {
            return;
        }
        // Acquire, with the Release in `has_sealed_ended`: who has set the bit that this call has read had made `extra` before.
        fence(Ordering::Acquire);
        if let Some(extra) = self.extra.get() {
            self.wake_all(&extra.waiters, epoch);
        }
    }

    fn wake_all(&self, waiters: &Waiters, epoch: usize) {
        // The lock ensures that a thread that has set the bit is asleep by now.
        let mut sealed = waiters.sealed.lock();
        // Relaxed: all who read the bit do so in read-modify-writes, or under the lock.
        self.ended[epoch].fetch_and(!AWAITED, Ordering::Relaxed);
        let wakers = std::mem::take(&mut sealed.wakers);
        drop(sealed);
        waiters.call_ended.notify_all();
        wakers.into_iter().for_each(|(_, waker)| wake_contained(waker));
    }
}

/// A log call in flight, until it is dropped.
#[must_use = "the call ends when this is dropped"]
pub(crate) struct LogCall<'a> {
    epochs: &'a Epochs,
    /// The word `begun` before the call.
    before: u64,
}

impl LogCall<'_> {
    /// Returns the number of the call, from 1; `None` if it is refused.
    #[inline]
    pub(crate) fn number(&self) -> Option<u64> {
        (self.before & CLOSED == 0).then_some((self.before & !(CLOSED | EPOCH)) + 1)
    }
}

impl Drop for LogCall<'_> {
    #[inline]
    fn drop(&mut self) {
        self.epochs.end(usize::from(self.before & EPOCH != 0));
    }
}

#[cfg(all(test, logscope_loom))]
mod loom_tests;
