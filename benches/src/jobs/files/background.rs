//! Tools that buffer lines or write them on a background thread: slog-async and spdlog-rs. None of them drops a line when its queue is
//! full, and dropping their loggers waits until all lines are written.

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;

use slog::Drain as _;
use slog_async::{Async, AsyncGuard, OverflowStrategy};
use slog_term::{FullFormat, PlainDecorator};
use spdlog::sink::{AsyncPoolSink, FileSink, Sink};

use super::line::{path, ratio, size};
use super::round::Files;

/// slog-async over slog-term.
pub struct Slog;

/// spdlog-rs with its file sink, which buffers.
pub struct SpdlogFile;

/// spdlog-rs with its file sink behind its pool, which is one thread for all sinks.
pub struct SpdlogPool;

impl Files for Slog {
    /// In the order in which they must be dropped.
    type Log = (slog::Logger, AsyncGuard);

    fn open(path: &Path) -> Result<Self::Log, Box<dyn Error>> {
        // The decorator flushes after each record. Without the buffer, as in its example, each piece of a line would be a `write`.
        let file = BufWriter::new(File::options().append(true).create_new(true).open(path)?);
        let lines = FullFormat::new(PlainDecorator::new(file)).build().fuse();
        let (drain, guard) = Async::new(lines).overflow_strategy(OverflowStrategy::Block).build_with_guard();
        Ok((slog::Logger::root(drain.fuse(), slog::o!()), guard))
    }

    fn log((logger, _): &mut Self::Log, records: u64) {
        for _ in 0..records {
            slog::info!(logger, "linking"; "size" => size(), "path" => path(), "ratio" => ratio());
        }
    }
}

impl Files for SpdlogFile {
    type Log = Arc<spdlog::Logger>;

    fn open(path: &Path) -> Result<Self::Log, Box<dyn Error>> {
        logger(FileSink::builder().path(path).build_arc()?)
    }

    fn log(log: &mut Self::Log, records: u64) {
        log_to(log, records);
    }
}

impl Files for SpdlogPool {
    type Log = Arc<spdlog::Logger>;

    fn open(path: &Path) -> Result<Self::Log, Box<dyn Error>> {
        logger(AsyncPoolSink::builder().sink(FileSink::builder().path(path).build_arc()?).build_arc()?)
    }

    fn log(log: &mut Self::Log, records: u64) {
        log_to(log, records);
    }
}

fn logger(sink: Arc<dyn Sink>) -> Result<Arc<spdlog::Logger>, Box<dyn Error>> {
    Ok(spdlog::Logger::builder().name("uno").sink(sink).build_arc()?)
}

fn log_to(logger: &Arc<spdlog::Logger>, records: u64) {
    for _ in 0..records {
        spdlog::info!(logger: logger, "linking", kv: { size = size(), path = path(), ratio = ratio() });
    }
}
