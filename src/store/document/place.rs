//! Where a document is: one name for it, however its path is spelled.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::errors::{misplaced, unreadable};
use super::header::Stamp;
use crate::error::Error;
use crate::lock::{Digest, FileLock};

/// The canonical folder of a document, and its name there. Not its inode, which changes with each save.
#[derive(Clone, Debug)]
pub(super) struct Place {
    path: PathBuf,
}

impl Place {
    pub(super) fn new(path: &Path) -> Result<Self, Error> {
        let Some(name) = path.file_name() else {
            return Err(misplaced(path, "it has no name of its own, as \"uno/state.json\" has"));
        };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let canonical = fs::canonicalize(folder).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                let what = format!("there is no folder {}; `lock::ensure_dir_writable` makes it", folder.display());
                misplaced(path, what).with_source(error)
            }
            _ => unreadable(path, error),
        })?;
        let place = Place { path: canonical.join(name) };
        match fs::symlink_metadata(&place.path) {
            Ok(found) if found.is_symlink() => {
                // It would be replaced by a file, and what it leads to would be another document.
                Err(misplaced(path, "it is a symbolic link; name the file that it leads to"))
            }
            Ok(found) if !found.is_file() => Err(misplaced(path, "it is not a regular file")),
            Ok(_) => Ok(place),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(place),
            Err(error) => Err(unreadable(path, error)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns where a copy of the document is kept that is replaced by one which does not follow it.
    pub(super) fn copy(&self, Stamp { generation, token }: Stamp) -> PathBuf {
        self.beside(&format!(".{generation}.{token}"))
    }

    /// Returns where a copy of what a cache has in place of the document is kept.
    pub(super) fn copy_of_unreadable(&self, found: &[u8]) -> PathBuf {
        // Bytes in memory can be read.
        let digest = Digest::of(found).map(|digest| digest.to_string()).unwrap_or_default();
        self.beside(&format!(".cache.{}", digest.get(..16).unwrap_or_default()))
    }

    /// Returns the path of a file beside the document, whose name has `suffix` behind that of the document.
    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or(OsStr::new("document")).to_owned();
        name.push(suffix);
        self.path.with_file_name(name)
    }

    /// Returns the lock under which the document is saved.
    pub(super) fn lock(&self) -> FileLock {
        FileLock::new(self.beside(".lock")).survives_death(
            "a process died while it saved a document: the document is whole, as it was before or as it was saved",
        )
    }
}
