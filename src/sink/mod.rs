//! Sinks: where records go, in which format, and up to which level.
//!
//! | sink | takes | goes to |
//! |---|---|---|
//! | [`stdout()`], [`stderr()`] | lines | the process's standard streams, past std's buffers |
//! | [`file()`], [`file_in()`] | lines | a file, opened append-only, or a log of several that [rolls](Roll); one output per file |
//! | [`writer()`] | lines | any [`std::io::Write`] |
//! | [`callback()`] | lines | a closure that is given each line as a `&str` |
//! | [`memory()`] | lines | a buffer that a test reads back |
//! | [`test()`] | lines | `print!`, which the test harness captures |
//! | [`custom()`] | lines | an [`Output`] of the program's own |
//! | [`records()`] | records | a [`RecordOutput`] of the program's own |
//! | [`null()`] | lines | nowhere |
//!
//! A [`Sink`] is a *view* of an output: [`format`](Sink::format) and [`max_level`](Sink::max_level) give other views of the
//! same one, and a context can be given several. [`queued`](Sink::queued) puts a queue in front of it.
//!
//! # Durability
//!
//! A sink is *direct* unless it is queued: the line is handed over in the call that logs, and one record is one `write`. A *queued* sink
//! takes the line into memory, and a writer thread hands it over with many others, a few milliseconds later at the most while the
//! output keeps up. What is promised of a record whose log call has returned, when then…
//!
//! | output | …nothing happens | …the process ends: `exit`, a return from `main` | …a thread panics, or the process aborts | …the process is killed | …the power fails |
//! |---|---|---|---|---|---|
//! | file, direct | it is with the operating system | it is there | it is there | it is there | lost, if the system had not written it yet; not after [`sync`](Sink::sync) |
//! | stdout, stderr, pipes, direct | it is with the operating system | it is there | it is there | it is there | lost with the reader |
//! | [`writer()`], [`custom()`], direct | they have been given it | what they hold back is their affair: [`flush`](Sink::flush) them | the same | lost, if they held it back | lost |
//! | any of these, queued | accepted, and soon written | written before the process is gone, for [five seconds](crate::Configure::exit_deadline) at most | the same as when nothing happens; with `panic = "abort"` written by the panic hook; other aborts lose what is queued | lost, if it was still queued; not after [`flush`](Sink::flush), nor at a level of [`flush_at`](Queue::flush_at) | lost, if it was queued or the system had not written it; not after [`sync`](Sink::sync) |
//! | [`memory()`], [`test()`], [`null()`] | it is in memory | lost with the process | | | |
//!
//! "It is there" supposes that the output works: see the next section. And:
//!
//! - **The ends of a process.** A queued sink writes what it has when the process ends in an ordinary way, even if it stands in a
//!   `static` that is never dropped, and after that what is still logged, by other threads or by `atexit` handlers, is written in
//!   the call that logs. Before `abort`, `_exit` and `exec`, at the end of a handler of SIGTERM, and before `std::process::exit` on
//!   Windows, call [`logscope::shutdown`](crate::shutdown). The panic hook under `panic = "abort"` is set when the first sink is queued; a
//!   program that sets one of its own after that calls `shutdown` in it.
//! - **Forks.** In a forked child nothing is queued: each call writes for itself, and what was queued at the fork is the parent's to write.
//!   (By `fork` of the C library, that is; a child that was made past it, by the system call or `_Fork`, must not log.) A program that
//!   becomes a daemon that way, whose parent ends with `_exit`, should queue its sinks after that, or call `shutdown` before.
//! - **Writer threads** have the signal mask and the scheduling class of the thread that first logged to a queue. A program that waits for
//!   signals with `sigwait` should block them before.
//! - **A file that is removed** while it is written to is noticed within a tenth of a second, and what went into it since it was last seen is
//!   copied into the new one (so a little of that may be in both). A process that is killed in that time takes it along; where no new one
//!   can be made, that is told, in bytes, and the records count as written, as they were.
//! - **A line that is cut.** A process that is killed in the middle of a write can leave half a line. When the file is opened again, what
//!   follows begins on a line of its own.
//! - **Order.** The records of one thread stand in the order of its calls; in one queue, all in the order in which they were accepted.
//! - **Several processes.** What files take in append mode does not mix with the lines of other processes; a pipe that several processes
//!   share may mix lines longer than `PIPE_BUF` (4096 bytes on Linux), and batches of queued lines.
//!
//! # I/O failures
//!
//! A log call returns nothing and never panics, whatever the output does: a closed stream, a full disk, a removed directory,
//! an output that panics. A record that could not be written
//!
//! - is counted: [`Sink::ledger`] is exact at any moment, and so is the [context's](crate::OutputContext::ledger);
//! - is told on stderr, once per outage and with the reason; an outage lasts until all that is missing is stated;
//! - is stated in the log: each record is tried again for itself, and the first that can be written is preceded by a record of
//!   target `logscope`, level WARN and field `failed=N`. It is a record of the context that misses them or, where several do,
//!   of one called `logscope` with the id 0.
//!
//! The same goes for records that are given up before they reach the output (`dropped=N`): by a queue that is full and does not
//! [block](Overflow::Block), and those that were logged from inside an output or too deep inside values that log.
//!
//! | what fails | direct | queued |
//! |---|---|---|
//! | the disk is full, the stream is closed, the reader is gone | the call that logs returns, the record has failed | the call returns, the record fails on the writer thread |
//! | the output stands still: a pipe whose reader does not read, a network file system that hangs | the call waits | the call goes on until the queue is full, and then does what [`Overflow`] says |
//! | the output panics | caught, the record has failed | the same, on the writer thread, which goes on |
//! | the output logs | it goes to stderr, and the record is counted as dropped | the same |
//! | the output cannot be flushed | told, and [`unflushed`](Outcome::unflushed) in the outcome of the flush | the same |
//!
//! A short `write` is continued and an interrupted one repeated. An output in non-blocking mode is waited for, at most a
//! second, and after that not again until it takes something; a blocking one (a pipe whose reader stands still, a stopped
//! terminal) blocks the caller, or the writer thread. There are up to 16 of those: when as many outputs stand still, the other queues wait
//! for one of them, until the process ends. When an error comes in the middle of a line, what
//! follows begins on a line of its own.
//!
//! # How others fare
//!
//! `cargo run --profile bench -p logscope-bench --bin ends` runs the same jobs against other loggers, each in processes of its own. What
//! was lost of 10,000 records, where a number is not the same in every run as median and worst, on two busy cores under Linux:
//!
//! | | return from `main`, all kept in statics | `process::exit` | a panic in a thread | abort, after a flush in the hook | SIGKILL | `/dev/full`: lost/told | two processes, of 20,000 | rolling by size |
//! |---|---|---|---|---|---|---|---|---|
//! | `tracing-subscriber`, a plain `File` | 0 | 0 | 0 | 0 | 0 | 10,000/10,000 on stderr | 0 | none |
//! | `tracing-appender`, `non_blocking` | 5,309/9,618 | 5,606/6,474 | 4,089/5,515, torn 0/1 | 0 | 5,253/7,016 | 10,000/0 | 0 | none |
//! | the same, `lossy(false)` | 5,112/9,119 | 6,016/10,000 | 5,388/10,000 | 0 | 4,523/8,471, torn 0/1 | 10,000/0 | 0 | none |
//! | `slog-async` | 9,845/10,000, torn 1/1 | 9,872/10,000, torn 0/1 | 9,833/10,000, torn 1/1 | 9,784/9,872 | 12,600/23,683, torn 0/1 | 10,000/1 on stderr | 19,489/19,611, torn 25/508 | none |
//! | the same, blocking | 107/128, torn 0/1 | 117/123, torn 1/1 | 83/109, torn 0/1 | 0 | 106/128, torn 0/1 | panics | 1,357/16,413, torn 1,396/16,906 | none |
//! | `spdlog-rs`, `FileSink` | 0 | 0 | 0 | 0 | 25/96, torn 0/1 | 10,000/9,900 on stderr, aborts at exit | 0 | 0 |
//! | `spdlog-rs`, `AsyncPoolSink` | 0 | 0 | 0 | 2,034/7,369, torn 0/1 | 2,328/8,245, torn 0/1 | 10,000/9,901 on stderr | 0 | 0 |
//! | logscope | 0 | 0 | 0 | 0 | 0 | 10,000/10,000 counted, and on stderr | 0 | 0 |
//! | logscope, queued | 0 | 0 | 0 | 0 | 1,425/10,076 | 10,000/10,000 counted, and on stderr | 0 | 0 |
//!
//! Lost at SIGKILL is what was acknowledged, by the return of its call, and is not in the file; a fast one has acknowledged more than
//! 10,000 by then. Told is what the logger's own counter says, else the number of its words on stderr.

mod constructors;
mod exit;
mod file;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod stream_tests;
#[cfg(test)]
pub(crate) mod test_support;
#[cfg(test)]
mod tests;
mod view;

use std::time::{Duration, Instant};

use crate::delivery::flush_all;

pub use crate::background::{Overflow, Queue};
pub use crate::bytes::Batch;
pub use crate::delivery::Outcome;
pub use crate::fallback::fallback_lost;
pub use crate::file::{FileOptions, Roll, file, file_in, max_open_files, reopen_all};
pub use crate::output::{Memory, Output, RecordOutput};
pub use constructors::{callback, custom, memory, null, records, stderr, stdout, test, writer};
pub(crate) use view::OutputRef;
pub use view::Sink;

/// Has everything that was logged before this call written, by all outputs of the process, and waits for that no longer than `deadline`.
/// Returns what became of all records of the process, those of outputs that are closed among them: see [`Sink::flush`]. A task calls it where
/// blocking is allowed (`spawn_blocking`), or awaits [`flush_async`](Sink::flush_async) of its sinks.
///
/// ```
/// use std::time::Duration;
///
/// let outcome = logscope::flush(Duration::from_secs(5));
/// assert!(outcome.is_complete(), "{outcome}");
/// ```
#[must_use = "the outcome says whether records were lost: ask `is_complete()`"]
pub fn flush(deadline: Duration) -> Outcome {
    flush_all(Instant::now().checked_add(deadline))
}

/// [Flushes](flush) when the process is about to end: from now on nothing is queued, each call that logs writes for itself. That goes for
/// sinks that are made later too, and cannot be undone.
///
/// An output that has not taken what was queued when `deadline` is over is given up: what is logged to it later is dropped, and the end of
/// the process does not wait for it again. The call blocks; a task makes it where that is allowed (`spawn_blocking`). It does not wait for
/// files that are being compressed.
///
/// It need not be called before a return from `main` or `std::process::exit`: queued sinks see to themselves then. It is for the ends
/// that they cannot see: before `abort` or `_exit`, at the end of a handler of SIGTERM, before `exec`, and before `ExitProcess` (which
/// is what `std::process::exit` calls) on Windows.
///
/// ```
/// use std::time::Duration;
///
/// let outcome = logscope::shutdown(Duration::from_secs(5));
/// assert!(outcome.is_complete(), "{outcome}");
/// ```
#[must_use = "the outcome says whether records were lost: ask `is_complete()`"]
pub fn shutdown(deadline: Duration) -> Outcome {
    exit::shutdown(deadline)
}
