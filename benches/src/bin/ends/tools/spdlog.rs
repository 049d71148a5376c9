//! spdlog-rs: its file sinks, directly and behind its pool, as the default logger, which spdlog-rs flushes at exit itself.

use std::path::Path;
use std::sync::Arc;

use spdlog::sink::{AsyncPoolSink, FileSink, RotatingFileSink, RotationPolicy, Sink};

use super::{Logger, Promise, Tool};
use crate::Result;
use crate::scene::ROLL_AT;

pub const FILE: Tool = Tool {
    name: "spdlog-rs, FileSink",
    open: |path| install(file(path)?),
    open_rolling: Some(|path| install(rotating(path)?)),
    complaint: "SPDLOG-RS UNHANDLED ERROR",
    promise: Promise::Nothing,
};

pub const POOL: Tool = Tool {
    name: "spdlog-rs, AsyncPoolSink",
    open: |path| install(pool(file(path)?)?),
    open_rolling: Some(|path| install(pool(rotating(path)?)?)),
    complaint: "SPDLOG-RS UNHANDLED ERROR",
    promise: Promise::Nothing,
};

fn file(path: &Path) -> Result<Arc<dyn Sink>> {
    Ok(FileSink::builder().path(path).build_arc()?)
}

fn rotating(path: &Path) -> Result<Arc<dyn Sink>> {
    // The default, 0, is documented as "no limit", but with rolling by size it keeps no old file at all.
    let sink = RotatingFileSink::builder().base_path(path).max_files(1_000);
    Ok(sink.rotation_policy(RotationPolicy::FileSize(ROLL_AT)).build_arc()?)
}

fn pool(sink: Arc<dyn Sink>) -> Result<Arc<dyn Sink>> {
    Ok(AsyncPoolSink::builder().sink(sink).build_arc()?)
}

fn install(sink: Arc<dyn Sink>) -> Result<Logger> {
    spdlog::set_default_logger(spdlog::Logger::builder().sink(sink).build_arc()?);
    Ok(Logger {
        log: Box::new(|message| spdlog::info!("{message}")),
        guard: Box::new(()),
        flush: Some(|| spdlog::default_logger().flush()),
        losses: None,
    })
}
