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

mod epochs;
mod waiters;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use epochs::Epochs;
pub(crate) use epochs::{LogCall, Wait};

use crate::process::watch_forks;
use crate::sync::{Arc, prepare_to_wait};

/// Numbers log calls, refuses them once it is closed, and knows which of them are in flight.
///
/// A forked child goes on with the numbers, and forgets the calls in flight: they are those of threads that only the parent has.
pub(crate) struct InFlight(Epochs);

impl InFlight {
    pub(crate) fn new() -> Self {
        watch_forks();
        InFlight(Epochs::new(0))
    }

    #[inline]
    fn epochs(&self) -> &Epochs {
        if self.is_inherited() { self.0.of_child() } else { &self.0 }
    }

    /// True in a child that was forked off since this was made.
    #[inline]
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
        self.epochs().is_closed()
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
