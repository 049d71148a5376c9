//! Notices that a log file was moved or removed, and reopens its path.
//!
//! A file that is moved or removed while it is open goes on taking writes, but nobody finds those records at its path. `logrotate` and its
//! like move a log away and then signal the program; other tools remove it without a signal. Both must be noticed without losing a
//! record. Two system calls answer the question: `fstat` returns whether the file has a name left, and `stat` of the path returns whether
//! the path still leads to it. Together they cost as much as the `write` of a record, which rules out a check for each record. The output
//! checks the location under its lock,
//!
//! - before a write, if the last check is older than [`CHECK_INTERVAL`], by a clock that costs a hundredth of the check;
//! - at every `flush`, `sync` and `reopen`, before the file is parked, and when the output is dropped;
//! - when the log rolls, by `fstat` alone.
//!
//! The difficulty is the records that are written after the last good check and before the file goes. They are saved afterwards. A *moved*
//! file still has those records, and a reader finds them in it, so it is enough to reopen the path. A *removed* file would take them with
//! it, but it exists for as long as it is open. So files are opened for reading too, and the output keeps the length that the file had at
//! each good check. The bytes behind that length are [copied](crate::file::rescue) to the newly opened file before anything else is
//! written there. A record may be found twice, if somebody copied the file just before removing it; no record is lost.
//!
//! The file is looked for, and opened anew, in the directory that it was in, whose descriptor the output [holds](crate::file::os::Folder): the
//! path may lead to another directory by then, which somebody has put there. Only if the directory was removed, as by a clean build, does the
//! output go by the path, checked as at the first opening, and reports it. A call of `reopen` goes by the path, because the program asks for it.
//!
//! The path may fail to reopen: its directory is gone and was not to be created, or something else has the name. Then the output goes on
//! writing to the old file, reports this once, and tries again with each check. Nothing is lost as long as the output lives: when the path
//! can be reopened, all bytes behind the last good check are copied. If it cannot be reopened until the output is dropped, the loss is
//! reported then.
//!
//! The output never takes another file for its own: [`registry`](crate::registry) explains when the key of a file proves something.

use std::io::{self, ErrorKind};
use std::time::Instant;

use super::{Appender, CHECK_INTERVAL, regular};
use crate::fallback::report;
use crate::file::current::{By, CurrentFile};
use crate::file::descriptors;
use crate::file::os::{self, FileLocation, Folder, Identity, OpenOptions};
use crate::limits::REOPEN;

impl Appender {
    /// Checks the location of the file, and reopens its path if the file was moved or removed.
    ///
    /// # Errors
    ///
    /// The path cannot be checked or reopened.
    pub(in crate::file) fn check_location_now(&self) -> io::Result<()> {
        match self.lock_until(Instant::now().checked_add(REOPEN)) {
            Some(mut current) if self.is_tracked() => self.check_location(&mut current, By::Folder),
            _ => Ok(()),
        }
    }

    /// Returns true if opening the path with `options` would open the file of this output. False if it is not known, because another thread
    /// has been writing to the file for [`REOPEN`].
    pub(in crate::file) fn would_open_this_file(&self, options: OpenOptions) -> bool {
        // An output that follows no links has found the file itself at its path, not a link, so all options open the same file.
        let opens_the_same = !self.options.follow_links || options.follow_links;
        if !self.is_tracked() || !opens_the_same {
            return false;
        }
        let Some(mut current) = self.lock_until(Instant::now().checked_add(REOPEN)) else { return false };
        let current = &mut *current;
        // The file may be in its directory while the path leads to another directory.
        self.check_location(current, By::Folder).is_ok()
            && matches!(current.locate(By::Path, self.options.follow_links), Ok(FileLocation::InPlace { .. }))
    }

    /// Opens a parked file, and checks the location of an open one if the last check is too old.
    #[inline]
    pub(super) fn prepare_write(&self, current: &mut CurrentFile) -> io::Result<()> {
        if !self.is_tracked() {
            return Ok(());
        }
        let now = os::coarse_monotonic();
        if current.file.is_none() || now >= current.next_check {
            self.open_or_check(current, now)?;
        }
        Ok(())
    }

    #[cold]
    fn open_or_check(&self, current: &mut CurrentFile, now: u64) -> io::Result<()> {
        current.next_check = now + CHECK_INTERVAL;
        if current.file.is_none() {
            return self.reopen_file(current);
        }
        // An error was reported by the check, and the record goes to the file that is open.
        let _ = self.check_location(current, By::Folder);
        Ok(())
    }

    /// Checks the location of the file, reopens its path if necessary, and reports the first error in a row.
    pub(super) fn check_location(&self, current: &mut CurrentFile, by: By) -> io::Result<()> {
        let location = current.locate(by, self.options.follow_links);
        let result = self.follow(current, by, location);
        if let Err(error) = &result
            && !std::mem::replace(&mut current.failure_reported, true)
        {
            let path = current.path.display();
            report(format_args!(
                "{path} no longer leads to the open log file, and cannot be opened anew: {error}; until it can, records go to the \
                 file that was open before"
            ));
        }
        result
    }

    /// Goes on with the file where it was located, or with the path if it is not there.
    pub(super) fn follow(
        &self,
        current: &mut CurrentFile,
        by: By,
        location: io::Result<FileLocation>,
    ) -> io::Result<()> {
        let reopen = |current: &mut CurrentFile| match by {
            By::Folder => self.reopen_file(current),
            By::Path => self.reopen_path(current),
        };
        match location {
            _ if current.file.is_none() => reopen(current),
            Ok(FileLocation::InPlace { length }) => {
                current.mark_in_place(length);
                current.unsynced.forget_removed();
                if by == By::Path
                    && let Some(folder) = current
                        .path
                        .parent()
                        .and_then(|parent| descriptors::retry_after_parking(|| Folder::hold(parent)).ok())
                {
                    current.hold_folder(Some(folder));
                }
                // The program may have redirected a stream to this file since. Then the file and the stream must share an offset.
                if current.stream.is_none()
                    && let Some(mut opened) = os::through_stream(&current.identity)
                {
                    let path = current.path.clone();
                    opened.folder = current.folder.clone();
                    self.switch_to(current, &path, opened)?;
                }
                if !current.holds_key {
                    current.holds_key = self.keys.hold_key(&current.identity);
                }
                Ok(())
            }
            Ok(FileLocation::Removed | FileLocation::Moved) => reopen(current),
            Err(error) => Err(error),
        }
    }

    /// Opens the file anew in the directory that it was in, and writes to it from now on. If the directory is gone, or the file is parked, opens
    /// it by its path, and reports that it is in another directory.
    pub(super) fn reopen_file(&self, current: &mut CurrentFile) -> io::Result<()> {
        if let Some(folder) = current.folder.clone().filter(|folder| !folder.is_gone()) {
            let path = current.path.clone();
            match descriptors::open_in(&folder, &path, self.options).and_then(regular) {
                // The directory was removed just now.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                opened => return self.switch_to(current, &path, opened?),
            }
        }
        let before = current.folder_identity.clone();
        self.reopen_path(current)?;
        report_other_folder(current, before.as_ref());
        Ok(())
    }

    /// Opens the path of the file, and writes to that file from now on.
    pub(super) fn reopen_path(&self, current: &mut CurrentFile) -> io::Result<()> {
        let path = current.path.clone();
        let opened = self.open(current, &path)?;
        self.switch_to(current, &path, opened)
    }
}

/// Reports that the log goes on in another directory, if its file was in the directory `before` and is now in another.
pub(super) fn report_other_folder(current: &CurrentFile, before: Option<&Identity>) {
    if before.is_some() && before != current.folder_identity.as_ref() {
        let path = current.path.display();
        report(format_args!("the directory of {path} was removed or replaced; the log goes on at its path"));
    }
}
