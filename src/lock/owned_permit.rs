//! Permits that own a count of their semaphore, and so have no lifetime.

use std::future::Future;
use std::panic::Location;
use std::time::Duration;

use super::core::Hold;
use super::semaphore::Semaphore;
use crate::error::Error;
use crate::sync::Arc;

/// Gives permits of a [`Semaphore`] back when it is dropped, and holds a count of the semaphore.
///
/// As [`SemaphorePermit`](super::SemaphorePermit), without its lifetime; from [`Semaphore::acquire_owned`] and its twins.
#[derive(Debug)]
#[must_use = "the permits are given back when this is dropped: bind it to a variable for as long as you need them"]
pub struct OwnedSemaphorePermit {
    semaphore: Arc<Semaphore>,
    permits: usize,
    hold: Hold,
}

impl OwnedSemaphorePermit {
    /// Returns how many permits these are.
    #[must_use]
    pub fn permits(&self) -> usize {
        self.permits
    }
}

impl Drop for OwnedSemaphorePermit {
    fn drop(&mut self) {
        self.semaphore.core.release(self.permits as u64, &self.hold);
    }
}

/// Permits that own a count of the semaphore, and so can go anywhere.
impl Semaphore {
    /// Takes a permit as [`acquire`](Semaphore::acquire) does. The permit owns a count of the semaphore.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the semaphore is closed, also while the thread waits.
    #[track_caller]
    pub fn acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, Error> {
        self.acquire_many_owned(1)
    }

    /// Takes so many permits at once as [`acquire_many`](Semaphore::acquire_many) does. They own a count of the semaphore.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the semaphore is closed, also while the thread waits.
    ///
    /// # Panics
    ///
    /// If the semaphore has fewer permits, because the wait would never end.
    #[track_caller]
    pub fn acquire_many_owned(self: Arc<Self>, permits: usize) -> Result<OwnedSemaphorePermit, Error> {
        let hold = self.core.acquire(self.checked(permits), None, Location::caller());
        let hold = hold.map_err(|closed| self.error(closed))?.expect("a wait without an end ends with the permits");
        Ok(OwnedSemaphorePermit { semaphore: self, permits, hold })
    }

    /// Takes a permit as [`acquire_async`](Semaphore::acquire_async) does. The permit owns a count of the semaphore.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let jobs = Arc::new(logscope::lock::Semaphore::new(4).named("jobs"));
    /// for job in 0..100 {
    ///     let permit = Arc::clone(&jobs).acquire_owned_async().await?;
    ///     tokio::spawn(async move {
    ///         // ... at most four at once ...
    ///         drop(permit);
    ///     });
    /// }
    /// # Ok::<(), logscope::Error>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the semaphore is closed, also while the task waits.
    #[track_caller]
    pub fn acquire_owned_async(self: Arc<Self>) -> impl Future<Output = Result<OwnedSemaphorePermit, Error>> {
        self.acquire_many_owned_async(1)
    }

    /// Takes so many permits at once as [`acquire_many_async`](Semaphore::acquire_many_async) does. They own a count of the semaphore.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the semaphore is closed, also while the task waits.
    ///
    /// # Panics
    ///
    /// If the semaphore has fewer permits, because the wait would never end.
    #[track_caller]
    pub fn acquire_many_owned_async(
        self: Arc<Self>,
        permits: usize,
    ) -> impl Future<Output = Result<OwnedSemaphorePermit, Error>> {
        let (wanted, place) = (self.checked(permits), Location::caller());
        async move {
            let hold = match self.core.try_acquire(wanted, place).map_err(|closed| self.error(closed))? {
                Some(hold) => hold,
                None => self.core.wait_async(wanted, place).await.map_err(|closed| self.error(closed))?,
            };
            Ok(OwnedSemaphorePermit { semaphore: self, permits, hold })
        }
    }

    /// Takes a permit as [`try_acquire`](Semaphore::try_acquire) does. The permit owns a count of the semaphore.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// let jobs = Arc::new(logscope::lock::Semaphore::new(1).named("jobs"));
    /// let permit = Arc::clone(&jobs).try_acquire_owned()?.expect("it is free");
    /// assert!(Arc::clone(&jobs).try_acquire_owned()?.is_none());
    /// std::thread::spawn(move || drop(permit)).join().unwrap();
    /// assert_eq!(jobs.available(), 1);
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the semaphore is closed.
    #[track_caller]
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<Option<OwnedSemaphorePermit>, Error> {
        self.try_acquire_many_owned(1)
    }

    /// Takes so many permits at once as [`try_acquire_many`](Semaphore::try_acquire_many) does. They own a count of the semaphore.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the semaphore is closed.
    #[track_caller]
    pub fn try_acquire_many_owned(self: Arc<Self>, permits: usize) -> Result<Option<OwnedSemaphorePermit>, Error> {
        let hold = self.try_hold(permits, Location::caller())?;
        Ok(hold.map(|hold| OwnedSemaphorePermit { semaphore: self, permits, hold }))
    }

    /// Takes a permit as [`acquire_timeout`](Semaphore::acquire_timeout) does. The permit owns a count of the semaphore.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the semaphore is closed, also while the thread waits.
    #[track_caller]
    pub fn acquire_owned_timeout(self: Arc<Self>, timeout: Duration) -> Result<Option<OwnedSemaphorePermit>, Error> {
        self.acquire_many_owned_timeout(1, timeout)
    }

    /// Takes so many permits at once as [`acquire_many_timeout`](Semaphore::acquire_many_timeout) does. They own a count of the semaphore.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the semaphore is closed, also while the thread waits.
    ///
    /// # Panics
    ///
    /// If the semaphore has fewer permits, because it would never have them.
    #[track_caller]
    pub fn acquire_many_owned_timeout(
        self: Arc<Self>,
        permits: usize,
        timeout: Duration,
    ) -> Result<Option<OwnedSemaphorePermit>, Error> {
        let hold = self.core.acquire(self.checked(permits), Some(timeout), Location::caller());
        let hold = hold.map_err(|closed| self.error(closed))?;
        Ok(hold.map(|hold| OwnedSemaphorePermit { semaphore: self, permits, hold }))
    }
}
