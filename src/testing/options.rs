//! How a test is recorded.

use tracing::Level;
use tracing::level_filters::LevelFilter;

use super::harness::harness;
use super::recording::Rules;
use crate::clock::Clock;
use crate::record::Value;
use crate::verbosity::Verbosity;

/// Sets how a test is recorded; ends with [`capture`](CaptureOptions::capture), [`capture_async`](CaptureOptions::capture_async) or
/// [`begin`](CaptureOptions::begin).
///
/// ```
/// use std::time::Duration;
/// use logscope::{Level, ManualClock, testing};
///
/// let clock = ManualClock::new();
/// testing::options().clock(&clock).deny(Level::ERROR).capture(|log| {
///     clock.advance(Duration::from_secs(90));
///     tracing::info!("an hour and a half later, in small");
///     assert_eq!(log.records().one().elapsed, Some(Duration::from_secs(90)));
/// });
/// ```
pub fn options() -> CaptureOptions {
    CaptureOptions {
        name: None,
        verbosity: LevelFilter::TRACE.into(),
        shown: harness().verbosity(),
        clock: None,
        fields: Vec::new(),
        rules: Rules::default(),
        is_case: false,
    }
}

/// Sets how a test is recorded; from [`options`].
#[derive(Clone)]
#[must_use = "nothing is recorded until `capture`, `capture_async` or `begin` is called"]
pub struct CaptureOptions {
    name: Option<String>,
    pub(super) verbosity: Verbosity,
    pub(super) shown: Option<Verbosity>,
    pub(super) clock: Option<Clock>,
    pub(super) fields: Vec<(String, Value)>,
    pub(super) rules: Rules,
    /// Whether this is one of many attempts, of which only the last failure is shown.
    pub(super) is_case: bool,
}

impl CaptureOptions {
    /// Sets the name of the test. Unless it is set, it is that of the thread, which libtest names after the test, or of the function around.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets what is recorded, and what `tracing::enabled!` answers inside the test; everything unless set.
    pub fn verbosity(mut self, verbosity: impl Into<Verbosity>) -> Self {
        self.verbosity = verbosity.into();
        self
    }

    /// Sets which of the records are shown if the test fails, also by a query, or as they come; those that the variable `LOGSCOPE_TEST` lets through, else all.
    ///
    /// ```
    /// use logscope::{Verbosity, testing};
    ///
    /// testing::options().shown("info,hyper=warn".parse::<Verbosity>()?).capture(|log| {
    ///     tracing::trace!("recorded, and not shown");
    ///     log.records().one();
    /// });
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// The variable comes first, so that whoever looks for a fault can see more.
    pub fn shown(mut self, verbosity: impl Into<Verbosity>) -> Self {
        self.shown = harness().verbosity().or_else(|| Some(verbosity.into()));
        self
    }

    /// Sets the clock: of the test's context, and of each context that is made inside it and is given none.
    ///
    /// A [`ManualClock`](crate::ManualClock) makes elapsed times exact. The elapsed time counts from the present of the clock.
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = Some(clock.into());
        self
    }

    /// Puts a field on each record of the test.
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Has records of this level, or a more severe one, fail the test: see [`Log::deny`](super::Log::deny).
    pub fn deny(mut self, level: Level) -> Self {
        self.rules.denied = Some(level);
        self
    }

    /// Has what is logged outside every context fail the test: see [`Log::strict`](super::Log::strict).
    pub fn strict(mut self) -> Self {
        self.rules.is_strict = true;
        self
    }

    /// Returns the name that was set, or that the harness has given to the test.
    pub(super) fn known_name(&self) -> Option<String> {
        self.name.clone().or_else(|| harness().test_name())
    }

    /// Has only its failure be shown, by whoever makes many attempts.
    pub(super) fn case(mut self) -> Self {
        self.is_case = true;
        self
    }
}
