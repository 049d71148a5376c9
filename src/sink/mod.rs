//! Sinks: where records go, in which format, and up to which level.
//!
//! | sink | takes | goes to |
//! |---|---|---|
//! | [`stdout()`], [`stderr()`] | lines | the process's standard streams, past std's buffers |
//! | [`file()`], [`file_in()`] | lines | a file, opened append-only; one output per file; or several that [roll](Roll) |
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
mod registry;
mod stream;
mod test;
#[cfg(test)]
mod test_support;
#[cfg(test)]
mod tests;
mod whole;
mod writer;

use std::fmt;
use std::io;
use std::time::Duration;

use tracing::Level;
use tracing::level_filters::LevelFilter;

pub use batch::Batch;
pub(crate) use delivery::in_output;
pub use fallback::fallback_lost;
pub use file::{FileOptions, Roll, file, file_in, max_open_files, reopen_all};
pub(crate) use gap::Loss;
pub use ledger::Outcome;
pub(crate) use ledger::{Delivery, Ledger};
pub use memory::{Memory, memory};
pub use null::null;
pub use output::{Output, RecordOutput, custom, records};
pub use stream::{stderr, stdout};
pub use test::test;
pub use writer::{callback, writer};

use crate::error::{Error, Kind};
use crate::format::{Format, Renderer, Scratch};
use crate::record::Record;
use crate::sync::Arc;
use delivery::{Core, Target, threshold_bit};
use file::FileLease;

/// A view of an output: with a format and a threshold. Clones are the same view, and cheap.
///
/// ```
/// use logscope::{Format, LevelFilter, sink};
///
/// let (log, memory) = sink::memory();
/// let summary = log.max_level(LevelFilter::WARN).format(Format::build());
/// assert_eq!(summary.to_string(), "memory");
/// # drop(memory);
/// ```
#[derive(Clone)]
#[must_use = "a sink receives records once a context is given it, with `.sink(…)`"]
pub struct Sink(Arc<View>);

struct View {
    core: Arc<Core>,
    /// Keeps the file open, where it is one; after `core`, so that the last view's lease closes it.
    file: Option<FileLease>,
    renderer: Renderer,
    max_level: LevelFilter,
    /// The threshold that is to be stated in the log, as [`Core::owes`] takes it; 0 where lines have no numbers.
    opening: u8,
}

impl Sink {
    /// This output seen in another format; the threshold stays. A sink's format is [`Format::text`] unless set.
    pub fn format(&self, format: Format) -> Sink {
        self.with(Renderer::new(&format, self.0.core.screen()), self.0.max_level)
    }

    /// This output seen through another threshold: records above `max_level` do not go there. The format stays.
    ///
    /// A log that prints `seq` ([`Format::json`], [`Format::logfmt`]) begins with a record that states the threshold
    /// (`max_level=…`), so that a reader knows why numbers are missing: one for each threshold, whatever the number of views.
    pub fn max_level(&self, max_level: impl Into<LevelFilter>) -> Sink {
        self.with(self.0.renderer.clone(), max_level.into())
    }

    /// What became of all the records that were delivered to this output, through any of its views.
    pub fn ledger(&self) -> Outcome {
        self.0.core.outcome()
    }

    /// Has the output pass on what it holds back, waits for that no longer than `deadline`, and says what became of the
    /// records. A failure is told on stderr, and so is a deadline that passes.
    ///
    /// Called from inside an output (by a writer, a callback), where waiting could be waiting for oneself, it only says what
    /// became of the records so far.
    pub fn flush(&self, deadline: Duration) -> Outcome {
        self.0.core.flush(deadline)
    }

    /// Has the output open anew what it writes to, by the name that it has: for a file that `logrotate`, or another program, has
    /// moved away. No record is lost: what is being written meanwhile goes to the one file or to the other.
    ///
    /// # Errors
    ///
    /// [`is_open`](Error::is_open) if it cannot be opened, or is not a file; then everything is as before.
    pub fn reopen(&self) -> Result<(), Error> {
        self.0.core.reopen().map_err(|error| not_reopened(self.describe(), error))
    }

    /// What the output is called in messages: `stdout`, `file build/uno.log`.
    #[must_use]
    pub fn describe(&self) -> &str {
        self.0.core.name()
    }

    fn over(target: Target) -> Sink {
        Sink::on(Arc::new(Core::new(target)))
    }

    fn on(core: Arc<Core>) -> Sink {
        Sink::first(core, None)
    }

    fn on_file(core: Arc<Core>, file: FileLease) -> Sink {
        Sink::first(core, Some(file))
    }

    /// The first view of `core`: in text, without threshold.
    fn first(core: Arc<Core>, file: Option<FileLease>) -> Sink {
        let renderer = Renderer::new(&Format::text(), core.screen());
        Sink::view(core, file, renderer, LevelFilter::TRACE)
    }

    /// Another view of the same output.
    fn with(&self, renderer: Renderer, max_level: LevelFilter) -> Sink {
        Sink::view(Arc::clone(&self.0.core), self.0.file.clone(), renderer, max_level)
    }

    fn view(core: Arc<Core>, file: Option<FileLease>, renderer: Renderer, max_level: LevelFilter) -> Sink {
        let opening = if renderer.states_seq() { threshold_bit(max_level) } else { 0 };
        Sink(Arc::new(View { core, file, renderer, max_level, opening }))
    }

    /// True if a record of this level goes here.
    #[inline]
    pub(crate) fn wants(&self, level: &Level) -> bool {
        *level <= self.0.max_level
    }

    /// The most verbose level that goes here.
    pub(crate) fn threshold(&self) -> LevelFilter {
        self.0.max_level
    }

    /// What makes lines of the records. Views of equal renderers, delivered to in a row, share a rendering.
    pub(crate) fn renderer(&self) -> &Renderer {
        &self.0.renderer
    }

    /// Delivers `record`, counts what became of it, and states in the log what is missing from it. Never panics.
    #[inline]
    pub(crate) fn deliver(&self, record: &Record<'_>, scratch: &mut Scratch) -> Delivery {
        let View { core, renderer, max_level, opening, .. } = &*self.0;
        let result = if core.owes(*opening) {
            core.state(renderer, *max_level, record).and_then(|()| core.write(renderer, record, scratch))
        } else {
            core.write(renderer, record, scratch)
        };
        core.settle(record, result)
    }

    /// Counts records that were given up before they reached this sink; the log states them before the next record.
    pub(crate) fn count_dropped(&self, loss: Loss<'_>) {
        self.0.core.count_dropped(loss);
    }
}

/// The error for an output of this name that could not be opened anew.
#[cold]
fn not_reopened(name: &str, error: io::Error) -> Error {
    let message = match error.kind() {
        io::ErrorKind::Unsupported => format!("{name} cannot be opened anew: it is not a file that has a name"),
        _ => format!("{name} cannot be opened anew, and is written to as before: {error}"),
    };
    Error::new(Kind::Open, message).with_source(error)
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.describe())
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink")
            .field("output", &self.describe())
            .field("format", &format_args!("{}", self.0.renderer.format()))
            .field("max_level", &format_args!("{}", self.0.max_level))
            .field("ledger", &format_args!("{}", self.ledger()))
            .finish()
    }
}

// Nothing in a sink is left half-changed by a panic: an output that panics is counted, and its lock lets go.
impl std::panic::UnwindSafe for Sink {}
impl std::panic::RefUnwindSafe for Sink {}
