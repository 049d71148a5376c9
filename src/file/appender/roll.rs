//! Switches to the next file of a log that rolls, between two records.

use std::io;
use std::path::{Path, PathBuf};

use super::location::report_other_folder;
use super::{Appender, regular};
use crate::bytes::Batch;
use crate::file::current::CurrentFile;
use crate::file::descriptors::{self, retry_after_parking};
use crate::file::name::{FileId, LogFile};
use crate::file::os::{Folder, OpenedFile};
use crate::file::roll::Roller;

/// The file that a log rolls to, just opened, and the files that the log had before.
struct NextFile {
    files: Vec<LogFile>,
    id: FileId,
    path: PathBuf,
    opened: OpenedFile,
}

impl Appender {
    /// Writes the rest of `batch` to the current file and, once that is full, to the next files.
    pub(super) fn write_rolling(&self, current: &mut CurrentFile, batch: &mut Batch<'_>) -> io::Result<()> {
        if current.roller.as_ref().is_some_and(Roller::is_period_over) {
            self.roll(current, 0);
        }
        while !batch.rest().is_empty() {
            let mut part = self.next_part(current, batch);
            let before = part.rest().len();
            let result = current.write_batch(&mut part);
            batch.advance(before - part.rest().len());
            result?;
            if !part.rest().is_empty() {
                // The `\n` of a line could not be written. The caller tries the remaining lines again.
                break;
            }
        }
        Ok(())
    }

    /// Returns the lines that go to the current file, after rolling if that file is full: the whole records that fit, or one record that
    /// is larger than the limit and gets a file of its own.
    fn next_part<'a>(&self, current: &mut CurrentFile, batch: &Batch<'a>) -> Batch<'a> {
        // Twice: for a file that is full, and for the file after it.
        for _ in 0..2 {
            // The `\n` that ends a torn line takes room too.
            let newline = u64::from(current.is_torn());
            let room =
                current.roller.as_ref().map_or(u64::MAX, |roller| roller.room(current.length.saturating_add(newline)));
            let part = batch.within(room);
            if !part.rest().is_empty() {
                return part;
            }
            if current.length == 0 {
                break;
            }
            self.roll(current, batch.first().rest().len() as u64);
        }
        batch.first()
    }

    /// Switches to the next file, which must have room for `needed` bytes. On an error, stays with the current file and postpones the next
    /// attempt.
    #[cold]
    fn roll(&self, current: &mut CurrentFile, needed: u64) {
        if let Err(error) = self.try_roll(current, needed)
            && let Some(roller) = &mut current.roller
        {
            roller.postpone(&error);
        }
    }

    fn try_roll(&self, current: &mut CurrentFile, needed: u64) -> io::Result<()> {
        let Some(mut roller) = current.roller.take() else { return Ok(()) };
        let next = self.open_next(current, &mut roller, needed);
        current.roller = Some(roller);
        let NextFile { files, id, path, opened } = next?;
        let (length, folder_before) = (opened.length, current.folder_identity.clone());
        self.switch_to(current, &path, opened)?;
        report_other_folder(current, folder_before.as_ref());
        if let Some(roller) = &mut current.roller {
            roller.set_current(id);
            roller.clean_up(self.keys, files, needed.max(length));
        }
        Ok(())
    }

    /// Opens `path`, which is in the directory of the current file, through the descriptor of that directory: the process may have none left.
    fn open_beside(&self, current: &mut CurrentFile, path: &Path) -> io::Result<OpenedFile> {
        match current.folder.clone().filter(|folder| !folder.is_gone()) {
            Some(folder) => regular(descriptors::open_in(&folder, path, self.options)?),
            None => self.open(current, path),
        }
    }

    /// Opens the file to roll to.
    fn open_next(&self, current: &mut CurrentFile, roller: &mut Roller, needed: u64) -> io::Result<NextFile> {
        if let Some(folder) = current.folder.as_ref().filter(|folder| !folder.is_gone())
            && let Some(parent) = current.path.parent()
            && retry_after_parking(|| Folder::hold(parent))?.identity() != folder.identity()
        {
            return Err(io::Error::other(
                "another directory is at the path of its directory; reopen the log to go on there",
            ));
        }
        let files = roller.list()?;
        let mut id = roller.next_file(&files, needed);
        let mut path = roller.path_of(id);
        let mut opened = self.open_beside(current, &path)?;
        // The directory may have changed since it was listed: other processes and other sinks write there too.
        while self.keys.belongs_to_another(&opened.identity) || !roller.fits(opened.length, needed) {
            let taken = || io::Error::other(format!("{} is already open, as the file of another log", path.display()));
            id = roller.with_next_index(id).ok_or_else(taken)?;
            path = roller.path_of(id);
            opened = self.open_beside(current, &path)?;
        }
        Ok(NextFile { files, id, path, opened })
    }
}
