//! The directories of log files, held open.
//!
//! A log that finds its file gone opens a new one in the directory that the file was in. The path may lead to another directory by then, which
//! somebody else has put there. So each log holds the descriptor of its directory, and opens and looks for its file relative to that. The logs
//! of one directory share one descriptor.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};

use super::identity::Identity;
use super::streams::above_streams;
use crate::process::ForkLocal;
use crate::sync::{Arc, Mutex, Weak};

type Folders = BTreeMap<Identity, Weak<Folder>>;

static HELD: ForkLocal<Mutex<Folders>> = ForkLocal::new(Mutex::new(Folders::new()), |parents| {
    Mutex::new(parents.try_lock().map_or(Folders::new(), |held| held.clone()))
});

/// A directory that is held open.
#[derive(Debug)]
pub(in crate::file) struct Folder {
    pub(super) directory: File,
    identity: Identity,
}

/// How a directory is held: for finding what is in it, not for reading it, if the system can tell these apart.
#[cfg(any(target_os = "linux", target_os = "android"))]
const HOLD: OFlags = OFlags::PATH;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const HOLD: OFlags = OFlags::RDONLY;

impl Folder {
    /// Opens the directory at `path`.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let open = || openat(CWD, path, HOLD | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        let directory = above_streams(|| Ok(rustix::io::retry_on_intr(open)?.into()))?;
        let identity = Identity::of(&directory.metadata()?);
        Ok(Folder { directory, identity })
    }

    /// Holds this directory. If it is held already, closes this descriptor and shares the other one.
    pub(super) fn shared(self) -> Arc<Self> {
        let mut held = HELD.get().lock();
        if let Some(folder) = held.get(&self.identity).and_then(Weak::upgrade) {
            return folder;
        }
        let (identity, folder) = (self.identity.clone(), Arc::new(self));
        held.insert(identity, Arc::downgrade(&folder));
        folder
    }

    /// Holds the directory at `path`.
    pub(in crate::file) fn hold(path: &Path) -> io::Result<Arc<Self>> {
        Folder::open(path).map(Folder::shared)
    }

    /// Returns how many directories are held.
    pub(in crate::file) fn count() -> usize {
        HELD.get().lock().len()
    }

    pub(in crate::file) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns true if the directory was removed.
    pub(in crate::file) fn is_gone(&self) -> bool {
        self.directory.metadata().map_or(true, |metadata| metadata.nlink() == 0)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let mut held = HELD.get().lock();
        // Another thread may have held the directory anew since.
        if held.get(&self.identity).is_some_and(|folder| folder.strong_count() == 0) {
            held.remove(&self.identity);
        }
    }
}
