//! Sinks: where records go, in which format, and up to which level.
//!
//! | sink | takes | goes to |
//! |---|---|---|
//! | [`stdout()`], [`stderr()`] | lines | the process's standard streams, past std's buffers |
//! | [`file()`] | lines | a file, opened append-only; one output per file |
//! | [`writer()`] | lines | any [`std::io::Write`] |
//! | [`callback()`] | lines | a closure that is given each line as a `&str` |
//! | [`memory()`] | lines | a buffer that a test reads back |
//! | [`test()`] | lines | `print!`, which the test harness captures |
//! | [`custom()`] | lines | an [`Output`] of the program's own |
//! | [`records()`] | records | a [`RecordOutput`] of the program's own |
//! | [`null()`] | lines | nowhere |
//!
//! A [`Sink`] is a *view* of an output: [`format`](Sink::format) and [`max_level`](Sink::max_level) give other views of the
//! same one, and a context can be given several.
//!
//! # Durability
//!
//! These sinks are direct: the line is handed over in the call that logs. When that call returns, what went to a file or to a
//! standard stream is with the operating system, and survives a crash of the process, even `SIGKILL` (not a crash of the
//! machine). A [`writer()`] has been given the bytes; whether it holds them back is its own affair, and
//! [`flush`](Sink::flush) passes them on.
//!
//! One record is one `write`. What files take in append mode does not mix with the lines of other processes; a pipe that
//! several processes share may mix lines longer than `PIPE_BUF` (4096 bytes on Linux).
//!
//! # I/O failures
//!
//! A log call returns nothing and never panics, whatever the output does: a closed stream, a full disk, a removed directory,
//! an output that panics. A record that could not be written
//!
//! - is counted: [`Sink::ledger`] is exact at any moment;
//! - is told on stderr, once per outage and with the reason; an outage lasts until all that is missing is stated;
//! - is stated in the log: each record is tried again for itself, and the first that can be written is preceded by a record of
//!   target `logscope`, level WARN and field `failed=N`. It is a record of the context that misses them or, where several do,
//!   of one called `logscope` with the id 0.
//!
//! The same goes for records that are given up before they reach the output (`dropped=N`), because they were logged from inside
//! one or too deep inside values that log.
//!
//! A short `write` is continued and an interrupted one repeated. An output in non-blocking mode is waited for, at most a
//! second, and after that not again until it takes something; a blocking one (a pipe whose reader stands still, a stopped
//! terminal) blocks the caller. When an error comes in the middle of a line, what follows begins on a line of its own.

mod all;
mod batch;
mod delivery;
pub(crate) mod fallback;
mod file;
mod gap;
mod ledger;
mod memory;
mod null;
mod output;
#[cfg(test)]
mod properties;
mod queue;
mod queued;
mod registry;
mod stream;
mod test;
#[cfg(test)]
mod test_support;
#[cfg(test)]
mod tests;
mod view;
mod whole;
mod writer;

use std::time::{Duration, Instant};

pub use batch::Batch;
pub(crate) use delivery::in_output;
pub use fallback::fallback_lost;
pub use file::{FileOptions, file};
pub(crate) use gap::Loss;
pub use ledger::Outcome;
pub(crate) use ledger::{Delivery, Ledger};
pub use memory::{Memory, memory};
pub use null::null;
pub use output::{Output, RecordOutput, custom, records};
pub(crate) use queued::{Account, Attachment, Flush, set_exit_deadline};
pub use queued::{Overflow, Queue};
pub use stream::{stderr, stdout};
pub use test::test;
pub use view::Sink;
pub use writer::{callback, writer};

/// Has everything that was logged before this call written, by all outputs of the process, and waits for that no longer than `deadline`.
/// Returns what became of the records of all outputs that are open: see [`Sink::flush`].
///
/// ```
/// use std::time::Duration;
///
/// let outcome = logscope::flush(Duration::from_secs(5));
/// assert!(outcome.is_complete(), "{outcome}");
/// ```
pub fn flush(deadline: Duration) -> Outcome {
    all::flush(Instant::now().checked_add(deadline))
}

/// [Flushes](flush) when the process is about to end: from now on nothing is queued, each call that logs writes for itself.
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
pub fn shutdown(deadline: Duration) -> Outcome {
    queued::shutdown(deadline)
}
