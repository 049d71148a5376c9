//! Log calls in flight: which of them a flush has to wait for.
//!
//! A flush of a context waits for every log call that had begun before it, and for no other. It must not compare how many calls have begun
//! with how many have ended: a call that began later and ended meanwhile would stand in for one that is still writing. So calls are told
//! apart by the *epoch* in which they began.
//!
//! There are two epochs, one of which is current. One word holds the number of calls and the current epoch, so a call takes its number and
//! learns its epoch in one step. Each epoch has a counter of the calls that have ended. A flush
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
//! A call costs one atomic addition at its end; its beginning is the addition that numbers its record.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::process::fork_generation;
use crate::queue::wake_contained;
use crate::sync::model::{AtomicU64, Condvar, Mutex};
use crate::sync::{Arc, Ordering, prepare_to_wait};

/// Bit of `begun`: calls that begin now are refused.
const CLOSED: u64 = 1 << 63;
/// Bit of `begun`: the current epoch.
const EPOCH: u64 = 1 << 62;
/// Bit of `ended`: somebody waits for the calls of this epoch.
const AWAITED: u64 = 1 << 63;

/// Numbers log calls, refuses them once it is closed, and knows which of them are in flight.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// | bits | meaning |
    /// |---|---|
    /// | 63 | `CLOSED`: a number that is taken while this bit is set belongs to no record |
    /// | 62 | `EPOCH`: the epoch of a call that begins now; changed only under `sealed` |
    /// | 0..=61 | how many calls have begun, refused ones too |
    begun: AtomicU64,
    /// For each epoch:
    ///
    /// | bits | meaning |
    /// |---|---|
    /// | 63 | `AWAITED`: the next call that ends wakes the threads and tasks that wait |
    /// | 0..=62 | how many calls of the epoch have ended |
    ended: [AtomicU64; 2],
    /// The fork generation of the process that made this. In a forked child, the calls in flight are those of threads that only the parent has,
    /// and so may be whoever holds the lock.
    generation: usize,
    sealed: Mutex<Sealed>,
    call_ended: Condvar,
}

/// The epoch that is not current.
#[derive(Debug)]
struct Sealed {
    /// How many calls have begun in it.
    begun: u64,
    /// How often an epoch was sealed. The current epoch is `seals % 2`.
    seals: u64,
    /// The tasks that wait.
    wakers: Vec<Waker>,
}

/// What a wait for calls has found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum CallsEnd {
    /// No call was in flight.
    NoneInFlight,
    /// Calls were in flight, and have ended.
    Ended,
    /// The deadline passed before they ended.
    TimedOut,
}

/// How far a wait for calls has come.
#[derive(Debug, Default)]
struct Wait {
    /// The number of the seal, once this wait has sealed an epoch.
    seal: Option<u64>,
    /// True if a call was in flight at some moment.
    has_waited: bool,
}

impl InFlight {
    pub(crate) fn new() -> Self {
        InFlight {
            begun: AtomicU64::new(0),
            ended: [AtomicU64::new(0), AtomicU64::new(0)],
            generation: fork_generation(),
            sealed: Mutex::new(Sealed { begun: 0, seals: 0, wakers: Vec::new() }),
            call_ended: Condvar::new(),
        }
    }

    /// Begins a call, which is in flight until the guard is dropped. The caller has counted as accepted whatever the call is about to deliver
    /// beyond one delivery.
    #[inline]
    pub(crate) fn begin(&self) -> LogCall<'_> {
        // Release, with the Acquire of `close`: if the bit is set after this number was taken, `close` reads from this
        // read-modify-write, or from a later one in the same release sequence, and so sees the deliveries that were counted as accepted
        // before it. With Relaxed, `close` could return a ledger without a delivery that is still to be written.
        LogCall { in_flight: self, before: self.begun.fetch_add(1, Ordering::Release) }
    }

    /// Returns how many calls have begun, refused ones too.
    pub(crate) fn begun(&self) -> u64 {
        // Relaxed: a thread that must see a call has synchronised with the thread that began it, through the ledger or through `close`.
        self.begun.load(Ordering::Relaxed) & !(CLOSED | EPOCH)
    }

    /// Refuses calls from now on.
    pub(crate) fn close(&self) {
        // Acquire: see `begin`. Release, with the Acquire of `is_closed`: a thread that sees the bit sees what came before the closing.
        self.begun.fetch_or(CLOSED, Ordering::AcqRel);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.begun.load(Ordering::Acquire) & CLOSED != 0
    }

    /// True in a child that was forked off since this was made.
    pub(crate) fn is_inherited(&self) -> bool {
        self.generation != fork_generation()
    }

    /// Waits until every call that has begun before has ended, but not in a forked child, which does not have the threads of its parent. A
    /// thread that is in a call itself must not wait: see [`is_in_call`](super::is_in_call).
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> CallsEnd {
        if self.is_inherited() {
            return CallsEnd::NoneInFlight;
        }
        prepare_to_wait();
        let mut wait = Wait::default();
        let mut sealed = self.sealed.lock();
        loop {
            if let Some(end) = self.advance(&mut sealed, &mut wait) {
                return end;
            }
            let timed_out;
            (sealed, timed_out) = self.call_ended.wait_until(sealed, deadline);
            if timed_out {
                return self.advance(&mut sealed, &mut wait).unwrap_or(CallsEnd::TimedOut);
            }
        }
    }

    /// Takes `wait` as far as it goes without waiting. `None` if it has to wait for calls in flight: the next of them that ends wakes it.
    fn advance(&self, sealed: &mut Sealed, wait: &mut Wait) -> Option<CallsEnd> {
        loop {
            // An epoch is sealed only when every call of the other has ended. So if another seal has followed that of this wait, the calls
            // that this one waits for have ended.
            let has_later_seal = wait.seal.is_some_and(|seal| seal != sealed.seals);
            if !has_later_seal && !self.has_sealed_ended(sealed) {
                wait.has_waited = true;
                return None;
            }
            if wait.seal.is_some() {
                return Some(if wait.has_waited { CallsEnd::Ended } else { CallsEnd::NoneInFlight });
            }
            wait.seal = Some(self.seal(sealed));
        }
    }

    /// True if every call of the sealed epoch has ended. Otherwise the next one that ends wakes the threads and tasks that wait.
    fn has_sealed_ended(&self, sealed: &Sealed) -> bool {
        let ended = &self.ended[((sealed.seals + 1) % 2) as usize];
        // Acquire, with the Release of `end`: whoever learns that a call has ended sees what it has counted.
        let has_ended = |ended: u64| ended & !AWAITED == sealed.begun;
        // Looked at and marked in one step: a call that ended between the two would wake nobody.
        has_ended(ended.load(Ordering::Acquire)) || has_ended(ended.fetch_or(AWAITED, Ordering::Acquire))
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
        // Release: see `has_sealed_ended`.
        if self.ended[epoch].fetch_add(1, Ordering::Release) & AWAITED != 0 {
            self.wake(epoch);
        }
    }

    #[cold]
    fn wake(&self, epoch: usize) {
        if self.is_inherited() {
            return;
        }
        // The lock ensures that a thread that has set the bit is asleep by now.
        let mut sealed = self.sealed.lock();
        // Relaxed: all who read the bit do so in read-modify-writes, or under the lock.
        self.ended[epoch].fetch_and(!AWAITED, Ordering::Relaxed);
        let wakers = std::mem::take(&mut sealed.wakers);
        drop(sealed);
        self.call_ended.notify_all();
        wakers.into_iter().for_each(wake_contained);
    }
}

/// A log call in flight, until it is dropped.
#[must_use = "the call ends when this is dropped"]
pub(crate) struct LogCall<'a> {
    in_flight: &'a InFlight,
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
        self.in_flight.end(usize::from(self.before & EPOCH != 0));
    }
}

/// Waits, as a task, until every call has ended that had begun before this was first polled.
pub(crate) struct CallsEnded<T> {
    owner: Arc<T>,
    in_flight: fn(&T) -> &InFlight,
    wait: Wait,
}

impl<T> CallsEnded<T> {
    /// `in_flight` returns the calls of `owner`.
    pub(crate) fn new(owner: Arc<T>, in_flight: fn(&T) -> &InFlight) -> Self {
        CallsEnded { owner, in_flight, wait: Wait::default() }
    }
}

impl<T> Future for CallsEnded<T> {
    type Output = CallsEnd;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<CallsEnd> {
        let CallsEnded { owner, in_flight, wait } = &mut *self;
        let in_flight = in_flight(owner);
        if in_flight.is_inherited() {
            return Poll::Ready(CallsEnd::NoneInFlight);
        }
        // Cloned, and space for it allocated, outside the lock: both can be the program's own code, which may log.
        let waker = context.waker().clone();
        let mut space = Vec::new();
        loop {
            let mut sealed = in_flight.sealed.lock();
            if let Some(end) = in_flight.advance(&mut sealed, wait) {
                return Poll::Ready(end);
            }
            if sealed.wakers.iter().any(|known| known.will_wake(&waker)) {
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
            sealed.wakers.push(waker);
            return Poll::Pending;
        }
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;

#[cfg(all(test, logscope_loom))]
mod loom_tests;
