//! The time of a context: the [`Origin`] from which its elapsed time counts, and the [`Clock`] that it reads.
//!
//! A context is given its clock when it is built, so a test of time never sleeps: it uses a [`ManualClock`], which stands still until the
//! test [advances](ManualClock::advance) it. Of this crate, this module imports `sync` only. How a time is printed is in
//! `format/timestamp.rs`.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

use crate::sync::{Arc, AtomicU64, Ordering};

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
    /// Reads the present from the system's clocks.
    #[must_use]
    pub fn now() -> Self {
        Origin { instant: Instant::now(), wall: SystemTime::now() }
    }

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

/// Gives a context the time: the system's clocks, or a clock that a test advances by hand.
///
/// ```
/// use logscope::{ManualClock, OutputContext};
///
/// let clock = ManualClock::new();
/// let uno = OutputContext::builder("uno").clock(&clock).build();
/// assert!(uno.elapsed().is_zero());
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Clock {
    /// `Instant::now` and `SystemTime::now`.
    #[default]
    System,
    /// A clock that stands still until the program advances it.
    Manual(ManualClock),
}

impl Clock {
    /// Returns the present monotonic instant of this clock.
    #[must_use]
    pub fn now(&self) -> Instant {
        match self {
            Clock::System => Instant::now(),
            Clock::Manual(clock) => clock.now(),
        }
    }

    /// Returns the present wall-clock time of this clock.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        match self {
            Clock::System => SystemTime::now(),
            Clock::Manual(clock) => clock.wall(),
        }
    }

    /// True if both are the system's clocks, or clones of one manual clock.
    #[cfg(feature = "file")]
    pub(crate) fn is_same(&self, other: &Clock) -> bool {
        match (self, other) {
            (Clock::System, Clock::System) => true,
            (Clock::Manual(one), Clock::Manual(two)) => Arc::ptr_eq(&one.0, &two.0),
            _ => false,
        }
    }

    /// Returns an origin at the present of this clock.
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

/// Stands still until [`advance`](ManualClock::advance) is called: a clock for tests. Clones are the same clock.
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
    /// In nanoseconds.
    advanced: AtomicU64,
}

impl ManualClock {
    /// Makes a clock that stands at the present of the system's clocks.
    #[must_use]
    pub fn new() -> Self {
        ManualClock::at(Origin::now())
    }

    /// Makes a clock that stands at `start`. With a fixed wall-clock time, printed timestamps are the same in each run.
    #[must_use]
    pub fn at(start: Origin) -> Self {
        ManualClock(Arc::new(Manual { start, advanced: AtomicU64::new(0) }))
    }

    /// Advances the clock by `by`, to the nanosecond, up to 584 years in total.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        // Relaxed: no other memory is read on the strength of this count. A thread that must see an advance synchronises with
        // the advancing thread by other means.
        let _ = self.0.advanced.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |at| Some(at.saturating_add(by)));
    }

    /// Returns how far the clock was advanced in total.
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
    fn a_manual_clock_moves_only_when_it_is_advanced() {
        let clock = ManualClock::new();
        let origin = Clock::from(&clock).origin();
        assert_eq!(origin.elapsed_at(clock.now()), Duration::ZERO);
        clock.clone().advance(Duration::from_nanos(7));
        clock.advance(Duration::from_secs(3));
        assert_eq!(origin.elapsed_at(clock.now()), Duration::new(3, 7));
        assert_eq!(clock.wall().duration_since(origin.wall()).unwrap(), Duration::new(3, 7));
    }

    #[test]
    fn elapsed_time_before_the_origin_is_zero_and_an_advance_saturates() {
        let clock = ManualClock::new();
        let earlier = clock.now();
        clock.advance(Duration::from_secs(1));
        assert_eq!(Clock::from(&clock).origin().elapsed_at(earlier), Duration::ZERO);
        clock.advance(Duration::MAX);
        assert_eq!(clock.advanced(), Duration::from_nanos(u64::MAX));
        let _ = clock.now();
    }
}
