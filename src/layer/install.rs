//! Installing logscope: as the whole subscriber, or as a layer of the program's own subscriber.

mod default;

use std::time::Duration;

use tracing::callsite::rebuild_interest_cache;
use tracing::{Dispatch, dispatcher};
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

use super::context_layer::ContextLayer;
#[cfg(feature = "log")]
use super::log_bridge;
use super::panics::install_hook;
use super::scoped_layer::ScopedLayer;
use crate::LevelFilter;
use crate::context::{OutputContext, built_in, replace_default, set_process_default, start_built_in_clock};
use crate::error::{Error, ErrorKind};
use crate::limits::INSTALLATION;
use crate::process::set_exit_deadline;
use crate::record::set_max_record_bytes;
use crate::sync::{Mutex, thread};
use crate::unclaimed::Rules;
use crate::verbosity::Verbosity;

mod unclaimed;

static INSTALLING: Mutex<()> = Mutex::new(());

/// Installs logscope as the global subscriber, and as the receiver of `log` records.
///
/// ```
/// logscope::init();
/// tracing::info!("to stderr");
/// ```
///
/// Call it once, early in `main` and before other threads log: events before it go nowhere, and a callsite that another thread registers
/// at the very moment of the call can stay disabled. Where something else may have installed a subscriber, use [`try_init`].
///
/// Events outside every scope go to the process default: text on stderr, with the verbosity in the environment variable `LOGSCOPE`,
/// else that in `RUST_LOG`, else INFO, and a clock that starts now. Other contexts have the verbosity with which they were built: the
/// variables do not change it.
///
/// If the parent process has given this one a context, that is the process default, and the variables do not count: see
/// [`Config::inherit`], and the guide [child processes](crate::docs::child_processes).
///
/// A variable holds [directives](crate::Verbosity#directives), and counts as not set if it is empty. A mistake in it does not keep the
/// process from logging, and neither does a directive that only an `EnvFilter` reads: of `info,hyper=warn,app[x]=debug`, the first two
/// directives are used, and one line on stderr names the third.
///
/// # Panics
///
/// If a global subscriber or logger is installed already; the message says which.
#[track_caller]
pub fn init() {
    if let Err(error) = try_init() {
        panic!("{error:#}");
    }
}

/// Installs logscope as [`init`] does, and returns an error where that panics.
///
/// ```
/// let _ = logscope::try_init(); // in a test, where another one may have been the first
/// tracing::info!("to stderr");
/// ```
///
/// This is `configure().install()`.
///
/// # Errors
///
/// If a global subscriber or logger is installed already; the error says which. Add [`layer()`](crate::layer()) to a subscriber of
/// your own instead.
pub fn try_init() -> Result<(), Error> {
    configure().install()
}

/// Returns a layer for a subscriber of the program's own: `registry().with(logscope::layer()).with(other)`.
///
/// ```
/// use tracing_subscriber::prelude::*;
///
/// let subscriber = tracing_subscriber::registry().with(logscope::layer());
/// # tracing::subscriber::with_default(subscriber, || tracing::info!("hello"));
/// ```
///
/// Some context may want any level up to TRACE, so spans and events of every level are enabled for this layer, and
/// the verbosity of the current context then decides which of them are logged. Therefore `tracing::enabled!` cannot answer by the current
/// context here, as it does under [`init`]. [`Config::layer`] makes a layer with a lower ceiling.
///
/// Events outside every scope still go to the process default, which is text on stderr unless another is set, with the verbosity that
/// [`init`] describes. Beside a layer that prints to
/// the terminal too, set one without sinks: `configure().default_context(OutputContext::builder("main").build()).layer()`.
///
/// Records of the `log` crate come here if something forwards them: `.init()` of `tracing_subscriber` does. Beside
/// `set_global_default`, call `tracing_log::LogTracer::init()`. Their key-values are lost on that way, because an event has static names;
/// under [`init`] they are fields.
///
/// # The first scope
///
/// `tracing` does not look at its callsites again when a subscriber is installed, so one that another thread hits meanwhile can be
/// left disabled. The first scope that is entered under this layer therefore starts a thread named `logscope-rebuild`, which has `tracing`
/// ask about all callsites again, and the scope waits for that, at most one second. If the subscriber is the global one, the thread
/// repeats this for about a tenth of a second after the first time, and then ends. No fork, flush or exit waits
/// for this thread. A child that is forked off before the first time is over starts such a thread of its own when it enters a scope,
/// unless it was forked at the very moment at which the parent started its thread. If `tracing`'s own locks were held at the fork, the
/// child cannot register new callsites, and that scope waits for one second.
#[must_use = "a layer does nothing until it is added to a subscriber: `registry().with(logscope::layer())`"]
pub fn layer<S>() -> ScopedLayer<S> {
    configure().layer()
}

/// Starts a configuration; end it with [`install`](Config::install) or [`layer`](Config::layer).
pub fn configure() -> Config {
    Config {
        ceiling: LevelFilter::TRACE,
        route_by_span: false,
        default: None,
        verbosity: None,
        env: true,
        inherit: true,
        #[cfg(feature = "file")]
        inherit_sinks: false,
        exit_deadline: None,
        max_record_bytes: None,
        log_panics: false,
        unclaimed: None,
    }
}

/// Sets how logscope is installed; from [`configure`].
#[derive(Debug)]
#[must_use = "nothing is installed until `install` or `layer` is called"]
pub struct Config {
    ceiling: LevelFilter,
    route_by_span: bool,
    default: Option<OutputContext>,
    verbosity: Option<Verbosity>,
    env: bool,
    inherit: bool,
    #[cfg(feature = "file")]
    inherit_sinks: bool,
    exit_deadline: Option<Duration>,
    max_record_bytes: Option<usize>,
    log_panics: bool,
    unclaimed: Option<Rules>,
}

impl Config {
    /// Sets the most verbose level that any context can be given from now on; TRACE if it is not set.
    ///
    /// An event above it costs as much as a statically disabled one, and cannot be turned on while the process lives.
    pub fn ceiling(mut self, ceiling: impl Into<LevelFilter>) -> Self {
        self.ceiling = ceiling.into();
        self
    }

    /// Sets whether an event outside every scope goes to the context in which the span around it was made, while that context lives.
    ///
    /// Off by default, because it can attribute events wrongly: one piece of work may make a span, and others enter it. A connection pool,
    /// for example, makes a connection's span on behalf of the request that opened it, and enters that span for every later request.
    pub fn route_by_span(mut self, on: bool) -> Self {
        self.route_by_span = on;
        self
    }

    /// Sets how long the process waits at its end until the records in queues are written; five seconds unless set.
    ///
    /// The wait begins when nothing else keeps the process from ending. A message on stderr says how many records were not written by then.
    /// The setting is one of the whole process.
    pub fn exit_deadline(mut self, deadline: Duration) -> Self {
        self.exit_deadline = Some(deadline);
        self
    }

    /// Sets how many bytes a record may have; 1 MiB unless set.
    ///
    /// ```
    /// use logscope::{OutputContext, sink};
    ///
    /// logscope::configure().max_record_bytes(400).install()?;
    /// let (memory, lines) = sink::memory();
    /// let uno = OutputContext::builder("uno").sink(memory).build();
    /// uno.scope(|| tracing::info!(numbers = ?vec![7; 1_000_000], "said"));
    /// assert!(lines.lines()[0].ends_with("<cut>\"") && lines.lines()[0].len() < 500);
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// A value that goes on beyond it gets an error from its formatter, and `<cut>` follows what it has written. The line is still one that
    /// can be read back. Not counted are the names of fields, and what a few characters need to be escaped. In all its fields a span has an
    /// eighth of these bytes, and the spans around a record have a quarter: the fields of those beyond are replaced by `fields=<cut>`.
    ///
    /// The setting is one of the whole process.
    pub fn max_record_bytes(mut self, bytes: usize) -> Self {
        self.max_record_bytes = Some(bytes);
        self
    }

    /// Sets whether each panic is a record of the context in which it happens; false unless set.
    ///
    /// ```
    /// use logscope::{Format, OutputContext, sink};
    ///
    /// logscope::configure().log_panics(true).install()?;
    /// let (memory, lines) = sink::memory();
    /// let uno = OutputContext::builder("uno").sink(memory.format(Format::logfmt())).build();
    /// let _ = std::panic::catch_unwind(|| uno.scope(|| panic!("out of paper")));
    /// assert!(lines.lines()[0].contains(r#"level=error"#) && lines.lines()[0].contains(r#"msg="out of paper""#));
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// The record is at ERROR and has the target `panic`. Its fields are `location` (file, line and column) and `thread` (the name, or the
    /// id of a thread without a name). File and line are also those of the record, for formats that show them. The spans are those that the
    /// thread is in. A panic with a value that is neither `&str` nor `String` says so in place of the message.
    ///
    /// The record is written before the panic hook that was there is called, and before the hook returns, so it is in the log also if the
    /// panic ends the process, unless the log has a queue and the process aborts although it is built to unwind (a panic in a destructor while
    /// another one unwinds, or in an `extern "C"` function). [`Queue::flush_at`](crate::sink::Queue::flush_at) with ERROR writes it in that
    /// case too. A thread of its own writes the record, because a sink or a layout that panics inside a panic hook would abort the process.
    /// The panicking thread waits for it, for five seconds at most. Only where no thread can be started, it writes the record itself. A panic inside an
    /// output is told on stderr, as a failure of that output.
    ///
    /// Other layers do not see the record. The setting is one of the whole process: a configuration without it does not take it back. It does
    /// nothing if a panic hook that the program sets later does not call the one before, or if it is set on a thread that panics.
    ///
    /// # The other text of the panic
    ///
    /// The panic hook that was there goes on to do its work. The one of std prints `thread 'main' panicked at …` on stderr, so a panic in a
    /// context that logs to stderr, as the built-in process default does, is there twice: once as the record, and once as that text. A program
    /// that wants the record alone sets a hook that does nothing, before it installs logscope:
    ///
    /// ```
    /// std::panic::set_hook(Box::new(|_| {}));
    /// logscope::configure().log_panics(true).install()?;
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// A panic that its context does not record, because it has no sinks or does not let ERROR of the target `panic` through, then leaves no text.
    pub fn log_panics(mut self, on: bool) -> Self {
        self.log_panics = on;
        self
    }

    /// Sets what belongs to the whole process.
    fn set_process_settings(&self) {
        if let Some(deadline) = self.exit_deadline {
            set_exit_deadline(deadline);
        }
        if let Some(bytes) = self.max_record_bytes {
            set_max_record_bytes(bytes);
        }
        if self.log_panics {
            install_hook();
        }
        self.set_unclaimed_rules();
    }

    /// Installs logscope as the global subscriber and, with the feature `log`, as the receiver of `log` records.
    ///
    /// The key-values of a `log` record become fields, beside its message; one without a value (`None`) is left out, as in `tracing`. Names are
    /// kept for the life of the process: of a program that makes up more than 1,024 of them, the others stand in one field, `log.kv`.
    /// `log::logger().flush()` flushes all outputs, and waits for as long as the [end of the process](Config::exit_deadline) does.
    ///
    /// # Errors
    ///
    /// If a global subscriber or logger is installed already; the error says which. Nothing of this configuration is then set.
    pub fn install(mut self) -> Result<(), Error> {
        // A second installation is refused only when the first is over: tests that run at once may each begin with
        // `let _ = logscope::try_init();` and then log. (The wait is bounded, in case a replaced default installs something in its `Drop`.)
        let _installing = INSTALLING.try_lock_for(INSTALLATION);
        if let Some(error) = already_installed() {
            return Err(error);
        }
        #[cfg(feature = "log")]
        log_bridge::install(self.ceiling)?;
        let layer = ContextLayer::alone(self.ceiling, self.route_by_span);
        let id = layer.id();
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
        // Replaced before the subscriber is set, so that no event of another thread goes to the default before.
        let before = self.take_default().map(replace_default);
        if dispatcher::set_global_default(dispatch.clone()).is_err() {
            // Another thread was faster.
            if let Some(before) = before {
                set_process_default(before.unwrap_or_else(built_in));
            }
            return Err(already_installed().unwrap_or_else(|| installed("a global tracing subscriber", "")));
        }
        self.set_process_settings();
        start_built_in_clock();
        rebuild_under(&dispatch, id);
        Ok(())
    }

    /// Returns the layer for a subscriber of the program's own; see [`layer()`](crate::layer()).
    ///
    /// The process default and all other settings take effect when the layer is added to a subscriber. A layer that is put in by the handle
    /// of a `reload::Layer` is not told of that: its settings take effect when the first event or span reaches it.
    #[must_use = "a layer does nothing until it is added to a subscriber: `registry().with(…)`"]
    pub fn layer<S>(mut self) -> ScopedLayer<S> {
        let (ceiling, route_by_span) = (self.ceiling, self.route_by_span);
        let settings = move || {
            self.set_process_settings();
            if let Some(context) = self.take_default() {
                drop(replace_default(context));
            }
        };
        ScopedLayer::new(ContextLayer::among_others(ceiling, route_by_span, settings), ceiling)
    }
}

/// Rebuilds the interest cache with `dispatch`, which holds the layer `id`, as the current subscriber: why stands in
/// [`ceiling`](super::ceiling).
///
/// As long as the process has made one `Dispatch` only, `tracing` asks the current subscriber of this thread. Inside
/// `with_default(&Dispatch::none(), …)` that is none, and every callsite would be dead from then on. `dispatch` is set as current only
/// there: while any thread has a subscriber of its own, `tracing` drops each event that is logged inside another.
fn rebuild_under(dispatch: &Dispatch, id: u32) {
    if dispatcher::get_default(|current| ContextLayer::is_in(id, current)) {
        rebuild_interest_cache();
    } else {
        dispatcher::with_default(dispatch, rebuild_interest_cache);
    }
}

/// Returns the error that names what is installed already, if anything is.
fn already_installed() -> Option<Error> {
    if !tracing_core::dispatcher::has_been_set() {
        return None;
    }
    ask_global(|dispatch| {
        if dispatch.is::<tracing::subscriber::NoSubscriber>() {
            None
        } else if ContextLayer::is_in_some_form(dispatch) {
            Some(installed(
                "logscope itself",
                "; it can be installed once, later changes go through logscope::set_process_default",
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

/// Returns true if the global subscriber has the layer, alone or among others.
#[cfg(feature = "testing")]
pub(crate) fn is_installed() -> bool {
    tracing_core::dispatcher::has_been_set() && ask_global(ContextLayer::is_in_some_form)
}

/// Calls `ask` with the global dispatcher. On a thread of its own, because on this one a subscriber that is set for a scope
/// (`with_default`) would answer instead.
pub(crate) fn ask_global<R: Send>(ask: impl Fn(&Dispatch) -> R + Sync) -> R {
    thread::scope(|scope| {
        let asking = thread::Builder::new().spawn_scoped(scope, || dispatcher::get_default(&ask));
        asking.ok().and_then(|thread| thread.join().ok()).unwrap_or_else(|| dispatcher::get_default(&ask))
    })
}

#[cold]
fn installed(what: &str, advice: &str) -> Error {
    Error::new(ErrorKind::AlreadyInstalled, format!("a global tracing subscriber is installed already: {what}{advice}"))
}
