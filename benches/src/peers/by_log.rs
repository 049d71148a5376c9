//! Loggers of the `log` crate.

use std::hint::black_box;
use std::io::Write as _;

use env_logger::{Target, WriteStyle};
use log::LevelFilter;
use logforth::bridge::log::LogBridge;
use logforth::layout::{JsonLayout, LogfmtLayout, TextLayout};
use logforth::record::Record;
use logforth::{Append, Diagnostic, Error, Layout};

use crate::discard::Discard;
use crate::harness::{Subject, subject};

pub fn env_logger(colored: bool) -> Subject {
    env_logger::Builder::new()
        .filter_level(LevelFilter::Info)
        .write_style(if colored { WriteStyle::Always } else { WriteStyle::Never })
        .target(Target::Pipe(Box::new(Discard)))
        .init();
    line()
}

pub fn logforth(layout: Box<dyn Layout>) -> Subject {
    let logger = logforth::core::builder().dispatch(|dispatch| dispatch.append(Discarding(layout))).build();
    log::set_boxed_logger(Box::new(LogBridge::new(logger))).expect("nothing is installed yet");
    log::set_max_level(LevelFilter::Info);
    line()
}

pub fn text() -> Box<dyn Layout> {
    TextLayout::default().no_color().into()
}

pub fn json() -> Box<dyn Layout> {
    JsonLayout::default().into()
}

pub fn logfmt() -> Box<dyn Layout> {
    LogfmtLayout::default().into()
}

/// Does what logforth's own appenders do, with a writer that discards.
#[derive(Debug)]
struct Discarding(Box<dyn Layout>);

impl Append for Discarding {
    fn append(&self, record: &Record<'_>, diagnostics: &[Box<dyn Diagnostic>]) -> Result<(), Error> {
        let mut line = self.0.format(record, diagnostics)?;
        line.push(b'\n');
        Discard.write_all(&line).map_err(Error::from_io_error)
    }

    fn flush(&self) -> Result<(), Error> {
        Ok(())
    }
}

fn line() -> Subject {
    subject(|| {
        let (size, path, ratio) = (black_box(4_096_u64), black_box("src/main.cpp"), black_box(0.625));
        log::info!(unit = "core", size = size, path = path, ratio = ratio; "linking");
    })
}
