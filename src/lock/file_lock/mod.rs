//! Locks between processes.

mod acquiring;
mod acquisition;
mod at;
#[cfg(feature = "store")]
mod before;
mod errors;
mod guard;
mod held;
mod holder;
mod identity;
mod lock_file;
mod log;
mod mode;
mod options;
mod place;
mod record;
mod records;
mod text;
mod timer;
mod wake_up;

use std::time::Duration;

use acquiring::Acquiring;
use acquisition::{Acquisition, Step};
#[cfg(feature = "store")]
pub(crate) use before::before;
use errors::unknown;
pub use guard::FileLockGuard;
pub use holder::Holder;
#[cfg(feature = "store")]
pub(crate) use lock_file::Owner;
use mode::Mode;
pub use options::FileLock;
#[cfg(feature = "store")]
pub(crate) use place::name_of_this_process;
use records::Records;
#[cfg(feature = "store")]
pub(crate) use text::{Shown, one_line};
#[cfg(feature = "testing")]
pub(crate) use wake_up::WakeUp;

use super::token::Token;
use crate::error::Error;
use crate::sync::thread;

impl FileLock {
    /// Gets the lock for this holder alone. Waits for it, up to `timeout`.
    ///
    /// A timeout of zero makes one attempt, and [`Duration::MAX`] waits for ever. The time is that of a monotonic clock.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut) if somebody else holds the lock all the time. The text says who, as far as it is known.
    /// - [`ErrorKind::Lock`](crate::ErrorKind::Lock) if the lock's file or folder cannot be made, if something else than a file is there, or if the file
    ///   system has no locks.
    pub fn acquire(&self, timeout: Duration) -> Result<FileLockGuard, Error> {
        self.wait(Mode::Exclusive, timeout)
    }

    /// Gets the lock for this holder and all others who want it shared. Waits for it, up to `timeout`.
    ///
    /// Who wants it alone may wait for long if the lock is always shared by somebody.
    ///
    /// # Errors
    ///
    /// Those of [`acquire`](Self::acquire).
    pub fn acquire_shared(&self, timeout: Duration) -> Result<FileLockGuard, Error> {
        self.wait(Mode::Shared, timeout)
    }

    /// Gets the lock for this holder alone, or returns `None` if somebody has it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Lock`](crate::ErrorKind::Lock), as [`acquire`](Self::acquire).
    pub fn try_acquire(&self) -> Result<Option<FileLockGuard>, Error> {
        Acquisition::new(self, Mode::Exclusive, Duration::ZERO).try_once()
    }

    /// Gets the lock for this holder and all others who want it shared, or returns `None` if somebody has it alone.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Lock`](crate::ErrorKind::Lock), as [`acquire`](Self::acquire).
    pub fn try_acquire_shared(&self) -> Result<Option<FileLockGuard>, Error> {
        Acquisition::new(self, Mode::Shared, Duration::ZERO).try_once()
    }

    /// Gets the lock for this holder alone, in a task. Waits for it, up to `timeout` from this call on.
    ///
    /// Works with any executor: a thread of the library wakes all tasks that wait. A dropped future waits no more and holds nothing. An
    /// attempt is made in the task itself; it opens, locks and writes small files, which takes some ten microseconds on a local disk. Where
    /// that is too long, on a network file system, use [`acquire`](Self::acquire) on a thread for blocking work.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("lock");
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let lock = logscope::lock::FileLock::new(path);
    /// let guard = lock.acquire_async(Duration::from_secs(60)).await?;
    /// guard.release()
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`acquire`](Self::acquire), and [`ErrorKind::Lock`](crate::ErrorKind::Lock) if that thread cannot be started.
    pub fn acquire_async(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<FileLockGuard, Error>> + Send + use<> {
        Acquiring::new(self, Acquisition::new(self, Mode::Exclusive, timeout))
    }

    /// Gets the lock for this task and all others who want it shared. Waits for it, up to `timeout` from this call on.
    ///
    /// # Errors
    ///
    /// Those of [`acquire_async`](Self::acquire_async).
    pub fn acquire_shared_async(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Result<FileLockGuard, Error>> + Send + use<> {
        Acquiring::new(self, Acquisition::new(self, Mode::Shared, timeout))
    }

    /// Returns who holds the lock, by its own record.
    ///
    /// Disturbs nobody: it reads the records, and does not try the lock. One who got the lock a moment ago may not have written its record yet.
    /// One who died is not returned if that is certain, because it ran under the same kernel; elsewhere it is returned until somebody gets
    /// the lock.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("lock");
    /// let lock = logscope::lock::FileLock::new(path).purpose("unpack gcc");
    /// assert!(lock.holder()?.is_none());
    ///
    /// let guard = lock.try_acquire()?.expect("it is free");
    /// let holder = lock.holder()?.expect("it is held");
    /// assert_eq!((holder.pid, holder.token), (std::process::id(), guard.token()));
    /// println!("{holder}"); // held for 0 ms by pid 4711 (uno) on build7: unpack gcc
    /// # assert!(holder.to_string().ends_with(": unpack gcc"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Lock`](crate::ErrorKind::Lock) if the folder with the records cannot be read.
    pub fn holder(&self) -> Result<Option<Holder>, Error> {
        Records::of(&self.path).holder(&self.path, None).map_err(|error| unknown(&self.path, error))
    }

    /// Releases this lock by the token of a holder in this process, whose guard was [given up](FileLockGuard::keep) or is elsewhere.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::NotHolder`](crate::ErrorKind::NotHolder) if this process does not hold the lock under this token. Nothing is changed then. The
    ///   text says who holds it.
    /// - [`ErrorKind::LockLost`](crate::ErrorKind::LockLost) if somebody else can have got the lock before: see
    ///   [`verify`](FileLockGuard::verify). It is released all the same.
    pub fn release(&self, token: Token) -> Result<(), Error> {
        held::release(self, token)
    }

    fn wait(&self, mode: Mode, timeout: Duration) -> Result<FileLockGuard, Error> {
        let mut acquisition = Acquisition::new(self, mode, timeout);
        loop {
            match acquisition.step()? {
                Step::Got(guard) => return Ok(guard),
                Step::Wait(pause) => thread::sleep(pause),
            }
        }
    }
}
