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
    /// The same, to a file that is rolled over at [`ROLL_AT`](crate::scene::ROLL_AT) bytes and never deleted.
    pub open_rolling: Option<fn(&Path) -> Result<Logger>>,
    /// What marks a message of the tool's own on stderr.
    pub complaint: &'static str,
    pub promise: Promise,
}

/// What must come out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Promise {
    /// Not ours to say.
    Nothing,
    /// Nothing is lost or torn; where the file takes nothing, as much is counted as is lost, and stderr has a word on it.
    Everything,
    /// The same, but for what was still queued when the process was killed.
    UnlessKilled,
}

/// What a tool's documentation wants held until the end; dropping it flushes.
pub type Guard = Box<dyn Any + Send>;

/// Logs a message.
pub type Log = Box<dyn Fn(&str) + Send + Sync>;

/// An installed tool.
pub struct Logger {
    pub log: Log,
    pub guard: Guard,
    /// What the documentation offers to flush with, besides dropping the guard.
    pub flush: Option<fn()>,
    /// The losses that the tool has counted.
    pub losses: Option<Box<dyn Fn() -> u64 + Send + Sync>>,
}

impl Logger {
    /// One that logs events, to whatever was installed, and has nothing else.
    fn of_events() -> Logger {
        Logger { log: Box::new(|message| tracing::info!("{message}")), guard: Box::new(()), flush: None, losses: None }
    }
}
