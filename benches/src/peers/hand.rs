//! A line by `write!` into a buffer, with the parts of a line of logscope's: time, level, context, span, target, message and fields.

use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;

use crate::discard::Discard;
use crate::harness::{Subject, subject};

pub fn line() -> Subject {
    let (origin, mut buffer) = (Instant::now(), Vec::with_capacity(256));
    subject(move || {
        let elapsed = origin.elapsed();
        let (seconds, micros) = (elapsed.as_secs(), elapsed.subsec_micros());
        let (level, context, span, unit) = black_box(("INFO ", "uno", "build", "core"));
        let (target, message) = black_box(("logscope_bench::subjects", "linking"));
        let (size, path, ratio) = (black_box(4_096_u64), black_box("src/main.cpp"), black_box(0.625));
        buffer.clear();
        writeln!(
            buffer,
            "{:02}:{:02}.{micros:06} {level} {context} {span}{{unit={unit}}} {target}: {message} size={size} path={path} ratio={ratio}",
            seconds / 60,
            seconds % 60,
        )
        .expect("a Vec takes everything");
        Discard.write_all(&buffer).expect("it takes everything");
    })
}
