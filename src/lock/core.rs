//! What a mutex and a semaphore have in common: a gate, and what is counted and logged of it.

use std::future::poll_fn;
use std::panic::Location;
use std::ptr;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::gate::{Closed, Gate};
use super::log::{Label, Place, Waited};
use super::parker::Parker;
use super::stats::{Counters, LockStats, Since};
use super::waiter::{StepOut, Waiter};
use crate::limits::{LOCK_REPORT, LOCK_SAMPLES};
use crate::sync::Ordering::Relaxed;
use crate::sync::{Arc, AtomicPtr};

pub(super) struct Core {
    pub(super) gate: Gate,
    pub(super) label: Label,
    counters: Counters,
    /// Where the lock was got last, by whoever holds it unless it is free. Null before the first time.
    holder: AtomicPtr<Location<'static>>,
    /// One at a time holds it.
    is_exclusive: bool,
}

/// That somebody holds the lock. It is given back with [`Core::release`].
#[derive(Debug)]
#[must_use]
pub(super) struct Hold {
    /// Since when, if that is measured.
    since: Option<Since>,
    /// In a box, so that a hold is two words, which stay in registers.
    waited: Option<Box<Waited>>,
}

impl Core {
    pub(super) const fn new(gate: Gate, made: Place, is_exclusive: bool) -> Self {
        Core {
            gate,
            label: Label { name: None, own_name: None, made, is_silent: false },
            counters: Counters::new(),
            holder: AtomicPtr::new(ptr::null_mut()),
            is_exclusive,
        }
    }

    /// Gets the lock if it is free.
    #[inline]
    pub(super) fn try_acquire(&self, permits: u64, place: Place) -> Result<Option<Hold>, Closed> {
        Ok(self.gate.try_take(permits)?.then(|| self.hold(place)))
    }

    /// Gets the lock. If it is not free, the thread waits, for at most `timeout`.
    #[inline]
    pub(super) fn acquire(
        &self,
        permits: u64,
        timeout: Option<Duration>,
        place: Place,
    ) -> Result<Option<Hold>, Closed> {
        match self.try_acquire(permits, place)? {
            None if timeout != Some(Duration::ZERO) => self.wait(permits, timeout, place),
            hold => Ok(hold),
        }
    }

    #[cold]
    fn wait(&self, permits: u64, timeout: Option<Duration>, place: Place) -> Result<Option<Hold>, Closed> {
        let mut wait = Wait::begin(self, permits);
        // A time that the clock does not reach is no deadline.
        let deadline = timeout.and_then(|timeout| wait.since.checked_add(timeout));
        let mut next_report = LOCK_REPORT;
        let parker = Arc::new(Parker::new());
        let waker = Waker::from(Arc::clone(&parker));
        while !wait.waiter.ask(waker.clone())? {
            let until_report = wait.since.checked_add(next_report).filter(|_| !self.label.is_silent);
            let until = deadline.into_iter().chain(until_report).min();
            if parker.wait_until(until) {
                continue;
            }
            let now = Instant::now();
            let has_passed = |time: Option<Instant>| time.is_some_and(|time| time <= now);
            let (is_over, is_due) = (has_passed(deadline), has_passed(until_report));
            // In each case, the lock may have been handed to us just now.
            if is_over {
                if wait.waiter.leave() {
                    break;
                }
                return Ok(None);
            }
            if is_due {
                next_report *= 2;
                match wait.waiter.step_out() {
                    StepOut::IsGranted => break,
                    StepOut::IsOut => self.label.log_long_wait(wait.waited(now)),
                    StepOut::Stays => {}
                }
            }
        }
        Ok(Some(wait.end(place)))
    }

    /// Gets the lock, which was not free a moment ago. If it still is not, the task waits.
    ///
    /// Who calls it asks first. So a free lock needs no future but the caller's own, and what is known of the hold stays in registers.
    pub(super) async fn wait_async(&self, permits: u64, place: Place) -> Result<Hold, Closed> {
        let mut wait = Wait::begin(self, permits);
        poll_fn(|context| match wait.waiter.ask(context.waker().clone()) {
            Ok(true) => Poll::Ready(Ok(())),
            Ok(false) => Poll::Pending,
            Err(closed) => Poll::Ready(Err(closed)),
        })
        .await?;
        Ok(wait.end(place))
    }

    /// Releases the lock.
    #[inline]
    pub(super) fn release(&self, permits: u64, hold: &Hold) {
        match hold.since {
            None => self.gate.give_back(permits),
            Some(since) => self.release_measured(permits, since, hold.waited.as_deref()),
        }
    }

    #[cold]
    fn release_measured(&self, permits: u64, since: Since, waited: Option<&Waited>) {
        let held = since.elapsed();
        self.counters.held.add(held);
        self.gate.give_back(permits);
        if let Some(waited) = waited {
            self.label.log_release(*waited, held);
        }
    }

    pub(super) fn stats(&self) -> LockStats {
        self.counters.read(self.gate.waiting())
    }

    /// Notes that the caller has got the lock without a wait.
    #[inline]
    fn hold(&self, place: Place) -> Hold {
        let number = self.note(place);
        Hold { since: number.is_multiple_of(LOCK_SAMPLES).then(Since::now), waited: None }
    }

    /// Notes that the caller has got the lock. Returns how often it was got before.
    #[inline]
    fn note(&self, place: Place) -> u64 {
        // Relaxed: what it points to is never written.
        self.holder.store(ptr::from_ref(place).cast_mut(), Relaxed);
        if self.is_exclusive { self.counters.count_exclusive() } else { self.counters.count_shared() }
    }

    fn holder(&self) -> Option<Place> {
        let holder = self.holder.load(Relaxed);
        // SAFETY:
        // - The pointer is null, or that of a `Place`, a reference that is valid for ever: `note` alone stores one.
        // - Nobody writes through it.
        unsafe { holder.as_ref() }
    }
}

/// A wait that goes on. Dropping it gives up.
struct Wait<'a> {
    core: &'a Core,
    waiter: Waiter<'a>,
    since: Instant,
    holder: Option<Place>,
    has_ended: bool,
}

impl<'a> Wait<'a> {
    /// Not in line yet.
    fn begin(core: &'a Core, permits: u64) -> Self {
        let (since, holder) = (Instant::now(), core.holder());
        core.label.log_wait(holder);
        Wait { core, waiter: Waiter::new(&core.gate, permits), since, holder, has_ended: false }
    }

    fn waited(&self, now: Instant) -> Waited {
        Waited { time: now.saturating_duration_since(self.since), holder: self.holder }
    }

    /// The lock was got.
    fn end(&mut self, place: Place) -> Hold {
        self.has_ended = true;
        let now = Instant::now();
        let waited = self.waited(now);
        self.core.note(place);
        self.core.counters.waited.add(waited.time);
        Hold { since: Some(Since::at(now)), waited: Some(Box::new(waited)) }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.waiter.give_up();
            self.core.counters.count_given_up();
            self.core.label.log_given_up(self.waited(Instant::now()));
        }
    }
}
