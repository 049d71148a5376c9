//! The file that is locked: opening it, locking it, and whether it still is at its path.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::identity::Identity;
use super::mode::Mode;
use crate::limits::LOCK_ATTEMPTS;
use crate::lock::folders;
use crate::process::ForkLocal;
use crate::sync::Arc;

/// An open file that can be locked.
pub(super) struct LockFile {
    file: File,
    path: Arc<Path>,
    pub(super) identity: Identity,
    opener: Owner,
}

impl LockFile {
    /// Opens the file at `path`, and makes it and the folders above it if they are not there.
    pub(super) fn open(path: &Arc<Path>) -> io::Result<Self> {
        let file = open_or_make(path).map_err(|error| explained(path, error))?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        Ok(LockFile { identity: Identity::of(&file)?, file, path: Arc::clone(path), opener: Owner::this_process() })
    }

    /// True if this process was forked from the one that has opened the file. The lock of one is that of the other then, so a child must not take it.
    pub(super) fn is_inherited(&self) -> bool {
        self.opener.is_parent()
    }

    /// True if this is the file that is at the path.
    pub(super) fn is_in_place(&self) -> io::Result<bool> {
        Ok(Identity::at(&self.path)? == Some(self.identity))
    }

    /// Locks the file, unless that would mean waiting.
    pub(super) fn try_lock(self, mode: Mode) -> io::Result<Result<LockedFile, Self>> {
        let locked = match mode {
            Mode::Exclusive => self.file.try_lock(),
            Mode::Shared => self.file.try_lock_shared(),
        };
        match locked {
            Ok(()) => Ok(Ok(LockedFile(self))),
            Err(TryLockError::WouldBlock) => Ok(Err(self)),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => Ok(Err(self)),
            Err(TryLockError::Error(error)) => Err(unsupported(error)),
        }
    }
}

fn open_or_make(path: &Path) -> io::Result<File> {
    // Others may remove the folders in between.
    for _ in 1..LOCK_ATTEMPTS {
        match open_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !path.as_os_str().is_empty() => {
                folders::ensure_io(path.parent().unwrap_or(path))?;
            }
            result => return result,
        }
    }
    open_file(path)
}

fn open_file(path: &Path) -> io::Result<File> {
    let mut options = careful_options();
    // Nobody else may open it: who can open a file can lock it.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.read(true).write(true).create(true).truncate(false).open(path)
}

/// Returns options that follow no link, and open a named pipe or a device without waiting for it. std has the system close the descriptor in
/// programs that are started.
#[cfg(unix)]
pub(super) fn careful_options() -> OpenOptions {
    use rustix::fs::OFlags;

    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits().cast_signed());
    options
}

#[cfg(not(unix))]
pub(super) fn careful_options() -> OpenOptions {
    OpenOptions::new()
}

/// Adds what would be right to an error of opening.
#[cold]
fn explained(path: &Path, error: io::Error) -> io::Error {
    if path.as_os_str().is_empty() {
        return io::Error::other("the path is empty");
    }
    let Ok(kind) = fs::symlink_metadata(path).map(|metadata| metadata.file_type()) else { return error };
    if kind.is_symlink() {
        // Each name would have records of its own.
        io::Error::other("it is a symbolic link; name the file that it leads to")
    } else if kind.is_dir() {
        io::Error::other("it is a folder; name a file that is used for nothing else")
    } else {
        error
    }
}

/// Adds what would be right to an error of locking.
#[cold]
fn unsupported(error: io::Error) -> io::Error {
    #[cfg(unix)]
    let has_no_locks = error.raw_os_error() == Some(rustix::io::Errno::NOLCK.raw_os_error());
    #[cfg(not(unix))]
    let has_no_locks = false;
    if has_no_locks || error.kind() == io::ErrorKind::Unsupported {
        io::Error::new(
            io::ErrorKind::Unsupported,
            format!("its file system has no locks; use a path on a local one ({error})"),
        )
    } else {
        error
    }
}

/// A file that is locked by this process, or by the one that it was forked from.
pub(super) struct LockedFile(LockFile);

impl LockedFile {
    pub(super) fn file(&self) -> &LockFile {
        &self.0
    }

    /// Unlocks the file. The lock is that of all copies of the descriptor, which forked children have: closing this one would not release it.
    pub(super) fn unlock(self) -> io::Result<()> {
        self.0.file.unlock()
    }
}

impl Drop for LockedFile {
    fn drop(&mut self) {
        // In a forked child the lock is the parent's. Unlocking twice does no harm.
        if !self.0.is_inherited() {
            let _ = self.0.file.unlock();
        }
    }
}

/// The process that has a file open, or a lock.
pub(crate) struct Owner {
    pid: u32,
    /// Where the fork is one that the C library knows of, a child is told by this, whatever PID it has got.
    generation: ForkLocal<(), 0>,
}

impl Owner {
    pub(crate) fn this_process() -> Self {
        Owner { pid: std::process::id(), generation: ForkLocal::made_here((), |()| ()) }
    }

    /// True if this process was forked from the owner.
    pub(crate) fn is_parent(&self) -> bool {
        self.generation.is_inherited() || self.pid != std::process::id()
    }
}

/// Returns the path of a file beside `path`, whose name has `suffix` behind that of `path`.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn a_file_system_without_locks_is_named_as_the_cause_and_any_other_error_stays_as_it_is() {
        let explained = |errno: Errno| unsupported(errno.into()).to_string();
        for none in [Errno::NOLCK, Errno::OPNOTSUPP, Errno::NOSYS] {
            assert!(explained(none).starts_with("its file system has no locks; use a path on a local one ("), "{none}");
        }
        assert_eq!(unsupported(Errno::IO.into()).raw_os_error(), Some(Errno::IO.raw_os_error()));
    }
}
