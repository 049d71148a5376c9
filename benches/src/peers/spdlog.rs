//! spdlog-rs. Its sinks for files are among the [files](crate::jobs::files).

use std::hint::black_box;

use spdlog::sink::WriteSink;

use crate::discard::Discard;
use crate::harness::{Subject, subject};

pub fn line() -> Subject {
    let sink = WriteSink::builder().target(Discard).build_arc().expect("the sink has its target");
    let logger = spdlog::Logger::builder().name("uno").sink(sink).build().expect("the name is a valid one");
    subject(move || {
        let (size, path, ratio) = (black_box(4_096_u64), black_box("src/main.cpp"), black_box(0.625));
        spdlog::info!(logger: logger, "linking", kv: { unit = "core", size = size, path = path, ratio = ratio });
    })
}
