//! Counting how often and how long locks are waited for and held.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use crate::sync::Ordering::Relaxed;
use crate::sync::{AtomicBool, AtomicU64, OnceLock};

/// Tells how often and how long a lock was waited for and held; from [`Mutex::stats`](super::Mutex::stats) and
/// [`Semaphore::stats`](super::Semaphore::stats).
///
/// The numbers count since the lock was made. They are read one after another while others use the lock, so they may differ by what goes on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct LockStats {
    /// How often it was got.
    pub acquired: u64,
    /// How often and how long somebody had to wait for it, and got it in the end.
    pub waited: Timings,
    /// How often somebody who had to wait did not get it: the time was over, the future was dropped, or the semaphore was closed.
    pub given_up: u64,
    /// How many wait now.
    pub waiting: usize,
    /// How long it was held. Not every hold is measured, because to read the clock twice takes longer than to lock and unlock: measured are the
    /// holds of those who had to wait, and one of 64 others. A hold that goes on is not in yet.
    pub held: Timings,
}

/// Sums up durations.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Timings {
    /// How many there were.
    pub count: u64,
    /// All of them together.
    pub total: Duration,
    /// The longest of them.
    pub longest: Duration,
}

impl Timings {
    /// Returns the mean, or zero if there were none.
    #[must_use]
    pub fn mean(&self) -> Duration {
        let nanos = self.total.as_nanos().checked_div(self.count.into()).unwrap_or(0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// The counts of a lock. All are read and written relaxed: nothing depends on them.
#[derive(Debug)]
pub(super) struct Counters {
    acquired: AtomicU64,
    pub(super) waited: Sums,
    pub(super) held: Sums,
    given_up: AtomicU64,
}

impl Counters {
    pub(super) const fn new() -> Self {
        Counters { acquired: AtomicU64::new(0), waited: Sums::new(), held: Sums::new(), given_up: AtomicU64::new(0) }
    }

    /// Counts that a lock was got that one holds at a time. Returns how often it was got before.
    #[inline]
    pub(super) fn count_exclusive(&self) -> u64 {
        // Two steps, which are cheaper than one that is atomic: only who holds the lock gets here.
        let before = self.acquired.load(Relaxed);
        self.acquired.store(before.wrapping_add(1), Relaxed);
        before
    }

    /// Counts that a lock was got that several hold at a time. Returns how often it was got before.
    #[inline]
    pub(super) fn count_shared(&self) -> u64 {
        self.acquired.fetch_add(1, Relaxed)
    }

    pub(super) fn count_given_up(&self) {
        self.given_up.fetch_add(1, Relaxed);
    }

    pub(super) fn read(&self, waiting: usize) -> LockStats {
        LockStats {
            acquired: self.acquired.load(Relaxed),
            waited: self.waited.read(),
            given_up: self.given_up.load(Relaxed),
            waiting,
            held: self.held.read(),
        }
    }
}

/// Sums of durations, in nanoseconds, of which 64 bits hold 584 years.
#[derive(Debug)]
pub(super) struct Sums {
    count: AtomicU64,
    total: AtomicU64,
    longest: AtomicU64,
}

impl Sums {
    const fn new() -> Self {
        Sums { count: AtomicU64::new(0), total: AtomicU64::new(0), longest: AtomicU64::new(0) }
    }

    pub(super) fn add(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.count.fetch_add(1, Relaxed);
        self.total.fetch_add(nanos, Relaxed);
        self.longest.fetch_max(nanos, Relaxed);
    }

    fn read(&self) -> Timings {
        Timings {
            count: self.count.load(Relaxed),
            total: Duration::from_nanos(self.total.load(Relaxed)),
            longest: Duration::from_nanos(self.longest.load(Relaxed)),
        }
    }
}

/// A time on the monotonic clock, in one word: nanoseconds since the first one that was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since(NonZeroU64);

impl Since {
    #[cold]
    pub(super) fn now() -> Self {
        Since::at(Instant::now())
    }

    pub(super) fn at(time: Instant) -> Self {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        static IS_CHOSEN: AtomicBool = AtomicBool::new(false);
        // Not by `get_or_init`: in a forked child, a thread of the parent may have been setting it, and would never be done with it. Whoever
        // finds the flag unset sets the origin, and so nobody waits. Relaxed: the cell orders what is read of it. Whoever comes meanwhile is
        // nanoseconds behind the origin, and takes its own time for it.
        let origin = ORIGIN.get().copied().unwrap_or_else(|| {
            if !IS_CHOSEN.swap(true, Relaxed) {
                let _only_once = ORIGIN.set(time);
            }
            time
        });
        let nanos = time.saturating_duration_since(origin).as_nanos();
        Since(NonZeroU64::MIN.saturating_add(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    pub(super) fn elapsed(self) -> Duration {
        Duration::from_nanos(Since::now().0.get().saturating_sub(self.0.get()))
    }
}
