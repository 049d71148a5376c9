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
//! let main = OutputContext::builder("main").sink(console).build();
//! logscope::configure().default_context(main).install()?;
//! tracing::info!(port = 8080, "listening");
//! # Ok::<(), logscope::Error>(())
//! ```
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
//! let request = OutputContext::builder("request").field("id", 7).verbosity(LevelFilter::DEBUG).sink(log).build();
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
//! | `EnvFilter` with targets and levels | [`Verbosity`](crate::Verbosity), read from the environment by [`init`](crate::init) |
//! | `EnvFilter` with spans and fields (`app[request]=debug`) | none: give the request a context with a verbosity of its own |
//! | `reload::Layer` around a filter | a [`Dial`](crate::Dial) |
//! | `with_writer(std::io::stderr)` | [`sink::stderr`](crate::sink::stderr), [`sink::writer`](crate::sink::writer()) |
//! | `tracing_appender::rolling` | [`FileOptions::roll`](crate::sink::FileOptions::roll) |
//! | `tracing_appender::non_blocking` and its guard | [`Sink::queued`](crate::sink::Sink::queued); no guard: what is queued is written when the process ends |
//! | `json()`, `flatten_event(true)`, `with_current_span`, `with_span_list` | [`Format::json`](crate::Format::json), [`flatten`](crate::Format::flatten), [`current_span`](crate::Format::current_span), [`span_list`](crate::Format::span_list) |
//! | `pretty()` | [`Format::pretty`](crate::Format::pretty) |
//! | `compact()` | [`Format::text`](crate::Format::text) |
//! | `without_time()`, `with_timer(uptime())` | [`Time::None`](crate::Time), [`Time::Elapsed`](crate::Time) |
//! | `with_timer(LocalTime::…)`, `with_timer(…)` | [`Format::local`](crate::Format::local), [`Format::timer`](crate::Format::timer) |
//! | `with_thread_names`, `with_thread_ids`, `with_file`, `with_line_number` | [`thread_name`](crate::Format::thread_name), [`thread_id`](crate::Format::thread_id), [`location`](crate::Format::location) |
//! | `with_ansi(false)` | [`Color`](crate::Color); by default it follows the terminal and `NO_COLOR` |
//! | `FormatEvent`, `FormatFields` | [`Layout`](crate::Layout) |
//! | `with_test_writer()` | [`sink::test`](crate::sink::test()) |
//! | `with_default(subscriber, || …)` | [`OutputContext::scope`](crate::OutputContext::scope), which follows the work to other threads |
//!
//! `Format::text()` is not the format of `fmt`: the context comes before the spans, texts are quoted, and lines read back. To keep `fmt` for
//! what is in no scope, see [Beside fmt](super::beside_fmt).
