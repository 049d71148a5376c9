//! # Coming from `slog`
//!
//! In `slog` a logger is a value that is handed down, and a child logger has key-values of its own. An [`OutputContext`](crate::OutputContext)
//! is such a value too, but no function has to take it: it follows the work, and plain `tracing` macros find it.
//!
//! Before:
//!
//! ```ignore
//! fn build(log: &slog::Logger) {
//!     let log = log.new(slog::o!("env" => "uno"));
//!     slog::info!(log, "compiling"; "unit" => "core");
//!     let for_thread = log.clone();
//!     std::thread::spawn(move || slog::info!(for_thread, "linking"));
//! }
//! ```
//!
//! After:
//!
//! ```
//! use logscope::{OutputContext, sink};
//!
//! fn build() {
//!     tracing::info!(unit = "core", "compiling");
//!     std::thread::spawn(logscope::bind_current(|| tracing::info!("linking"))).join().unwrap();
//! }
//!
//! logscope::init();
//! let (memory, lines) = sink::memory();
//! let uno = OutputContext::builder("uno").field("env", "uno").sink(memory).build();
//! uno.scope(build);
//! assert_eq!(lines.len(), 2);
//! ```
//!
//! | `slog` | here |
//! |---|---|
//! | `Logger::root(drain, o!(…))` | [`OutputContext::builder`](crate::OutputContext::builder) with [`sink`](crate::ContextBuilder::sink) and [`field`](crate::ContextBuilder::field) |
//! | `log.new(o!(…))` | [`with_field`](crate::OutputContext::with_field): the same work with one more field |
//! | `Drain` | [`Output`](crate::sink::Output) for lines, [`RecordOutput`](crate::sink::RecordOutput) for records |
//! | `Duplicate` | several sinks |
//! | `LevelFilter`, `slog_envlogger` | [`verbosity`](crate::ContextBuilder::verbosity) of the context, and [of each sink](crate::sink::Sink::verbosity) |
//! | `slog_async::Async`, `chan_size`, `overflow_strategy` | [`Sink::queued`](crate::sink::Sink::queued), [`Queue::bytes`](crate::sink::Queue::bytes), [`Overflow`](crate::sink::Overflow) |
//! | the guard of `slog_async`, `Fuse` | none: what is queued is written when the process ends, and errors are counted and reported |
//! | `slog_term::FullFormat`, `CompactFormat` | [`Format::text`](crate::Format::text) |
//! | `slog_json` | [`Format::json`](crate::Format::json) |
//! | `slog_scope::scope(&log, \|\| …)` | [`scope`](crate::OutputContext::scope) |
//! | `slog_stdlog` | the feature `log` |
//! | `FnValue`, `PushFnValue`: values that are made for each record | none: fields of a context are rendered once |
//! | `Logger::is_debug_enabled` | `tracing::enabled!` |
