//! Who holds a lock, as it is told to others.

use std::fmt;
use std::time::{Duration, SystemTime};

use super::mode::Mode;
use super::record::Record;
use super::text::Shown;
use crate::lock::token::Token;

/// Says who holds a lock; from [`FileLock::holder`](super::FileLock::holder).
///
/// Its text is the one that errors and records of the log have: `held for 12 s by pid 4711 (uno) on build7`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// The name of the host that it runs on.
    pub host: String,
    /// The name of the program that it runs.
    pub program: String,
    /// What it holds the lock for: see [`FileLock::purpose`](super::FileLock::purpose). Empty if it did not say.
    pub purpose: String,
    /// The token of this holder.
    pub token: Token,
    /// When it got the lock, by its wall clock.
    pub since: SystemTime,
    /// For how long it held the lock when it was asked for: by a monotonic clock, if it runs under the same kernel.
    pub held_for: Duration,
    /// How many share the lock; this is the one that has shared it for the longest. Zero if it is held by one alone.
    pub sharers: usize,
}

impl Holder {
    /// `sharers` says how many share the lock, if it is a shared one.
    pub(super) fn new(record: &Record, sharers: usize) -> Self {
        Holder {
            pid: record.pid,
            host: record.place.host.clone(),
            program: record.program.clone(),
            purpose: record.purpose.clone(),
            token: record.token,
            since: SystemTime::UNIX_EPOCH.checked_add(record.since).unwrap_or(SystemTime::UNIX_EPOCH),
            held_for: record.held_for(),
            sharers: if record.mode == Mode::Shared { sharers } else { 0 },
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Holder { pid, host, program, .. } = self;
        let held_for = Shown(self.held_for);
        match self.sharers {
            0 | 1 => write!(f, "held for {held_for} by pid {pid} ({program}) on {host}")?,
            sharers => write!(f, "shared by {sharers}, for {held_for} by pid {pid} ({program}) on {host}")?,
        }
        if self.purpose.is_empty() { Ok(()) } else { write!(f, ": {}", self.purpose) }
    }
}
