//! A number of permits for threads and tasks.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use super::core::{Core, Hold};
use super::gate::{Closed, Gate};
use super::log::Place;
use super::stats::LockStats;
use super::word::MAX_PERMITS;
use crate::error::{Error, ErrorKind};

/// Lets a number of threads and tasks through at once: one limit for both.
///
/// ```
/// use logscope::lock::Semaphore;
///
/// static LINKERS: Semaphore = Semaphore::new(2).named("linkers");
///
/// let permit = LINKERS.acquire()?;
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let other = LINKERS.acquire_async().await?;
/// assert!(LINKERS.try_acquire()?.is_none());
/// # Ok::<(), logscope::Error>(())
/// # })?;
/// drop(permit);
/// # assert_eq!(LINKERS.available(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// First come, first served: while somebody waits for many permits, nobody behind takes the few that are free. The [module](super) says what
/// holds for all locks: panics, what is logged, and limits.
pub struct Semaphore {
    pub(super) core: Core,
    permits: usize,
}

impl Semaphore {
    /// The most permits that a semaphore can have.
    pub const MAX_PERMITS: usize = if usize::BITS < 64 { usize::MAX } else { MAX_PERMITS as usize };

    /// Makes a semaphore with so many permits, all of them free.
    ///
    /// # Panics
    ///
    /// If there are more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS).
    #[must_use]
    #[track_caller]
    pub const fn new(permits: usize) -> Self {
        assert!(permits <= Semaphore::MAX_PERMITS, "a semaphore has at most `Semaphore::MAX_PERMITS` permits");
        // No turns: nobody is faster than the first in line, which may have to collect many permits.
        Semaphore { core: Core::new(Gate::new(permits as u64, 0), Location::caller(), false), permits }
    }

    /// Names the semaphore, for the log. Without a name it is called after the place where it was made.
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.core.label.name = Some(name);
        self
    }

    /// Has the semaphore log nothing, if `silent`: for locks that an output or a subscriber takes.
    #[must_use]
    pub const fn silent(mut self, silent: bool) -> Self {
        self.core.label.is_silent = silent;
        self
    }

    /// Takes a permit. The thread waits until one is free.
    ///
    /// In a task, use [`acquire_async`](Semaphore::acquire_async): this call blocks the executor's thread.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] if the semaphore is closed, also while the thread waits.
    #[track_caller]
    pub fn acquire(&self) -> Result<SemaphorePermit<'_>, Error> {
        self.acquire_many(1)
    }

    /// Takes so many permits at once. The thread waits until they are free.
    ///
    /// ```
    /// let memory = logscope::lock::Semaphore::new(16).named("gigabytes");
    /// let linker = memory.acquire_many(12)?;
    /// assert_eq!(memory.available(), 4);
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] if the semaphore is closed, also while the thread waits.
    ///
    /// # Panics
    ///
    /// If the semaphore has fewer permits, because the wait would never end.
    #[track_caller]
    pub fn acquire_many(&self, permits: usize) -> Result<SemaphorePermit<'_>, Error> {
        let hold = self.core.acquire(self.checked(permits), None, Location::caller());
        let hold = hold.map_err(|closed| self.error(closed))?.expect("a wait without an end ends with the permits");
        Ok(SemaphorePermit { semaphore: self, permits, hold })
    }

    /// Takes a permit. The task waits until one is free, and blocks no thread.
    ///
    /// The future may be dropped at any time, as a time-out does. It then loses its place in line and nothing else.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] if the semaphore is closed, also while the task waits.
    #[track_caller]
    pub fn acquire_async(&self) -> impl Future<Output = Result<SemaphorePermit<'_>, Error>> {
        self.acquire_many_async(1)
    }

    /// Takes so many permits at once. The task waits until they are free, and blocks no thread.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] if the semaphore is closed, also while the task waits.
    ///
    /// # Panics
    ///
    /// If the semaphore has fewer permits, because the wait would never end.
    #[track_caller]
    pub fn acquire_many_async(&self, permits: usize) -> impl Future<Output = Result<SemaphorePermit<'_>, Error>> {
        let (wanted, place) = (self.checked(permits), Location::caller());
        async move {
            let hold = match self.core.try_acquire(wanted, place).map_err(|closed| self.error(closed))? {
                Some(hold) => hold,
                None => self.core.wait_async(wanted, place).await.map_err(|closed| self.error(closed))?,
            };
            Ok(SemaphorePermit { semaphore: self, permits, hold })
        }
    }

    /// Takes a permit if one is free and nobody waits, and returns `None` if not.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] if the semaphore is closed.
    #[track_caller]
    pub fn try_acquire(&self) -> Result<Option<SemaphorePermit<'_>>, Error> {
        self.try_acquire_many(1)
    }

    /// Takes so many permits at once if they are free and nobody waits, and returns `None` if not.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] if the semaphore is closed.
    #[track_caller]
    pub fn try_acquire_many(&self, permits: usize) -> Result<Option<SemaphorePermit<'_>>, Error> {
        let hold = self.try_hold(permits, Location::caller())?;
        Ok(hold.map(|hold| SemaphorePermit { semaphore: self, permits, hold }))
    }

    /// Takes a permit. The thread waits until one is free, or `timeout` is over on the monotonic clock: then the result is `None`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] if the semaphore is closed, also while the thread waits.
    #[track_caller]
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Option<SemaphorePermit<'_>>, Error> {
        self.acquire_many_timeout(1, timeout)
    }

    /// Takes so many permits at once. The thread waits until they are free, or `timeout` is over on the monotonic clock.
    ///
    /// Then the result is `None`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] if the semaphore is closed, also while the thread waits.
    ///
    /// # Panics
    ///
    /// If the semaphore has fewer permits, because it would never have them.
    #[track_caller]
    pub fn acquire_many_timeout(
        &self,
        permits: usize,
        timeout: Duration,
    ) -> Result<Option<SemaphorePermit<'_>>, Error> {
        let hold = self.core.acquire(self.checked(permits), Some(timeout), Location::caller());
        let hold = hold.map_err(|closed| self.error(closed))?;
        Ok(hold.map(|hold| SemaphorePermit { semaphore: self, permits, hold }))
    }

    /// Closes the semaphore: who waits, and whoever asks later, gets an error. Permits that are out stay good.
    ///
    /// ```
    /// let jobs = logscope::lock::Semaphore::new(1).named("jobs");
    /// jobs.close();
    /// let error = jobs.acquire().unwrap_err();
    /// assert!(error.is_closed());
    /// assert_eq!(error.to_string(), "jobs is closed, and gives no more permits");
    /// ```
    pub fn close(&self) {
        self.core.gate.close();
    }

    /// True once the semaphore was [closed](Semaphore::close).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.core.gate.is_closed()
    }

    /// Returns how many permits are free. Those that somebody who waits for several has collected are not.
    #[must_use]
    pub fn available(&self) -> usize {
        usize::try_from(self.core.gate.free()).unwrap_or(usize::MAX)
    }

    /// Tells how often and how long permits were waited for and held. A request for several permits counts once.
    #[must_use]
    pub fn stats(&self) -> LockStats {
        self.core.stats()
    }

    #[track_caller]
    pub(super) fn checked(&self, permits: usize) -> u64 {
        let all = self.permits;
        assert!(
            permits <= all,
            "{} has {all} permits, and will never have the {permits} that are asked for",
            self.core.label
        );
        permits as u64
    }

    /// Takes permits if they are free. More than there are never are.
    pub(super) fn try_hold(&self, permits: usize, place: Place) -> Result<Option<Hold>, Error> {
        if permits > self.permits {
            return if self.is_closed() { Err(self.error(Closed)) } else { Ok(None) };
        }
        self.core.try_acquire(permits as u64, place).map_err(|closed| self.error(closed))
    }

    #[cold]
    pub(super) fn error(&self, Closed: Closed) -> Error {
        Error::new(ErrorKind::Closed, format!("{} is closed, and gives no more permits", self.core.label))
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("name", &format_args!("{}", self.core.label))
            .field("permits", &self.permits)
            .field("available", &self.available())
            .field("is_closed", &self.is_closed())
            .finish()
    }
}

/// Gives permits of a [`Semaphore`] back when it is dropped, on whatever thread.
#[derive(Debug)]
#[must_use = "the permits are given back when this is dropped: bind it to a variable for as long as you need them"]
pub struct SemaphorePermit<'a> {
    semaphore: &'a Semaphore,
    permits: usize,
    hold: Hold,
}

impl SemaphorePermit<'_> {
    /// Returns how many permits these are.
    #[must_use]
    pub fn permits(&self) -> usize {
        self.permits
    }
}

impl Drop for SemaphorePermit<'_> {
    fn drop(&mut self) {
        self.semaphore.core.release(self.permits as u64, &self.hold);
    }
}
