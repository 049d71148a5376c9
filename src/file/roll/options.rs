//! The options for a log that rolls: when it continues in another file, and what happens to the old files.

use std::fmt;

use crate::clock::Clock;
use crate::file::name::Interval;

/// Says when a log continues in another file, and which old files are kept.
///
/// ```
/// use logscope::sink::{self, Roll};
///
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("logs/uno.log");
/// let roll = Roll::daily().size(100 << 20).keep(30).keep_bytes(1 << 30).link_latest("uno.log");
/// let log = sink::file(&path).create_parents(true).roll(roll).open()?;
/// # Ok::<(), logscope::Error>(())
/// ```
///
/// [`FileOptions::roll`](crate::sink::FileOptions::roll) takes it. A log rolls by size, by time, or by both. The path that is given to
/// [`file`](crate::sink::file()) names the log, and the names of its files are made from it:
///
/// | | the files of `logs/uno.log` |
/// |---|---|
/// | `Roll::by_size(bytes)` | `uno.1.log`, `uno.2.log`, … |
/// | `Roll::daily()` | `uno.2026-11-26Z.log` |
/// | `Roll::hourly()` | `uno.2026-11-26T00Z.log` |
/// | `Roll::minutely()` | `uno.2026-11-26T00-36Z.log` |
/// | `Roll::daily().size(bytes)` | `uno.2026-11-26Z.1.log`, `uno.2026-11-26Z.2.log`, … |
///
/// A file is never renamed, so a program that follows or ships logs reads each file once, whenever it looks. `tail -F`, and people, find
/// the current file by a link: see [`link_latest`](Roll::link_latest).
///
/// No record is split between two files. A record that is larger than the size limit gets a file of its own. A log that is opened again
/// continues in its newest file, if that file has room and its period is not over. If the clock is put back while the
/// log is open, records still go to the newest file, so that the files stay in order. A record of the last milliseconds of a day may be in
/// the file of the next day.
///
/// A file that is named for a time that is still to come, or has a number above 999,999,999,999, is not taken for a file of the log, unless
/// the log has named it since it was opened. Such files are ignored, which is reported on stderr: they are neither continued, nor counted,
/// nor removed. So a log that is opened after the clock was put back continues in an older file, or in a new one between the others.
///
/// Opening the log and rolling it list its directory.
///
/// If the log cannot roll, because the disk is full or something else has the next name, it stays in its current file. This is reported
/// once on stderr, and rolling is tried again a second later.
#[derive(Clone, Debug)]
#[must_use = "a roll does something once it is given to a file, with `.roll(…)`"]
pub struct Roll {
    pub(super) interval: Option<Interval>,
    pub(super) size: Option<u64>,
    pub(super) keep: Option<usize>,
    pub(super) keep_bytes: Option<u64>,
    pub(super) offset: i32,
    pub(super) clock: Clock,
    pub(super) link_name: Option<String>,
    pub(super) compress: bool,
}

impl Roll {
    /// Rolls by size, before a file would become larger than `bytes`.
    ///
    /// ```
    /// let roll = logscope::sink::Roll::by_size(10 << 20).keep(5);
    /// ```
    pub fn by_size(bytes: u64) -> Self {
        Roll { size: Some(bytes), ..Roll::by(None) }
    }

    /// Rolls at the beginning of each minute.
    pub fn minutely() -> Self {
        Roll::by(Some(Interval::Minute))
    }

    /// Rolls at the beginning of each hour.
    pub fn hourly() -> Self {
        Roll::by(Some(Interval::Hour))
    }

    /// Rolls at midnight, UTC unless [`utc_offset`](Roll::utc_offset) is set.
    pub fn daily() -> Self {
        Roll::by(Some(Interval::Day))
    }

    fn by(interval: Option<Interval>) -> Self {
        Roll {
            interval,
            size: None,
            keep: None,
            keep_bytes: None,
            offset: 0,
            clock: Clock::SYSTEM,
            link_name: None,
            compress: false,
        }
    }

    /// Rolls by size too, before a file would become larger than `bytes`.
    pub fn size(mut self, bytes: u64) -> Self {
        self.size = Some(bytes);
        self
    }

    /// Keeps the newest `files`, including the current one, and removes older ones.
    ///
    /// Old files are removed when the log is opened and when it rolls. Unless set, all are kept. The current file is never removed, so 0
    /// means the same as 1. A file is removed only if it is a regular file, has exactly a name that this log gives its files as it rolls
    /// now, and no other sink of the process writes to it.
    pub fn keep(mut self, files: usize) -> Self {
        self.keep = Some(files);
        self
    }

    /// Keeps the newest files that have `bytes` together, including the current one, and removes older ones.
    ///
    /// Files are removed as [`keep`](Roll::keep) describes. If the log rolls by size, the current file counts as large as it may become,
    /// so the log does not become larger than `bytes` between two rolls.
    pub fn keep_bytes(mut self, bytes: u64) -> Self {
        self.keep_bytes = Some(bytes);
        self
    }

    /// Sets by how many seconds local time is ahead of UTC.
    ///
    /// ```
    /// let roll = logscope::sink::Roll::daily().utc_offset(2 * 3_600); // uno.2026-11-26+0200.log
    /// ```
    ///
    /// Days, hours and minutes begin by local time. The names of files have the offset, such as `+0200`, instead of `Z`. The offset must be
    /// less than a day, or the log is not opened. It stays the same while the log is open, so it does not follow daylight saving time.
    ///
    /// Libraries for dates return this number: `UtcOffset::whole_seconds` of `time`, `FixedOffset::local_minus_utc` of `chrono`,
    /// `Offset::seconds` of `jiff`.
    pub fn utc_offset(mut self, seconds_east: i32) -> Self {
        self.offset = seconds_east;
        self
    }

    /// Sets the clock of the log: the system's unless set, or a [`ManualClock`](crate::ManualClock) for tests.
    ///
    /// A clock of the program's own is asked before each write, by the thread that writes. It is asked inside the output, so what it logs goes to
    /// stderr, and counts as dropped.
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// Keeps a symbolic link of this name to the current file, in the directory of the log.
    ///
    /// ```
    /// let roll = logscope::sink::Roll::daily().link_latest("uno.log");
    /// ```
    ///
    /// The link is relative, and exists at every moment once the log is open. If something else than a link to a file of this log has the
    /// name, it stays as it is; this is reported on stderr, and the log goes on without a link. Unix only: elsewhere it is reported that
    /// there is no link.
    pub fn link_latest(mut self, name: impl Into<String>) -> Self {
        self.link_name = Some(name.into());
        self
    }

    /// Sets whether files that are no longer written to are compressed. They are not, unless set.
    ///
    /// The compressed form of `uno.1.log` is called `uno.1.log.gz` and has the same mode. One thread compresses the files of all logs of
    /// the process; it ends when there is nothing left to do. A compressed file gets its name once it is complete, and only then is the
    /// original removed. If the process ends before that, the file is compressed when the log is opened again.
    #[cfg(feature = "gzip")]
    #[cfg_attr(docsrs, doc(cfg(feature = "gzip")))]
    pub fn compress(mut self, compress: bool) -> Self {
        self.compress = compress;
        self
    }
}

impl PartialEq for Roll {
    fn eq(&self, other: &Roll) -> bool {
        let Roll { interval, size, keep, keep_bytes, offset, clock, link_name, compress } = self;
        (interval, size, keep, keep_bytes) == (&other.interval, &other.size, &other.keep, &other.keep_bytes)
            && (offset, link_name, compress) == (&other.offset, &other.link_name, &other.compress)
            && clock.is_same(&other.clock)
    }
}

impl Eq for Roll {}

/// Writes, for example, `rolled daily, by size 1000, keep 5`.
impl fmt::Display for Roll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rolled")?;
        let mut separator = " ";
        let mut say = |what: fmt::Arguments<'_>| write!(f, "{}{what}", std::mem::replace(&mut separator, ", "));
        match self.interval {
            Some(Interval::Minute) => say(format_args!("minutely"))?,
            Some(Interval::Hour) => say(format_args!("hourly"))?,
            Some(Interval::Day) => say(format_args!("daily"))?,
            None => {}
        }
        if let Some(size) = self.size {
            say(format_args!("by size {size}"))?;
        }
        if let Some(keep) = self.keep {
            say(format_args!("keep {keep}"))?;
        }
        if let Some(bytes) = self.keep_bytes {
            say(format_args!("keep_bytes {bytes}"))?;
        }
        if self.offset != 0 {
            say(format_args!("utc_offset {}", self.offset))?;
        }
        if let Some(name) = &self.link_name {
            say(format_args!("link_latest {name:?}"))?;
        }
        if self.compress {
            say(format_args!("compressed"))?;
        }
        Ok(())
    }
}
