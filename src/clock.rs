//! The time of a context: the [`Origin`] from which its elapsed time counts, and the [`Clock`] that it reads.
//!
//! A context is given its clock when it is built, so a test of time never sleeps: it uses a [`ManualClock`], which stands still until the
//! test [advances](ManualClock::advance) it. Of this crate, this module imports `sync` only. How a time is printed is in
//! `format/timestamp.rs`.

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime};

use crate::sync::{Arc, AtomicU64, Ordering};

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri), not(logscope_loom)))]
mod counter;
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri), not(logscope_loom)))]
mod epoch;
mod reading;

pub(crate) use reading::{Reading, Wall};

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
        Clock::SYSTEM.origin()
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

/// Asks the system what its clock goes by, for later.
pub(crate) fn ask_system() {
    #[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri), not(logscope_loom)))]
    counter::ask_system();
}

/// Reads the system's wall clock.
#[inline]
fn read_system_wall() -> SystemTime {
    #[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri), not(logscope_loom)))]
    return counter::wall();
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri), not(logscope_loom))))]
    SystemTime::now()
}

/// Reads the system's clocks, by the processor's counter where that is right.
#[inline]
fn read_system() -> Reading {
    #[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri), not(logscope_loom)))]
    return counter::read();
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri), not(logscope_loom))))]
    Reading::without_wall(Instant::now())
}

/// From where the elapsed time of a record counts.
#[derive(Clone, Copy)]
pub(crate) enum Counted<'a> {
    /// From the origin of the context, which is this.
    FromContext(&'a Origin),
    /// From the origin of the sink that the record is for. From that of the context, it would be this.
    FromSink(Duration),
    /// From an origin that is not known any more.
    Unknown,
}

/// Gives a context the time: the system's clocks, a clock that a test advances by hand, or one of the program's own.
///
/// ```
/// use logscope::{ManualClock, OutputContext};
///
/// let clock = ManualClock::new();
/// let uno = OutputContext::builder("uno").clock(&clock).build();
/// assert!(uno.elapsed().is_zero());
/// ```
///
/// It is made by [`system`](Clock::system), which is the default, by [`custom`](Clock::custom), or from a [`ManualClock`].
#[derive(Clone, Debug, Default)]
pub struct Clock(Kind);

/// Which clock it is.
#[derive(Clone, Debug, Default)]
enum Kind {
    #[default]
    System,
    Manual(ManualClock),
    Custom(CustomClock),
}

/// Tells the time: the trait of a clock of the program's own, for [`Clock::custom`].
pub trait TimeSource: Send + Sync + 'static {
    /// Returns the present instant. It never goes back.
    fn now(&self) -> Instant;

    /// Returns the present wall-clock time.
    fn wall(&self) -> SystemTime;
}

/// Holds a clock of the program's own. Clones are the same clock.
///
/// Boxed once more, so that a clock is two words: each context has one.
#[derive(Clone)]
struct CustomClock(Arc<Box<dyn TimeSource>>);

/// How many clocks of the program's own can ask one another for the time, one inside the other.
const MOST_NESTED: usize = 16;

thread_local! {
    /// The clocks that this thread is asking, each by its address: as many as [`NESTED`] says, from the first. Without destructor, so that the destructors of
    /// other thread-locals can read it.
    static ASKED: [Cell<usize>; MOST_NESTED] = const { [const { Cell::new(0) }; MOST_NESTED] };
    /// How many clocks this thread is asking, one inside the other.
    static NESTED: Cell<usize> = const { Cell::new(0) };
}

/// Marks a clock as asked by this thread, until it is dropped.
struct Asking(usize);

impl Asking {
    /// `None` if this thread is asking the clock already, or too many others.
    fn begin(clock: usize) -> Option<Asking> {
        let nested = NESTED.get();
        let is_asked = |asked: &[Cell<usize>; MOST_NESTED]| asked[..nested].iter().any(|asked| asked.get() == clock);
        if nested == MOST_NESTED || ASKED.with(is_asked) {
            return None;
        }
        ASKED.with(|asked| asked[nested].set(clock));
        NESTED.set(nested + 1);
        Some(Asking(nested))
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        NESTED.set(self.0);
    }
}

impl CustomClock {
    /// Asks the clock. If this thread is asking it already, and if it panics, the system's clock answers: a log call asks for the time, and what
    /// the clock logs itself must not come back to it without end. Other clocks can be asked meanwhile, because a clock may be made of them.
    #[inline(never)]
    fn ask<T>(&self, time: impl FnOnce(&dyn TimeSource) -> T, system: fn() -> T) -> T {
        let Some(asking) = Asking::begin(Arc::as_ptr(&self.0).addr()) else { return system() };
        // Unwind safety: nothing of ours is changed meanwhile.
        let answer = catch_unwind(AssertUnwindSafe(|| time(&**self.0)));
        drop(asking);
        answer.unwrap_or_else(|payload| {
            // Its `Drop` may panic, too.
            std::mem::forget(payload);
            system()
        })
    }
}

impl fmt::Debug for CustomClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomClock").finish_non_exhaustive()
    }
}

impl Clock {
    pub(crate) const SYSTEM: Clock = Clock(Kind::System);

    /// Returns the system's clocks: `Instant::now` and `SystemTime::now`.
    ///
    /// On Linux on x86-64, a processor's counter tells both where the system itself tells the time by it: within 50 ns of the system's clocks
    /// while these run evenly. A clock that is set or slewed is followed within a fiftieth of a second. What a thread reads just after it has seen
    /// something of another can, rarely, be some microseconds earlier.
    #[must_use]
    pub const fn system() -> Self {
        Clock::SYSTEM
    }

    /// Makes a clock of the program's own: a simulated one, or one that several processes share.
    ///
    /// ```
    /// use std::time::{Duration, Instant, SystemTime};
    /// use logscope::{Clock, OutputContext, TimeSource};
    ///
    /// /// Runs a thousand times as fast.
    /// struct Simulated(Instant, SystemTime);
    ///
    /// impl TimeSource for Simulated {
    ///     fn now(&self) -> Instant {
    ///         self.0 + self.0.elapsed() * 1_000
    ///     }
    ///     fn wall(&self) -> SystemTime {
    ///         self.1 + self.0.elapsed() * 1_000
    ///     }
    /// }
    ///
    /// let clock = Clock::custom(Simulated(Instant::now(), SystemTime::now()));
    /// let run = OutputContext::builder("run").clock(clock).build();
    /// # drop(run);
    /// ```
    ///
    /// Log calls ask it on the threads that log, several at a time. If it panics, the system's clock answers. So it does if the clock is asked
    /// while the same thread is asking it: what a clock logs to a context of its own has the time of the system. A clock may ask other clocks,
    /// such as one that it corrects, up to 16 one inside the other.
    #[must_use]
    pub fn custom(time: impl TimeSource) -> Self {
        Clock(Kind::Custom(CustomClock(Arc::new(Box::new(time)))))
    }

    /// Returns the present monotonic instant of this clock.
    #[must_use]
    #[inline]
    pub fn now(&self) -> Instant {
        match &self.0 {
            Kind::System => read_system().instant(),
            Kind::Manual(clock) => clock.now(),
            Kind::Custom(clock) => clock.ask(TimeSource::now, Instant::now),
        }
    }

    /// Returns the present wall-clock time of this clock.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        match &self.0 {
            Kind::System => read_system_wall(),
            Kind::Manual(clock) => clock.wall(),
            Kind::Custom(clock) => clock.ask(TimeSource::wall, SystemTime::now),
        }
    }

    /// True if both are the system's clocks, or clones of one other clock.
    pub(crate) fn is_same(&self, other: &Clock) -> bool {
        match (&self.0, &other.0) {
            (Kind::System, Kind::System) => true,
            (Kind::Manual(one), Kind::Manual(two)) => Arc::ptr_eq(&one.0, &two.0),
            (Kind::Custom(one), Kind::Custom(two)) => Arc::ptr_eq(&one.0, &two.0),
            _ => false,
        }
    }

    pub(crate) fn is_system(&self) -> bool {
        matches!(self.0, Kind::System)
    }

    /// Returns the clock that the program advances, if it is one.
    #[cfg(feature = "file")]
    pub(crate) fn as_manual(&self) -> Option<&ManualClock> {
        if let Kind::Manual(clock) = &self.0 { Some(clock) } else { None }
    }

    /// Returns an origin at the present of this clock.
    #[must_use]
    pub fn origin(&self) -> Origin {
        let reading = self.read();
        Origin { instant: reading.instant(), wall: reading.wall().or_read(|| self.wall()) }
    }

    /// Reads this clock once, for both times if one reading tells both.
    #[inline]
    pub(crate) fn read(&self) -> Reading {
        match &self.0 {
            Kind::System => read_system(),
            _ => Reading::without_wall(self.now()),
        }
    }
}

// A clock of the program's own that panics is asked again the next time: nothing of ours is left half changed.
impl std::panic::UnwindSafe for Clock {}
impl std::panic::RefUnwindSafe for Clock {}

impl From<ManualClock> for Clock {
    fn from(clock: ManualClock) -> Self {
        Clock(Kind::Manual(clock))
    }
}

impl From<&ManualClock> for Clock {
    fn from(clock: &ManualClock) -> Self {
        Clock(Kind::Manual(clock.clone()))
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
mod tests;
