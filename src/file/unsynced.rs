//! What a sync has to bring to the storage device, and what it has to say.
//!
//! A log writes to one file after another: it rolls, and it opens its path anew after the file was moved. `fdatasync` of the newest file says
//! nothing about the others. So the output notes each file that it has written to, by directory, together with the directories in which files
//! were created: without its entry in the directory, a file can be lost as a whole.
//!
//! A program may never sync. So an old file is closed, and the sync opens it again, by its name or by any other name that it has in its
//! directory then. No log call syncs, and a log that rolls keeps no descriptor. What cannot stay closed:
//!
//! | what | how it is reached |
//! |---|---|
//! | a file that was moved | stays open, since it may be in any directory; the last [`KEPT_WHEN_MOVED`] of the log, and until the log is parked |
//! | the directory of the log | its descriptor is shared with the open log |
//! | another directory, which the log was in before | as a file that was moved |
//! | a new directory above that of the log | from there, by `..`, wherever these directories are now |
//!
//! A file or directory that was removed needs no sync: its records are gone, or were copied to the file that took its place. But if it was
//! closed, nobody can tell whether it was removed, or moved to a place that the log does not know. The sync then answers that it is not
//! known whether the records are on the device; unless the log itself removes or compresses its old files: what it has compressed is on the device.
//!
//! The system reports a failed write to the device once, to somebody who has the file open or opens it next. A second `fdatasync` of the same
//! file would succeed, although the bytes are lost. So the error is kept, and returned until something newer was written and synced.

use std::cell::OnceCell;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::descriptors::{KeptFile, retry_after_parking};
use super::name::shown_path;
use super::old_files::{OldFile, OldFolder, Place, folder_error, is_gone, unknown_error, unknown_folder_error};
use super::os::{self, ClosedFile, Folder, Identity};
use crate::limits::{KEPT_WHEN_MOVED, NOTED};
use crate::sync::{Arc, Mutex};

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

/// What an output has written since the last sync. The output's lock protects it.
#[derive(Debug, Default)]
pub(super) struct Unsynced {
    /// The current file was written to.
    pub(super) is_written: bool,
    /// How many directories are new above the next file that is added, its own included.
    pub(super) new_folders: usize,
    /// The directories that the log was in, the newest last. Mostly one.
    folders: Vec<OldFolder>,
    /// An error that no sync has returned yet.
    untold: Option<SyncError>,
    memory: Arc<Memory>,
}

/// What the end of one sync leaves to the next.
#[derive(Debug, Default)]
struct Memory {
    /// The last error, until something newer is synced.
    error: Mutex<Option<SyncError>>,
    /// What could not be opened, or not be synced and may be tried again.
    folders: Mutex<Vec<OldFolder>>,
}

impl Unsynced {
    /// Notes that the file at `path`, in the directory `place`, may be new.
    pub(super) fn add_file(&mut self, path: &Path, place: Place<'_>) {
        let new_folders = std::mem::take(&mut self.new_folders);
        if place.held.is_none() {
            return;
        }
        // The file that a link leads to is in another directory.
        let target = if path.is_symlink() { path.canonicalize().ok() } else { None };
        let Some(folder_path) = target.as_deref().and_then(Path::parent) else {
            return self.add_entries(place, 1 + new_folders);
        };
        if new_folders > 0 {
            self.add_entries(place, 1 + new_folders);
        }
        match retry_after_parking(|| Folder::hold(folder_path)) {
            Ok(held) => self.add_entries(Place { folder_path, identity: Some(held.identity()), held: Some(&held) }, 1),
            Err(error) => self.note(folder_error(folder_path, &error)),
        }
    }

    fn add_entries(&mut self, place: Place<'_>, new_entries: usize) {
        let folder = self.folder(place);
        folder.new_entries = folder.new_entries.max(new_entries);
    }

    /// Notes that the output switches from the file at `path` to another one. `file` is none if the file is closed already. `may_be_gone` if
    /// the log removes or compresses its old files.
    pub(super) fn add_replaced(
        &mut self,
        file: Option<&Arc<File>>,
        path: &Path,
        identity: &Identity,
        place: Place<'_>,
        may_be_gone: bool,
    ) {
        if !std::mem::take(&mut self.is_written) {
            return;
        }
        let closed = ClosedFile::new(identity);
        let is_there = file.is_some() && closed.is_at(place.held.map(|held| &**held), path).unwrap_or(false);
        let old = OldFile { path: path.to_owned(), file: closed, may_be_gone: may_be_gone && is_there };
        let folder = self.folder(place);
        match file.filter(|_| !is_there) {
            Some(file) => folder.moved.push((KeptFile::new(Arc::clone(file)), old)),
            None => folder.files.push(old),
        }
        let error = folder.forget_missing();
        error.into_iter().for_each(|error| self.note(error));
        while self.folders.iter().map(|folder| folder.moved.len()).sum::<usize>() > KEPT_WHEN_MOVED {
            let Some(oldest) = self.folders.iter_mut().find(|folder| !folder.moved.is_empty()) else { return };
            oldest.files.push(oldest.moved.remove(0).1);
        }
    }

    /// Keeps an error for the next sync.
    fn note(&mut self, error: io::Error) {
        self.untold.get_or_insert(error.into());
    }

    /// Returns what is noted of a directory, as the newest.
    fn folder(&mut self, place: Place<'_>) -> &mut OldFolder {
        let is_it = |folder: &OldFolder| match place.identity {
            Some(identity) => folder.identity.as_ref() == Some(identity),
            None => folder.identity.is_none() && folder.path == place.folder_path,
        };
        let index = self.folders.iter().position(is_it);
        let mut folder = index.map_or_else(|| OldFolder::new(place), |index| self.folders.remove(index));
        if folder.held.is_none() {
            folder.held = place.held.cloned();
        }
        if self.folders.len() >= NOTED {
            let forgotten = self.folders.remove(0);
            self.note(unknown_folder_error(&forgotten.path));
        }
        close_oldest(&mut self.folders);
        self.folders.push(folder);
        let last = self.folders.len() - 1;
        &mut self.folders[last]
    }

    /// Closes all files and directories: the log is parked. The next sync opens them again.
    pub(super) fn close(&mut self) {
        self.folders.iter_mut().chain(&mut *self.memory.folders.lock()).for_each(OldFolder::close);
    }

    /// Closes the files that were removed, so that the system can free their space.
    pub(super) fn forget_removed(&mut self) {
        for folder in &mut self.folders {
            folder.moved.retain(|(kept, _)| !os::is_removed(kept.file()).unwrap_or(false));
        }
    }

    /// Returns how many old files are noted.
    #[cfg(test)]
    pub(super) fn noted_files(&self) -> usize {
        self.folders.iter().map(|folder| folder.files.len() + folder.moved.len()).sum()
    }

    /// Takes what is to be synced. `current` is the file that is written to; none while it cannot be opened.
    pub(super) fn take(&mut self, current: Option<&Arc<File>>, located: io::Result<()>) -> SyncJob {
        self.forget_removed();
        let mut folders = std::mem::take(&mut self.folders);
        folders.append(&mut self.memory.folders.lock());
        SyncJob {
            // A file that is closed is not synced, so what was written to it stays to be synced.
            is_written: current.is_some() && std::mem::take(&mut self.is_written),
            current: current.cloned(),
            folders,
            result: located.map_err(SyncError::from),
            untold: self.untold.take(),
            memory: Arc::clone(&self.memory),
        }
    }
}

/// Closes directories, the oldest first, until one more may be held.
fn close_oldest(folders: &mut [OldFolder]) {
    let excess = (folders.len() + 1).saturating_sub(KEPT_WHEN_MOVED);
    folders[..excess].iter_mut().for_each(OldFolder::close);
}

/// What one sync does.
#[derive(Debug)]
pub(super) struct SyncJob {
    folders: Vec<OldFolder>,
    current: Option<Arc<File>>,
    /// The current file was written to since the last sync.
    is_written: bool,
    /// Whether the current file could be located.
    result: Result<(), SyncError>,
    untold: Option<SyncError>,
    memory: Arc<Memory>,
}

/// What a sync has done so far.
struct Progress {
    /// The first error.
    result: Result<(), SyncError>,
    /// Something was synced that was written since the last sync.
    has_synced_news: bool,
    /// What the next sync tries again.
    left: Vec<OldFolder>,
}

impl SyncJob {
    /// Syncs all files and directories, and returns the first error. All are tried.
    pub(super) fn run(&self) -> Result<(), SyncError> {
        let result = self.untold.clone().map_or(Ok(()), Err);
        let mut progress = Progress { result, has_synced_news: false, left: Vec::new() };
        self.folders.iter().for_each(|folder| progress.sync_old(folder));
        if let Some(current) = &self.current {
            progress.sync_file(current, self.is_written);
        }
        let left = &mut *self.memory.folders.lock();
        left.append(&mut progress.left);
        left.drain(..left.len().saturating_sub(NOTED));
        close_oldest(left);
        let error = &mut *self.memory.error.lock();
        match progress.result {
            Ok(()) if progress.has_synced_news => *error = None,
            Ok(()) => {}
            Err(new) => *error = Some(new),
        }
        error.clone().map_or_else(|| self.result.clone(), Err)
    }
}

impl Progress {
    fn fail(&mut self, error: impl Into<SyncError>) {
        if self.result.is_ok() {
            self.result = Err(error.into());
        }
    }

    fn sync_file(&mut self, file: &File, is_news: bool) {
        match os::sync_data(file) {
            Ok(()) => self.has_synced_news |= is_news,
            Err(error) => self.fail(error),
        }
    }

    /// Syncs the old files of a directory, and its new entries.
    fn sync_old(&mut self, old: &OldFolder) {
        old.moved.iter().for_each(|(kept, _)| self.sync_file(kept.file(), true));
        if old.files.is_empty() && old.new_entries == 0 {
            return;
        }
        let mut left = OldFolder { is_left: true, ..OldFolder::new(old.place()) };
        let folder = match old.open() {
            Err(error) => {
                (left.files, left.new_entries) = (old.files.clone(), old.new_entries);
                self.left.push(left);
                return match is_gone(&error) {
                    false => self.fail(folder_error(&old.path, &error)),
                    // Once. It is tried again, because it may be moved back, and then holds the file that the log writes to.
                    true if !old.is_left => self.fail(unknown_folder_error(&old.path)),
                    true => {}
                };
            }
            Ok(folder) => folder,
        };
        let names = OnceCell::new();
        for file in &old.files {
            match retry_after_parking(|| file.open(folder.as_deref(), &names)) {
                Ok(Some(opened)) => self.sync_file(&opened, !old.is_left),
                Ok(None) if file.may_be_gone => {}
                Ok(None) => self.fail(unknown_error(&file.path)),
                Err(error) => {
                    if os::is_out_of_descriptors(&error) {
                        left.files.push(file.clone());
                    }
                    let path = shown_path(&file.path);
                    self.fail(io::Error::new(error.kind(), format!("{path} cannot be opened to be synced: {error}")));
                }
            }
        }
        if let Some(folder) = folder.filter(|_| old.new_entries > 0)
            && let Err(error) = retry_after_parking(|| os::sync_folder(&folder, old.new_entries - 1))
        {
            left.new_entries = old.new_entries;
            self.fail(folder_error(&old.path, &error));
        }
        if left.new_entries > 0 || !left.files.is_empty() {
            self.left.push(left);
        }
    }
}
