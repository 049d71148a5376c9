//! # Coming from `tracing_subscriber::fmt`
//!
//! Your calls of `tracing`'s macros stay as they are. What changes is where a program says how it logs.
//!
//! Before:
//!
//! ```no_run
//! tracing_subscriber::fmt()
//!     .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
//!     .with_target(false)
//!     .init();
//! tracing::info!(port = 8080, "listening");
//! ```
//!
//! After:
//!
//! ```
//! use logscope::{Format, OutputContext, Time, Verbosity, sink};
//!
//! let console = sink::stdout().format(Format::text().time(Time::Wall).target(false));
//! let verbosity = Verbosity::from_env().unwrap_or_default(); // in LOGSCOPE, else in RUST_LOG, else INFO
//! let main = OutputContext::builder("main").verbosity(verbosity).sink(console).build();
//! logscope::configure().default_context(main).install()?;
//! tracing::info!(port = 8080, "listening"); // 2026-11-29T22:24:10.403062Z INFO  main: listening port=8080
//! # Ok::<(), logscope::Error>(())
//! ```
//!
//! A context that you build has the verbosity that you give it, whatever the environment holds. So
//! [`Verbosity::from_env`](crate::Verbosity::from_env) stands above; without it, `main` would log at INFO. If no variable is set,
//! `EnvFilter::from_default_env()` lets ERROR through, and the program above INFO.
//!
//! [`logscope::init()`](crate::init) alone logs to stderr, with the verbosity in `LOGSCOPE` or `RUST_LOG`. From there on, each piece of work can
//! get a log of its own, which is what this crate is for:
//!
//! ```
//! use logscope::{InContext as _, LevelFilter, OutputContext, sink};
//!
//! logscope::init();
//! # let dir = tempfile::tempdir()?;
//! # let path = dir.path().join("request-7.log");
//! let log = sink::file(path).open()?;
//! let request = OutputContext::builder("checkout").field("request", 7).verbosity(LevelFilter::DEBUG).sink(log).build();
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! async { tracing::debug!("handled") }.in_context(&request).await;
//! # });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | `fmt` | here |
//! |---|---|
//! | `fmt::init()`, `fmt().try_init()` | [`init`](crate::init), [`try_init`](crate::try_init) |
//! | `with_max_level(Level::DEBUG)` | [`Config::verbosity`](crate::Config::verbosity); for a context, [`ContextBuilder::verbosity`](crate::ContextBuilder::verbosity) |
//! | `EnvFilter::from_default_env()` | [`Verbosity::from_env`](crate::Verbosity::from_env), for each context that is to have it; [`init`](crate::init) gives it to the built-in process default only |
//! | `EnvFilter::new("info,hyper=warn")` | [`ContextBuilder::directives`](crate::ContextBuilder::directives); `Verbosity::try_from("info,hyper=warn")?` wherever a [`Verbosity`](crate::Verbosity) is taken. A wrong directive is an error |
//! | `EnvFilter` with spans and fields (`app[request]=debug`) | none: give the request a context with a verbosity of its own |
//! | `reload::Layer` around a filter | a [`Dial`](crate::Dial) |
//! | several layers, as `fmt::layer()` for the console and `fmt::layer().json()` for a file | several sinks of one context: [`ContextBuilder::sink`](crate::ContextBuilder::sink), each with its [`format`](crate::sink::Sink::format) and its [`verbosity`](crate::sink::Sink::verbosity) |
//! | `with_writer(std::io::stderr)` | [`sink::stderr`](crate::sink::stderr), [`sink::writer`](crate::sink::writer()) |
//! | `tracing_appender::rolling` | [`FileOptions::roll`](crate::sink::FileOptions::roll); for `app.log`, a file of a day is `app.2026-11-30Z.log`, not `app.log.2026-11-30` |
//! | `tracing_appender::non_blocking` and its guard | [`Sink::queued`](crate::sink::Sink::queued); no guard: what is queued is written when the process ends |
//! | `json()` | [`Format::json`](crate::Format::json), which has more keys: see [below](#the-same-json) |
//! | `flatten_event(true)`, `with_current_span`, `with_span_list` | [`flatten`](crate::Format::flatten), [`current_span`](crate::Format::current_span), [`span_list`](crate::Format::span_list) |
//! | `pretty()` | [`Format::pretty`](crate::Format::pretty), which lists the differences |
//! | `compact()` | [`Format::text`](crate::Format::text) |
//! | `without_time()`, `with_timer(uptime())` | [`Time::None`](crate::Time), [`Time::Elapsed`](crate::Time) |
//! | `with_timer(LocalTime::…)`, `with_timer(…)` | [`Format::local`](crate::Format::local), [`Format::timer`](crate::Format::timer) |
//! | `with_target(false)` | [`target`](crate::Format::target) |
//! | `with_level(false)` | none: a [layout of your own](super::layout) |
//! | `with_thread_names`, `with_thread_ids` | [`thread_name`](crate::Format::thread_name), [`thread_id`](crate::Format::thread_id); in JSON `"threadName"` and `"threadId"`, as there |
//! | `with_file`, `with_line_number` | [`location`](crate::Format::location) for both; in JSON `"filename"` and `"line_number"`, as there |
//! | `with_span_events(FmtSpan::NEW \| FmtSpan::CLOSE)` | [`ContextBuilder::span_events`](crate::ContextBuilder::span_events) with [`SpanEvents::NEW \| SpanEvents::CLOSE`](crate::SpanEvents), for all sinks of the context |
//! | `FmtSpan::ENTER`, `EXIT`, `ACTIVE`, `FULL` | none: a span that is entered or left writes no record |
//! | `with_ansi(false)` | [`Color`](crate::Color); by default it follows the terminal and `NO_COLOR` |
//! | `FormatEvent`, `FormatFields` | [`Layout`](crate::Layout) |
//! | `with_test_writer()` | [`sink::test`](crate::sink::test()) |
//! | `with_default(subscriber, \|\| …)` | [`OutputContext::scope`](crate::OutputContext::scope), which follows the work to other threads |
//!
//! New files can be read by their owner only, unless [`mode`](crate::sink::FileOptions::mode) says otherwise.
//!
//! `Format::text()` is not the format of `fmt`. Its lines can be read back, so what could be misread is quoted or escaped:
//!
//! | | `fmt` | here |
//! |---|---|---|
//! | level | `" INFO"` | `"INFO "` |
//! | context | | before the spans |
//! | a text without blanks | `unit="core"` | `unit=core` |
//! | a text with blanks or quotes | `name="two words"` | `name="two words"` |
//! | `?Some("x")` | `opt=Some("x")` | `opt="Some(\"x\")"` |
//! | a message of two lines | two lines | one line with `\n`, unless [`multiline`](crate::Format::multiline) is set |
//!
//! To keep `fmt` for
//! what is in no scope, see [Beside fmt](super::beside_fmt).
//!
//! # The same JSON
//!
//! [`Format::json`](crate::Format::json) has the keys of `fmt().json()` in the same places, and `"context"`, `"elapsed"` and `"seq"` beside
//! them. A program that must find no other keys has them left out:
//!
//! ```
//! use logscope::{Format, Time};
//!
//! let json = Format::json().context(false).seq(false).time(Time::Wall);
//! let flat = json.clone().flatten(true); // `.json().flatten_event(true)`
//! # drop((json, flat));
//! ```
//!
//! The lines are then equal, but for the cases in the table of [`Format::json`](crate::Format::json). With `flatten`, a field that is called
//! like a key of the format, as `level` or `name`, has `field.` before its name here. There it stands as it is, so an object can have a key twice.
