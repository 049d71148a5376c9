//! Tools that buffer lines or write them on a background thread: slog-async, spdlog-rs with all its sinks for files, and emit_file. None of them drops a line when its queue is
//! full, and dropping their loggers waits until all lines are written.

use std::error::Error;
use std::fs::File;
use std::io;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use emit::Emitter as _;
use emit::empty::Empty;
use emit::platform::system_clock::SystemClock;
use emit::runtime::Runtime;
use emit_file::FileSet;
use slog::Drain as _;
use slog_async::{Async, AsyncGuard, OverflowStrategy};
use slog_term::{FullFormat, PlainDecorator};
use spdlog::sink::{AsyncPoolSink, FileSink, RotatingFileSink, RotationPolicy, Sink, WriteSink};

use super::line::{path, ratio, size};
use super::round::Files;

/// slog-async over slog-term.
pub struct Slog;

/// slog-async over slog-json.
pub struct SlogJson;

/// emit_file, which writes batches of JSON on a thread of its own, and syncs them.
pub struct EmitFile;

/// spdlog-rs with its file sink that rotates, which buffers.
pub struct SpdlogRotating;

/// spdlog-rs with its sink for any writer, over a buffer.
pub struct SpdlogWriter;

/// spdlog-rs with its file sink, which buffers.
pub struct SpdlogFile;

/// spdlog-rs with its file sink behind its pool, which is one thread for all sinks.
pub struct SpdlogPool;

impl Files for Slog {
    /// In the order in which they must be dropped.
    type Log = (slog::Logger, AsyncGuard);

    fn open(path: &Path) -> Result<Self::Log, Box<dyn Error>> {
        // The decorator flushes after each record. Without the buffer, as in its example, each piece of a line would be a `write`.
        Ok(behind_a_queue(FullFormat::new(PlainDecorator::new(buffered(path)?)).build().fuse()))
    }

    fn log((logger, _): &mut Self::Log, records: u64) {
        log_by_slog(logger, records);
    }
}

impl Files for SlogJson {
    /// In the order in which they must be dropped.
    type Log = (slog::Logger, AsyncGuard);

    fn open(path: &Path) -> Result<Self::Log, Box<dyn Error>> {
        Ok(behind_a_queue(slog_json::Json::default(buffered(path)?).fuse()))
    }

    fn log((logger, _): &mut Self::Log, records: u64) {
        log_by_slog(logger, records);
    }
}

fn buffered(path: &Path) -> io::Result<BufWriter<File>> {
    Ok(BufWriter::new(File::options().append(true).create_new(true).open(path)?))
}

fn behind_a_queue<D>(lines: D) -> (slog::Logger, AsyncGuard)
where
    D: slog::Drain<Ok = (), Err = slog::Never> + Send + 'static,
{
    let (drain, guard) = Async::new(lines).overflow_strategy(OverflowStrategy::Block).build_with_guard();
    (slog::Logger::root(drain.fuse(), slog::o!()), guard)
}

fn log_by_slog(logger: &slog::Logger, records: u64) {
    for _ in 0..records {
        slog::info!(logger, "linking"; "size" => size(), "path" => path(), "ratio" => ratio());
    }
}

impl Files for EmitFile {
    type Log = Runtime<FileSet, Empty, Empty, SystemClock, Empty>;

    fn open(path: &Path) -> Result<Self::Log, Box<dyn Error>> {
        Ok(Runtime::build(emit_file::set(path).spawn(), Empty, Empty, SystemClock::new(), Empty))
    }

    fn log(log: &mut Self::Log, records: u64) {
        for _ in 0..records {
            emit::info!(rt: &*log, "linking", size: size(), path: path(), ratio: ratio());
        }
    }

    fn finish(logs: Vec<Self::Log>) {
        for log in logs {
            log.emitter().blocking_flush(Duration::from_secs(60));
        }
    }
}

impl Files for SpdlogRotating {
    type Log = Arc<spdlog::Logger>;

    fn open(path: &Path) -> Result<Self::Log, Box<dyn Error>> {
        // It does not get that far in a round.
        let policy = RotationPolicy::FileSize(1 << 30);
        logger(RotatingFileSink::builder().base_path(path).rotation_policy(policy).build_arc()?)
    }

    fn log(log: &mut Self::Log, records: u64) {
        log_to(log, records);
    }
}

impl Files for SpdlogWriter {
    type Log = Arc<spdlog::Logger>;

    fn open(path: &Path) -> Result<Self::Log, Box<dyn Error>> {
        logger(WriteSink::builder().target(buffered(path)?).build_arc()?)
    }

    fn log(log: &mut Self::Log, records: u64) {
        log_to(log, records);
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
