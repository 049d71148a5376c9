//! slog-async over slog-term, as in its example `to-file`, with the guard that its documentation calls the simplest way to guarantee
//! flushing. slog has no rolling.

use std::fs::File;
use std::path::Path;

use slog::Drain as _;
use slog_async::{Async, OverflowStrategy};
use slog_term::{FullFormat, PlainDecorator};

use super::{Logger, Promise, Tool};
use crate::Result;

pub const DEFAULT: Tool =
    Tool { name: "slog-async", open, open_rolling: None, complaint: "slog-async failed", promise: Promise::Nothing };

pub const BLOCKING: Tool = Tool {
    name: "slog-async, blocking",
    open: open_blocking,
    open_rolling: None,
    complaint: "slog-async failed",
    promise: Promise::Nothing,
};

fn open(path: &Path) -> Result<Logger> {
    install(path, OverflowStrategy::DropAndReport)
}

fn open_blocking(path: &Path) -> Result<Logger> {
    install(path, OverflowStrategy::Block)
}

fn install(path: &Path, overflow: OverflowStrategy) -> Result<Logger> {
    let file = File::options().append(true).create(true).open(path)?;
    let lines = FullFormat::new(PlainDecorator::new(file)).build().fuse();
    let (drain, guard) = Async::new(lines).overflow_strategy(overflow).build_with_guard();
    let logger = slog::Logger::root(drain.fuse(), slog::o!());
    let log = move |message: &str| slog::info!(logger, "{}", message);
    Ok(Logger { log: Box::new(log), guard: Box::new(guard), flush: None, losses: None })
}
