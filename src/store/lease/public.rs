//! Taking a lease, and looking who has it.

use std::time::Duration;

use super::acquiring;
use super::acquisition::{Acquisition, Cancel};
use super::backend::LeaseHolder;
use super::bell::bell_of;
use super::errors::{cannot_break, check, failed};
use super::guard::LeaseGuard;
use super::options::Lease;
use crate::error::Error;
use crate::limits::LEASE_ATTEMPTS;

impl Lease {
    /// Fails for a name or a TTL that a lease cannot have.
    pub(in crate::store) fn check(&self) -> Result<(), Error> {
        check(self)
    }

    /// Gets the lease. Waits for it, up to `timeout`.
    ///
    /// A timeout of zero makes one attempt, and [`Duration::MAX`] waits for ever. A waiter is woken when a thread of this process releases the lease;
    /// otherwise it asks the backend at random intervals of up to 100 ms. There is no queue, but a process that has just released the lease, and
    /// asks for it by the same `Lease` or a clone, first waits for up to half of the time for which it held it, and up to 100 ms, so that others have their
    /// turn. It does not know whether there are others, so a lone process pays that, too. It is never more than half of `timeout`. With a backend
    /// [of this process](super::LeaseBackend::is_in_process), only threads that did not wait yet let those go first that did.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut) if others have the lease all the time. The text says who.
    /// - [`ErrorKind::Unreachable`](crate::ErrorKind::Unreachable) if the backend does not answer, or takes longer than the TTL; at once, without
    ///   waiting for the timeout.
    /// - [`ErrorKind::Lock`](crate::ErrorKind::Lock) if the backend cannot be used, if the name or the TTL is not one that a lease can have, or if no
    ///   [keeper](Self::keeper) can be started.
    pub fn acquire(&self, timeout: Duration) -> Result<LeaseGuard, Error> {
        Acquisition::new(self, timeout)?.wait(&Cancel::default())
    }

    /// Gets the lease, or returns `None` if somebody has it.
    ///
    /// Where [no server](super#backends) ends leases, one attempt cannot tell whether a holder is dead. A later one by the same `Lease`, or a clone of
    /// it, can: they remember since when nothing has changed.
    ///
    /// # Errors
    ///
    /// Those of [`acquire`](Self::acquire), but for the first.
    pub fn try_acquire(&self) -> Result<Option<LeaseGuard>, Error> {
        Acquisition::new(self, Duration::ZERO)?.try_once()
    }

    /// Gets the lease, in a task. Waits for it, up to `timeout` from this call on.
    ///
    /// Works with any executor: each call that is polled has a thread, on which the backend is asked and which waits. A dropped future waits no
    /// more; if its thread has just got the lease, that is released at once.
    ///
    /// The guard's own calls, its drop included, ask the backend on the thread that calls them. Where that may take long, call them on a thread
    /// for blocking work.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use logscope::store::{Lease, MemoryLeases};
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let lease = Lease::new(MemoryLeases::new(), "uno");
    /// let guard = lease.acquire_async(Duration::from_secs(60)).await?;
    /// guard.release()
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`acquire`](Self::acquire), and [`ErrorKind::Lock`](crate::ErrorKind::Lock) if that thread cannot be started.
    pub fn acquire_async(&self, timeout: Duration) -> impl Future<Output = Result<LeaseGuard, Error>> + Send + use<> {
        acquiring::acquire(self.clone(), Acquisition::new(self, timeout))
    }

    /// Returns who has the lease, as its backend knows.
    ///
    /// Where [no server](super#backends) ends leases, that may be a holder whose time is over: nobody has taken the lease over yet.
    ///
    /// ```
    /// # use logscope::store::{Lease, MemoryLeases};
    /// let lease = Lease::new(MemoryLeases::new(), "uno").owner("nightly");
    /// assert!(lease.holder()?.is_none());
    ///
    /// let guard = lease.try_acquire()?.expect("it is free");
    /// let holder = lease.holder()?.expect("it is held");
    /// assert_eq!((holder.fence, holder.owner.as_str()), (guard.fence(), "nightly"));
    /// println!("{holder}"); // held by pid 4711 (uno) on build7: nightly (fence 1)
    /// # assert!(holder.to_string().ends_with(": nightly (fence 1)"), "{holder}");
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the backend, and [`ErrorKind::Lock`](crate::ErrorKind::Lock) for a name or a TTL that a lease cannot have.
    pub fn holder(&self) -> Result<Option<LeaseHolder>, Error> {
        check(self)?;
        Ok(self.backend.observe(&self.name).map_err(|error| failed(self, error))?.holder)
    }

    /// Frees the lease, whoever has it, and returns who had it: for an operator who knows that the holder is gone.
    ///
    /// The holder is not asked and not told. Its next [renewal](LeaseGuard::renew), [check](LeaseGuard::verify) or release is an error, and is
    /// logged at WARN; with a [keeper](Self::keeper), after a third of its TTL at the latest. Until then it may go on with its work beside
    /// the next holder. The break is logged at WARN, too.
    ///
    /// # Errors
    ///
    /// Those of [`holder`](Self::holder).
    pub fn break_lease(&self) -> Result<Option<LeaseHolder>, Error> {
        check(self)?;
        // The holder may renew it in between.
        for _ in 0..LEASE_ATTEMPTS * LEASE_ATTEMPTS {
            let seen = self.backend.observe(&self.name).map_err(|error| failed(self, error))?;
            let Some(holder) = &seen.holder else { return Ok(None) };
            if self.backend.break_lease(&self.name, &seen).map_err(|error| failed(self, error))? {
                bell_of(&self.name).ring();
                self.log_broke(holder);
                return Ok(seen.holder);
            }
        }
        Err(cannot_break(self))
    }
}
