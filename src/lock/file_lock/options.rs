//! The name of a lock, and how it is taken.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::text::{PURPOSE_BYTES, one_line};
use crate::sync::Arc;

/// Names a lock between threads and processes, and takes it: a path, and options.
///
/// Cheap to clone. Making one touches no file. See the [module](crate::lock) for what such a lock is, and what it is not.
///
/// ```
/// use std::time::Duration;
///
/// use logscope::lock::FileLock;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("cache/gcc.lock");
/// let lock = FileLock::new(&path).purpose("unpack gcc");
/// let guard = lock.acquire(Duration::from_secs(60))?;
/// assert!(lock.try_acquire()?.is_none(), "also not by the same thread");
/// guard.release()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct FileLock {
    pub(super) path: Arc<Path>,
    pub(super) purpose: Arc<str>,
    pub(super) warn_after: Option<Duration>,
    pub(super) is_silent: bool,
    /// What the death of an owner means, if it is no danger.
    pub(super) death: Option<&'static str>,
}

impl FileLock {
    /// Names the lock at `path`, which is to be a file that is used for nothing else.
    ///
    /// The file, the folders above it and the folder with the records of the holders, `path` with `.holders` at its end, are made when the lock
    /// is first taken, and stay. A relative path is meant from the current directory as it is now.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let path = std::path::absolute(&path).unwrap_or(path);
        FileLock { path: path.into(), purpose: "".into(), warn_after: None, is_silent: false, death: None }
    }

    /// Says what the lock is taken for. Those who wait are told: `held for 12 s by pid 4711 (uno) on build7: unpack gcc`.
    ///
    /// Characters that control how the text is shown become spaces, and what is longer than 1,024 bytes is cut.
    #[must_use]
    pub fn purpose(self, purpose: impl AsRef<str>) -> Self {
        FileLock { purpose: one_line(purpose.as_ref(), PURPOSE_BYTES).into(), ..self }
    }

    /// Logs once at WARN if a holder holds the lock for longer than this.
    ///
    /// The record is written while the lock is held, to where the thread or task logged that got the lock. A
    /// thread of the library waits for that, for all locks, and starts one for each that is due.
    #[must_use]
    pub fn warn_after(self, duration: Duration) -> Self {
        FileLock { warn_after: Some(duration), ..self }
    }

    /// Has the lock log nothing, if `silent`: for locks that an output or a subscriber takes.
    #[must_use]
    pub fn silent(self, silent: bool) -> Self {
        FileLock { is_silent: silent, ..self }
    }

    /// Says what it means when an owner dies: that is logged at INFO then. For what the lock guards is never half done.
    #[cfg(feature = "store")]
    pub(crate) fn survives_death(self, meaning: &'static str) -> Self {
        FileLock { death: Some(meaning), ..self }
    }

    /// Returns the path of the lock.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}
