//! Of `lock`.

use std::time::Duration;

/// How long a thread waits for a lock before it logs that it still waits, and from which wait on it is logged at INFO that there was one.
pub(crate) const LOCK_REPORT: Duration = Duration::from_secs(1);

/// How often others may get a `lock::Mutex` while the first in line is woken. Enough to keep the lock busy for the microseconds that this takes.
pub(crate) const LOCK_TURNS: u64 = 256;

/// How long a lock is held is measured for one hold of so many, if nobody waited for it.
pub(crate) const LOCK_SAMPLES: u64 = 64;

/// How many names a publication tries for its temporaries.
pub(crate) const TEMPORARY_NAMES: usize = 1_000;

/// How often a publication of a folder tries to put it in place, while others change what is there.
pub(crate) const EXCHANGE_ATTEMPTS: usize = 100;

/// How often a `lock::Fetch` tries again, unless it is set.
pub(crate) const FETCH_RETRIES: usize = 3;

/// How long a `lock::Fetch` waits at least before it tries again for the first time.
pub(crate) const FETCH_FIRST_PAUSE: Duration = Duration::from_millis(100);

/// How long a `lock::Fetch` waits at most before it tries again.
pub(crate) const FETCH_LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long who waits for a file lock pauses before the first retry, at most. Each pause is twice the one before.
pub(crate) const LOCK_FIRST_RETRY: Duration = Duration::from_micros(200);

/// How long who waits for a file lock pauses between two attempts, at most.
pub(crate) const LOCK_RETRY: Duration = Duration::from_millis(25);

/// How often in a row the file of a lock may be deleted, each time just before it is locked, until who wants the lock pauses.
pub(crate) const LOCK_ATTEMPTS: u32 = 100;

/// How long somebody waits for a file lock before that is logged at INFO.
pub(crate) const LOCK_TOLD: Duration = Duration::from_secs(1);

/// How often folders are tried to be made while others make or remove them.
pub(crate) const FOLDER_ATTEMPTS: u32 = 10;

/// How long the first pause between two of these attempts is, at most. Each is twice the one before.
pub(crate) const FOLDER_RETRY: Duration = Duration::from_millis(1);

/// How long a folder that was replaced stays at least, for those who are on the way through it.
pub(crate) const REPLACED_FOLDER: Duration = Duration::from_secs(10);
