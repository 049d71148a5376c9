//! A lease that is held: what its guard and its keeper share.

use std::time::Duration;

use super::backend::{LeaseClaim, LeaseState};
use super::bell::{Bell, bell_of};
use super::clock::now;
use super::errors::{failed, fate, lost, not_holder};
use super::options::Lease;
use crate::error::Error;
use crate::lock::Owner;
use crate::sync::model::Mutex;
use crate::sync::{AtomicBool, AtomicU64, OnceLock, Ordering};

/// A lease that this process has, or has lost.
pub(super) struct Held {
    pub(super) lease: Lease,
    pub(super) claim: LeaseClaim,
    pub(super) fence: u64,
    /// When the acquisition began.
    since: Duration,
    /// Until when the holder may take the lease for its own, in nanoseconds of the clock. It counts from before the last renewal began, because the
    /// backend may have begun to count at any time after that.
    until: AtomicU64,
    /// How it was lost. Once lost, it stays so: the holder may have been told, or somebody else may have had the lease meanwhile.
    lost: OnceLock<String>,
    /// Somebody has logged that.
    is_told: AtomicBool,
    /// The guard is gone.
    has_ended: AtomicBool,
    /// Rings when the guard is gone.
    pub(super) end: Bell,
    /// Held while the backend is asked to change something: a renewal that came after a release would look like a loss.
    changing: Mutex<()>,
    /// Tells a forked child that it is one, before it waits for a lock that a thread of its parent may have held.
    owner: Owner,
}

impl Held {
    /// Notes that `claim` has the lease, by an acquisition that began at `since`.
    pub(super) fn new(lease: Lease, claim: LeaseClaim, fence: u64, since: Duration) -> Self {
        let until = AtomicU64::new(nanos(since.saturating_add(claim.ttl)));
        Held {
            lease,
            claim,
            fence,
            since,
            until,
            lost: OnceLock::new(),
            is_told: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            end: Bell::new(),
            changing: Mutex::new(()),
            owner: Owner::this_process(),
        }
    }

    /// Returns for how much longer the lease is this holder's, as far as it knows.
    pub(super) fn remaining(&self) -> Duration {
        if self.owner.is_parent() || self.lost.get().is_some() {
            return Duration::ZERO;
        }
        // Relaxed: the number stands for itself. It only grows, and a look at an older one is a shorter time.
        Duration::from_nanos(self.until.load(Ordering::Relaxed)).saturating_sub(now())
    }

    pub(super) fn has_ended(&self) -> bool {
        // Acquire, and release where it is set: who sees it sees what was done before.
        self.has_ended.load(Ordering::Acquire)
    }

    /// Has the keeper end.
    pub(super) fn end(&self) {
        self.has_ended.store(true, Ordering::Release);
        self.end.ring();
    }

    /// Checks what can be told without the backend.
    fn check_time(&self) -> Result<(), Error> {
        if self.owner.is_parent() {
            return Err(not_holder(&self.lease, "this process was forked from the one that has it"));
        }
        if let Some(how) = self.lost.get() {
            return Err(lost(&self.lease, self.fence, how));
        }
        match self.remaining() {
            Duration::ZERO => Err(self.lose(None)),
            _ => Ok(()),
        }
    }

    /// Checks that the lease still is this holder's: by its clock, and by its backend.
    pub(super) fn verify(&self) -> Result<(), Error> {
        self.check_time()?;
        let state = self.lease.backend.observe(&self.lease.name).map_err(|error| failed(&self.lease, error))?;
        let holder = state.holder.as_ref();
        match holder {
            // Where nobody but those who wait end a lease, the look may be one of a cache, which is behind. A renewal is not.
            Some(holder) if holder.token == self.claim.token && state.left.is_none() => self.renew(),
            Some(holder) if holder.token == self.claim.token => self.check_time(),
            _ => Err(self.lose(Some(&state))),
        }
    }

    /// Has the time begin anew.
    pub(super) fn renew(&self) -> Result<(), Error> {
        self.check_time()?;
        let is_own = {
            let _changing = self.changing.lock();
            if self.has_ended() {
                return Err(not_holder(&self.lease, "it was released"));
            }
            let began = now();
            let is_own =
                self.lease.backend.renew(&self.lease.name, &self.claim).map_err(|error| failed(&self.lease, error))?;
            if is_own && self.remaining() > Duration::ZERO {
                let until = nanos(began.saturating_add(self.claim.ttl));
                self.until.fetch_max(until, Ordering::Relaxed);
            }
            is_own
        };
        if is_own { self.check_time() } else { Err(self.lose_now()) }
    }

    /// Frees the lease, if it still is this holder's. Fails if it was lost before.
    pub(super) fn release(&self) -> Result<(), Error> {
        let checked = self.check_time();
        if self.owner.is_parent() {
            return checked;
        }
        self.end();
        let released = {
            let _changing = self.changing.lock();
            self.lease.backend.release(&self.lease.name, &self.claim)
        };
        let now = now();
        let (held, is_in_process) = (now.saturating_sub(self.since), self.lease.backend.is_in_process());
        self.lease.watch.get_made().lock().note_release(now, held, is_in_process);
        bell_of(&self.lease.name).ring();
        match (checked, released) {
            // Whatever the backend says: what was done under the lease may have been done beside another holder.
            (Err(error), _) => Err(error),
            (Ok(()), Err(error)) => Err(failed(&self.lease, error)),
            (Ok(()), Ok(false)) => Err(self.lose_now()),
            (Ok(()), Ok(true)) => {
                self.lease.log_released(self.fence, now.saturating_sub(self.since));
                Ok(())
            }
        }
    }

    /// Notes a loss, after a look how things are.
    #[cold]
    fn lose_now(&self) -> Error {
        let state = self.lease.backend.observe(&self.lease.name).ok();
        self.lose(state.as_ref())
    }

    /// Notes a loss.
    #[cold]
    fn lose(&self, state: Option<&LeaseState>) -> Error {
        let how = self.lost.get_or_init(|| fate(state, self.remaining_by_clock()));
        lost(&self.lease, self.fence, how)
    }

    fn remaining_by_clock(&self) -> Duration {
        Duration::from_nanos(self.until.load(Ordering::Relaxed)).saturating_sub(now())
    }

    /// Logs the loss, if there was one and it was not logged. Not while a lock is held.
    pub(super) fn tell(&self) {
        if let Some(how) = self.lost.get()
            // Relaxed: one of those who tell does so, and nothing else depends on it.
            && !self.is_told.swap(true, Ordering::Relaxed)
        {
            self.lease.log_lost(&lost(&self.lease, self.fence, how));
        }
    }
}

/// Enough for 584 years.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
