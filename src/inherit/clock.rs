//! The time of a context, in another process: when it began, how long ago that was, and when that was true.
//!
//! A monotonic clock means nothing on another machine, and in another time namespace of Linux; a wall clock can be set. So the parent sends
//! a reading of both, taken at the same moment as the elapsed time, and the child reads both again. If they agree to within
//! [`CLOCKS_AGREE`] on how much time has passed since, the child goes by the monotonic clock, which is exact. If they do not, the monotonic
//! clock is another one, or the wall clock was set in between, and the child goes by the wall clock. What the wall clock was set to
//! before the parent sent its readings does not matter.
//!
//! `Instant` reads `CLOCK_MONOTONIC` on Linux and most Unix systems, and on Apple's a clock that stands still while the machine sleeps, where
//! `CLOCK_MONOTONIC` goes on. Only differences between readings count here, so that makes no difference unless the machine sleeps
//! between the two.

use std::time::{Duration, Instant, SystemTime};

use crate::clock::Origin;
use crate::context::OutputContext;
use crate::limits::CLOCKS_AGREE;

/// A reading of the clocks that two processes may share.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Reading {
    /// Since the Unix epoch.
    pub(super) wall: Duration,
    /// `None` where no such clock is shared between processes.
    pub(super) monotonic: Option<Duration>,
}

/// The time of a context, as its parent process sends it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct SentTime {
    /// The wall-clock time of the origin, since the Unix epoch.
    pub(super) origin: Duration,
    /// The time from the origin to `sent`.
    pub(super) elapsed: Duration,
    /// When the parent wrote this.
    pub(super) sent: Reading,
}

impl Reading {
    fn now() -> Self {
        Reading { wall: since_epoch(SystemTime::now()), monotonic: monotonic() }
    }
}

impl SentTime {
    /// Reads the time of `context` now. A clock that is not the system's does not reach the child, which goes on from the elapsed time that
    /// this one shows.
    pub(super) fn of(context: &OutputContext) -> Self {
        let elapsed = context.elapsed();
        let sent = Reading::now();
        let origin = match context.has_system_clock() {
            true => since_epoch(context.origin().wall()),
            false => sent.wall.saturating_sub(elapsed),
        };
        SentTime { origin, elapsed, sent }
    }

    /// Returns the origin by the clocks of this process.
    pub(super) fn to_origin(self) -> Origin {
        let elapsed = self.elapsed_at(Reading::now());
        let now = Instant::now();
        // An instant may not reach back beyond the start of the machine.
        let instant = now.checked_sub(elapsed).unwrap_or(now);
        let wall = SystemTime::UNIX_EPOCH.checked_add(self.origin).unwrap_or(SystemTime::UNIX_EPOCH);
        Origin::from_parts(instant, wall)
    }

    /// The time from the origin to `now`. Work cannot have begun before 1970, or after it was sent.
    fn elapsed_at(&self, now: Reading) -> Duration {
        let by_wall = Difference::between(self.sent.wall, now.wall);
        let by_monotonic = self.sent.monotonic.zip(now.monotonic).map(|(sent, now)| Difference::between(sent, now));
        let passed = by_monotonic.filter(|passed| passed.agrees_with(by_wall)).unwrap_or(by_wall);
        self.elapsed.saturating_add(passed.forward()).min(now.wall.max(self.sent.wall))
    }
}

/// How far one reading is after another, in nanoseconds.
#[derive(Clone, Copy)]
struct Difference(i128);

impl Difference {
    fn between(earlier: Duration, later: Duration) -> Self {
        // No duration of a variable, or since the epoch, comes near the limits of the type.
        Difference(later.as_nanos() as i128 - earlier.as_nanos() as i128)
    }

    fn agrees_with(self, other: Difference) -> bool {
        (self.0 - other.0).unsigned_abs() <= CLOCKS_AGREE.as_nanos()
    }

    /// Zero if time went back.
    fn forward(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0.max(0)).unwrap_or(u64::MAX))
    }
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO)
}

#[cfg(unix)]
fn monotonic() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?))
}

#[cfg(not(unix))]
fn monotonic() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: u64 = 1_795_653_377;

    fn at(wall: f64, monotonic: Option<u64>) -> Reading {
        let wall = Duration::from_secs(WALL).as_secs_f64() + wall;
        Reading { wall: Duration::from_secs_f64(wall), monotonic: monotonic.map(Duration::from_secs) }
    }

    /// Sent 100 seconds after the origin.
    fn elapsed(now: Reading) -> u64 {
        let origin = Duration::from_secs(WALL - 100);
        let sent = SentTime { origin, elapsed: Duration::from_secs(100), sent: at(0.0, Some(5_000)) };
        sent.elapsed_at(now).as_secs()
    }

    #[test]
    fn the_monotonic_clock_counts_where_it_is_shared() {
        assert_eq!(elapsed(at(7.5, Some(5_007))), 107);
        assert_eq!(elapsed(at(6.5, Some(5_007))), 107);
        assert_eq!(elapsed(at(0.0, Some(5_000))), 100);
    }

    #[test]
    fn the_wall_clock_counts_where_it_is_not() {
        assert_eq!(elapsed(at(7.5, Some(12))), 107, "another machine");
        assert_eq!(elapsed(at(7.5, None)), 107);
        assert_eq!(elapsed(at(3_600.0, Some(5_007))), 3_700, "the wall clock was set");
        assert_eq!(elapsed(at(7.5, Some(u64::MAX))), 107);
    }

    #[test]
    fn time_that_went_back_or_is_absurd_is_clamped() {
        assert_eq!(elapsed(at(-3_600.0, Some(5_007))), 100);
        assert_eq!(elapsed(Reading { wall: Duration::ZERO, monotonic: None }), 100);
        let sent =
            SentTime { origin: Duration::ZERO, elapsed: Duration::from_secs(250_000_000_000), sent: at(0.0, None) };
        assert_eq!(sent.elapsed_at(at(5.0, None)).as_secs(), WALL + 5, "since 1970");
        assert!(sent.to_origin().instant() <= Instant::now());
    }

    #[test]
    fn a_context_keeps_its_zero() {
        let context = OutputContext::builder("uno").build();
        let sent = SentTime::of(&context);
        let origin = sent.to_origin();
        // The readings were taken one after the other: no origin is before that of the context, and none is later than now.
        assert!(origin.instant() >= context.origin().instant() && origin.instant() <= Instant::now());
        let difference = context.origin().wall().duration_since(origin.wall()).unwrap();
        assert!(difference < Duration::from_micros(1), "{difference:?}");
    }

    #[test]
    fn a_clock_of_the_program_goes_on_from_what_it_shows() {
        let clock = crate::ManualClock::new();
        let context = OutputContext::builder("uno").clock(&clock).build();
        clock.advance(Duration::from_secs(1_000));
        let sent = SentTime::of(&context);
        assert_eq!(
            (sent.elapsed, sent.sent.wall - sent.origin),
            (Duration::from_secs(1_000), Duration::from_secs(1_000))
        );
    }
}
