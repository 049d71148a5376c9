//! Sinks: where records go, in which format, and up to which level.
//!
//! ```
//! use logscope::{Format, LevelFilter, OutputContext, sink};
//!
//! let (log, lines) = sink::memory();
//! let console = sink::stderr().format(Format::build()).max_level(LevelFilter::WARN);
//! let uno = OutputContext::builder("uno").sink(log).sink(console).build();
//! # logscope::init();
//! uno.scope(|| tracing::info!("compiling"));
//! assert_eq!(lines.len(), 1);
//! # Ok::<(), logscope::Error>(())
//! ```
//!
//! | sink | takes | goes to |
//! |---|---|---|
//! | [`stdout()`], [`stderr()`] | lines | a standard stream of the process, without std's buffers |
//! | [`file()`], [`file_in()`] | lines | a file, opened append-only, or several files of a log that [rolls](Roll); one output per file |
//! | [`writer()`], [`terminal_writer()`] | lines | any [`std::io::Write`] |
//! | `make_writer` (feature `fmt`) | lines | the writers of `tracing_subscriber::fmt` and of `tracing-appender` |
//! | `non_blocking` (feature `appender`) | lines | a `NonBlocking` of `tracing-appender`, with its guard |
//! | [`channel()`] | lines or records | a receiver, which ends when the contexts that have the sink are closed |
//! | [`callback()`] | lines | a closure, which gets each line as a `&str` |
//! | [`memory()`] | lines | a buffer that a test reads |
//! | [`test()`] | lines | `print!`, which the test harness captures |
//! | [`custom()`] | lines | an [`Output`] of the program's own |
//! | [`records()`] | records | a [`RecordOutput`] of the program's own |
//! | [`null()`] | lines | nowhere |
//!
//! A [`Sink`] is a *view* of an output. [`format`](Sink::format) and [`max_level`](Sink::max_level) return other views of the same output,
//! and a context can have several. [`queued`](Sink::queued) puts a queue in front of the output.
//!
//! # Durability
//!
//! A sink is *direct* unless it is queued. A direct sink gives each line to its output in the call that logs, with one `write` per record. A
//! *queued* sink enqueues the line in memory, and a writer thread gives it to the output with many others, a few milliseconds later at most
//! while the output keeps up. The table says what happens to a record whose log call has returned, if then…
//!
//! | output | …nothing happens | …the process ends: `exit`, a return from `main` | …a thread panics, or the process aborts | …the process is killed | …the power fails |
//! |---|---|---|---|---|---|
//! | file, direct | the operating system has it | kept | kept | kept | lost if the system had not written it to the device; kept after [`sync`](Sink::sync), and at a level of [`sync_at`](Sink::sync_at) |
//! | stdout, stderr, pipes, direct | the operating system has it | kept | kept | kept | lost with the reader |
//! | [`writer()`], [`custom()`], direct | the output has it | lost if the output had buffered it and does not pass it on; kept after [`flush`](Sink::flush) | the same | lost if the output had buffered it | lost |
//! | any of these, queued | in the queue, and soon written | written before the process is gone, for [five seconds](crate::Config::exit_deadline) at most | a panic: soon written; a panic with `panic = "abort"`: written by the panic hook; other aborts: lost if it was still in the queue | lost if it was still in the queue; kept after [`flush`](Sink::flush), and at a level of [`flush_at`](Queue::flush_at) | lost if it was still in the queue, or the system had not written it to the device; kept after [`sync`](Sink::sync), and at a level of [`sync_at`](Queue::sync_at) |
//! | [`memory()`], [`test()`], [`null()`] | in memory | lost with the process | | | |
//!
//! "Kept" supposes that the output works; the next section says what happens if it does not. `benches/README.md` in the repository has the
//! losses of other loggers in these cases. Some cases need more words:
//!
//! - **The end of the process.** When the process ends in an ordinary way, queued sinks write their queues, even sinks in a `static` that is
//!   never dropped. Records that other threads or `atexit` handlers log after that are written in the call that logs. Call
//!   [`logscope::shutdown`](crate::shutdown) before `abort`, `_exit` and `exec`, at the end of a handler of SIGTERM, and before
//!   `std::process::exit` on Windows. The panic hook for `panic = "abort"` is set when the first sink is queued; a program that sets a hook of
//!   its own after that calls `shutdown` in it.
//! - **Forks.** A forked child does not queue: it writes each record in the call that logs. The parent writes the records that were in queues
//!   at the fork. This holds for `fork` of the C library; a child that was made without it, by the system call or `_Fork`, must not log. If a
//!   program becomes a daemon by a fork, and the parent ends with `_exit`, the program should queue its sinks after the fork, or call
//!   `shutdown` before it.
//! - **Writer threads** block all signals but those that a fault raises, such as SIGSEGV, so no handler of the program runs on them. They
//!   inherit the scheduling class of the thread whose log call starts them.
//! - **A removed file.** If a file is removed while it is written to, this is noticed within a tenth of a second. The records that went into
//!   the removed file since it was last seen are copied into a new one, so a few of them can be in both. If the process is killed in that
//!   time, they are lost. If no new file can be made, the number of lost bytes is reported on stderr; the records count as written, because
//!   they were.
//! - **A torn line.** If a process is killed in the middle of a write, half a line can stay in the file. When the file is opened again, the
//!   next record begins on a line of its own.
//! - **Order.** The records of one thread are in the order of its calls. The records of one queue are in the order in which they were accepted.
//!   Those of several threads can stand in another order than their times: each has its time before it waits for the output.
//! - **Several processes.** Files are in append mode, so their lines do not mix with those of other processes. In a pipe that several processes
//!   share, lines longer than `PIPE_BUF` (4096 bytes on Linux) and batches of queued lines can mix.
//!
//! # I/O failures
//!
//! A log call returns nothing and never panics, whatever the output does: a closed stream, a full disk, a removed directory, an output that
//! panics. A record that could not be written
//!
//! - is counted. [`Sink::ledger`] is exact at any moment, and so is that of the [context](crate::OutputContext::ledger);
//! - is reported on stderr, once per outage, with the reason. An outage lasts until notices in the log count all missing records. If
//!   the report is lost, because stderr does not take it or there are more than [the limits](fallback_lost) allow, the next record that
//!   fails a second later or more repeats it;
//! - is counted by a *notice* in the log. The output is tried again with each new record, and the notice precedes the first record that the
//!   output takes. If no record follows in a queue, a flush or a close writes the notice, and so does the queue before it drops its output. The notice is a record with the target `logscope`, the level WARN and a field `failed=N`. It belongs to the context that
//!   misses the records or, if several do, to one called `logscope` with the id 0.
//!
//! A record that is dropped before it reaches the output is treated likewise, with a *drop notice* (`dropped=N`). A record is dropped by a queue
//! that is full and does not [block](Overflow::Block), or has blocked for its [patience](Queue::patience), by a [channel](channel()) that is full, with
//! or without a queue before it, or if it is logged from inside an output or too deep inside values that log.
//!
//! | what fails | direct | queued |
//! |---|---|---|
//! | the disk is full, the stream is closed, the reader is gone | the log call returns, and the record has failed | the log call returns, and the record fails on the writer thread |
//! | the output stands still: a pipe whose reader does not read, a network file system that hangs | the log call waits | log calls return until the queue is full, and then do what [`Overflow`] says |
//! | the output panics | the panic is caught, and the record has failed | the same, on the writer thread, which goes on |
//! | the output logs | the event goes to stderr, and counts as dropped | the same |
//! | the output cannot be flushed | it is reported on stderr, once if it never can be, and the ledger of the flush is [`unflushed`](Ledger::unflushed) | the same |
//!
//! A short `write` is continued, and an interrupted one is repeated. If an output in non-blocking mode has no room, the log call waits for it,
//! for a second at most; the next ones do not wait, until the output takes something again. If a blocking output has no room (a pipe whose
//! reader stands still, a stopped terminal), the log call or the writer thread blocks. A writer thread that stands still belongs to its output,
//! and another one serves the other queues. There are up to 1,024 writer threads: if that many outputs stand still, this is reported on stderr,
//! and the other queues wait for one of them. If an error comes in the middle of a line, the next record begins on a line of its own.

// For maintainers: what is where.
//
// - `constructors`: the functions that make a sink of an output. `file`: the same for files. The outputs themselves are in `output` and `file`
//   at the root of the crate; to add one, begin there.
// - `channel`: sinks that hand what is logged to a receiver.
// - `options`: the options of a sink: its format, its verbosity, its name, its queue.
// - `view`: the type `Sink`, and the delivery of a record to an output or to its queue.
// - `make_writer`: writers of `tracing_subscriber::fmt` as sinks, and sinks as its writers. `appender`: the same for `tracing-appender`.
// - `flush`: the flush of a sink, of all outputs, and at the end of the process.
// - `exit`: writes the queues when the process ends, and prepares them for a fork.
// - `properties`, `tests`, `stream_tests`: what every sink promises. Their helpers are in `test_support`.
//
// Counts, notices and flushes are in `delivery`, queues in `queue` and `background`, formats in `format`. Imports the rooms up to `background`.

#[cfg(feature = "appender")]
mod appender;
mod channel;
mod constructors;
mod exit;
#[cfg(feature = "file")]
mod file;
mod flush;
#[cfg(feature = "fmt")]
mod make_writer;
mod options;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod stream_tests;
#[cfg(test)]
pub(crate) mod test_support;
#[cfg(test)]
mod tests;
mod view;

pub use crate::background::{Overflow, Queue};
pub use crate::bytes::{Batch, Line};
pub use crate::delivery::Ledger;
pub use crate::fallback::fallback_lost;
#[cfg(feature = "file")]
#[cfg_attr(docsrs, doc(cfg(feature = "file")))]
pub use crate::file::{FileOptions, Roll, file, file_in, max_open_files, reopen_all};
#[cfg(feature = "futures")]
#[cfg_attr(docsrs, doc(cfg(feature = "futures")))]
pub use crate::output::ReceiverStream;
pub use crate::output::{Memory, MemoryRecords, Output, Receiver, RecordOutput};
#[cfg(feature = "appender")]
#[cfg_attr(docsrs, doc(cfg(feature = "appender")))]
pub use appender::non_blocking;
pub use channel::{ChannelOptions, channel};
#[cfg(feature = "testing")]
pub(crate) use constructors::copies;
pub use constructors::{
    callback, custom, memory, memory_records, null, records, stderr, stdout, terminal_writer, test, writer,
};
pub(crate) use exit::before_end;
pub use flush::{Flushing, flush, shutdown};
#[cfg(feature = "fmt")]
#[cfg_attr(docsrs, doc(cfg(feature = "fmt")))]
pub use make_writer::{SinkWriter, make_writer};
pub(crate) use view::OutputRef;
pub use view::Sink;
