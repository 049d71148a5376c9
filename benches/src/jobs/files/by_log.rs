//! Loggers of the `log` crate, one for each thread, which are called without a global one.

use std::error::Error;
use std::fs::File;
use std::path::Path;

use env_logger::{Target, WriteStyle};
use log::{LevelFilter, Log};
use logforth::append::Async;
use logforth::append::asynchronous::AsyncBuilder;
use logforth::append::file::FileBuilder;
use logforth::bridge::log::LogBridge;
use logforth::layout::TextLayout;

use super::line::{path, ratio, size};
use super::round::Files;

/// env_logger with a file in place of stderr.
pub struct EnvLogger;

/// logforth with its appender for files.
pub struct Logforth;

/// logforth with its appender for files on a background thread, whose queue has no bound.
pub struct LogforthAsync;

impl Files for EnvLogger {
    type Log = Box<dyn Log>;

    fn open(path: &Path) -> Result<Self::Log, Box<dyn Error>> {
        let file = File::options().append(true).create_new(true).open(path)?;
        let mut logger = env_logger::Builder::new();
        logger.filter_level(LevelFilter::Info).write_style(WriteStyle::Never).target(Target::Pipe(Box::new(file)));
        Ok(Box::new(logger.build()))
    }

    fn log(log: &mut Self::Log, records: u64) {
        log_to(log, records);
    }
}

impl Files for Logforth {
    type Log = Box<dyn Log>;

    fn open(path: &Path) -> Result<Self::Log, Box<dyn Error>> {
        let file = file(path)?;
        Ok(Box::new(LogBridge::new(logforth::core::builder().dispatch(|dispatch| dispatch.append(file)).build())))
    }

    fn log(log: &mut Self::Log, records: u64) {
        log_to(log, records);
    }
}

impl Files for LogforthAsync {
    type Log = Box<dyn Log>;

    fn open(path: &Path) -> Result<Self::Log, Box<dyn Error>> {
        let thread: Async = AsyncBuilder::new("log").overflow_block().append(file(path)?).build();
        Ok(Box::new(LogBridge::new(logforth::core::builder().dispatch(|dispatch| dispatch.append(thread)).build())))
    }

    fn log(log: &mut Self::Log, records: u64) {
        log_to(log, records);
    }
}

fn file(path: &Path) -> Result<logforth::append::File, Box<dyn Error>> {
    let (folder, stem) = path.parent().zip(path.file_stem()).ok_or("a log has a folder and a name")?;
    let file = FileBuilder::new(folder, stem.to_string_lossy()).filename_suffix("log");
    file.layout(TextLayout::default().no_color()).build().map_err(|error| error.to_string().into())
}

fn log_to(logger: &dyn Log, records: u64) {
    log::set_max_level(LevelFilter::Info);
    for _ in 0..records {
        log::info!(logger: logger, size = size(), path = path(), ratio = ratio(); "linking");
    }
}
