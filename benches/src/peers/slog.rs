//! slog, without its background thread. The field of the span is one of the logger.

use std::hint::black_box;
use std::io::BufWriter;
use std::sync::Mutex;

use slog::Drain;
use slog_term::{FullFormat, PlainDecorator};

use crate::discard::Discard;
use crate::harness::{Subject, subject};

pub fn term() -> Subject {
    // It flushes after each record. Without the buffer, each piece of a line would be a `write`.
    line(FullFormat::new(PlainDecorator::new(BufWriter::new(Discard))).build())
}

pub fn json() -> Subject {
    line(slog_json::Json::default(Discard))
}

fn line<D: Drain + Send + 'static>(drain: D) -> Subject
where
    D::Err: std::fmt::Debug,
{
    let logger = slog::Logger::root(Mutex::new(drain).fuse(), slog::o!("unit" => "core"));
    subject(move || {
        let (size, path, ratio) = (black_box(4_096_u64), black_box("src/main.cpp"), black_box(0.625));
        slog::info!(logger, "linking"; "size" => size, "path" => path, "ratio" => ratio);
    })
}
