//! Log calls in flight: which of them a flush has to wait for.
//!
//! A flush of a context waits for every log call that had begun before it, and for no other. It must not compare how many calls have begun
//! with how many have ended: a call that began later and ended meanwhile would stand in for one that is still writing. So calls are told
//! apart by the *epoch* in which they began.
//!
//! There are two epochs, one of which is current. One word holds the number of calls and the current epoch, so a call takes its number and
//! learns its epoch in one step. Each epoch has a counter of the calls that have ended. A wait
//!
//! 1. waits until every call of the other epoch has ended,
//! 2. *seals* the current epoch: makes the other one current, and so learns how many calls began in the sealed one,
//! 3. waits until that many calls of the sealed epoch have ended.
//!
//! Step 1 is what makes two epochs enough. A flush whose deadline passes leaves a sealed epoch in which calls are still in flight. If the
//! next flush made that epoch current again, calls that begin later could stand in for those. Every flush has to wait for those calls anyway,
//! so it loses nothing by waiting for them first. (This is the scheme of "sleepable RCU": Paul McKenney, "Sleepable Read-Copy Update", 2006,
//! where one reader waits at a time.)
//!
//! A call in flight may still enqueue its record. So a flush *begins* to wait before it requests that the queues be written. If no call was in
//! flight then, every earlier record was in a queue when the request was made. Otherwise the flush requests once more when it has waited.
//!
//! A call costs one atomic addition at its end; its beginning is the addition that numbers its record.

mod waiters;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use waiters::{Sealed, Waiters};

use crate::limits::CONTEXT_FORK_GENERATIONS;
use crate::output::wake_contained;
use crate::process::{ForkLocal, fork_generation};
use crate::sync::model::{AtomicU64, OnceBox, fence};
use crate::sync::{Arc, Ordering, prepare_to_wait};

/// Bit of `begun`: calls that begin now are refused.
const CLOSED: u64 = 1 << 63;
/// Bit of `begun`: the current epoch.
const EPOCH: u64 = 1 << 62;
/// Bit of `ended`: somebody waits for the calls of this epoch.
const AWAITED: u64 = 1 << 63;

/// Numbers log calls, refuses them once it is closed, and knows which of them are in flight.
///
/// A forked child goes on with the numbers, and forgets the calls in flight: they are those of threads that only the parent has.
pub(crate) struct InFlight(ForkLocal<Epochs, CONTEXT_FORK_GENERATIONS>);

/// The calls of one process.
#[derive(Debug)]
struct Epochs {
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
    /// Made by the first who waits: most contexts are never waited for while a call is in flight.
    waiters: OnceBox<Waiters>,
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

impl InFlight {
    pub(crate) fn new() -> Self {
        InFlight(ForkLocal::made_here(Epochs::new(0), |parents| {
            // Relaxed: no other thread of this process has begun a call yet, and a fork copies the memory as it is.
            Epochs::new(parents.begun.load(Ordering::Relaxed) & !EPOCH)
        }))
    }

    #[inline]
    fn epochs(&self) -> &Epochs {
        self.0.get_made()
    }

    /// True in a child that was forked off since this was made.
    pub(crate) fn is_inherited(&self) -> bool {
        self.0.is_inherited()
    }

    /// Begins a call, which is in flight until the guard is dropped. The caller has counted as accepted whatever the call is about to deliver
    /// beyond one delivery.
    #[inline]
    pub(crate) fn begin(&self) -> LogCall<'_> {
        self.epochs().begin()
    }

    /// Returns how many calls have begun, refused ones too.
    pub(crate) fn begun(&self) -> u64 {
        self.epochs().begun()
    }

    /// Refuses calls from now on.
    pub(crate) fn close(&self) {
        self.epochs().close();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.epochs().begun.load(Ordering::Acquire) & CLOSED != 0
    }

    /// Begins to wait for the calls that are in flight now. Does not block. A thread that is in a call itself must not wait: see
    /// [`is_in_call`](super::is_in_call).
    pub(crate) fn begin_wait(&self) -> Wait {
        self.epochs().begin_wait()
    }

    /// Blocks until the calls have ended for which `wait` was begun. False if the deadline passes first.
    pub(crate) fn wait(&self, wait: &mut Wait, deadline: Option<Instant>) -> bool {
        wait.is_over() || self.epochs().wait(wait, deadline)
    }
}

impl Epochs {
    /// `begun` calls have begun and ended before.
    fn new(begun: u64) -> Self {
        Epochs {
            begun: AtomicU64::new(begun),
            ended: [AtomicU64::new(begun & !CLOSED), AtomicU64::new(0)],
            generation: fork_generation(),
            waiters: OnceBox::new(),
        }
    }

    /// Allocates at the first call: not under a lock, since the program's allocator may log.
    fn waiters(&self) -> &Waiters {
        self.waiters.get_or_init(|| Box::new(Waiters::new()))
    }

    #[inline]
    fn begin(&self) -> LogCall<'_> {
        // Release, with the Acquire of `close`: if the bit is set after this number was taken, `close` reads from this
        // read-modify-write, or from a later one in the same release sequence, and so sees the deliveries that were counted as accepted
        // before it. With Relaxed, `close` could return a ledger without a delivery that is still to be written.
        LogCall { epochs: self, before: self.begun.fetch_add(1, Ordering::Release) }
    }

    fn begun(&self) -> u64 {
        // Relaxed: a thread that must see a call has synchronised with the thread that began it, through the ledger or through `close`.
        self.begun.load(Ordering::Relaxed) & !(CLOSED | EPOCH)
    }

    fn close(&self) {
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

    fn begin_wait(&self) -> Wait {
        let mut wait = Wait { generation: self.generation, seal: None, is_over: self.is_idle() };
        if !wait.is_over {
            prepare_to_wait();
            // So that calls which begin later are in another epoch, however late the caller blocks.
            self.advance(&mut self.waiters().sealed.lock(), &mut wait);
        }
        wait
    }

    fn wait(&self, wait: &mut Wait, deadline: Option<Instant>) -> bool {
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
    fn advance(&self, sealed: &mut Sealed, wait: &mut Wait) -> bool {
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
        // find `waiters`.
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
        if self.generation != fork_generation() {
            return;
        }
        // Acquire, with the Release in `has_sealed_ended`: who has set the bit that this call has read had made `waiters` before.
        fence(Ordering::Acquire);
        if let Some(waiters) = self.waiters.get() {
            self.wake_all(waiters, epoch);
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

/// Waits, as a task, until the calls have ended for which a wait was begun.
pub(crate) struct CallsEnded<T> {
    owner: Arc<T>,
    in_flight: fn(&T) -> &InFlight,
    wait: Wait,
    /// The number of this task among those that wait, once it is one of them.
    task: Option<u64>,
}

impl<T> CallsEnded<T> {
    /// `in_flight` returns the calls of `owner`, with which `wait` was begun.
    pub(crate) fn new(owner: Arc<T>, in_flight: fn(&T) -> &InFlight, wait: Wait) -> Self {
        CallsEnded { owner, in_flight, wait, task: None }
    }
}

impl<T> Future for CallsEnded<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let CallsEnded { owner, in_flight, wait, task } = &mut *self;
        if wait.is_over() {
            return Poll::Ready(());
        }
        let epochs = in_flight(owner).epochs();
        // Cloned, and space for it allocated, outside the lock: both can be the program's own code, which may log.
        let mut waker = context.waker().clone();
        let mut space = Vec::new();
        prepare_to_wait();
        loop {
            let mut sealed = epochs.waiters().sealed.lock();
            if epochs.advance(&mut sealed, wait) {
                return Poll::Ready(());
            }
            if let Some((_, known)) = sealed.wakers.iter_mut().find(|(number, _)| Some(*number) == *task) {
                std::mem::swap(known, &mut waker);
                drop(sealed);
                // The old one is dropped outside the lock, too.
                drop(waker);
                return Poll::Pending;
            }
            let count = sealed.wakers.len();
            if count == sealed.wakers.capacity() {
                if space.capacity() <= count {
                    drop(sealed);
                    space = Vec::with_capacity(2 * count + 1);
                    continue;
                }
                space.append(&mut sealed.wakers);
                std::mem::swap(&mut space, &mut sealed.wakers);
            }
            let number = *task.get_or_insert_with(|| {
                sealed.last_task += 1;
                sealed.last_task
            });
            sealed.wakers.push((number, waker));
            return Poll::Pending;
        }
    }
}

impl<T> Drop for CallsEnded<T> {
    /// Forgets the waker: a dead task must not stay in memory until a call ends that stands still.
    fn drop(&mut self) {
        if let Some(task) = self.task
            && !self.wait.is_over()
        {
            let mut sealed = (self.in_flight)(&self.owner).epochs().waiters().sealed.lock();
            let place = sealed.wakers.iter().position(|(number, _)| *number == task);
            let waker = place.map(|place| sealed.wakers.swap_remove(place));
            drop(sealed);
            drop(waker);
        }
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;

#[cfg(all(test, logscope_loom))]
mod loom_tests;
