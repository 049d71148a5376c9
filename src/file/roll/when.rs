//! Which file a log goes on in, when, and what becomes of the old ones.
//!
//! What is asked for each record is one comparison, of a number of bytes, or of a cheap clock with the end of the period that
//! was reckoned when it began. All else happens when it is time, under the output's lock: the directory is listed, the next
//! file opened, and only then is the old one let go.
//!
//! The next file is always later than the one that there is, in the order of names, whatever the clock says: so the order of
//! files is that of records.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::latest;
use super::options::Roll;
use super::retention::Retention;
use crate::clock::Clock;
use crate::fallback::tell;
use crate::file::keys::OwnKeys;
use crate::file::name::Period;
use crate::file::name::{FileForm, FileId, LogFile, RolledNames};
use crate::file::os;
use crate::limits::ROLL_RETRY;
use crate::sync::Arc;

/// A log that rolls.
pub(in crate::file) struct Roller {
    roll: Roll,
    names: Arc<RolledNames>,
    /// The file that is written to.
    id: FileId,
    /// The first second that is not of that file's period.
    end: i64,
    /// When it may be tried again to roll, by [`Roller::ticks`]; 0 if it went well last time.
    retry_at: u64,
    /// The link, or an old file, gave trouble: that was told.
    link_told: bool,
    keep_told: bool,
}

impl Roller {
    /// The log `path`, at its newest file or the first.
    ///
    /// # Errors
    ///
    /// If its directory cannot be listed, or what is asked for makes no sense.
    pub(in crate::file) fn new(path: &Path, roll: &Roll) -> io::Result<Self> {
        let names = RolledNames::new(path, roll.interval, roll.size.is_some());
        let names = names.ok_or_else(|| io::Error::other("it has no file name"))?;
        if let Some(name) = &roll.latest
            && !latest::is_link_name(&names, name)
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
            let reason = format!("no place is {} seconds ahead of UTC; give utc_offset less than a day", roll.offset);
            return Err(io::Error::other(reason));
        }
        let none = FileId { period: None, index: 0 };
        let mut roller = Roller {
            roll: roll.clone(),
            names: Arc::new(names),
            id: none,
            end: i64::MAX,
            retry_at: 0,
            link_told: false,
            keep_told: false,
        };
        let members = roller.list()?;
        let id = roller.following(&members, None, 1);
        roller.arrive(id);
        if let Some(period) = id.period
            && period.start() > roller.wall()
        {
            let place = roller.path();
            tell(format_args!(
                "{} is of a time that has not come yet; it goes on being written to until that is over, so that \
                 the files are in order",
                place.display()
            ));
        }
        Ok(roller)
    }

    /// Where the file is that is written to.
    pub(in crate::file) fn path(&self) -> PathBuf {
        self.names.path(self.id)
    }

    pub(in crate::file) fn path_of(&self, id: FileId) -> PathBuf {
        self.names.path(id)
    }

    pub(in crate::file) fn list(&self) -> io::Result<Vec<LogFile>> {
        self.names.list()
    }

    /// True if the time of the file is over, and the log may roll.
    #[inline]
    pub(in crate::file) fn is_over(&self) -> bool {
        self.end != i64::MAX && self.wall() >= self.end && self.may_roll()
    }

    /// How many bytes the file has room for: any number, where there is no limit or the log cannot roll now.
    #[inline]
    pub(in crate::file) fn room(&self, length: u64) -> u64 {
        match self.roll.size {
            Some(size) if self.may_roll() => size.saturating_sub(length),
            _ => u64::MAX,
        }
    }

    fn may_roll(&self) -> bool {
        self.retry_at == 0 || self.ticks() >= self.retry_at
    }

    /// True if a file of this length takes so many bytes more.
    pub(in crate::file) fn fits(&self, length: u64, needed: u64) -> bool {
        length == 0 || self.roll.size.is_none_or(|size| length.saturating_add(needed) <= size)
    }

    /// The file after the one that is written to.
    pub(in crate::file) fn next(&self, members: &[LogFile], needed: u64) -> FileId {
        self.following(members, Some(self.id), needed)
    }

    /// The file to try if somebody else has `id`, or it is full.
    pub(in crate::file) fn after(&self, id: FileId) -> Option<FileId> {
        let index = id.index.checked_add(1).filter(|_| self.names.indexed)?;
        Some(FileId { index, ..id })
    }

    /// The file in which to go on from `current`: the newest there is if that is later and has room for `needed` bytes, or
    /// else one behind it.
    fn following(&self, members: &[LogFile], current: Option<FileId>, needed: u64) -> FileId {
        let now = self.roll.interval.map(|interval| Period::at(interval, self.wall(), self.roll.offset));
        let first = FileId { period: now, index: u64::from(self.names.indexed) };
        let Some(newest) = members.last().map(|member| member.id).max(current) else { return first };
        if newest.period.map(Period::start) < now.map(Period::start) {
            return first;
        }
        let has_room = |member: &LogFile| {
            member.id == newest && member.form == FileForm::Plain && self.fits(member.length, needed)
        };
        if Some(newest) > current && members.iter().any(has_room) {
            return newest;
        }
        self.after(newest).unwrap_or(newest)
    }

    /// The file `id` is written to from now on.
    pub(in crate::file) fn arrive(&mut self, id: FileId) {
        self.id = id;
        self.end = match (self.roll.interval, id.period) {
            (Some(interval), Some(period)) => period.end(interval),
            _ => i64::MAX,
        };
        self.retry_at = 0;
    }

    /// The log could not roll: that is told once, and tried again later.
    #[cold]
    pub(in crate::file) fn stay(&mut self, error: &io::Error) {
        if self.retry_at == 0 {
            let place = self.path();
            tell(format_args!(
                "{} cannot be followed by another file: {error}; it goes on being written to, and that is tried again",
                place.display()
            ));
        }
        self.retry_at = self.ticks().saturating_add(ROLL_RETRY.as_nanos() as u64).max(1);
    }

    /// Removes old files, sets the link, and has files compressed.
    pub(in crate::file) fn tidy(&mut self, keys: OwnKeys, members: Vec<LogFile>, needed: u64) {
        let retention = self.retention(keys, needed);
        let removed = retention.remove_old(&members, self.id);
        report(removed, &mut self.keep_told, |error| {
            tell(format_args!("old files of {} cannot be removed: {error}", self.names.log().display()));
        });
        if let Some(name) = &self.roll.latest {
            let linked = latest::point(&self.names, name, &self.names.name(self.id));
            let link = self.names.directory.join(name);
            report(linked, &mut self.link_told, |error| {
                tell(format_args!("the link {} is not set: {error}; the log goes on without it", link.display()));
            });
        }
        #[cfg(feature = "gzip")]
        if self.roll.compress && members.iter().any(|member| member.id < self.id && member.form != FileForm::Compressed)
        {
            super::gzip::compress_before(&self.names, self.id, retention);
        }
    }

    /// Which old files stay, from now on.
    fn retention(&self, keys: OwnKeys, needed: u64) -> Retention {
        Retention {
            keep: self.roll.keep.unwrap_or(usize::MAX),
            keep_bytes: self.roll.keep_bytes.unwrap_or(u64::MAX),
            room: self.roll.size.unwrap_or(0).max(needed),
            keys,
        }
    }

    /// The present, in seconds since 1970.
    #[inline]
    fn wall(&self) -> i64 {
        match &self.roll.clock {
            Clock::System => os::coarse_unix_seconds(),
            manual => match manual.wall().duration_since(SystemTime::UNIX_EPOCH) {
                Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
                Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds - 1),
            },
        }
    }

    /// Nanoseconds that only grow.
    fn ticks(&self) -> u64 {
        match &self.roll.clock {
            Clock::Manual(manual) => u64::try_from(manual.advanced().as_nanos()).unwrap_or(u64::MAX),
            _ => os::coarse_monotonic(),
        }
    }
}

/// Has the first error in a row told.
fn report(result: io::Result<()>, told: &mut bool, tell: impl FnOnce(io::Error)) {
    match result {
        Ok(()) => *told = false,
        Err(error) => {
            if !std::mem::replace(told, true) {
                tell(error);
            }
        }
    }
}
