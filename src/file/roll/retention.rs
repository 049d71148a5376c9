//! Removing the oldest files of a log that rolls.

use std::path::Path;
use std::{fs, io};

use crate::file::keys::OwnKeys;
use crate::file::name::{FileForm, FileId, LogFile};
use crate::file::os;

/// Which files of a log stay.
#[derive(Clone, Copy)]
pub(in crate::file) struct Retention {
    /// How many, with the one that is written to.
    pub(in crate::file) keep: usize,
    /// How many bytes they have together,
    pub(in crate::file) keep_bytes: u64,
    /// of which so many are set aside for the one that is written to.
    pub(in crate::file) room: u64,
    /// Which files belong to other outputs.
    pub(in crate::file) keys: OwnKeys,
}

impl Retention {
    /// Removes files that are not among the newest, as far as they are older than `live`, the one that is written to.
    ///
    /// # Errors
    ///
    /// The first, after all was tried.
    pub(in crate::file) fn remove_old(&self, members: &[LogFile], live: FileId) -> io::Result<()> {
        let mut result = Ok(());
        let (mut files, mut bytes) = (1, self.room);
        for group in members.chunk_by(|one, other| one.id == other.id).rev().filter(|group| group[0].id != live) {
            // What is left of a compression is no file of the log.
            files += usize::from(group.iter().any(|member| member.form != FileForm::Partial));
            bytes = group.iter().fold(bytes, |bytes, member| bytes.saturating_add(member.length));
            if group[0].id < live && (files > self.keep || bytes > self.keep_bytes) {
                for member in group {
                    result = result.and(self.remove(&member.path));
                }
            }
        }
        result
    }

    /// Removes an old file, unless another output writes to it.
    fn remove(&self, path: &Path) -> io::Result<()> {
        let removed = os::identity_at(path)
            .and_then(|identity| if self.keys.is_of_another(&identity) { Ok(()) } else { fs::remove_file(path) });
        match removed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }
}
