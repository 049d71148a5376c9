//! What a sync has to bring to the storage device, and what it has to say.
//!
//! A log writes to one file after another: it rolls, and it opens its path anew after the file was moved. `fdatasync` of the newest file says
//! nothing about the others. So the output keeps each file that it has written to open until it is synced, together with the directories in
//! which files were created: without its entry in the directory, a file can be lost as a whole.
//!
//! Kept files take descriptors, so the process keeps [`UNSYNCED_FILES`] of them at most. Beyond that, the log that switches to another file
//! syncs the old one at once. A file that was removed is not kept: its records are gone, or were copied to the file that took its place, and
//! an open descriptor would keep its space on the disk.
//!
//! The system reports a failed write to the device once. A second `fdatasync` of the same file would succeed, although the bytes are lost. So
//! the error is kept, and returned until something newer was written and synced.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::descriptors::retry_after_parking;
use super::name::shown_path;
use super::os::{self, Folder};
use crate::limits::UNSYNCED_FILES;
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering};

/// How many files the process keeps open until they are synced.
static KEPT: AtomicUsize = AtomicUsize::new(0);

/// The error of a sync, which several callers get.
#[derive(Clone, Debug)]
pub(super) struct SyncError {
    kind: ErrorKind,
    code: Option<i32>,
    message: Arc<str>,
}

impl From<io::Error> for SyncError {
    fn from(error: io::Error) -> Self {
        // The error that pipes and terminals return.
        let kind = if error.kind() == ErrorKind::InvalidInput { ErrorKind::Unsupported } else { error.kind() };
        let code = error.raw_os_error().filter(|_| kind == error.kind());
        SyncError { kind, code, message: error.to_string().into() }
    }
}

impl From<SyncError> for io::Error {
    fn from(error: SyncError) -> Self {
        match error.code {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(error.kind, &*error.message),
        }
    }
}

/// A file that was written to and is kept open until it is synced.
#[derive(Debug)]
struct Kept(Arc<File>);

impl Kept {
    /// Returns none if the process keeps too many files already.
    fn new(file: Arc<File>) -> Option<Self> {
        let most = os::descriptor_limit().map_or(u64::MAX, |all| all / 16);
        let limit = UNSYNCED_FILES.min(usize::try_from(most).unwrap_or(usize::MAX));
        // Relaxed: a counter, on which no other data depends.
        let kept = KEPT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |kept| (kept < limit).then_some(kept + 1));
        kept.ok().map(|_| Kept(file))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        KEPT.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What an output has written since the last sync. The output's lock protects it.
#[derive(Debug, Default)]
pub(super) struct Unsynced {
    /// The current file was written to.
    pub(super) is_written: bool,
    /// Older files.
    files: Vec<Kept>,
    /// Directories in which files or directories were created.
    folders: Vec<PathBuf>,
    /// An error that no sync has returned yet.
    untold: Option<SyncError>,
    memory: Arc<Memory>,
}

/// What the end of one sync leaves to the next.
#[derive(Debug, Default)]
struct Memory {
    /// The last error, until something newer is synced.
    error: Mutex<Option<SyncError>>,
    /// Directories that could not be synced.
    folders: Mutex<Vec<PathBuf>>,
}

impl Unsynced {
    /// Notes that the file at `path` may be new.
    pub(super) fn add_file(&mut self, path: &Path) {
        // The file that a link leads to is in another directory.
        let target = if path.is_symlink() { path.canonicalize().ok() } else { None };
        if let Some(folder) = target.as_deref().unwrap_or(path).parent() {
            self.add_folder(folder);
        }
    }

    /// Notes that an entry was created in the directory `folder`.
    pub(super) fn add_folder(&mut self, folder: &Path) {
        if !self.folders.iter().any(|known| known == folder) {
            self.folders.push(folder.to_owned());
        }
    }

    /// Notes that the output is about to switch from `file` to another file. If too many files are kept, syncs `file` at once.
    pub(super) fn add_replaced(&mut self, file: &Arc<File>) {
        if !std::mem::take(&mut self.is_written) {
            return;
        }
        self.forget_removed();
        match Kept::new(Arc::clone(file)) {
            Some(kept) => self.files.push(kept),
            None => self.sync_now(file),
        }
    }

    /// Syncs and closes the kept files, because the process has no descriptor left. Returns false if there are none.
    pub(super) fn close_kept(&mut self) -> bool {
        let files = std::mem::take(&mut self.files);
        files.iter().for_each(|kept| self.sync_now(&kept.0));
        !files.is_empty()
    }

    /// Syncs a file. The next sync returns the error.
    fn sync_now(&mut self, file: &File) {
        if let Err(error) = os::sync_data(file) {
            self.untold.get_or_insert(error.into());
        }
    }

    /// Notes that the file at `path`, which was written to and then closed, is no longer there and cannot be synced.
    pub(super) fn add_unreachable(&mut self, path: &Path) {
        if std::mem::take(&mut self.is_written) {
            let path = shown_path(path);
            let error = io::Error::other(format!(
                "{path} was moved or removed while it was closed because of max_open_files, so it is not known whether its last records \
                 are on the storage device"
            ));
            self.untold.get_or_insert(error.into());
        }
    }

    /// Closes the files that were removed, so that the system can free their space.
    pub(super) fn forget_removed(&mut self) {
        if !self.files.is_empty() {
            self.files.retain(|kept| !os::is_removed(&kept.0).unwrap_or(false));
        }
    }

    /// Takes what is to be synced. `current` is the file that is written to, and `folder` its directory, with the path that it was held by.
    pub(super) fn take(
        &mut self,
        current: Option<&Arc<File>>,
        folder: Option<(PathBuf, Arc<Folder>)>,
        located: io::Result<()>,
    ) -> SyncJob {
        self.forget_removed();
        let mut folders = std::mem::take(&mut self.folders);
        folders.append(&mut self.memory.folders.lock());
        SyncJob {
            // A file that is closed is not synced, so what was written to it stays to be synced.
            has_news: current.is_some() && std::mem::take(&mut self.is_written) || !self.files.is_empty(),
            files: std::mem::take(&mut self.files),
            current: current.cloned(),
            folder,
            folders,
            result: located.map_err(SyncError::from),
            untold: self.untold.take(),
            memory: Arc::clone(&self.memory),
        }
    }
}

/// What one sync does.
#[derive(Debug)]
pub(super) struct SyncJob {
    files: Vec<Kept>,
    current: Option<Arc<File>>,
    /// The directory of the current file, and the path that it was held by.
    folder: Option<(PathBuf, Arc<Folder>)>,
    folders: Vec<PathBuf>,
    /// Something was written since the last sync.
    has_news: bool,
    /// Whether the current file could be located.
    result: Result<(), SyncError>,
    untold: Option<SyncError>,
    memory: Arc<Memory>,
}

impl SyncJob {
    /// Syncs all files and directories, and returns the first error. All are tried.
    pub(super) fn run(&self) -> Result<(), SyncError> {
        let mut synced = self.untold.clone().map_or(Ok(()), Err);
        for file in self.files.iter().map(|kept| &kept.0).chain(&self.current) {
            synced = synced.and(os::sync_data(file).map_err(SyncError::from));
        }
        for folder in &self.folders {
            let held = self.folder.as_ref().filter(|(path, _)| path == folder).map(|(_, held)| &**held);
            if let Err(error) = retry_after_parking(|| os::sync_folder(folder, held)) {
                self.memory.folders.lock().push(folder.clone());
                let message = format!("its directory {} cannot be synced: {error}", shown_path(folder));
                synced = synced.and(Err(io::Error::new(error.kind(), message).into()));
            }
        }
        let error = &mut *self.memory.error.lock();
        match synced {
            Ok(()) if self.has_news => *error = None,
            Ok(()) => {}
            Err(new) => *error = Some(new),
        }
        error.clone().map_or_else(|| self.result.clone(), Err)
    }
}
