//! Verbosities made of others: one directive more, and the more or the less verbose of two.

use tracing::level_filters::LevelFilter;

use super::{Verbosity, parse};

impl Verbosity {
    /// Returns this verbosity with `level` for `target`, in place of the level that a directive for the same target gave.
    ///
    /// ```
    /// use logscope::{Level, LevelFilter, Verbosity};
    ///
    /// let verbosity = Verbosity::default().with_target("hyper", LevelFilter::WARN).with_target("web", Level::DEBUG);
    /// assert_eq!(verbosity.to_string(), "info,web=debug,hyper=warn");
    /// assert_eq!(verbosity.level_for("web::request"), LevelFilter::DEBUG);
    /// ```
    ///
    /// This is the [directive](Verbosity#directives) `target=level` behind those that are there, and so a directive for a longer target, such
    /// as `web::cache`, still decides about its own. The empty target sets the level of all targets that no directive names.
    ///
    /// If this verbosity follows a dial, the result has the dial's present value, and does not follow it.
    ///
    /// # Panics
    ///
    /// If no directive can name `target`, because it has a comma, `=`, `;`, a double quote or one of `[]{}`: the result could not be printed. For
    /// targets that a user gives, parse the directive with [`Verbosity::try_from`], and combine it by [`max`](Verbosity::max).
    #[must_use = "a verbosity is immutable: this returns another one"]
    #[track_caller]
    pub fn with_target(self, target: impl AsRef<str>, level: impl Into<LevelFilter>) -> Verbosity {
        let target = target.as_ref().trim();
        if let Err(problem) = parse::check_target(target) {
            panic!("{target:?} cannot be the target of a directive: {problem}");
        }
        self.directives().with_target(target, level.into()).into()
    }

    /// Returns the more verbose of this verbosity and `other`, for each target.
    ///
    /// ```
    /// use logscope::{Dial, LevelFilter, OutputContext, Verbosity};
    ///
    /// let one = Verbosity::try_from("info,hyper=warn")?;
    /// let other = Verbosity::try_from("warn,hyper::client=trace")?;
    /// assert_eq!(one.max(other).to_string(), "info,hyper=warn,hyper::client=trace");
    ///
    /// // A server whose dial is turned by hand. One request is to be logged in detail, whatever the dial says at the moment.
    /// let dial = Dial::new(Verbosity::try_from("warn,web=info")?);
    /// let server = OutputContext::builder("server").verbosity(&dial).build();
    /// let request = server.with_verbosity(dial.get().max(LevelFilter::DEBUG).with_target("sql", LevelFilter::TRACE));
    /// assert_eq!(request.verbosity().to_string(), "debug,sql=trace");
    /// assert_eq!(server.verbosity().to_string(), "warn,web=info");
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// `other` is a verbosity, a level, or a dial. Directives that change nothing in the result are left out. As `max` of two `LevelFilter`s,
    /// this takes the one that lets more through.
    ///
    /// If one of the two follows a dial, the dial's present value counts, and the result does not follow it.
    #[must_use = "a verbosity is immutable: this returns another one"]
    pub fn max(self, other: impl Into<Verbosity>) -> Verbosity {
        self.directives().combine(&other.into().directives(), Ord::max).into()
    }

    /// Returns the less verbose of both for each target: what both let through. Follows no dial.
    pub(crate) fn min(&self, other: &Verbosity) -> Verbosity {
        self.directives().combine(&other.directives(), Ord::min).into()
    }
}

#[cfg(test)]
mod tests;
