//! The record of a holder, and its text: a line for each thing, such as `pid=4711`.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use super::identity::Identity;
use super::mode::Mode;
use super::place::{Place, Process, is_gone, monotonic, own_start, program};
use super::text::{NAME_BYTES, PURPOSE_BYTES, one_line};
use crate::lock::token::Token;

/// The most bytes of a record that are read.
pub(super) const RECORD_BYTES: u64 = 8 << 10;

/// What a holder says of itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Record {
    pub(super) token: Token,
    pub(super) mode: Mode,
    /// The file that is locked. Another one at the same path says that the holder's was deleted or replaced.
    pub(super) file: Identity,
    pub(super) pid: u32,
    /// When the process was started, which tells it from a later one with its PID. `None` where that is not known.
    pub(super) started: Option<u64>,
    pub(super) program: String,
    pub(super) place: Place,
    /// When it got the lock, since the Unix epoch.
    pub(super) since: Duration,
    /// The same by the clock of the kernel.
    pub(super) monotonic: Option<Duration>,
    pub(super) purpose: String,
}

impl Record {
    /// Describes this process, which gets the lock now.
    pub(super) fn of_this_process(file: Identity, mode: Mode, purpose: &str) -> Self {
        Record {
            token: Token::random(),
            mode,
            file,
            pid: std::process::id(),
            started: own_start(),
            program: program(),
            place: Place::here(),
            since: since_epoch(),
            monotonic: monotonic(),
            purpose: purpose.to_owned(),
        }
    }

    /// Returns for how long its holder has had the lock.
    pub(super) fn held_for(&self) -> Duration {
        let by_monotonic = match (self.monotonic, monotonic()) {
            (Some(since), Some(now)) if self.is_near() => now.checked_sub(since),
            _ => None,
        };
        by_monotonic.unwrap_or_else(|| since_epoch().saturating_sub(self.since))
    }

    /// True if the holder certainly lives no more.
    pub(super) fn is_of_the_dead(&self) -> bool {
        let has_ended = || {
            let process = Process::of(self.pid);
            process.is_some_and(|there| there.has_ended || self.started.is_some_and(|started| started != there.started))
        };
        (is_gone(self.pid) || has_ended()) && self.is_near()
    }

    /// True if its holder has locked `file`.
    pub(super) fn is_of(&self, file: Identity) -> bool {
        self.file == file || (self.file.may_be(file) && !self.is_near())
    }

    /// True if its holder got its lock after that of `other`.
    pub(super) fn is_later_than(&self, other: &Record) -> bool {
        match (self.monotonic, other.monotonic) {
            (Some(this), Some(other_time)) if self.place == other.place => this > other_time,
            _ => self.since > other.since,
        }
    }

    fn is_near(&self) -> bool {
        self.place == Place::here()
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = String::with_capacity(256);
        let mut line = |key: &str, value: &dyn std::fmt::Display| {
            let _ = writeln!(text, "{key}={value}");
        };
        line("token", &self.token);
        line("mode", &self.mode.name());
        line("file", &self.file);
        line("pid", &self.pid);
        if let Some(started) = self.started {
            line("started", &started);
        }
        line("program", &self.program);
        line("host", &self.place.host);
        line("kernel", &self.place.kernel);
        line("since", &nanoseconds(self.since));
        if let Some(monotonic) = self.monotonic {
            line("monotonic", &nanoseconds(monotonic));
        }
        line("purpose", &self.purpose);
        text
    }

    /// Returns `None` for a text that is no record.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let name = |key: &str| value(key).map(|value| one_line(value, NAME_BYTES));
        Some(Record {
            token: value("token")?.parse().ok()?,
            mode: Mode::from_name(value("mode")?)?,
            file: value("file")?.parse().ok()?,
            pid: value("pid")?.parse().ok()?,
            started: value("started").and_then(|started| started.parse().ok()),
            program: name("program")?,
            place: Place { host: name("host")?, kernel: name("kernel")? },
            since: parse_nanoseconds(value("since")?)?,
            monotonic: value("monotonic").and_then(parse_nanoseconds),
            purpose: one_line(value("purpose")?, PURPOSE_BYTES),
        })
    }
}

fn nanoseconds(time: Duration) -> u64 {
    // Enough for 584 years.
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn parse_nanoseconds(text: &str) -> Option<Duration> {
    text.parse().ok().map(Duration::from_nanos)
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(all(test, unix))]
mod tests;
