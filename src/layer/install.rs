//! Installing: the whole subscriber, or the layer for one's own.

use std::env::VarError;
use std::time::Duration;

use tracing::{Dispatch, dispatcher};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

use super::ceiling::CeilingFilter;
use super::{ContextLayer, ScopedLayer};
use crate::LevelFilter;
use crate::context::{OutputContext, built_in, replace_default, set_default};
use crate::error::{Error, Kind};
use crate::fallback;
use crate::process::set_exit_deadline;
use crate::sync::{Mutex, thread};
use crate::verbosity::Verbosity;

/// Installs logscope as the global subscriber, and as the receiver of `log` records.
///
/// What no scope claims goes to the process default: text on stderr, with the verbosity that the environment variable `LOGSCOPE`
/// gives, else `RUST_LOG`, else INFO. (Other contexts have the verbosity that they were built with.) A variable that is set to nothing
/// counts as not set. What logscope cannot read in `RUST_LOG`, which is written for others too, is told on stderr, and INFO used.
///
/// Call it once, early in `main`: events before it go nowhere. In tests, where each may be the first, `let _ = logscope::init();`.
///
/// ```
/// logscope::init()?;
/// tracing::info!("to stderr");
/// # Ok::<(), logscope::Error>(())
/// ```
///
/// # Errors
///
/// If a global subscriber or logger is installed already (the error says which; add [`layer()`](crate::layer()) to a subscriber of
/// your own instead), or if `LOGSCOPE` does not parse as a [`Verbosity`].
pub fn init() -> Result<(), Error> {
    match verbosity_from_environment()? {
        Some(verbosity) => configure().default_context(built_in().with_verbosity(verbosity)).install(),
        None => configure().install(),
    }
}

static INSTALLING: Mutex<()> = Mutex::new(());

/// How long an installation waits for another one that is under way.
const INSTALL_PATIENCE: Duration = Duration::from_secs(5);

/// Starts a configuration; end it with [`install`](Configure::install) or [`layer`](Configure::layer).
pub fn configure() -> Configure {
    Configure { ceiling: LevelFilter::TRACE, route_by_span: false, default: None }
}

/// What can be set when logscope is installed.
#[derive(Debug)]
#[must_use = "nothing is installed until `install` or `layer` is called"]
pub struct Configure {
    ceiling: LevelFilter,
    route_by_span: bool,
    default: Option<OutputContext>,
}

impl Configure {
    /// The most verbose level that any context can be given from now on; TRACE if it is not set.
    ///
    /// What lies above it costs what a statically disabled event costs, and cannot be turned on while the process lives.
    pub fn ceiling(mut self, ceiling: impl Into<LevelFilter>) -> Self {
        self.ceiling = ceiling.into();
        self
    }

    /// The context that events go to which no scope claims, in place of the built-in one.
    pub fn default_context(mut self, context: OutputContext) -> Self {
        self.default = Some(context);
        self
    }

    /// Whether an event outside every scope goes to the context in which the span around it was made, while that context lives.
    ///
    /// Off, because it can attribute wrongly: a span may be made by one piece of work and entered by others. A connection pool,
    /// for one, makes a connection's span on behalf of the request that opened it, and enters it for every later one.
    pub fn route_by_span(mut self, on: bool) -> Self {
        self.route_by_span = on;
        self
    }

    /// How long the process waits at its end, once nothing else holds it up, for what is in queues to be written: five seconds unless set.
    /// What is not written by then is told on stderr. It is set at once, and for the whole process.
    pub fn exit_deadline(self, deadline: Duration) -> Self {
        set_exit_deadline(deadline);
        self
    }

    /// Installs logscope as the global subscriber and, with the feature `log`, as the receiver of `log` records.
    ///
    /// # Errors
    ///
    /// If a global subscriber or logger is installed already; the error says which. A process default that was set by
    /// [`default_context`](Configure::default_context) is then not set.
    pub fn install(self) -> Result<(), Error> {
        // Whoever comes second is refused once the first is done, not before: tests that run at once may each begin with `let _ =
        // logscope::init();`, and then log. (Bounded, in case a default that is replaced installs something in its `Drop`.)
        let _installing = INSTALLING.try_lock_for(INSTALL_PATIENCE);
        if let Some(error) = already_installed() {
            return Err(error);
        }
        #[cfg(feature = "log")]
        install_log_bridge(self.ceiling)?;
        let layer = ContextLayer::new(self.ceiling, true, self.route_by_span);
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
        // Before the subscriber, so that no event of another thread goes to the default that was.
        let before = self.default.map(replace_default);
        if dispatcher::set_global_default(dispatch).is_err() {
            // Another thread was faster.
            if let Some(before) = before {
                set_default(before.unwrap_or_else(built_in));
            }
            return Err(already_installed().unwrap_or_else(|| installed("a global tracing subscriber", "")));
        }
        tracing::callsite::rebuild_interest_cache();
        Ok(())
    }

    /// The layer for a subscriber of one's own.
    ///
    /// The process default is set at once, if one was given.
    #[must_use = "a layer does nothing until it is added to a subscriber: `registry().with(…)`"]
    pub fn layer<S>(self) -> ScopedLayer<S> {
        if let Some(context) = self.default {
            replace_default(context);
        }
        let layer = ContextLayer::new(self.ceiling, false, self.route_by_span);
        tracing_subscriber::filter::Filtered::new(layer, CeilingFilter::new(self.ceiling))
    }
}

/// The error that names what stands in our place, if anything does.
fn already_installed() -> Option<Error> {
    if !tracing_core::dispatcher::has_been_set() {
        return None;
    }
    ask_global(|dispatch| {
        if dispatch.is::<tracing::subscriber::NoSubscriber>() {
            None
        } else if dispatch.downcast_ref::<ContextLayer>().is_some() {
            Some(installed(
                "logscope itself",
                "; it can be installed once, later changes go through logscope::set_default",
            ))
        } else if dispatch.downcast_ref::<Registry>().is_some() {
            Some(installed(
                "a tracing-subscriber registry without logscope's layer (tracing_subscriber::fmt().init() makes one)",
                "; build that subscriber with `.with(logscope::layer())` instead of calling logscope::init()",
            ))
        } else {
            Some(installed(
                "a subscriber that is not built on tracing-subscriber's registry",
                "; remove it to use logscope",
            ))
        }
    })
}

/// Asks the global dispatcher. On a thread of its own, because on this one a subscriber that is set for a scope (`with_default`) would
/// answer in its place.
fn ask_global<R: Send>(ask: impl Fn(&Dispatch) -> R + Sync) -> R {
    thread::scope(|scope| {
        let asking = thread::Builder::new().spawn_scoped(scope, || dispatcher::get_default(&ask));
        asking.ok().and_then(|thread| thread.join().ok()).unwrap_or_else(|| dispatcher::get_default(&ask))
    })
}

#[cold]
fn installed(what: &str, advice: &str) -> Error {
    Error::new(Kind::Installed, format!("a global tracing subscriber is installed already: {what}{advice}"))
}

#[cfg(feature = "log")]
fn install_log_bridge(ceiling: LevelFilter) -> Result<(), Error> {
    use tracing_log::AsLog;

    let max = ceiling.into_level().map_or(tracing_log::log::LevelFilter::Off, |level| level.as_log().to_level_filter());
    tracing_log::LogTracer::builder().with_max_level(max).init().map_err(|source| {
        let message = "a `log` logger is installed already (env_logger or another), so `log` records cannot reach logscope; \
                       remove it, or build logscope without its feature `log`";
        Error::new(Kind::Installed, message).with_source(source)
    })
}

/// The verbosity that `LOGSCOPE` gives, else `RUST_LOG`.
fn verbosity_from_environment() -> Result<Option<Verbosity>, Error> {
    let ours = verbosity_from("LOGSCOPE").map_err(|error| {
        Error::new(Kind::Parse, format!("the environment variable LOGSCOPE is not a verbosity: {error}"))
    })?;
    if ours.is_some() {
        return Ok(ours);
    }
    verbosity_from("RUST_LOG").or_else(|error| {
        // It is written for others too, and may hold what only they read.
        fallback::tell(format_args!("RUST_LOG is not a verbosity that logscope reads, so INFO is used: {error}"));
        Ok(None)
    })
}

fn verbosity_from(variable: &str) -> Result<Option<Verbosity>, Error> {
    match std::env::var(variable) {
        Ok(text) if !text.trim().is_empty() => text.parse().map(Some),
        Ok(_) | Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(text)) => Err(Error::new(Kind::Parse, format!("{text:?} is not Unicode"))),
    }
}
