//! The guard of a lease that is held.

use std::fmt;
use std::time::Duration;

use super::backend::LeaseClaim;
use super::held::Held;
use crate::error::{Error, ErrorKind};
use crate::lock::Token;
use crate::sync::Arc;

/// Holds a [`Lease`](super::Lease) until its time is over, and releases it when dropped.
///
/// **Its life does not mean that the lease is held.** Time passes, and an operator may break it: ask [`remaining`](Self::remaining) or
/// [`verify`](Self::verify) before each step that matters, and give [`fence`](Self::fence) to whoever takes the step's result.
///
/// It may be sent to another thread and held over `.await`. A copy of it in a forked child holds nothing, renews nothing and releases nothing.
#[must_use = "the lease is released as soon as this is dropped; keep it in a variable"]
pub struct LeaseGuard {
    held: Arc<Held>,
    is_over: bool,
}

impl LeaseGuard {
    pub(super) fn new(held: Arc<Held>) -> Self {
        LeaseGuard { held, is_over: false }
    }

    /// Returns the fencing number of this holder: higher than that of every holder before it.
    ///
    /// Whoever takes what is done under the lease keeps the highest number that it has seen, and refuses what comes with a lower one.
    #[must_use]
    pub fn fence(&self) -> u64 {
        self.held.fence
    }

    /// Returns what names this holder among all.
    #[must_use]
    pub fn token(&self) -> Token {
        self.held.claim.token
    }

    /// Returns the name of the lease.
    #[must_use]
    pub fn name(&self) -> &str {
        self.held.lease.name()
    }

    /// Returns for how much longer the lease is held without renewal, or zero if it is lost.
    ///
    /// It counts from before the last renewal began, on a clock that runs while the machine is suspended, and asks nobody. That it was broken, it
    /// does not know before a renewal or [`verify`](Self::verify) has found it.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.held.remaining()
    }

    /// Checks that the lease still is this holder's: by its own clock, and by asking the backend.
    ///
    /// Where [no server](super#backends) ends leases, a look may be one of a cache that is behind, so this is a [renewal](Self::renew).
    ///
    /// What it says was so while it ran. The time may be over when it returns: see the [module](super#what-a-lease-without-fencing-cannot-promise).
    ///
    /// ```
    /// # use logscope::store::{Lease, MemoryLeases};
    /// let lease = Lease::new(MemoryLeases::new(), "uno");
    /// let guard = lease.try_acquire()?.expect("it is free");
    /// guard.verify()?;
    /// lease.break_lease()?;
    /// assert!(guard.verify().unwrap_err().is_lease_lost());
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::LeaseLost`] if its time was over, or if it was broken; the text says who has it now. It stays so. The first time is logged
    ///   at WARN.
    /// - [`ErrorKind::NotHolder`] in a forked child of the process that has it.
    /// - [`ErrorKind::Unreachable`], or another one of the backend, if it cannot be asked. The lease may still be held.
    pub fn verify(&self) -> Result<(), Error> {
        self.told(self.held.verify())
    }

    /// Lets the time begin anew.
    ///
    /// # Errors
    ///
    /// Those of [`verify`](Self::verify). With one of the backend, the old time goes on: call it again while there is [some](Self::remaining).
    pub fn renew(&self) -> Result<(), Error> {
        self.told(self.held.renew())
    }

    /// Releases the lease, and says whether it was kept until now.
    ///
    /// It touches the lease of this holder alone: never that of whoever got it later. Dropping the guard does the same, and logs an error at WARN.
    ///
    /// # Errors
    ///
    /// Those of [`verify`](Self::verify). With one of the backend, others may have to wait until the time is over.
    pub fn release(mut self) -> Result<(), Error> {
        self.is_over = true;
        self.told(self.held.release())
    }

    /// Says who has the lease: `pid 4711 (uno) on build7: nightly`.
    pub(in crate::store) fn who(&self) -> String {
        let LeaseClaim { process, owner, .. } = &self.held.claim;
        if owner.is_empty() { process.clone() } else { format!("{process}: {owner}") }
    }

    fn told(&self, result: Result<(), Error>) -> Result<(), Error> {
        if result.is_err() {
            self.held.tell();
        }
        result
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let released = self.held.release();
        self.held.tell();
        if let Err(error) = released
            // That one is told by now.
            && !error.is_lease_lost()
            // In a forked child, it never was this guard's.
            && error.kind() != ErrorKind::NotHolder
        {
            self.held.lease.log_not_released(&error);
        }
    }
}

impl fmt::Debug for LeaseGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaseGuard")
            .field("name", &self.name())
            .field("fence", &self.fence())
            .field("token", &self.token())
            .field("remaining", &self.remaining())
            .finish()
    }
}
