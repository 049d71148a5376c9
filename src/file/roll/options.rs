//! When a log goes on in another file, and what becomes of the old ones: what a program says of it.

use std::fmt;

use crate::clock::Clock;
use crate::file::name::Interval;

/// How a log is spread over several files: see [`FileOptions::roll`](crate::sink::FileOptions::roll).
///
/// A log rolls by size, by time, or by both, and is given to [`file`](crate::sink::file()) with the name that it would have without
/// rolling. Its files are called after that:
///
/// | | `logs/uno.log` is in |
/// |---|---|
/// | `Roll::by_size(bytes)` | `uno.1.log`, `uno.2.log`, … |
/// | `Roll::daily()` | `uno.2026-11-26Z.log` |
/// | `Roll::hourly()` | `uno.2026-11-26T00Z.log` |
/// | `Roll::minutely()` | `uno.2026-11-26T00-36Z.log` |
/// | `Roll::daily().size(bytes)` | `uno.2026-11-26Z.1.log`, `uno.2026-11-26Z.2.log`, … |
///
/// A file has its name from the beginning and is never renamed, so a program that follows or ships logs reads each once,
/// whenever it comes by. `tail -F`, and people, find the file that is written to by [`link_latest`](Roll::link_latest):
/// `.link_latest("uno.log")`.
///
/// No record is spread over two files. One that is larger than the limit gets a file of its own. A log that is opened again
/// goes on in its newest file, if that has room and its time is not over. When the clock is put back, records go on to the
/// newest file, so that their order is that of the files; a log that is opened while its newest file is of a time to come
/// goes on in that, and says so on stderr. What was logged in the last milliseconds of a day may be in the file of the next.
///
/// Opening the log, and rolling, list its directory.
///
/// If it cannot roll (the disk is full, something else has the next name) it goes on in the file that it has; that is told on
/// stderr once, and it is tried again a second later.
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
#[derive(Clone, Debug)]
#[must_use = "a roll does something once it is given to a file, with `.roll(…)`"]
pub struct Roll {
    pub(super) interval: Option<Interval>,
    pub(super) size: Option<u64>,
    pub(super) keep: Option<usize>,
    pub(super) keep_bytes: Option<u64>,
    pub(super) offset: i32,
    pub(super) clock: Clock,
    pub(super) latest: Option<String>,
    pub(super) compress: bool,
}

impl Roll {
    /// Rolls before a file would become larger than `bytes`.
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

    /// Rolls at midnight, of UTC unless [`utc_offset`](Roll::utc_offset) says otherwise.
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
            clock: Clock::System,
            latest: None,
            compress: false,
        }
    }

    /// Rolls before a file would become larger than `bytes` too.
    pub fn size(mut self, bytes: u64) -> Self {
        self.size = Some(bytes);
        self
    }

    /// Keeps the newest `files`, the one that is written to among them, and removes older ones when it rolls and when it is
    /// opened. All are kept, unless set. (The one that is written to is never removed, so 0 is the same as 1.)
    ///
    /// Removed are only regular files that are called exactly as this log calls its own, as it rolls now, and that no other
    /// sink of the process writes to; never the one that is written to.
    pub fn keep(mut self, files: usize) -> Self {
        self.keep = Some(files);
        self
    }

    /// Keeps as many of the newest files as have `bytes` together, the one that is written to among them, and removes older
    /// ones, as [`keep`](Roll::keep) does. That one counts as large as it may become, where there is a limit, so that the log
    /// does not become larger than this between two rolls.
    pub fn keep_bytes(mut self, bytes: u64) -> Self {
        self.keep_bytes = Some(bytes);
        self
    }

    /// Sets how many seconds local time is ahead of UTC: days, hours and minutes begin by that, and the names say it, as
    /// `+0200` in the place of `Z`. It is less than a day, else the log is not opened, and stays the same while the log is open: it does not know of
    /// daylight saving time.
    ///
    /// It is a plain number, such as every library for dates gives: `UtcOffset::whole_seconds` of `time`,
    /// `FixedOffset::local_minus_utc` of `chrono`, `Offset::seconds` of `jiff`.
    ///
    /// ```
    /// let roll = logscope::sink::Roll::daily().utc_offset(2 * 3_600); // uno.2026-11-26+0200.log
    /// ```
    pub fn utc_offset(mut self, seconds_east: i32) -> Self {
        self.offset = seconds_east;
        self
    }

    /// Sets by which clock it rolls: the system's unless set, or a [`ManualClock`](crate::ManualClock), for tests.
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// Keeps a symbolic link of this name, in the directory of the log, to the file that is written to. It is relative, and
    /// there at every moment.
    ///
    /// What has this name and is not a link to a file of this log stays as it is: that is told on stderr, and the log goes on
    /// without a link. Unix only; elsewhere that is told.
    pub fn link_latest(mut self, name: impl Into<String>) -> Self {
        self.latest = Some(name.into());
        self
    }

    /// Sets whether files that are no longer written to are compressed, with the name `uno.1.log.gz` and the mode that they
    /// have. They are not, unless set.
    ///
    /// A thread does that, which lives while there is something to do; there is one for all logs of the process. A compressed
    /// file has its name when it is whole, and only then the other one is removed; what the end of the process interrupts is
    /// done when the log is opened again.
    #[cfg(feature = "gzip")]
    #[cfg_attr(docsrs, doc(cfg(feature = "gzip")))]
    pub fn compress(mut self, compress: bool) -> Self {
        self.compress = compress;
        self
    }
}

impl PartialEq for Roll {
    fn eq(&self, other: &Roll) -> bool {
        let Roll { interval, size, keep, keep_bytes, offset, clock, latest, compress } = self;
        (interval, size, keep, keep_bytes) == (&other.interval, &other.size, &other.keep, &other.keep_bytes)
            && (offset, latest, compress) == (&other.offset, &other.latest, &other.compress)
            && clock.is_same(&other.clock)
    }
}

impl Eq for Roll {}

/// As in `rolled daily, by size 1000, keep 5`.
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
        if let Some(latest) = &self.latest {
            say(format_args!("link_latest {latest:?}"))?;
        }
        if self.compress {
            say(format_args!("compressed"))?;
        }
        Ok(())
    }
}
