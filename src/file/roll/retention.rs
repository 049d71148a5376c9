//! Removes the oldest files of a log that rolls.

use std::path::Path;
use std::{fs, io};

use crate::file::keys::OwnKeys;
use crate::file::name::{FileForm, FileId, LogFile};
use crate::file::os;

/// How many files of a log are kept.
#[derive(Clone, Copy)]
pub(in crate::file) struct Retention {
    /// The number of files, the current one included.
    pub(in crate::file) keep: usize,
    /// The total size of the files in bytes.
    pub(in crate::file) keep_bytes: u64,
    /// How many of those bytes are reserved for the current file.
    pub(in crate::file) reserved: u64,
    /// Finds out whether a file belongs to another output.
    pub(in crate::file) keys: OwnKeys,
}

impl Retention {
    /// Removes the files that are not among the newest. Neither removes nor counts later files than `current`,
    /// the file that is written to.
    ///
    /// # Errors
    ///
    /// The first error, after all files were tried.
    pub(in crate::file) fn remove_old(&self, files: &[LogFile], current: FileId) -> io::Result<()> {
        let mut result = Ok(());
        let (mut count, mut bytes) = (1, self.reserved);
        for group in files.chunk_by(|one, other| one.id == other.id).rev().filter(|group| group[0].id < current) {
            // The remains of an interrupted compression are no file of the log.
            count += usize::from(group.iter().any(|file| file.form != FileForm::Partial));
            bytes = group.iter().fold(bytes, |bytes, file| bytes.saturating_add(file.length));
            if count > self.keep || bytes > self.keep_bytes {
                for file in group {
                    result = result.and(self.remove(&file.path));
                }
            }
        }
        result
    }

    /// Removes an old file, unless another output writes to it.
    fn remove(&self, path: &Path) -> io::Result<()> {
        let removed = os::identity_at(path)
            .and_then(|identity| if self.keys.belongs_to_another(&identity) { Ok(()) } else { fs::remove_file(path) });
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }
}
