//! Errors of the operating system that name their path.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What failed at another path than the lock's own.
#[derive(Debug)]
pub(super) struct At {
    pub(super) path: PathBuf,
    pub(super) error: io::Error,
}

impl At {
    /// Names `path` in an error, which keeps its kind.
    #[cold]
    pub(super) fn path(path: &Path, error: io::Error) -> io::Error {
        io::Error::new(error.kind(), At { path: path.to_owned(), error })
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.error)
    }
}

impl StdError for At {}
