//! From where elapsed times count.

use std::time::{Duration, Instant, SystemTime};

/// Marks the instant from which a context counts its elapsed time, with its wall-clock time.
///
/// ```
/// use logscope::Origin;
/// use std::time::Duration;
///
/// let origin = Origin::now();
/// assert_eq!(origin.elapsed_at(origin.instant() + Duration::from_secs(2)), Duration::from_secs(2));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Origin {
    instant: Instant,
    wall: SystemTime,
}

impl Origin {
    /// Makes an origin from two readings of the same moment, for work that began before its context could be made.
    #[must_use]
    pub fn from_parts(instant: Instant, wall: SystemTime) -> Self {
        Origin { instant, wall }
    }

    /// Returns the monotonic instant.
    #[must_use]
    pub fn instant(&self) -> Instant {
        self.instant
    }

    /// Returns the wall-clock time at that instant.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        self.wall
    }

    /// Returns the time from this origin to `instant`, or zero if `instant` is earlier.
    #[must_use]
    pub fn elapsed_at(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.instant)
    }
}

/// An [`Origin`] in three words, as contexts keep it: the wall-clock time is a number.
#[derive(Clone, Copy)]
pub(crate) struct CompactOrigin {
    instant: Instant,
    /// In nanoseconds since 1970, or [`FAR`].
    wall: i64,
}

/// The wall-clock time is before the year 1678 or after 2261, and so not here.
const FAR: i64 = i64::MIN;

impl CompactOrigin {
    /// Returns `origin` and, where it is too far from the present to be in it, the wall-clock time.
    #[inline]
    pub(crate) fn new(origin: Origin) -> (Self, Option<SystemTime>) {
        let Origin { instant, wall } = origin;
        match to_nanos(wall) {
            Some(nanos) => (CompactOrigin { instant, wall: nanos }, None),
            None => (CompactOrigin { instant, wall: FAR }, Some(wall)),
        }
    }

    #[inline]
    pub(super) fn of_nanos(instant: Instant, wall: i64) -> Self {
        CompactOrigin { instant, wall }
    }

    #[inline]
    pub(crate) fn instant(&self) -> Instant {
        self.instant
    }

    /// Returns the origin; `far` is what [`new`](CompactOrigin::new) returned with it.
    pub(crate) fn origin(&self, far: Option<SystemTime>) -> Origin {
        Origin { instant: self.instant, wall: far.unwrap_or_else(|| from_nanos(self.wall)) }
    }
}

/// `None` if a number of 64 bits does not hold the time.
fn to_nanos(wall: SystemTime) -> Option<i64> {
    let nanos = |time: Duration| i64::try_from(time.as_nanos()).ok();
    match wall.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => nanos(after),
        Err(before) => nanos(before.duration()).map(|before| -before),
    }
}

fn from_nanos(nanos: i64) -> SystemTime {
    let distance = Duration::from_nanos(nanos.unsigned_abs());
    if nanos < 0 { SystemTime::UNIX_EPOCH - distance } else { SystemTime::UNIX_EPOCH + distance }
}

/// From where the elapsed time of a record counts.
#[derive(Clone, Copy)]
pub(crate) enum Counted {
    /// From the origin of the context, which is this instant.
    FromContext(Instant),
    /// From the origin of the sink that the record is for. From that of the context, it would be this.
    FromSink(Duration),
    /// From an origin that is not known any more.
    Unknown,
}
