//! tracing-subscriber's `fmt` with a file as its writer: the baseline.

use std::fs::File;
use std::path::Path;

use super::{Logger, Promise, Tool};
use crate::Result;

pub const PLAIN_FILE: Tool = Tool {
    name: "tracing-subscriber, a plain File",
    open,
    open_rolling: None,
    complaint: "[tracing-subscriber]",
    promise: Promise::Nothing,
};

fn open(path: &Path) -> Result<Logger> {
    let file = File::options().append(true).create(true).open(path)?;
    tracing_subscriber::fmt().with_ansi(false).with_writer(file).init();
    Ok(Logger::of_events())
}
