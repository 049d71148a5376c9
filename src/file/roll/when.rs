//! Decides when a log rolls and to which file, and has the old files removed, linked and compressed.
//!
//! Each record costs one comparison: of a length with the size limit, or of a cheap clock with the end of the period, which was computed
//! when the period began. Everything else happens when the log rolls, under the output's lock: the directory is listed, the next file
//! opened, and only then is the old file closed.
//!
//! While the log is open, the next file is always later than the current one in the order of names, whatever the clock says, so files are in
//! the order of their records. When it is opened, files of the time to come are not taken for its own: anybody could stop its rolling with one.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::latest;
use super::options::Roll;
use super::retention::Retention;
use crate::clock::Clock;
use crate::fallback::report;
use crate::file::keys::OwnKeys;
use crate::file::name::{FileForm, FileId, LogFile, Period, RolledNames};
use crate::file::os;
use crate::limits::ROLL_RETRY;
use crate::sync::Arc;

/// The largest number that a log is believed to have reached by itself: at a thousand files a second, after thirty years.
const LARGEST_INDEX: u64 = 999_999_999_999;

/// A log that rolls.
pub(in crate::file) struct Roller {
    roll: Roll,
    names: Arc<RolledNames>,
    /// The file that is written to.
    id: FileId,
    /// The first second after that file's period.
    end: i64,
    /// What a clock of the program's own said last, in seconds since 1970.
    told: i64,
    /// When the log may try to roll again, by [`Roller::monotonic_nanos`]; 0 if it could roll the last time.
    retry_at: u64,
    /// The link could not be set, and this was reported.
    link_failure_reported: bool,
    /// Old files could not be removed, and this was reported.
    removal_failure_reported: bool,
    /// Files that the log cannot have named were found, and this was reported.
    ignored_reported: bool,
}

impl Roller {
    /// Returns the roller of the log `path`, at the log's newest file or at its first.
    ///
    /// # Errors
    ///
    /// The directory of the log cannot be listed, or the options make no sense.
    pub(in crate::file) fn new(path: &Path, roll: &Roll) -> io::Result<Self> {
        let names = RolledNames::new(path, roll.interval, roll.size.is_some());
        let names = names.ok_or_else(|| io::Error::other("it has no file name"))?;
        if let Some(name) = &roll.link_name
            && !latest::is_allowed_link_name(&names, name)
        {
            let reason = format!(
                "the link {name:?} cannot have this name; give link_latest a plain file name that is none of the log's files"
            );
            return Err(io::Error::other(reason));
        }
        if roll.size == Some(0) {
            return Err(io::Error::other("a file of 0 bytes holds no record; give Roll a size, in bytes, that does"));
        }
        if roll.offset.unsigned_abs() >= 86_400 {
            let reason =
                format!("no local time is {} seconds ahead of UTC; give utc_offset less than a day", roll.offset);
            return Err(io::Error::other(reason));
        }
        let no_file = FileId { period: None, index: 0 };
        let mut roller = Roller {
            roll: roll.clone(),
            names: Arc::new(names),
            id: no_file,
            end: i64::MAX,
            told: unix_seconds(roll.clock.wall()),
            retry_at: 0,
            link_failure_reported: false,
            removal_failure_reported: false,
            ignored_reported: false,
        };
        let files = roller.list()?;
        let id = roller.file_after(&files, None, 1);
        roller.set_current(id);
        Ok(roller)
    }

    /// Returns the path of the current file.
    pub(in crate::file) fn path(&self) -> PathBuf {
        self.names.path(self.id)
    }

    pub(in crate::file) fn path_of(&self, id: FileId) -> PathBuf {
        self.names.path(id)
    }

    /// Lists the files of this log, the oldest first. Leaves out files after the current one that the log cannot have named: for a time that is
    /// still to come, or with a number that no log reaches. Reports the first of them.
    pub(in crate::file) fn list(&mut self) -> io::Result<Vec<LogFile>> {
        let mut files = self.names.list()?;
        let now = self.unix_seconds();
        let is_named_by_this_log = |file: &LogFile| {
            file.id <= self.id
                || (file.id.index <= LARGEST_INDEX && file.id.period.is_none_or(|period| period.start() <= now))
        };
        if let Some(other) = files.iter().find(|file| !is_named_by_this_log(file))
            && !self.ignored_reported
        {
            let reason = match other.id.index > LARGEST_INDEX {
                true => "has a number that no log reaches",
                false => "is named for a time that is still to come",
            };
            report(format_args!(
                "{} {reason}; it is not counted among the files of its log, nor removed",
                other.path.display()
            ));
            self.ignored_reported = true;
        }
        files.retain(is_named_by_this_log);
        Ok(files)
    }

    /// Returns true if the period of the current file is over, and the log may roll.
    #[inline]
    pub(in crate::file) fn is_period_over(&self) -> bool {
        self.end != i64::MAX && self.unix_seconds() >= self.end && self.may_roll()
    }

    /// Returns how many bytes the current file, which has `length`, has room for. Without a limit, or while the log may not roll, any
    /// number of bytes has room.
    #[inline]
    pub(in crate::file) fn room(&self, length: u64) -> u64 {
        match self.roll.size {
            Some(size) if self.may_roll() => size.saturating_sub(length),
            _ => u64::MAX,
        }
    }

    /// Returns true unless the log could not roll a moment ago.
    fn may_roll(&self) -> bool {
        self.retry_at == 0 || self.monotonic_nanos() >= self.retry_at
    }

    /// Returns true if a file of this length has room for `needed` bytes more. An empty file has room for any record.
    pub(in crate::file) fn fits(&self, length: u64, needed: u64) -> bool {
        length == 0 || self.roll.size.is_none_or(|size| length.saturating_add(needed) <= size)
    }

    /// Returns the file to roll to from the current one.
    pub(in crate::file) fn next_file(&self, files: &[LogFile], needed: u64) -> FileId {
        self.file_after(files, Some(self.id), needed)
    }

    /// Returns the file to try if another output has the file `id`, or that file is full.
    pub(in crate::file) fn with_next_index(&self, id: FileId) -> Option<FileId> {
        let index = id.index.checked_add(1).filter(|_| self.names.indexed)?;
        Some(FileId { index, ..id })
    }

    /// Returns the file in which to continue after `current`: the newest existing file if it is later than `current` and has room for
    /// `needed` bytes, or else a file after that.
    fn file_after(&self, files: &[LogFile], current: Option<FileId>, needed: u64) -> FileId {
        let now = self.roll.interval.map(|interval| Period::at(interval, self.unix_seconds(), self.roll.offset));
        let first = FileId { period: now, index: u64::from(self.names.indexed) };
        let Some(newest) = files.last().map(|file| file.id).max(current) else { return first };
        if newest.period.map(Period::start) < now.map(Period::start) {
            return first;
        }
        let has_room =
            |file: &LogFile| file.id == newest && file.form == FileForm::Plain && self.fits(file.length, needed);
        if Some(newest) > current && files.iter().any(has_room) {
            return newest;
        }
        self.with_next_index(newest).unwrap_or(newest)
    }

    /// Records that the file `id` is the current file from now on.
    pub(in crate::file) fn set_current(&mut self, id: FileId) {
        self.id = id;
        self.end = match (self.roll.interval, id.period) {
            (Some(interval), Some(period)) => period.end(interval),
            _ => i64::MAX,
        };
        self.retry_at = 0;
    }

    /// Records that the log could not roll. Reports the first error in a row, and sets when to try again.
    #[cold]
    pub(in crate::file) fn postpone(&mut self, error: &io::Error) {
        if self.retry_at == 0 {
            let path = self.path();
            report(format_args!(
                "cannot roll from {} to another file: {error}; records stay in that file until rolling succeeds",
                path.display()
            ));
        }
        self.retry_at = self.monotonic_nanos().saturating_add(ROLL_RETRY.as_nanos() as u64).max(1);
    }

    /// Removes old files, sets the link, and has the remaining old files compressed. `needed` bytes are reserved for the current file, or
    /// the size limit if that is larger.
    pub(in crate::file) fn clean_up(&mut self, keys: OwnKeys, files: Vec<LogFile>, needed: u64) {
        let retention = self.retention(keys, needed);
        let removed = retention.remove_old(&files, self.id);
        report_once(removed, &mut self.removal_failure_reported, |error| {
            report(format_args!("old files of {} cannot be removed: {error}", self.names.log().display()));
        });
        if let Some(name) = &self.roll.link_name {
            let linked = latest::set_link(&self.names, name, &self.names.name(self.id));
            let link = self.names.directory.join(name);
            report_once(linked, &mut self.link_failure_reported, |error| {
                report(format_args!("the link {} cannot be set: {error}; the log goes on without it", link.display()));
            });
        }
        #[cfg(feature = "gzip")]
        if self.roll.compress && files.iter().any(|file| file.id < self.id && file.form != FileForm::Compressed) {
            super::gzip::compress_before(&self.names, self.id, retention);
        }
    }

    /// Returns true if the log removes or compresses its old files.
    pub(in crate::file) fn removes_files(&self) -> bool {
        self.roll.keep.is_some() || self.roll.keep_bytes.is_some() || self.roll.compress
    }

    /// Returns how many files are kept.
    fn retention(&self, keys: OwnKeys, needed: u64) -> Retention {
        Retention {
            keep: self.roll.keep.unwrap_or(usize::MAX),
            keep_bytes: self.roll.keep_bytes.unwrap_or(u64::MAX),
            reserved: self.roll.size.unwrap_or(0).max(needed),
            keys,
        }
    }

    /// Returns the current time in seconds since 1970.
    #[inline]
    fn unix_seconds(&self) -> i64 {
        match self.roll.clock.as_manual() {
            Some(_) => unix_seconds(self.roll.clock.wall()),
            None if self.roll.clock.is_system() => os::coarse_unix_seconds(),
            None => self.told,
        }
    }

    /// Returns the clock that decides when the log rolls, if that is the program's own. Who is to write asks it, and [sets](Roller::set_time) the
    /// time: it is not asked under the output's lock, because it may need a lock that another thread holds around its log calls.
    pub(in crate::file) fn custom_clock(&self) -> Option<Clock> {
        let Roll { clock, interval, .. } = &self.roll;
        (interval.is_some() && !clock.is_system() && clock.as_manual().is_none()).then(|| clock.clone())
    }

    /// Sets what the clock of the program's own said.
    pub(in crate::file) fn set_time(&mut self, time: SystemTime) {
        self.told = unix_seconds(time);
    }

    /// Returns the time in nanoseconds of a clock that is never put back.
    fn monotonic_nanos(&self) -> u64 {
        match self.roll.clock.as_manual() {
            Some(manual) => u64::try_from(manual.advanced().as_nanos()).unwrap_or(u64::MAX),
            None => os::coarse_monotonic(),
        }
    }
}

/// Returns the seconds from 1970 to `time`.
fn unix_seconds(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds - 1),
    }
}

/// Reports the first error in a row with `report`.
fn report_once(result: io::Result<()>, reported: &mut bool, report: impl FnOnce(io::Error)) {
    match result {
        Ok(()) => *reported = false,
        Err(error) => {
            if !std::mem::replace(reported, true) {
                report(error);
            }
        }
    }
}

#[cfg(test)]
mod tests;
