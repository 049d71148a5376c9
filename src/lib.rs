//! Each piece of work has its own log, whatever else the process does.
//!
//! ```
//! use logscope::{InContext as _, LevelFilter, OutputContext, sink};
//!
//! logscope::init();
//! # let folder = tempfile::tempdir()?; let path = folder.path().join("build/uno.log");
//! let log = sink::file(&path).create_parents(true).open()?;
//! let uno = OutputContext::builder("uno").verbosity(LevelFilter::DEBUG).sink(log).build();
//!
//! uno.scope(|| tracing::info!("configured"));
//! std::thread::spawn(uno.bind(|| tracing::debug!("compiling main.cpp"))).join().unwrap();
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! tokio::spawn(async { tracing::info!("linking") }.in_context(&uno)).await.unwrap();
//! # });
//! # assert_eq!(std::fs::read_to_string(&path)?.lines().count(), 3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A process does many things at once: a daemon runs eight builds, a server answers a thousand requests, a test binary runs sixty tests.
//! Each of them wants its own file, its own verbosity, and its own clock that starts at zero. An [`OutputContext`] is an immutable value
//! with these three. It follows the work through threads, tasks and pools, and plain `tracing::info!` (and `log::info!`) calls anywhere
//! below, in any crate, end up in the right place.
//!
//! # Reading order
//!
//! - [`OutputContext`], its [`ContextBuilder`], and [`update`], [`set_process_default`], [`live`]: what a context is, and how it is derived.
//! - [`OutputContext::scope`], [`enter`](OutputContext::enter), [`bind`](OutputContext::bind), [`InContext`], [`bind_current`], [`unscoped`]: how
//!   work gets a context, or none. [`thread`], and `rayon` and `tokio` (features): how threads, jobs and tasks inherit it. [`InheritContext`]:
//!   how a child process gets one.
//! - [`init`], [`configure`], [`layer()`]: how events reach logscope, alone or beside other layers.
//! - [`Verbosity`], [`Dial`]: which levels a context lets through. [`Origin`], [`Clock`], [`ManualClock`]: the clock of a context.
//! - [`mod@sink`], [`Format`], [`Color`]: where records go, and in which form. [`flush`], [`shutdown`]: making sure that they got there.
//! - [`OutputContext::run`], [`command`]: programs that know nothing of logscope, whose output becomes records.
//! - [`Record`], [`RecordBuf`], `read` (feature `serde`): records, and reading logs back. `build` (feature `build`): the vocabulary of
//!   builds.
//! - [`unclaimed()`]: events that reached the process default because work was handed over without its context.
//! - `http` (feature `http`): a context for each request of a server. `lock` (feature `lock`): locks for threads, tasks and processes.
//!   `store` (feature `store`): single live instances, leases, which expire, and documents that do not fork. `testing` (feature `testing`): the log
//!   of each test.
//! - [`docs`]: guides to single tasks.
//!
//! # Which context is current
//!
//! The current context is that of the newest scope of the running stack, or the process default outside every scope. A running stack is a
//! thread, or a task while it is polled if it was given a context with [`in_context`](InContext::in_context). What such a task enters or
//! [updates](update) stays with the task over every `.await`, on whatever thread it goes on, and never reaches other work on that thread.
//! Guards may be dropped in any order.
//!
//! A plain `std::thread::spawn` or `tokio::spawn` does not carry the context, because Rust offers no place to do so. [`thread`], and
//! `logscope::rayon` and `logscope::tokio` (features of these names), have functions with the same names that do, and carry the current span
//! too; `bind`, `in_context` and `in_current_context` carry the context alone, to any closure and any future. [The guide](docs::carry) has a
//! table of what carries what where, and a list for clippy that finds the plain calls.
//!
//! # Promises
//!
//! - **Right place.** No record reaches another context's sink, whatever the interleaving, as long as no bare call of rayon waits inside a scope and
//!   steals a bare job ([why](crate::docs::carry#rayon-what-is-stolen)).
//! - **Acknowledged.** When a log call returns, a record for a file or a standard stream is with the operating system. A record for a
//!   [queue](sink::Sink::queued) is written soon after, and before the process ends in an ordinary way. The [table](mod@sink#durability) has
//!   every case.
//! - **Ledger.** `accepted = written + dropped + failed + pending`, exactly, for each context and each sink: see [`Ledger`].
//! - **Whole.** One record, one start of line, one write. Nothing in a record can forge another: control characters, line separators,
//!   bidirectional overrides and invisible characters are escaped in every format.
//! - **Harmless.** A log call never panics, aborts, deadlocks or recurses its caller: not when a value's `Debug` panics or logs, when a sink
//!   panics or fails, when stdout and stderr are both broken, while unwinding, or in the destructors of thread-locals.
//! - **Told.** Every loss is counted. stderr has a report once for each outage, with limits under which no output hides the failure of
//!   another. A log that goes on has a record where the gap is.
//!
//! # Not supported
//!
//! - Logging from signal handlers; a `Debug` that panics inside a panic hook; stack overflow; `panic = "abort"`, where a panic in a value or a
//!   sink ends the process like any other panic.
//! - *Spans* that are made in the destructors of thread-locals: tracing-subscriber's registry panics there. Events are fine.
//! - Logging between `fork` and `exec`, or in the forked child of a process with several threads: a lock that another thread held at the time
//!   of the fork, a sink's or the allocator's, stays held for ever. `std::process::Command` does not log there; a `pre_exec` closure must
//!   not. logscope's own writer threads hold no lock, because a fork waits for them, so the child can log if no other thread of the parent
//!   was logging at that moment, and it can make contexts and sinks of its own in any case. If it starts threads, these must not log to one output
//!   at once: parking_lot, by which log calls wait for an output, still lists threads that only the parent has, and a wait may hang or crash. Two
//!   threads can still hold a lock: a thread of the program that is just starting or ending holds one of std's, which `exit` takes, and no fork waits for the threads that compress old
//!   log files, sync files, or drop an output for a flush.
//! - Signals that end the process in the middle of a write: `SIGPIPE` where its default action was restored (Rust ignores it), and
//!   `SIGXFSZ`, which a file beyond `RLIMIT_FSIZE` raises. If they are ignored, they become write errors, which are counted and reported.
//! - An output that waits for another thread which logs to the same output. If it is direct, both wait for ever. If it is queued, with
//!   [`Overflow::Block`](sink::Overflow::Block), that thread waits for the [patience](sink::Queue::patience) of a full queue, and its records
//!   are dropped then. Give such threads another context, or `Overflow::DropNewest`.
//! - A value that goes on without end and ignores that its formatter returns an error: a [bounded](Config::max_record_bytes) record
//!   takes no more of it, but the log call waits for it.
//! - A global allocator that logs what is allocated while a span is entered. tracing-subscriber keeps the spans that a thread is in in a
//!   list, which grows with the first, the fifth and the ninth of them, and so on, and it panics if an event asks for the current span at
//!   that moment. parking_lot, too, allocates under locks of its own, when more threads wait for locks than ever before: a log call that has
//!   to wait then waits for ever. Elsewhere an allocator can log, if it does not log the allocations of its own log calls.
//! - Stackful coroutines that change threads inside [`OutputContext::scope`]: the process aborts, so that two stacks do not mix.
//! - A callsite that is hit for the first time under `Dispatch::none()`: if the process has made one `Dispatch` only, `tracing` disables the
//!   callsite from then on.
//! - A callsite that another thread is registering at the very moment of installation. That thread asked while there was no subscriber, and
//!   may store `never` after the rebuild. Under [`init`] and [`install`](Config::install) such a callsite stays disabled until something
//!   rebuilds `tracing`'s interest cache; call them before other threads log. Under [`layer()`], rebuilds
//!   that go on for about a tenth of a second after the first one, which the first scope starts, mend it if the thread has stored its answer
//!   by then.
//! - A level above the [ceiling](Config::ceiling), which is fixed when logscope is installed.
//!
//! Not there yet: several processes on one file that rolls.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `appender` | | `sink::non_blocking`, for the crate `tracing-appender` |
//! | `build` | yes | the macros of `logscope::build`; no dependency |
//! | `file` | yes | log files, which can roll: [`sink::file`](sink::file()), [`sink::Roll`] |
//! | `fmt` | | `sink::make_writer`, for the writers of `tracing_subscriber::fmt`; and a [`Sink`](sink::Sink) is such a writer |
//! | `futures` | | [`Scoped`] streams, and what a [`sink::channel`] receives as a `Stream`, through `futures-core` |
//! | `gzip` | | log files that roll can be compressed, through `flate2` |
//! | `http` | | `logscope::http`: each request of a `tower` service in a context of its own, for axum, tonic and hyper |
//! | `lock` | | `logscope::lock`: locks for threads and tasks at once, and between processes, which say who holds them; files that appear whole; caches that are filled once |
//! | `log` | yes | records of the `log` crate, with their key-values |
//! | `rayon` | | `logscope::rayon`: rayon's functions and parallel iterators, in the context of whoever calls them |
//! | `redis` | | `store::RedisLeases` and `store::RedisCache`: leases and caches of documents in Redis, through the crate `redis` without its default features |
//! | `serde` | | serde for [`Verbosity`], [`RecordBuf`] and [`Snapshot`], and `logscope::read`, which reads JSON logs back |
//! | `store` | | `logscope::store`: single live instances, leases that expire, with fencing numbers, and documents; with `lock` and `serde` |
//! | `testing` | | `logscope::testing`: tests that see their own log, and assert what is in it; what tests share, and how they wait; all that `lock` has |
//! | `tokio` | | `logscope::tokio`: tokio's functions, in the context of whoever calls them; `OutputContext::run_async` and [`InheritContext`] for its commands |
//!
//! # Types of other crates
//!
//! These crates have types or traits that are part of this crate's public interface. A version of logscope stays with the versions here; it takes
//! an incompatible one (`time` 0.4, say) only in a release that is incompatible itself.
//!
//! | crate | version | where | feature |
//! |---|---|---|---|
//! | `tracing`, `tracing-core` | 0.1 | [`Level`], [`LevelFilter`], `Metadata`, the visitor of [`Record::visit`] | |
//! | `tracing-subscriber` | 0.3 | [`ScopedLayer`] is a `Layer`; a [`Sink`](sink::Sink) is a `MakeWriter` | the second: `fmt` |
//! | `time` | 0.3 | [`UtcOffset`], of [`Format::offset`] | |
//! | `tracing-appender` | 0.2 | `sink::non_blocking` | `appender` |
//! | `futures-core` | 0.3 | the `Stream`s of [`Scoped`] and [`sink::channel`] | `futures` |
//! | `http`, `http-body`, `tower-layer`, `tower-service` | 1, 1, 0.3, 0.3 | `logscope::http` | `http` |
//! | `rayon` | 1 | `ThreadPool`, `BroadcastContext`, `FnContext`, `Yield`; [`Scoped`] is a `ParallelIterator` | `rayon` |
//! | `serde` | 1 | `Serialize` and `Deserialize` | `serde` |
//! | `tokio` | 1 | `JoinHandle`, `Handle`, `LocalSet`, `AbortHandle`; the traits for `JoinSet` and `runtime::Builder`; `process::Command` | `tokio` |

// The rooms of this crate, each of which imports only those before it:
// sync, limits, process, error, lock, clock, line_buffer, trace and verbosity, under_test, record, format, read, bytes, fallback, environment and output, registry, file, queue,
// delivery, background, sink, context, scope, inherit, rayon, thread, tokio and unclaimed, layer, build, command, http and store, testing; docs has the guides. Each begins with a few
// sentences on what lives there. `tests/import_order` checks the order.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod background;
mod bytes;
mod clock;
pub mod command;
mod context;
mod delivery;
pub mod docs;
mod environment;
mod error;
mod fallback;
#[cfg(feature = "file")]
mod file;
mod format;
#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
pub mod http;
mod inherit;
mod layer;
mod limits;
mod line_buffer;
#[cfg(feature = "lock")]
#[cfg_attr(docsrs, doc(cfg(feature = "lock")))]
pub mod lock;
mod output;
mod process;
mod queue;
#[cfg(not(feature = "serde"))]
mod read;
#[cfg(feature = "serde")]
#[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
pub mod read;
mod record;
#[cfg(any(feature = "file", feature = "store"))]
mod registry;
mod scope;
pub mod sink;
#[cfg(feature = "store")]
#[cfg_attr(docsrs, doc(cfg(feature = "store")))]
pub mod store;
mod sync;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
pub mod thread;
mod trace;
mod unclaimed;
mod under_test;
mod verbosity;

#[cfg(feature = "build")]
#[cfg_attr(docsrs, doc(cfg(feature = "build")))]
pub mod build;

#[cfg(feature = "rayon")]
#[cfg_attr(docsrs, doc(cfg(feature = "rayon")))]
pub mod rayon;

#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub mod tokio;

pub use clock::{Clock, ManualClock, Origin, TimeSource};
pub use context::{ContextBuilder, OutputContext, SinkSnapshot, Snapshot, SpanEvents, live, set_process_default};
pub use error::{Error, ErrorKind};
pub use format::{Ansi, Color, ElapsedStyle, Format, Layout, LayoutWriter, Time};
pub use inherit::InheritContext;
pub use layer::{Config, ScopedLayer, configure, init, layer, try_init};
pub use record::{ContextBuf, ContextInfo, FieldValue, Record, RecordBuf, SpanBuf, SpanInfo, Value};
pub use scope::{InContext, ScopeGuard, Scoped, bind_current, unscoped, update};
pub use sink::{Flushing, Ledger, flush, shutdown};
pub use time::UtcOffset;
pub use trace::TraceContext;
pub use tracing::Level;
pub use tracing::level_filters::LevelFilter;
pub use unclaimed::{Unclaimed, UnclaimedEntry, UnclaimedReport, unclaimed};
pub use verbosity::{Dial, Verbosity};

/// The crates that the macros of this crate name.
#[doc(hidden)]
pub mod __private {
    pub use tracing;
}

/// Private functions for the fuzz targets in `fuzz/`.
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::file::{safe_name_for_fuzzing as safe_name, shared_file_for_fuzzing as shared_file};
    pub use crate::inherit::inherited_for_fuzzing as inherited;
    pub use crate::verbosity::known_directives_for_fuzzing as known_directives;
}

/// Compiles the program in the README with the tests.
#[cfg(all(doctest, feature = "store"))]
#[doc = include_str!("../README.md")]
struct Readme;
