//! What a clock showed.

use std::num::NonZeroU64;
use std::time::{Duration, Instant, SystemTime};

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri), not(logscope_loom)))]
use super::epoch;

/// What a clock showed at one moment.
#[derive(Clone, Copy)]
pub(crate) struct Reading {
    moment: Moment,
    /// Nanoseconds since 1970, if this clock tells both times at once. One word, not a [`Wall`]: that would be copied as a whole right after it was
    /// written in parts, for which a processor has to wait.
    wall: Option<NonZeroU64>,
}

/// A monotonic time.
#[derive(Clone, Copy)]
enum Moment {
    At(Instant),
    /// Nanoseconds after the epoch of the counter.
    #[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri), not(logscope_loom)))]
    SinceEpoch(u64),
}

impl Reading {
    /// Makes the reading of a clock that does not tell the wall-clock time.
    #[inline]
    pub(crate) fn without_wall(instant: Instant) -> Self {
        Reading { moment: Moment::At(instant), wall: None }
    }

    /// Makes a reading of the counter: a monotonic time in nanoseconds since its epoch, and the wall-clock time in nanoseconds since 1970.
    #[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri), not(logscope_loom)))]
    #[inline]
    pub(super) fn of_counter(monotonic: u64, wall: u64) -> Self {
        Reading { moment: Moment::SinceEpoch(monotonic), wall: NonZeroU64::new(wall) }
    }

    /// Returns the monotonic time.
    #[inline]
    pub(crate) fn instant(&self) -> Instant {
        match self.moment {
            Moment::At(instant) => instant,
            #[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri), not(logscope_loom)))]
            Moment::SinceEpoch(nanos) => epoch::instant(nanos),
        }
    }

    /// Returns the time since `origin`, or zero if the reading is earlier.
    #[inline]
    pub(crate) fn elapsed_since(&self, origin: Instant) -> Duration {
        match self.moment {
            Moment::At(instant) => instant.saturating_duration_since(origin),
            #[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri), not(logscope_loom)))]
            Moment::SinceEpoch(nanos) => epoch::elapsed(origin, nanos),
        }
    }

    /// Returns the wall-clock time, or that it was not read.
    #[inline]
    pub(crate) fn wall(&self) -> Wall {
        self.wall.map_or(Wall::Unread, |nanos| Wall::SinceUnixEpoch(nanos.get()))
    }
}

/// The wall-clock time of a moment, or what is known of it. Few records show it, so it is made when it is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Wall {
    /// Whoever asks has to read the clock.
    Unread,
    /// Nanoseconds since 1970.
    SinceUnixEpoch(u64),
    Read(SystemTime),
}

impl Wall {
    /// Returns the time, which `read` reads if it is not known.
    #[inline]
    pub(crate) fn or_read(self, read: impl FnOnce() -> SystemTime) -> SystemTime {
        match self {
            Wall::Unread => read(),
            Wall::SinceUnixEpoch(nanos) => SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos),
            Wall::Read(wall) => wall,
        }
    }
}
