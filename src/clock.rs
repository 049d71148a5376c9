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
mod origin;
mod reading;

pub use origin::Origin;
pub(crate) use origin::{CompactOrigin, Counted};
pub(crate) use reading::{Reading, Wall};

impl Origin {
    /// Reads the present from the system's clocks.
    #[must_use]
    pub fn now() -> Self {
        Clock::SYSTEM.origin()
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
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<OwnClock>>);

/// A clock that is not the system's, which is `None`: so each context has one word of it.
#[derive(Debug)]
enum OwnClock {
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

/// A clock of the program's own.
struct CustomClock(Box<dyn TimeSource>);

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
        let Some(asking) = Asking::begin(std::ptr::from_ref(self).addr()) else { return system() };
        // Unwind safety: nothing of ours is changed meanwhile.
        let answer = catch_unwind(AssertUnwindSafe(|| time(&*self.0)));
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
    pub(crate) const SYSTEM: Clock = Clock(None);

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
        OwnClock::Custom(CustomClock(Box::new(time))).into()
    }

    /// Returns the present monotonic instant of this clock.
    #[must_use]
    #[inline]
    pub fn now(&self) -> Instant {
        match self.0.as_deref() {
            None => read_system().instant(),
            Some(OwnClock::Manual(clock)) => clock.now(),
            Some(OwnClock::Custom(clock)) => clock.ask(TimeSource::now, Instant::now),
        }
    }

    /// Returns the present wall-clock time of this clock.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        match self.0.as_deref() {
            None => read_system_wall(),
            Some(OwnClock::Manual(clock)) => clock.wall(),
            Some(OwnClock::Custom(clock)) => clock.ask(TimeSource::wall, SystemTime::now),
        }
    }

    /// True if both are the system's clocks, or clones of one other clock.
    pub(crate) fn is_same(&self, other: &Clock) -> bool {
        match (self.0.as_ref(), other.0.as_ref()) {
            (None, None) => true,
            (Some(one), Some(two)) => match (&**one, &**two) {
                (OwnClock::Manual(one), OwnClock::Manual(two)) => Arc::ptr_eq(&one.0, &two.0),
                _ => Arc::ptr_eq(one, two),
            },
            _ => false,
        }
    }

    pub(crate) fn is_system(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the clock that the program advances, if it is one.
    #[cfg(feature = "file")]
    pub(crate) fn as_manual(&self) -> Option<&ManualClock> {
        if let Some(OwnClock::Manual(clock)) = self.0.as_deref() { Some(clock) } else { None }
    }

    /// Returns an origin at the present of this clock.
    #[must_use]
    pub fn origin(&self) -> Origin {
        let reading = self.read();
        Origin::from_parts(reading.instant(), reading.wall().or_read(|| self.wall()))
    }

    /// Returns the same as a context keeps it, and the wall-clock time where that has no room for it.
    pub(crate) fn compact_origin(&self) -> (CompactOrigin, Option<SystemTime>) {
        let reading = self.read();
        match reading.wall() {
            Wall::SinceUnixEpoch(nanos) if nanos <= i64::MAX.cast_unsigned() => {
                (CompactOrigin::of_nanos(reading.instant(), nanos.cast_signed()), None)
            }
            wall => CompactOrigin::new(Origin::from_parts(reading.instant(), wall.or_read(|| self.wall()))),
        }
    }

    /// Reads this clock once, for both times if one reading tells both.
    #[inline]
    pub(crate) fn read(&self) -> Reading {
        match self.0 {
            None => read_system(),
            Some(_) => Reading::without_wall(self.now()),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_deref() {
            None => f.debug_tuple("Clock").field(&format_args!("System")).finish(),
            Some(own) => f.debug_tuple("Clock").field(own).finish(),
        }
    }
}

// A clock of the program's own that panics is asked again the next time: nothing of ours is left half changed.
impl std::panic::UnwindSafe for Clock {}
impl std::panic::RefUnwindSafe for Clock {}

impl From<OwnClock> for Clock {
    fn from(clock: OwnClock) -> Self {
        Clock(Some(Arc::new(clock)))
    }
}

impl From<ManualClock> for Clock {
    fn from(clock: ManualClock) -> Self {
        OwnClock::Manual(clock).into()
    }
}

impl From<&ManualClock> for Clock {
    fn from(clock: &ManualClock) -> Self {
        clock.clone().into()
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
        let start = self.0.start.instant();
        start.checked_add(self.advanced()).unwrap_or(start)
    }

    fn wall(&self) -> SystemTime {
        let start = self.0.start.wall();
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
