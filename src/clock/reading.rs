//! What a clock showed.

use std::time::{Duration, Instant, SystemTime};

/// What a clock showed at one moment.
#[derive(Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) instant: Instant,
    pub(crate) wall: Wall,
}

/// The wall-clock time of a moment, or what is known of it. Few records show it, so it is made when it is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Wall {
    /// Whoever asks has to read the clock.
    Unread,
    /// Nanoseconds since 1970.
    #[cfg_attr(
        not(all(target_arch = "x86_64", target_os = "linux", not(miri), not(logscope_loom))),
        allow(dead_code, reason = "only the processor's counter tells both times")
    )]
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
