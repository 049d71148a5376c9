//! Files that were closed and are opened again to be synced.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags, openat, statat};
use rustix::io::{Errno, retry_on_intr};

use super::folder::Folder;
use super::identity::Identity;
use super::streams::above_streams;

/// A file that was closed. It is recognised by its identity. Should another file have got that, then this one was removed, and nothing of it
/// is left to be synced.
#[derive(Clone, Debug)]
pub(in crate::file) struct ClosedFile(Identity);

impl ClosedFile {
    pub(in crate::file) fn new(identity: &Identity) -> Self {
        ClosedFile(identity.clone())
    }

    /// Returns true if the file is at `path`: by its name in `folder`, if given.
    ///
    /// # Errors
    ///
    /// The path cannot be checked.
    pub(in crate::file) fn is_at(&self, folder: Option<&Folder>, path: &Path) -> io::Result<bool> {
        let (directory, name) = place(folder, path);
        match statat(directory, name, AtFlags::empty()) {
            Ok(stat) => Ok(Identity::of_stat(&stat) == self.0),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the file at `path` to sync it. Returns none if that is not this file.
    pub(in crate::file) fn open(&self, folder: Option<&Folder>, path: &Path) -> io::Result<Option<File>> {
        // Checked before, because opening something else, such as a device, may have an effect.
        if !self.is_at(folder, path)? {
            return Ok(None);
        }
        let (directory, name) = place(folder, path);
        let open = |access: OFlags| {
            let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
            above_streams(|| Ok(retry_on_intr(|| openat(directory, name, flags, Mode::empty()))?.into()))
        };
        let opened = match open(OFlags::RDONLY) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => open(OFlags::WRONLY),
            opened => opened,
        };
        match opened {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            opened => {
                let file = opened?;
                Ok((Identity::of(&file.metadata()?) == self.0).then_some(file))
            }
        }
    }
}

/// The names of what is in a directory.
pub(in crate::file) struct FolderNames(BTreeMap<Identity, OsString>);

impl FolderNames {
    pub(in crate::file) fn list(folder: &Folder) -> io::Result<Self> {
        let mut names = BTreeMap::new();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        match above_streams(|| Ok(openat(&folder.directory, ".", flags, Mode::empty())?.into())) {
            // The directory was removed.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            directory => {
                for entry in Dir::new(directory?)? {
                    let entry = entry?;
                    // An entry that was removed meanwhile is left out.
                    if let Ok(stat) = statat(&folder.directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
                        let name = OsStr::from_bytes(entry.file_name().to_bytes());
                        names.insert(Identity::of_stat(&stat), name.to_owned());
                    }
                }
            }
        }
        Ok(FolderNames(names))
    }

    /// Returns the name of `file`.
    pub(in crate::file) fn get(&self, file: &ClosedFile) -> Option<&OsStr> {
        self.0.get(&file.0).map(OsString::as_os_str)
    }
}

/// Returns the directory and the name to look for `path` by.
fn place<'a>(folder: Option<&'a Folder>, path: &'a Path) -> (BorrowedFd<'a>, &'a OsStr) {
    match (folder, path.file_name()) {
        (Some(folder), Some(name)) => (folder.directory.as_fd(), name),
        _ => (CWD, path.as_os_str()),
    }
}
