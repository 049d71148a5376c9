//! Which records a context lets through: a [`Verbosity`] is a level, a level per target, or a [`Dial`] that changes at run time.
//!
//! | to change | see |
//! |---|---|
//! | what the flags `-v` and `-q` mean: the verbosity for a number of each | `flags.rs` |
//! | how a text such as `info,hyper=warn` is read, and the errors for a wrong one | `parse.rs` |
//! | which level a list of directives gives to a target | `directives.rs` |
//! | how a verbosity is changed while contexts use it | `dial.rs` |
//! | how a verbosity is made of others: a directive more, the more verbose of two | `combine.rs` |
//! | how the decision about a callsite is remembered | `decisions.rs` |
//!
//! Elsewhere: `environment.rs` reads the environment variables `LOGSCOPE` and `RUST_LOG`, `context/ceiling.rs` has the
//! ceiling of the process, and the threshold of a sink is in `sink`. Of this crate, this module imports `sync` and `error`
//! only.
//!
//! Every event asks a verbosity. A plain level costs one comparison; a dial whose value is a plain level costs one relaxed load
//! more; directives are evaluated once per callsite. The level of the event is always compared first with the most verbose
//! level of any target, so an unwanted `trace!` costs the same in all three cases.

mod combine;
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
pub(crate) use decisions::{Decisions, hash_address, learn_callsite};
pub use dial::Dial;
#[cfg(feature = "testing")]
pub(crate) use dial::turned::TurnBack;
use directives::Directives;
pub(crate) use levels::LEVELS;
#[cfg(all(test, not(logscope_loom)))]
pub(crate) use tests::callsite;

/// Decides which records are let through, by their level and target.
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
/// A text of directives is parsed into a verbosity, by `parse` or `try_from`. A [`LevelFilter`] or a [`Level`] converts into one that has
/// the same level for every target, and a [`Dial`] into one that follows the dial. [`from_env`](Verbosity::from_env) reads the environment.
/// [`with_target`](Verbosity::with_target) and [`max`](Verbosity::max) make a verbosity of others.
///
/// # Directives
///
/// Directives are separated by commas, and read as [`tracing_subscriber::filter::Targets`] reads them:
///
/// | directive | lets through |
/// |---|---|
/// | `info` | up to INFO, from every target that no other directive names |
/// | `hyper=warn` | up to WARN, from the targets that start with `hyper` |
/// | `hyper` | everything from the targets that start with `hyper`, as `hyper=trace` does |
///
/// - A level is `off`, `error`, `warn`, `info`, `debug` or `trace`, in upper or lower case, or a number from `0` (off) to `5`
///   (trace). Any other word is a target.
/// - Targets are compared as text: `hyper` names `hyper::client`, and `hyper_util` too.
/// - If several directives name a target, the longest one decides. Of two for the same target, the later one decides.
/// - A target that no directive names is off, unless a plain level is among the directives: `hyper=warn` turns off all other
///   targets.
///
/// Spaces around a directive, a target or a level are ignored, and so is a comma after the last directive. Texts that `Targets` accepts but
/// reads in a way that nobody means are errors: an empty text, an empty directive (as in `info,,hyper=warn`), a missing level (`hyper=`), a
/// missing target (`=info`), a number that is not a level (`7`), the span and field directives of `EnvFilter`
/// (`hyper[request]=info`), and a misspelt level (`inof`).
///
/// # Printing and comparing
///
/// The printed text parses back to an equal value. Its order is fixed, so two verbosities are equal if and only if their
/// printed texts are. A verbosity that follows a dial is printed and compared as the dial's value at that moment.
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

/// The private representation of a [`Verbosity`].
#[derive(Clone)]
enum Repr {
    Directives(Directives),
    /// A dial, and the ceiling for its value: TRACE, unless the verbosity was clamped.
    Dial(Dial, LevelFilter),
}

impl Verbosity {
    /// Returns the most verbose level that is let through from any target.
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
            Repr::Directives(directives) => directives.max_level(),
            Repr::Dial(dial, ceiling) => dial.max_level().min(*ceiling),
        }
    }

    /// Returns the most verbose level that is let through from `target`.
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
            Repr::Directives(directives) => directives.level_for(target),
            Repr::Dial(dial, ceiling) => dial.level_for(target).min(*ceiling),
        }
    }

    /// Returns true if a span or an event with this `metadata` is let through, for filters of other layers.
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

    /// The decision for `level`, if it is the same for every target; else `None`. Runs no code of other crates or of the program.
    #[inline]
    pub(crate) fn decide_by_level(&self, level: &Level) -> Option<bool> {
        match &self.0 {
            Repr::Directives(directives) => directives.decide_by_level(level),
            Repr::Dial(_, ceiling) if *level > *ceiling => Some(false),
            Repr::Dial(dial, _) => dial.decide_by_level(level),
        }
    }

    /// The decision about a callsite whose level [does not decide](Verbosity::decide_by_level), if it is remembered; `None` also if the verbosity
    /// follows a dial. Runs no code of other crates or of the program.
    #[inline]
    pub(crate) fn decide_remembered(&self, metadata: &Metadata<'_>) -> Option<bool> {
        match &self.0 {
            Repr::Directives(directives) => directives.decide_remembered(metadata),
            Repr::Dial(..) => None,
        }
    }

    /// [`enabled`](Verbosity::enabled), with the decision remembered per callsite: what the layer asks for each event.
    #[inline]
    pub(crate) fn allows(&self, metadata: &'static Metadata<'static>) -> bool {
        match &self.0 {
            Repr::Directives(directives) => directives.allows(metadata),
            Repr::Dial(dial, ceiling) => *metadata.level() <= *ceiling && dial.allows(metadata),
        }
    }

    /// [`allows`](Verbosity::allows) for metadata that may be a temporary. The decision is remembered if the metadata is a callsite's.
    #[inline]
    pub(crate) fn allows_any(&self, metadata: &Metadata<'_>) -> bool {
        match &self.0 {
            Repr::Directives(directives) => directives.allows_any(metadata),
            Repr::Dial(dial, ceiling) => *metadata.level() <= *ceiling && dial.allows_any(metadata),
        }
    }

    /// True if a record of this level and target is let through; nothing is remembered. For records of the `log` bridge, whose
    /// target is not that of their callsite.
    pub(crate) fn allows_target(&self, level: Level, target: &str) -> bool {
        match &self.0 {
            Repr::Directives(directives) => directives.allows_target(level, target),
            Repr::Dial(dial, ceiling) => level <= *ceiling && dial.allows_target(level, target),
        }
    }

    /// This verbosity with no level above `ceiling`. If it follows a dial, the result follows the same dial, up to the ceiling.
    pub(crate) fn clamped(&self, ceiling: LevelFilter) -> Verbosity {
        Verbosity(match &self.0 {
            Repr::Directives(directives) => Repr::Directives(directives.clamped(ceiling)),
            Repr::Dial(dial, own) => Repr::Dial(dial.clone(), ceiling.min(*own)),
        })
    }

    /// Reads those directives of `text` that are known here. Returns `None` if there are none, and what is wrong with each of the others.
    pub(crate) fn from_known_directives(text: &str) -> (Option<Verbosity>, Vec<String>) {
        let (known, problems) = parse::parse_known(text);
        (known.map(Verbosity::from), problems)
    }

    /// The present value of this verbosity, which follows no dial.
    pub(crate) fn without_dial(&self) -> Verbosity {
        self.directives().into()
    }

    /// The present value. A dial that is turned later does not change it.
    fn directives(&self) -> Directives {
        match &self.0 {
            Repr::Directives(directives) => directives.clone(),
            Repr::Dial(dial, ceiling) => dial.directives().clamped(*ceiling),
        }
    }
}

impl Default for Verbosity {
    /// Returns INFO, for every target.
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
    /// Returns a verbosity that follows `dial`.
    fn from(dial: Dial) -> Self {
        Verbosity(Repr::Dial(dial, LevelFilter::TRACE))
    }
}

impl From<&Dial> for Verbosity {
    /// Returns a verbosity that follows `dial`.
    fn from(dial: &Dial) -> Self {
        dial.clone().into()
    }
}

impl From<Directives> for Verbosity {
    fn from(directives: Directives) -> Self {
        Verbosity(Repr::Directives(directives))
    }
}

impl FromStr for Verbosity {
    type Err = Error;

    /// Reads a level or a list of [directives](Verbosity#directives).
    ///
    /// # Errors
    ///
    /// If the text is not such a list. The error names the wrong directive, its position in the list, and what to write instead. Its kind is
    /// [`ErrorKind::Parse`](crate::ErrorKind::Parse).
    fn from_str(text: &str) -> Result<Self, Error> {
        parse::parse(text).map(Verbosity::from)
    }
}

impl TryFrom<&str> for Verbosity {
    type Error = Error;

    /// Reads a level or a list of [directives](Verbosity#directives), as `parse` does.
    ///
    /// ```
    /// use logscope::{LevelFilter, Verbosity};
    ///
    /// let verbosity = Verbosity::try_from("info,hyper=warn")?;
    /// assert_eq!(verbosity.level_for("hyper::client"), LevelFilter::WARN);
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the text is not such a list: see [`from_str`](Verbosity::from_str).
    fn try_from(text: &str) -> Result<Self, Error> {
        text.parse()
    }
}

impl TryFrom<String> for Verbosity {
    type Error = Error;

    /// Reads a level or a list of [directives](Verbosity#directives), as `parse` does.
    ///
    /// # Errors
    ///
    /// If the text is not such a list: see [`from_str`](Verbosity::from_str).
    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
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
            Repr::Directives(directives) => debug.field(&format_args!("{directives}")),
            Repr::Dial(dial, LevelFilter::TRACE) => debug.field(dial),
            Repr::Dial(dial, ceiling) => debug.field(dial).field(ceiling),
        };
        debug.finish()
    }
}

impl PartialEq for Verbosity {
    fn eq(&self, other: &Self) -> bool {
        self.directives() == other.directives()
    }
}

/// Serializes the printed text.
#[cfg(feature = "serde")]
impl serde::Serialize for Verbosity {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Parses the text.
#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Verbosity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Reads those directives of `text` that are known, and says what is wrong with each of the others.
#[cfg(fuzzing)]
pub fn known_directives_for_fuzzing(text: &str) -> (Option<Verbosity>, Vec<String>) {
    Verbosity::from_known_directives(text)
}
