//! A verbosity that can be changed while contexts use it.
//!
//! A dial is read by every event and hardly ever set. So it has two parts: its *value*, a list of directives, and a *hint* of
//! one byte, made from the value: a plain level, or the most verbose level of the directives. Most events read the hint only.
//! An event reads the value only if the hint says that there are directives, and that one of them may let the event's level
//! through.
//!
//! `set` stores the value first and then the hint, so a reader can find the hint of one verbosity beside the value of another.
//! That does no harm:
//!
//! - If the hint decides alone, it decides as the verbosity that it was made from: for a plain level always, for directives if
//!   the event's level is above all of theirs.
//! - Otherwise the value decides alone. It belongs to the hint that was read, or was set later.
//!
//! So each event is decided by exactly one verbosity that was set. After `set` has returned, everything that happens later (on
//! this thread, or on a thread that synchronised with it) reads the new hint and the new value: if a store happened before a
//! load, coherence alone guarantees that, whatever the orderings.

use std::fmt;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};

use super::Verbosity;
use super::directives::Directives;
use super::levels::{LEVELS, number};
use crate::sync::model::{ArcSwap, AtomicU8, Mutex, fence};
use crate::sync::{Arc, Ordering};

/// A shared verbosity that can be changed while contexts use it. Clones are the same dial.
///
/// ```
/// use logscope::{Dial, LevelFilter, Verbosity};
///
/// let dial = Dial::new(LevelFilter::INFO);
/// let verbosity = Verbosity::from(&dial);
/// assert_eq!(verbosity.level_for("linker"), LevelFilter::INFO);
///
/// dial.set("warn,linker=trace".parse::<Verbosity>()?);
/// assert_eq!(verbosity.level_for("linker"), LevelFilter::TRACE);
/// # Ok::<(), logscope::Error>(())
/// ```
///
/// A context whose verbosity was made from a dial follows the dial: from the next event on, the verbosity that was
/// [`set`](Dial::set) decides.
///
/// A record needs its context and its sink. A dial on a context that has an access log beside others therefore turns that log, too. To turn the
/// others alone, leave the context open and give the dial to those sinks: [`Sink::verbosity`](crate::sink::Sink::verbosity).
#[derive(Clone)]
pub struct Dial(Arc<Setting>);

struct Setting {
    hint: AtomicU8,
    value: ArcSwap<Directives>,
    /// Held while `set` stores value and hint: two setters at once could leave the value of one beside the hint of the other.
    setter: Mutex<()>,
}

impl Dial {
    /// Makes a dial whose value is `verbosity`.
    ///
    /// ```
    /// use logscope::{Dial, Level, LevelFilter, Verbosity};
    ///
    /// assert_eq!(Dial::new(LevelFilter::OFF).get(), LevelFilter::OFF.into());
    /// assert_eq!(Dial::new(Verbosity::default()).get(), Level::INFO.into());
    /// ```
    ///
    /// If `verbosity` follows another dial, the new dial takes that one's present value and does not follow it.
    #[must_use]
    pub fn new(verbosity: impl Into<Verbosity>) -> Self {
        let directives = verbosity.into().directives();
        Dial(Arc::new(Setting {
            hint: AtomicU8::new(Hint::of(&directives).0),
            value: ArcSwap::from_pointee(directives),
            setter: Mutex::new(()),
        }))
    }

    /// Sets the value, for all clones of this dial and all contexts that follow it.
    ///
    /// ```
    /// use logscope::{Dial, LevelFilter};
    ///
    /// let dial = Dial::new(LevelFilter::INFO);
    /// let same = dial.clone();
    /// same.set(LevelFilter::DEBUG);
    /// assert_eq!(dial.get(), LevelFilter::DEBUG.into());
    /// ```
    ///
    /// Events after the call are decided by `verbosity`. An event on another thread during the call is decided either by
    /// `verbosity` or by the old value, never by a mixture. If `verbosity` follows another dial, this one takes that one's
    /// present value and does not follow it. Levels above the ceiling of the process stay off.
    pub fn set(&self, verbosity: impl Into<Verbosity>) {
        let old = self.put(Arc::new(verbosity.into().directives()));
        // Kept or freed after the lock is released: the global allocator is code of the program.
        #[cfg(feature = "testing")]
        turned::note(&self.0, &old);
        drop(old);
    }

    /// Stores a value, and returns the one before.
    fn put(&self, value: Arc<Directives>) -> Arc<Directives> {
        let hint = Hint::of(&value);
        let setter = self.0.setter.lock();
        let old = self.0.value.swap(value);
        // Release, for the fence in `ask_value`: a thread that reads this hint finds this value or a later one.
        self.0.hint.store(hint.0, Ordering::Release);
        drop(setter);
        old
    }

    /// Returns the present value, as a verbosity that does not follow this dial.
    ///
    /// ```
    /// use logscope::{Dial, LevelFilter};
    ///
    /// let dial = Dial::new(LevelFilter::INFO);
    /// let before = dial.get();
    /// dial.set(LevelFilter::TRACE); // while the interesting part runs
    /// dial.set(before);
    /// assert_eq!(dial.get().to_string(), "info");
    /// ```
    ///
    /// To raise the present value for one piece of work only, leave the dial alone and give that work another verbosity:
    ///
    /// ```
    /// # use logscope::{Dial, LevelFilter, OutputContext};
    /// # let dial = Dial::new(LevelFilter::INFO);
    /// # let server = OutputContext::builder("server").verbosity(&dial).build();
    /// let request = server.with_verbosity(dial.get().max(LevelFilter::DEBUG));
    /// ```
    #[must_use]
    pub fn get(&self) -> Verbosity {
        self.directives().into()
    }

    pub(super) fn directives(&self) -> Directives {
        Directives::clone(&self.0.value.load())
    }

    pub(super) fn max_level(&self) -> LevelFilter {
        self.hint().max_level()
    }

    pub(super) fn level_for(&self, target: &str) -> LevelFilter {
        self.0.value.load().level_for(target)
    }

    #[inline]
    pub(super) fn decide_by_level(&self, level: &Level) -> Option<bool> {
        let hint = self.hint();
        let wanted = *level <= hint.max_level();
        (!wanted || hint.is_plain()).then_some(wanted)
    }

    #[inline]
    pub(super) fn allows(&self, metadata: &'static Metadata<'static>) -> bool {
        self.decide(*metadata.level(), move |value| value.allows(metadata))
    }

    #[inline]
    pub(super) fn allows_any(&self, metadata: &Metadata<'_>) -> bool {
        self.decide(*metadata.level(), |value| value.allows_any(metadata))
    }

    pub(super) fn allows_target(&self, level: Level, target: &str) -> bool {
        self.decide(level, move |value| value.allows_target(level, target))
    }

    #[inline]
    fn decide(&self, level: Level, ask: impl FnOnce(&Directives) -> bool) -> bool {
        let hint = self.hint();
        number(level.into()) <= hint.level() && (hint.is_plain() || self.ask_value(ask))
    }

    #[inline]
    fn hint(&self) -> Hint {
        // Relaxed: where the hint decides alone, nothing else is read. Where the value is read too, `ask_value` has a fence.
        Hint(self.0.hint.load(Ordering::Relaxed))
    }

    /// Never inlined, so that callers whose dial has a plain level reserve no registers for this.
    #[inline(never)]
    fn ask_value(&self, ask: impl FnOnce(&Directives) -> bool) -> bool {
        // Acquire, paired with the Release store of the hint that was read: the value is not older than that hint. Without the
        // fence, a thread whose last event was decided by one verbosity could read the next one's hint and a value that is
        // older than both.
        fence(Ordering::Acquire);
        ask(&self.0.value.load())
    }
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dial").field(&format_args!("{}", self.directives())).finish()
    }
}

/// A summary of the value in one byte.
///
/// | bits | meaning |
/// |---|---|
/// | 0 to 2 | the most verbose level that is let through, from 0 (off) to 5 (trace) |
/// | 3 | there are directives for targets: the value must be asked |
#[derive(Clone, Copy, Debug, PartialEq)]
struct Hint(u8);

impl Hint {
    const LEVEL: u8 = 0b0111;
    const DIRECTIVES: u8 = 0b1000;

    fn of(directives: &Directives) -> Self {
        let level = number(directives.max_level());
        Hint(if directives.is_plain() { level } else { level | Hint::DIRECTIVES })
    }

    fn max_level(self) -> LevelFilter {
        LEVELS.get(usize::from(self.level())).copied().unwrap_or(LevelFilter::TRACE)
    }

    #[inline]
    fn level(self) -> u8 {
        self.0 & Hint::LEVEL
    }

    #[inline]
    fn is_plain(self) -> bool {
        self.0 & Hint::DIRECTIVES == 0
    }
}

#[cfg(feature = "testing")]
pub(crate) mod turned;

#[cfg(test)]
impl Dial {
    /// True if the hint was made from the value, as it must be whenever no `set` is under way.
    pub(super) fn agrees(&self) -> bool {
        self.hint() == Hint::of(&self.directives())
    }
}

// A panic leaves nothing in a dial half changed: its value is whole before it is stored.
impl std::panic::UnwindSafe for Dial {}
impl std::panic::RefUnwindSafe for Dial {}

#[cfg(all(test, not(logscope_loom)))]
mod tests;

#[cfg(all(test, logscope_loom))]
mod loom_tests;
