//! tracing-subscriber's `fmt`. A thread has a file of its own by a subscriber of its own.

use std::error::Error;
use std::fs::File;
use std::path::Path;

use tracing::{Dispatch, dispatcher};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};

use super::line::event;
use super::round::Files;

/// A file as the writer.
pub struct PlainFile;

/// tracing-appender's file as the writer, without its background thread.
pub struct Rolling;

/// tracing-appender's background thread, whose queue blocks when it is full, before a file.
pub struct NonBlocking;

impl Files for PlainFile {
    type Log = Dispatch;

    fn open(path: &Path) -> Result<Dispatch, Box<dyn Error>> {
        let file = File::options().append(true).create_new(true).open(path)?;
        Ok(Dispatch::new(tracing_subscriber::fmt().with_ansi(false).with_writer(file).finish()))
    }

    fn log(log: &mut Dispatch, records: u64) {
        log_under(log, records);
    }
}

impl Files for Rolling {
    type Log = Dispatch;

    fn open(path: &Path) -> Result<Dispatch, Box<dyn Error>> {
        let (folder, name) = path.parent().zip(path.file_name()).ok_or("a log has a folder and a name")?;
        let file = tracing_appender::rolling::never(folder, name);
        Ok(Dispatch::new(tracing_subscriber::fmt().with_ansi(false).with_writer(file).finish()))
    }

    fn log(log: &mut Dispatch, records: u64) {
        log_under(log, records);
    }
}

impl Files for NonBlocking {
    /// Dropping the guard writes what is left, for which it waits a second.
    type Log = (Dispatch, WorkerGuard);

    fn open(path: &Path) -> Result<Self::Log, Box<dyn Error>> {
        let file = File::options().append(true).create_new(true).open(path)?;
        let (writer, guard) = NonBlockingBuilder::default().lossy(false).finish(file);
        Ok((Dispatch::new(tracing_subscriber::fmt().with_ansi(false).with_writer(writer).finish()), guard))
    }

    fn log((dispatch, _): &mut Self::Log, records: u64) {
        log_under(dispatch, records);
    }
}

fn log_under(dispatch: &Dispatch, records: u64) {
    dispatcher::with_default(dispatch, || {
        for _ in 0..records {
            event();
        }
    });
}
