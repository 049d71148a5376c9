//! What a program without a library would write: the least that a line can cost, and what formatting adds to it.

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use super::line::{path, ratio, size};
use super::round::Files;

/// The same line again and again, one `write` each.
pub struct Fixed;

/// A line formatted by `write!`, one `write` each.
pub struct Formatted;

/// A line formatted by `write!` into a buffer that is written when it is full.
pub struct Buffered;

/// A file and what has not been written to it.
pub struct Open {
    file: File,
    origin: Instant,
    buffer: Vec<u8>,
}

impl Open {
    fn new(path: &Path, capacity: usize) -> Result<Open, Box<dyn Error>> {
        let file = File::options().append(true).create_new(true).open(path)?;
        Ok(Open { file, origin: Instant::now(), buffer: Vec::with_capacity(capacity) })
    }

    /// Appends a line with what logscope's has: time, level, context, target, message and fields.
    fn push_line(&mut self) {
        let elapsed = self.origin.elapsed();
        let (seconds, micros) = (elapsed.as_secs(), elapsed.subsec_micros());
        let (level, context, target, message) = black_box(("INFO ", "uno", "logscope_bench::jobs::files", "linking"));
        writeln!(
            self.buffer,
            "{:02}:{:02}.{micros:06} {level} {context} {target}: {message} size={} path={} ratio={}",
            seconds / 60,
            seconds % 60,
            size(),
            path(),
            ratio()
        )
        .expect("a Vec takes everything");
    }

    fn write(&mut self) {
        self.file.write_all(&self.buffer).expect("the disk is not full");
        self.buffer.clear();
    }
}

impl Files for Fixed {
    type Log = File;

    fn open(path: &Path) -> Result<File, Box<dyn Error>> {
        Ok(Open::new(path, 0)?.file)
    }

    fn log(log: &mut File, records: u64) {
        let line =
            "00:00.000000 INFO  uno logscope_bench::jobs::files: linking size=4096 path=src/main.cpp ratio=0.625\n";
        for _ in 0..records {
            log.write_all(black_box(line).as_bytes()).expect("the disk is not full");
        }
    }
}

impl Files for Formatted {
    type Log = Open;

    fn open(path: &Path) -> Result<Open, Box<dyn Error>> {
        Open::new(path, 256)
    }

    fn log(log: &mut Open, records: u64) {
        for _ in 0..records {
            log.push_line();
            log.write();
        }
    }
}

impl Files for Buffered {
    type Log = Open;

    fn open(path: &Path) -> Result<Open, Box<dyn Error>> {
        Open::new(path, BUFFER)
    }

    fn log(log: &mut Open, records: u64) {
        for _ in 0..records {
            log.push_line();
            if log.buffer.len() > BUFFER - LONGEST {
                log.write();
            }
        }
    }

    fn finish(logs: Vec<Open>) {
        for mut log in logs {
            log.write();
        }
    }
}

const BUFFER: usize = 64 * 1024;
/// A line is not longer.
const LONGEST: usize = 256;
