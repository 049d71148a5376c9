//! The tools, each set up as its documentation recommends.

mod appender;
mod fmt;
mod logscope;
mod slog;
mod spdlog;

use std::any::Any;
use std::path::Path;

use crate::Result;

/// The tools, in the order of the rows.
pub static ALL: [Tool; 9] = [
    fmt::PLAIN_FILE,
    appender::DEFAULT,
    appender::LOSSLESS,
    slog::DEFAULT,
    slog::BLOCKING,
    spdlog::FILE,
    spdlog::POOL,
    logscope::DIRECT,
    logscope::QUEUED,
];

/// A way to get records into a file.
pub struct Tool {
    pub name: &'static str,
    /// Installs it in this process, to append to a file.
    pub open: fn(&Path) -> Result<Logger>,
    /// The same, to a file that is rolled at [`ROLL_AT`](crate::scene::ROLL_AT) bytes and never deleted.
    pub open_rolling: Option<fn(&Path) -> Result<Logger>>,
    /// A text that marks the tool's own messages on stderr.
    pub complaint: &'static str,
    pub promise: Promise,
}

/// What a tool promises.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Promise {
    /// Not judged here.
    Nothing,
    /// Nothing is lost or torn. Where the file takes nothing, the tool counts every loss, and stderr has a message about it.
    Everything,
    /// The same, except for records that were still queued when the process was killed.
    UnlessKilled,
}

/// The value that a tool's documentation wants held until the end. Dropping it flushes.
pub type Guard = Box<dyn Any + Send>;

/// Logs a message.
pub type Log = Box<dyn Fn(&str) + Send + Sync>;

/// An installed tool.
pub struct Logger {
    pub log: Log,
    pub guard: Guard,
    /// A function that the documentation offers for flushing, besides dropping the guard.
    pub flush: Option<fn()>,
    /// The losses that the tool has counted.
    pub losses: Option<Box<dyn Fn() -> u64 + Send + Sync>>,
}

impl Logger {
    /// A logger that logs events to whatever was installed, without guard, flush and counter.
    fn of_events() -> Logger {
        Logger { log: Box::new(|message| tracing::info!("{message}")), guard: Box::new(()), flush: None, losses: None }
    }
}
