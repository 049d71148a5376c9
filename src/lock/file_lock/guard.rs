//! The guard of a lock that is held.

use std::fmt;
use std::path::Path;

use super::held::Held;
use crate::error::{Error, ErrorKind};
use crate::lock::token::Token;
use crate::sync::Arc;

/// Holds a [`FileLock`](super::FileLock), and releases it when dropped.
///
/// It may be sent to another thread and held over `.await`. A copy of it in a forked child holds nothing, and releases nothing.
#[must_use = "the lock is released as soon as this is dropped; keep it in a variable"]
pub struct FileLockGuard {
    held: Arc<Held>,
    is_over: bool,
}

impl FileLockGuard {
    pub(super) fn new(held: Arc<Held>) -> Self {
        FileLockGuard { held, is_over: false }
    }

    /// Has it logged if the lock is held for long.
    pub(super) fn watch(&self) {
        self.held.watch();
    }

    /// Checks that nobody else can have got the lock.
    ///
    /// Call this before what must not be done twice, such as putting a result in its place. It looks where the lock's file is, and takes some
    /// microseconds.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("lock");
    /// let guard = logscope::lock::FileLock::new(&path).try_acquire()?.expect("it is free");
    /// guard.verify()?;
    /// std::fs::remove_file(&path)?;
    /// assert!(guard.verify().unwrap_err().is_lock_lost());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::LockLost`] if the file was deleted or replaced: then others can get the lock, and one who has is named. Also if the record of
    ///   this holder was removed, which is what the next owner does in that case.
    /// - [`ErrorKind::NotHolder`] if the lock was released by its token, and in a forked child of the process that holds it.
    /// - [`ErrorKind::Lock`] if the file system does not say.
    pub fn verify(&self) -> Result<(), Error> {
        self.held.verify()
    }

    /// Releases the lock, and says whether it was kept until now.
    ///
    /// The lock is released in any case. Dropping the guard does the same, and logs an error at WARN.
    ///
    /// # Errors
    ///
    /// Those of [`verify`](Self::verify).
    pub fn release(mut self) -> Result<(), Error> {
        self.is_over = true;
        self.held.release()
    }

    /// Gives up the guard and keeps the lock, until it is released by its token or the process ends.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let lock = logscope::lock::FileLock::new(folder.path().join("lock"));
    /// let token = lock.try_acquire()?.expect("it is free").keep();
    /// assert!(lock.try_acquire()?.is_none());
    /// lock.release(token)?;
    /// assert!(lock.try_acquire()?.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "only this token releases the lock"]
    pub fn keep(mut self) -> Token {
        self.is_over = true;
        self.token()
    }

    /// Returns what names this holder among all.
    #[must_use]
    pub fn token(&self) -> Token {
        self.held.token()
    }

    /// Returns the path of the lock.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.held.lock().path()
    }
}

impl Drop for FileLockGuard {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        if let Err(error) = self.held.release()
            // Then it is no longer this guard's.
            && error.kind() != ErrorKind::NotHolder
        {
            self.held.lock().log_not_released(&error);
        }
    }
}

impl fmt::Debug for FileLockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileLockGuard").field("path", &self.path()).field("token", &self.token()).finish()
    }
}
