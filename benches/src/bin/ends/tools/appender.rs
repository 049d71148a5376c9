//! tracing-appender's non-blocking writer. It rolls by time only.

use std::path::Path;

use tracing_appender::non_blocking::NonBlockingBuilder;

use super::{Logger, Promise, Tool};
use crate::Result;

pub const DEFAULT: Tool = Tool {
    name: "tracing-appender, non_blocking",
    open,
    open_rolling: None,
    complaint: "Failed to ",
    promise: Promise::Nothing,
};

pub const LOSSLESS: Tool = Tool {
    name: "tracing-appender, lossy(false)",
    open: open_lossless,
    open_rolling: None,
    complaint: "Failed to ",
    promise: Promise::Nothing,
};

fn open(path: &Path) -> Result<Logger> {
    install(path, NonBlockingBuilder::default())
}

fn open_lossless(path: &Path) -> Result<Logger> {
    install(path, NonBlockingBuilder::default().lossy(false))
}

fn install(path: &Path, builder: NonBlockingBuilder) -> Result<Logger> {
    let (folder, name) = path.parent().zip(path.file_name()).ok_or("a log has a folder and a name")?;
    let (writer, guard) = builder.finish(tracing_appender::rolling::never(folder, name));
    let counter = writer.error_counter();
    tracing_subscriber::fmt().with_ansi(false).with_writer(writer).init();
    let losses = move || counter.dropped_lines() as u64;
    Ok(Logger { guard: Box::new(guard), losses: Some(Box::new(losses)), ..Logger::of_events() })
}
