//! Getting a lease: one attempt after the other, until one succeeds or the time is over.

use std::time::{Duration, Instant, SystemTime};

use super::backend::{LeaseClaim, LeaseHolder, LeaseState};
use super::bell::{Bell, bell_of};
use super::clock::now;
use super::errors::{check, failed, no_thread, timed_out, too_slow};
use super::guard::LeaseGuard;
use super::held::Held;
use super::keeper;
use super::options::Lease;
use crate::error::Error;
use crate::limits::{LEASE_ATTEMPTS, LEASE_FIRST_RETRY, LEASE_RETRY};
use crate::lock::{Token, jittered, name_of_this_process};
use crate::sync::{Arc, AtomicBool, Ordering};

/// Has an acquisition end that nobody waits for any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Cancel(Arc<AtomicBool>);

impl Cancel {
    pub(super) fn cancel(&self, lease: &Lease) {
        self.0.store(true, Ordering::Release);
        bell_of(&lease.name).ring();
    }

    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Somebody who wants a lease.
pub(super) struct Acquisition {
    lease: Lease,
    claim: LeaseClaim,
    timeout: Duration,
    pub(super) since: Instant,
    /// The same, by the clock of leases.
    began: Duration,
    /// `None` if the time is never over.
    deadline: Option<Instant>,
    /// The longest pause before the next attempt.
    pause: Duration,
    /// Who had the lease in the last attempt.
    holder: Option<LeaseHolder>,
}

/// A thread of this process that waits for a lease.
struct Wait(Lease);

impl Wait {
    fn begin(lease: &Lease) -> Self {
        lease.watch.get_made().lock().begin_wait();
        Wait(lease.clone())
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.0.watch.get_made().lock().end_wait();
    }
}

/// What came of an attempt.
enum Attempt {
    Got(LeaseGuard),
    /// Somebody has the lease, for so long at most if nothing happens.
    Taken(Duration),
}

impl Acquisition {
    pub(super) fn new(lease: &Lease, timeout: Duration) -> Result<Self, Error> {
        check(lease)?;
        let since = Instant::now();
        let claim = LeaseClaim {
            token: Token::random(),
            ttl: lease.ttl,
            owner: lease.owner.to_string(),
            process: name_of_this_process(),
            since: SystemTime::now(),
        };
        let (lease, deadline) = (lease.clone(), since.checked_add(timeout));
        let (began, pause) = (now(), LEASE_FIRST_RETRY);
        Ok(Acquisition { lease, claim, timeout, since, began, deadline, pause, holder: None })
    }

    /// Makes one attempt.
    pub(super) fn try_once(&mut self) -> Result<Option<LeaseGuard>, Error> {
        Ok(match self.attempt()? {
            Attempt::Got(guard) => Some(guard),
            Attempt::Taken(_) => None,
        })
    }

    /// Waits for the lease.
    pub(super) fn wait(mut self, cancel: &Cancel) -> Result<LeaseGuard, Error> {
        let bell = bell_of(&self.lease.name);
        let _wait = Wait::begin(&self.lease);
        let mut is_told = false;
        loop {
            let rings = bell.rings();
            if cancel.is_cancelled() {
                return Err(timed_out(&self.lease, self.timeout, self.holder.as_ref()));
            }
            if let Some(rest) = self.rest() {
                bell.wait(rings, rest);
                continue;
            }
            let left = match self.attempt()? {
                Attempt::Got(guard) => return Ok(guard),
                Attempt::Taken(left) => left,
            };
            let now = Instant::now();
            if self.deadline.is_some_and(|deadline| deadline <= now) {
                return Err(timed_out(&self.lease, self.timeout, self.holder.as_ref()));
            }
            if !is_told {
                self.lease.log_waiting(self.holder.as_ref());
                is_told = true;
            }
            self.pause(bell, rings, left, now);
        }
    }

    /// Waits until this process releases the lease, or until it is time to ask the backend again.
    fn pause(&mut self, bell: &Bell, rings: u64, left: Duration, now: Instant) {
        let pause = jittered(self.pause).min(left);
        self.pause = (self.pause * 2).min(LEASE_RETRY);
        bell.wait(rings, self.deadline.map_or(pause, |deadline| pause.min(deadline - now)));
    }

    /// Returns for how much longer this lets others go first. `None` if it need not, or if half of the time is over: the other half is for waiting.
    pub(super) fn rest(&self) -> Option<Duration> {
        let is_in_process = self.lease.backend.is_in_process();
        let rest = self.lease.watch.get_made().lock().rest(self.began, now(), is_in_process);
        let left = (self.timeout / 2).saturating_sub(self.since.elapsed());
        Some(rest.min(left)).filter(|rest| !rest.is_zero())
    }

    fn attempt(&mut self) -> Result<Attempt, Error> {
        // Others may take the lease between a look and the act. If that happens again and again, we wait as for a holder.
        for _ in 0..LEASE_ATTEMPTS {
            let seen = self.lease.backend.observe(&self.lease.name).map_err(|error| failed(&self.lease, error))?;
            // After the look: see `Watch::left`.
            let left = self.lease.watch.get_made().lock().left(&seen, now());
            // An attempt has succeeded, and its answer was lost: a repeated request, and then a listing that was behind.
            let is_own = seen.holder.as_ref().is_some_and(|holder| holder.token == self.claim.token);
            if left > Duration::ZERO && !is_own {
                self.holder = seen.holder;
                return Ok(Attempt::Taken(left));
            }
            if let Some(guard) = self.take(seen)? {
                return Ok(Attempt::Got(guard));
            }
        }
        self.holder = None;
        Ok(Attempt::Taken(Duration::MAX))
    }

    /// Takes the lease, if it still is as it was seen.
    fn take(&mut self, seen: LeaseState) -> Result<Option<LeaseGuard>, Error> {
        let Lease { backend, name, .. } = &self.lease;
        let began = now();
        let fence = match backend.acquire(name, &seen, &self.claim) {
            Ok(Some(fence)) => fence,
            Ok(None) => return Ok(None),
            Err(error) => {
                // It may have been got all the same, and nobody would release it.
                let _ = backend.release(name, &self.claim);
                return Err(failed(&self.lease, error));
            }
        };
        let held = Arc::new(Held::new(self.lease.clone(), self.claim.clone(), fence, began));
        if let Some(before) = seen.holder.as_ref().filter(|before| before.token != self.claim.token) {
            self.lease.log_took_over(fence, before);
        }
        if held.remaining().is_zero() {
            // Nobody has worked under it. What may be left of it is freed for others.
            let _ = held.release();
            return Err(too_slow(&self.lease));
        }
        let guard = LeaseGuard::new(Arc::clone(&held));
        if self.lease.has_keeper {
            keeper::start(&held).map_err(|error| no_thread(&self.lease, "that renews", error))?;
        }
        self.lease.log_got(fence, self.since.elapsed());
        Ok(Some(guard))
    }
}
