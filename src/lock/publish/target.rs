//! The path that is published, and what is there already.

use std::fs::{self, Metadata, Permissions};
use std::io::{self, ErrorKind as IoErrorKind};
use std::path::{Path, PathBuf};

use super::os;
use super::temporary::Temporary;
use crate::error::{Error, ErrorKind};

/// A path whose last component is a name, in a folder.
pub(in crate::lock) struct Target {
    folder: PathBuf,
    path: PathBuf,
}

impl Target {
    /// # Errors
    ///
    /// `path` ends with no name.
    pub(in crate::lock) fn new(path: &Path) -> Result<Self, Error> {
        let Some(name) = path.file_name() else {
            let text = format!("cannot publish {path:?}: it has no name of its own, as \"cache/gcc.tar\" has");
            return Err(Error::new(ErrorKind::Publish, text));
        };
        // From the root: others may change the current directory meanwhile.
        let path = std::path::absolute(path)
            .map_err(|error| Error::from_io(ErrorKind::Publish, format_args!("cannot publish {path:?}"), error))?;
        let folder = path.parent().unwrap_or(Path::new("/"));
        // Put together again: a slash at the end is no part of the name.
        Ok(Target { path: folder.join(name), folder: folder.to_owned() })
    }

    pub(in crate::lock) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(in crate::lock) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what is at the path, which may be a link; none if there is nothing.
    pub(in crate::lock) fn present(&self) -> io::Result<Option<Metadata>> {
        match fs::symlink_metadata(&self.path) {
            Ok(metadata) => Ok(Some(metadata)),
            Err(error) if error.kind() == IoErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns what a file will replace at the path; none if there is nothing.
    ///
    /// # Errors
    ///
    /// No file can replace what is there.
    pub(in crate::lock) fn replaced(&self) -> Result<Option<Metadata>, Error> {
        let refuse = |text| Err(self.error(io::Error::other(text)));
        match self.present().map_err(|error| self.error(error))? {
            Some(present) if present.is_dir() => refuse(
                "it is a folder, which no file replaces: remove it first, or publish a folder with `publish_dir`",
            ),
            // Such as /dev/null, which root could replace.
            Some(present) if !present.is_file() && !present.is_symlink() => {
                refuse("it is a device, a pipe or a socket, which no file replaces")
            }
            present => Ok(present),
        }
    }

    /// Makes a temporary for a file that will replace what is at the path, with the same permissions.
    pub(in crate::lock) fn temporary(&self) -> Result<Temporary, Error> {
        let replaced = self.replaced()?.filter(Metadata::is_file);
        self.temporary_with(replaced.map(|file| file.permissions()))
    }

    /// Makes a temporary for a file with `permissions`, or those of any new file.
    pub(in crate::lock) fn temporary_with(&self, permissions: Option<Permissions>) -> Result<Temporary, Error> {
        Temporary::new_in(&self.folder, permissions).map_err(|error| self.error(error))
    }

    /// Has the new name survive a power cut.
    pub(in crate::lock) fn sync_folder(&self) -> Result<(), Error> {
        let synced = os::sync_folder(&self.folder);
        #[cfg(test)]
        let synced = if super::steps::does_sync_fail() { Err(io::Error::other("a test has it fail")) } else { synced };
        synced.map_err(|error| {
            let text = format!(
                "{} is published, but may not survive a power cut: its folder cannot be synced",
                self.path.display()
            );
            Error::from_io(ErrorKind::Publish, text, error)
        })
    }

    /// Returns the error of a publication that failed for `error`.
    pub(in crate::lock) fn error(&self, error: io::Error) -> Error {
        let path = self.path.display();
        match error.kind() {
            IoErrorKind::NotFound if !self.folder.is_dir() => {
                let folder = self.folder.display();
                let text =
                    format!("cannot publish {path}: there is no folder {folder}; `lock::ensure_dir_writable` makes it");
                Error::new(ErrorKind::Publish, text).with_source(error)
            }
            _ => Error::from_io(ErrorKind::Publish, format_args!("cannot publish {path}"), error),
        }
    }

    /// Returns the error of a publication whose contents the caller failed to write.
    pub(in crate::lock) fn write_error(&self, error: io::Error) -> Error {
        Error::new(ErrorKind::Publish, format!("cannot publish {}: writing it failed", self.path.display()))
            .with_source(error)
    }
}
