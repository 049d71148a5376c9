//! Time as a context sees it: an [`Origin`] from which elapsed time counts, and the [`Clock`] that is asked.
//!
//! The clock is a value, given to a context when it is built, so that a test of time never sleeps: a [`ManualClock`] stands
//! still until it is told to [`advance`](ManualClock::advance).

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use crate::sync::{Arc, AtomicU64, Ordering};

/// The instant from which a context counts its elapsed time, with the wall-clock time it had.
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
    /// The present, by the system's clocks.
    #[must_use]
    pub fn now() -> Self {
        Origin { instant: Instant::now(), wall: SystemTime::now() }
    }

    /// An origin from its two readings, for work that began before its context could be made.
    #[must_use]
    pub fn from_parts(instant: Instant, wall: SystemTime) -> Self {
        Origin { instant, wall }
    }

    /// The monotonic instant.
    #[must_use]
    pub fn instant(&self) -> Instant {
        self.instant
    }

    /// The wall-clock time at that instant.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        self.wall
    }

    /// The time from this origin to `instant`; zero for one that lies before it.
    #[must_use]
    pub fn elapsed_at(&self, instant: Instant) -> Duration {
        instant.saturating_duration_since(self.instant)
    }
}

/// Where a context reads the time: the system's clocks, or one that a test turns by hand.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Clock {
    /// `Instant::now` and `SystemTime::now`.
    #[default]
    System,
    /// A clock that stands still until it is advanced.
    Manual(ManualClock),
}

impl Clock {
    /// The present as this clock sees it, monotonic.
    #[must_use]
    pub fn now(&self) -> Instant {
        match self {
            Clock::System => Instant::now(),
            Clock::Manual(clock) => clock.now(),
        }
    }

    /// The present as this clock sees it, as wall-clock time.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        match self {
            Clock::System => SystemTime::now(),
            Clock::Manual(clock) => clock.wall(),
        }
    }

    /// True if both are the system's clocks, or the same manual one.
    pub(crate) fn is_same(&self, other: &Clock) -> bool {
        match (self, other) {
            (Clock::System, Clock::System) => true,
            (Clock::Manual(one), Clock::Manual(two)) => Arc::ptr_eq(&one.0, &two.0),
            _ => false,
        }
    }

    /// An origin at the present of this clock.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin { instant: self.now(), wall: self.wall() }
    }
}

impl From<ManualClock> for Clock {
    fn from(clock: ManualClock) -> Self {
        Clock::Manual(clock)
    }
}

impl From<&ManualClock> for Clock {
    fn from(clock: &ManualClock) -> Self {
        Clock::Manual(clock.clone())
    }
}

/// A clock for tests: it stands still until [`advance`](ManualClock::advance) is called. Clones are the same clock.
///
/// ```
/// use logscope::{Clock, ManualClock};
/// use std::time::Duration;
///
/// let manual = ManualClock::new();
/// let origin = Clock::from(&manual).origin();
/// manual.advance(Duration::from_millis(1_500));
/// assert_eq!(origin.elapsed_at(Clock::from(&manual).now()), Duration::from_millis(1_500));
/// ```
#[derive(Clone)]
pub struct ManualClock(Arc<Manual>);

struct Manual {
    start: Origin,
    advanced: AtomicU64,
}

impl ManualClock {
    /// A clock that stands at the present of the system's clocks.
    #[must_use]
    pub fn new() -> Self {
        ManualClock::at(Origin::now())
    }

    /// A clock that stands at `start`: with a fixed wall-clock time, rendered timestamps can be compared to the letter.
    #[must_use]
    pub fn at(start: Origin) -> Self {
        ManualClock(Arc::new(Manual { start, advanced: AtomicU64::new(0) }))
    }

    /// Moves the clock on by `by`, to the nanosecond; it stops at 584 years.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        // Relaxed: the count is the whole message. A thread that must see an advance has synchronised with it in another way.
        let _ = self.0.advanced.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |at| Some(at.saturating_add(by)));
    }

    /// How far the clock was advanced since it was made.
    #[must_use]
    pub fn advanced(&self) -> Duration {
        Duration::from_nanos(self.0.advanced.load(Ordering::Relaxed))
    }

    fn now(&self) -> Instant {
        let start = self.0.start.instant;
        start.checked_add(self.advanced()).unwrap_or(start)
    }

    fn wall(&self) -> SystemTime {
        let start = self.0.start.wall;
        start.checked_add(self.advanced()).unwrap_or(start)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        ManualClock::new()
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualClock").field("start", &self.0.start).field("advanced", &self.advanced()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::new();
        let origin = Clock::from(&clock).origin();
        assert_eq!(origin.elapsed_at(clock.now()), Duration::ZERO);
        clock.clone().advance(Duration::from_nanos(7));
        clock.advance(Duration::from_secs(3));
        assert_eq!(origin.elapsed_at(clock.now()), Duration::new(3, 7));
        assert_eq!(clock.wall().duration_since(origin.wall()).unwrap(), Duration::new(3, 7));
    }

    #[test]
    fn an_instant_before_the_origin_is_zero_and_an_overflow_stops() {
        let clock = ManualClock::new();
        let earlier = clock.now();
        clock.advance(Duration::from_secs(1));
        assert_eq!(Clock::from(&clock).origin().elapsed_at(earlier), Duration::ZERO);
        clock.advance(Duration::MAX);
        assert_eq!(clock.advanced(), Duration::from_nanos(u64::MAX));
        let _ = clock.now();
    }
}
