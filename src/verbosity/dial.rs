//! A verbosity that is turned while the contexts that were given it live.
//!
//! Every event of these contexts asks the dial, and it is hardly ever turned, so what an event needs is in one byte, the
//! *hint*: a plain level, or the most verbose level of directives. Only for directives, and only for a level that one of
//! them lets through, is the *full* verbosity asked, which is always there beside the hint, plain or not.
//!
//! The two are written one after the other, the full verbosity first, and can be read torn. That does no harm:
//!
//! - A hint alone decides as the verbosity that it was made of: for a plain level always, for directives when the level is
//!   above all of theirs.
//! - Else the full verbosity decides alone, its own levels included. It is the one of the hint or one that was set after it.
//!
//! So each event is decided as a whole by one verbosity that was set. Once `set` has returned, whatever happens after it (on
//! this thread, or on one that synchronised with it) reads both as new: for a store that happened before a load, coherence
//! alone promises that, whatever the orderings.

use std::fmt;

use arc_swap::ArcSwap;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};

use super::Verbosity;
use super::directives::Directives;
use super::levels::{LEVELS, number};
use crate::sync::{Arc, AtomicU8, Mutex, Ordering, fence};

/// A shared verbosity that can be turned while work goes on. Clones are the same dial.
///
/// A context that was given a dial follows it: the next event after [`set`](Dial::set) is decided by what was set.
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
#[derive(Clone)]
pub struct Dial(Arc<Shared>);

struct Shared {
    hint: AtomicU8,
    full: ArcSwap<Directives>,
    /// Held while a setter writes the two, so that they cannot end up as those of two setters.
    turning: Mutex<()>,
}

impl Dial {
    /// A dial that stands at `verbosity`.
    ///
    /// Given a verbosity that follows another dial, it takes what that one says now, and does not follow it.
    ///
    /// ```
    /// use logscope::{Dial, Level, LevelFilter, Verbosity};
    ///
    /// assert_eq!(Dial::new(LevelFilter::OFF).get(), LevelFilter::OFF.into());
    /// assert_eq!(Dial::new(Verbosity::default()).get(), Level::INFO.into());
    /// ```
    #[must_use]
    pub fn new(verbosity: impl Into<Verbosity>) -> Self {
        let directives = verbosity.into().directives();
        Dial(Arc::new(Shared {
            hint: AtomicU8::new(Hint::of(&directives).0),
            full: ArcSwap::from_pointee(directives),
            turning: Mutex::new(()),
        }))
    }

    /// Turns the dial, for all contexts that were given it and for all of its clones.
    ///
    /// What is logged after the call is decided by `verbosity`; an event on another thread during the call by that or by the
    /// one before, as a whole. Given a verbosity that follows a dial, this one takes what that says now, and does not follow
    /// it. A level above the process's ceiling is let through as far as the ceiling.
    ///
    /// ```
    /// use logscope::{Dial, LevelFilter};
    ///
    /// let dial = Dial::new(LevelFilter::INFO);
    /// let same = dial.clone();
    /// same.set(LevelFilter::DEBUG);
    /// assert_eq!(dial.get(), LevelFilter::DEBUG.into());
    /// ```
    pub fn set(&self, verbosity: impl Into<Verbosity>) {
        let directives = verbosity.into().directives();
        let hint = Hint::of(&directives);
        let full = Arc::new(directives);
        let turning = self.0.turning.lock();
        let before = self.0.full.swap(full);
        // Release, for the fence in `decide`: a thread that reads this hint finds this full verbosity or a later one.
        self.0.hint.store(hint.0, Ordering::Release);
        drop(turning);
        // Freed only now: the allocator is the program's code.
        drop(before);
    }

    /// What the dial stands at: a verbosity that does not follow it.
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
    #[must_use]
    pub fn get(&self) -> Verbosity {
        self.directives().into()
    }

    pub(super) fn directives(&self) -> Directives {
        Directives::clone(&self.0.full.load())
    }

    pub(super) fn max_level(&self) -> LevelFilter {
        self.hint().max_level()
    }

    pub(super) fn level_for(&self, target: &str) -> LevelFilter {
        self.0.full.load().level_for(target)
    }

    #[inline]
    pub(super) fn glance(&self, level: &Level) -> Option<bool> {
        let hint = self.hint();
        let wanted = *level <= hint.max_level();
        (!wanted || hint.is_plain()).then_some(wanted)
    }

    #[inline]
    pub(super) fn allows(&self, metadata: &'static Metadata<'static>) -> bool {
        self.decide(*metadata.level(), move |full| full.allows(metadata))
    }

    #[inline]
    pub(super) fn allows_any(&self, metadata: &Metadata<'_>) -> bool {
        self.decide(*metadata.level(), |full| full.allows_any(metadata))
    }

    pub(super) fn allows_target(&self, level: Level, target: &str) -> bool {
        self.decide(level, move |full| full.allows_target(level, target))
    }

    #[inline]
    fn decide(&self, level: Level, ask: impl FnOnce(&Directives) -> bool) -> bool {
        let hint = self.hint();
        number(level.into()) <= hint.level() && (hint.is_plain() || self.ask_full(ask))
    }

    #[inline]
    fn hint(&self) -> Hint {
        // Relaxed: where the hint decides alone, the byte is the whole message.
        Hint(self.0.hint.load(Ordering::Relaxed))
    }

    /// Out of line, so that a dial that stands at a plain level costs its callers no registers.
    #[inline(never)]
    fn ask_full(&self, ask: impl FnOnce(&Directives) -> bool) -> bool {
        // Acquire, with the Release store of the hint that was read: the full verbosity is not older than it. Without, a
        // thread that had already been decided by one verbosity could see the hint of the next and the full one of before.
        fence(Ordering::Acquire);
        ask(&self.0.full.load())
    }
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Dial").field(&format_args!("{}", self.directives())).finish()
    }
}

/// What a full verbosity says in one byte.
///
/// | bits | meaning |
/// |---|---|
/// | 0 to 2 | the most verbose level that is let through, from 0 (off) to 5 (trace) |
/// | 3 | there are directives: the full verbosity must be asked |
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
        LEVELS[usize::from(self.level()).min(LEVELS.len() - 1)]
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

#[cfg(test)]
impl Dial {
    /// True if the hint is that of the full verbosity, as it is whenever nobody is turning the dial.
    pub(super) fn agrees(&self) -> bool {
        self.hint() == Hint::of(&self.directives())
    }
}
