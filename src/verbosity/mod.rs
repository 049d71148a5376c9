//! How much is said: a level, a level per target, or a [`Dial`] that is turned while work goes on.
//!
//! A [`Verbosity`] is asked once per event, so what it costs is decided by what it is: a plain level is one comparison, a
//! dial that stands at a plain level is one relaxed load and a comparison, and directives are evaluated once per callsite
//! and remembered (see [`decisions`]). The level is always compared first, with the most verbose one that could pass, so an
//! unwanted `trace!` costs the same under all three.

mod decisions;
mod dial;
mod directives;
mod flags;
mod levels;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};

use crate::error::Error;
pub(crate) use decisions::{Decisions, learn_callsite};
pub use dial::Dial;
use directives::Directives;
pub(crate) use levels::LEVELS;

/// How much of what is said is let through: a level, with a level of its own for some targets where that is wanted.
///
/// A plain level is made from a [`LevelFilter`] or a [`Level`], a verbosity that can be turned later from a [`Dial`], and
/// one with directives is parsed from a text:
///
/// ```
/// use logscope::{LevelFilter, Verbosity};
///
/// let verbosity: Verbosity = "info,hyper=warn,my::mod=trace".parse()?;
/// assert_eq!(verbosity.level_for("my::mod::inner"), LevelFilter::TRACE);
/// assert_eq!(verbosity.level_for("hyper::client"), LevelFilter::WARN);
/// assert_eq!(verbosity.level_for("anything::else"), LevelFilter::INFO);
/// # Ok::<(), logscope::Error>(())
/// ```
///
/// # Directives
///
/// A text is a list of directives, separated by commas. They are read as [`tracing_subscriber::filter::Targets`] reads them:
///
/// | directive | lets through |
/// |---|---|
/// | `info` | up to INFO, from every target that no other directive names |
/// | `hyper=warn` | up to WARN, from the targets that start with `hyper` |
/// | `hyper` | everything from the targets that start with `hyper`, as `hyper=trace` does |
///
/// - A level is `off`, `error`, `warn`, `info`, `debug` or `trace`, in upper or lower case, or a number from `0` (off) to `5`
///   (trace). Any other word is a target.
/// - A target is compared as text: `hyper` names `hyper::client`, and `hyper_util` too.
/// - Where several directives name a target, the longest one decides. Of two for the same target, the later one does.
/// - A target that none names is off, unless a plain level is among the directives: `hyper=warn` says nothing else at all.
///
/// Spaces around a directive, a target or a level are ignored. What `Targets` reads in a way that nobody means is refused:
/// an empty text, an empty directive (`info,` is `error` to `Targets`), a missing level (`hyper=`), a missing target (`=info`), a
/// number that is not a level (`7`), and the span and field directives of `EnvFilter` (`hyper[request]=info`).
///
/// # Printing and comparing
///
/// The printed text parses back to an equal value. It is in one order, so two verbosities are equal if and only if they print
/// alike. One that follows a dial prints, and is compared, as what the dial says now.
///
/// ```
/// # use logscope::Verbosity;
/// let verbosity: Verbosity = " my::mod , hyper = WARN, 3 ".parse()?;
/// assert_eq!(verbosity.to_string(), "info,hyper=warn,my::mod=trace");
/// assert_eq!(verbosity.to_string().parse::<Verbosity>()?, verbosity);
/// # Ok::<(), logscope::Error>(())
/// ```
///
/// [`tracing_subscriber::filter::Targets`]: https://docs.rs/tracing-subscriber/0.3/tracing_subscriber/filter/struct.Targets.html
#[derive(Clone)]
pub struct Verbosity(Repr);

/// Where a verbosity takes its decisions from.
#[derive(Clone)]
enum Repr {
    Fixed(Directives),
    /// A dial, with the most verbose level that may pass whatever it says: TRACE, unless the verbosity was clamped.
    Follows(Dial, LevelFilter),
}

impl Verbosity {
    /// The most verbose level that is let through from any target.
    ///
    /// ```
    /// use logscope::{LevelFilter, Verbosity};
    ///
    /// assert_eq!("warn,linker=debug".parse::<Verbosity>()?.max_level(), LevelFilter::DEBUG);
    /// # Ok::<(), logscope::Error>(())
    /// ```
    #[must_use]
    pub fn max_level(&self) -> LevelFilter {
        match &self.0 {
            Repr::Fixed(directives) => directives.max_level(),
            Repr::Follows(dial, ceiling) => dial.max_level().min(*ceiling),
        }
    }

    /// The most verbose level that is let through from `target`.
    ///
    /// ```
    /// use logscope::{LevelFilter, Verbosity};
    ///
    /// let verbosity: Verbosity = "hyper=warn".parse()?;
    /// assert_eq!(verbosity.level_for("hyper::client"), LevelFilter::WARN);
    /// assert_eq!(verbosity.level_for("tokio"), LevelFilter::OFF);
    /// # Ok::<(), logscope::Error>(())
    /// ```
    #[must_use]
    pub fn level_for(&self, target: &str) -> LevelFilter {
        match &self.0 {
            Repr::Fixed(directives) => directives.level_for(target),
            Repr::Follows(dial, ceiling) => dial.level_for(target).min(*ceiling),
        }
    }

    /// True if a span or an event with this `metadata` is let through: what a filter of another layer can ask.
    ///
    /// ```
    /// use logscope::Verbosity;
    /// use tracing::Level;
    /// use tracing_subscriber::{filter::filter_fn, layer::SubscriberExt as _, registry};
    ///
    /// let verbosity: Verbosity = "info,hyper=warn".parse()?;
    /// let subscriber = registry().with(filter_fn(move |metadata| verbosity.enabled(metadata)));
    /// tracing::subscriber::with_default(subscriber, || {
    ///     assert!(tracing::enabled!(target: "linker", Level::INFO));
    ///     assert!(!tracing::enabled!(target: "hyper::client", Level::INFO));
    /// });
    /// # Ok::<(), logscope::Error>(())
    /// ```
    #[must_use]
    pub fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.allows_target(*metadata.level(), metadata.target())
    }

    /// What the level alone decides, whatever the target; `None` where directives must be asked. Runs no code but this crate's.
    #[inline]
    pub(crate) fn glance(&self, level: &Level) -> Option<bool> {
        match &self.0 {
            Repr::Fixed(directives) => directives.glance(level),
            Repr::Follows(_, ceiling) if *level > *ceiling => Some(false),
            Repr::Follows(dial, _) => dial.glance(level),
        }
    }

    /// What [`enabled`](Verbosity::enabled) answers, remembered per callsite: the question of the event path.
    #[inline]
    pub(crate) fn allows(&self, metadata: &'static Metadata<'static>) -> bool {
        match &self.0 {
            Repr::Fixed(directives) => directives.allows(metadata),
            Repr::Follows(dial, ceiling) => *metadata.level() <= *ceiling && dial.allows(metadata),
        }
    }

    /// [`allows`](Verbosity::allows) for metadata that may be a temporary; remembered where it is a callsite's.
    #[inline]
    pub(crate) fn allows_any(&self, metadata: &Metadata<'_>) -> bool {
        match &self.0 {
            Repr::Fixed(directives) => directives.allows_any(metadata),
            Repr::Follows(dial, ceiling) => *metadata.level() <= *ceiling && dial.allows_any(metadata),
        }
    }

    /// True if a record of this level and target is let through. For records whose target is not that of their callsite, as
    /// the `log` bridge has them; nothing is remembered.
    pub(crate) fn allows_target(&self, level: Level, target: &str) -> bool {
        match &self.0 {
            Repr::Fixed(directives) => directives.allows_target(level, target),
            Repr::Follows(dial, ceiling) => level <= *ceiling && dial.allows_target(level, target),
        }
    }

    /// This verbosity with no level above `ceiling`. One that follows a dial still follows it, as far as the ceiling.
    pub(crate) fn clamped(&self, ceiling: LevelFilter) -> Verbosity {
        Verbosity(match &self.0 {
            Repr::Fixed(directives) => Repr::Fixed(directives.clamped(ceiling)),
            Repr::Follows(dial, own) => Repr::Follows(dial.clone(), ceiling.min(*own)),
        })
    }

    /// This verbosity as it stands, without the dial that it may follow.
    pub(crate) fn now(&self) -> Verbosity {
        self.directives().into()
    }

    /// What this verbosity says now, whatever becomes of the dial that it may follow.
    fn directives(&self) -> Directives {
        match &self.0 {
            Repr::Fixed(directives) => directives.clone(),
            Repr::Follows(dial, ceiling) => dial.directives().clamped(*ceiling),
        }
    }
}

impl Default for Verbosity {
    /// INFO.
    fn default() -> Self {
        LevelFilter::INFO.into()
    }
}

impl From<LevelFilter> for Verbosity {
    fn from(level: LevelFilter) -> Self {
        Directives::plain(level).into()
    }
}

impl From<Level> for Verbosity {
    fn from(level: Level) -> Self {
        LevelFilter::from_level(level).into()
    }
}

impl From<Dial> for Verbosity {
    /// A verbosity that follows the dial from now on.
    fn from(dial: Dial) -> Self {
        Verbosity(Repr::Follows(dial, LevelFilter::TRACE))
    }
}

impl From<&Dial> for Verbosity {
    /// A verbosity that follows the dial from now on.
    fn from(dial: &Dial) -> Self {
        dial.clone().into()
    }
}

impl From<Directives> for Verbosity {
    fn from(directives: Directives) -> Self {
        Verbosity(Repr::Fixed(directives))
    }
}

impl FromStr for Verbosity {
    type Err = Error;

    /// Reads a level or a list of [directives](Verbosity#directives).
    ///
    /// # Errors
    ///
    /// If the text is not such a list. The error names the directive that is wrong, the place where it stands and what would
    /// be right; [`is_parse`](Error::is_parse) is true of it.
    fn from_str(text: &str) -> Result<Self, Error> {
        parse::parse(text).map(Verbosity::from)
    }
}

impl fmt::Display for Verbosity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.directives().fmt(f)
    }
}

impl fmt::Debug for Verbosity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_tuple("Verbosity");
        match &self.0 {
            Repr::Fixed(directives) => debug.field(&format_args!("{directives}")),
            Repr::Follows(dial, LevelFilter::TRACE) => debug.field(dial),
            Repr::Follows(dial, ceiling) => debug.field(dial).field(ceiling),
        };
        debug.finish()
    }
}

impl PartialEq for Verbosity {
    fn eq(&self, other: &Self) -> bool {
        self.directives() == other.directives()
    }
}

/// As the text that it prints.
#[cfg(feature = "serde")]
impl serde::Serialize for Verbosity {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From the text that it is parsed from.
#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Verbosity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
