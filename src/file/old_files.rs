//! What an output notes of the files that it has left, and of their directories, until they are synced. [`unsynced`](super::unsynced) explains
//! what is held open.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::descriptors::{KeptFile, retry_after_parking};
use super::name::shown_path;
use super::os::{ClosedFile, Folder, FolderNames, Identity};
use crate::limits::NOTED;
use crate::sync::Arc;

/// A file that the output has written to and left.
#[derive(Clone, Debug)]
pub(super) struct OldFile {
    pub(super) path: PathBuf,
    pub(super) file: ClosedFile,
    /// The log removes or compresses its old files, so this one may be gone.
    pub(super) may_be_gone: bool,
}

/// A directory, and what is to be synced in it.
#[derive(Debug)]
pub(super) struct OldFolder {
    pub(super) path: PathBuf,
    /// None if the system holds no directories.
    pub(super) identity: Option<Identity>,
    pub(super) held: Option<Arc<Folder>>,
    /// In how many directories an entry was created: this one, and those above it.
    pub(super) new_entries: usize,
    pub(super) files: Vec<OldFile>,
    /// Files that were moved. They are open.
    pub(super) moved: Vec<(KeptFile, OldFile)>,
    /// How many files are noted before it is looked which of them are still there.
    pub(super) next_look: usize,
    /// An earlier sync has tried it, and said that it failed.
    pub(super) is_left: bool,
}

/// Where a file is: the path of its directory, the directory's identity if the system holds directories, and the directory if it is held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) folder_path: &'a Path,
    pub(super) identity: Option<&'a Identity>,
    pub(super) held: Option<&'a Arc<Folder>>,
}

impl OldFile {
    /// Returns the path of the file, or the name that it has in `folder` now. None if it is not there. `names` are the names in `folder`, once they
    /// are known.
    fn locate<'a>(&'a self, folder: Option<&Folder>, names: &'a OnceCell<FolderNames>) -> io::Result<Option<&'a Path>> {
        if self.file.is_at(folder, &self.path)? {
            return Ok(Some(&self.path));
        }
        let Some(folder) = folder.filter(|_| !self.may_be_gone) else { return Ok(None) };
        if names.get().is_none() {
            let _ = names.set(FolderNames::list(folder)?);
        }
        Ok(names.get().and_then(|names| names.get(&self.file)).map(Path::new))
    }

    /// Opens the file, wherever [`locate`](OldFile::locate) finds it.
    pub(super) fn open(&self, folder: Option<&Folder>, names: &OnceCell<FolderNames>) -> io::Result<Option<File>> {
        self.locate(folder, names)?.map_or(Ok(None), |path| self.file.open(folder, path))
    }
}

impl OldFolder {
    pub(super) fn new(place: Place<'_>) -> Self {
        OldFolder {
            path: place.folder_path.to_owned(),
            identity: place.identity.cloned(),
            held: place.held.cloned(),
            new_entries: 0,
            files: Vec::new(),
            moved: Vec::new(),
            next_look: NOTED,
            is_left: false,
        }
    }

    pub(super) fn place(&self) -> Place<'_> {
        Place { folder_path: &self.path, identity: self.identity.as_ref(), held: self.held.as_ref() }
    }

    pub(super) fn close(&mut self) {
        self.held = None;
        self.files.extend(self.moved.drain(..).map(|(_, old)| old));
    }

    /// Now and then, forgets the files that are gone, so that a program that never syncs does not note ever more of them. Returns the error that
    /// the next sync owes for them.
    pub(super) fn forget_missing(&mut self) -> Option<io::Error> {
        if self.files.len() < self.next_look {
            return None;
        }
        let held = self.held.as_deref();
        let names = OnceCell::new();
        let mut missing = None;
        let mut found = BTreeSet::new();
        self.files.retain(|old| match old.locate(held, &names) {
            // If two are the same file, the other one was removed, and this one has got its identity.
            Ok(Some(path)) => found.insert(path.file_name().map(OsStr::to_owned)),
            Ok(None) => {
                if !old.may_be_gone {
                    missing.get_or_insert_with(|| unknown_error(&old.path));
                }
                false
            }
            Err(_) => true,
        });
        // Twice as many, so that each file is looked at twice or so, however many there are.
        self.next_look = (2 * self.files.len()).max(NOTED);
        missing
    }

    /// Returns the directory, and opens it if it is not held. None if the system holds no directories.
    pub(super) fn open(&self) -> io::Result<Option<Arc<Folder>>> {
        match (&self.held, &self.identity) {
            (Some(held), _) => Ok(Some(Arc::clone(held))),
            (None, None) => Ok(None),
            (None, Some(identity)) => {
                let folder = retry_after_parking(|| Folder::hold(&self.path))?;
                if folder.identity() == identity { Ok(Some(folder)) } else { Err(ErrorKind::NotFound.into()) }
            }
        }
    }
}

pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

#[cold]
pub(super) fn unknown_error(path: &Path) -> io::Error {
    let path = shown_path(path);
    io::Error::other(format!(
        "{path} was moved or removed before it was synced, so it is not known whether its last records are on the storage device"
    ))
}

#[cold]
pub(super) fn unknown_folder_error(path: &Path) -> io::Error {
    let path = shown_path(path);
    io::Error::other(format!(
        "the directory {path} was moved or removed before it was synced, so it is not known whether the files in it are on the storage \
         device"
    ))
}

#[cold]
pub(super) fn folder_error(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("its directory {} cannot be synced: {error}", shown_path(path)))
}
