//! Lines written without a library: the least that a line can cost, and what formatting adds to that.

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::time::SystemTime;

use time::OffsetDateTime;

use super::line::{path, ratio, size};
use super::round::Files;

/// The same line again and again, with one `write` for each.
pub struct Fixed;

/// A line formatted by `write!`, with one `write` for each.
pub struct Formatted;

/// Lines formatted by `write!` into a buffer, which is written when it is full.
pub struct Buffered;

/// A file and the bytes that are not written to it yet.
pub struct OpenFile {
    file: File,
    buffer: Vec<u8>,
}

impl OpenFile {
    fn new(path: &Path, capacity: usize) -> Result<OpenFile, Box<dyn Error>> {
        let file = File::options().append(true).create_new(true).open(path)?;
        Ok(OpenFile { file, buffer: Vec::with_capacity(capacity) })
    }

    /// Appends a line with the parts of a line of logscope's: time, level, context, target, message and fields.
    fn push_line(&mut self) {
        let now = OffsetDateTime::from(SystemTime::now());
        let (year, month, day) = (now.year(), u8::from(now.month()), now.day());
        let (hour, minute, second, micros) = (now.hour(), now.minute(), now.second(), now.microsecond());
        let (level, context, target, message) =
            black_box(("INFO ", "uno", "logscope_bench::jobs::files::line", "linking"));
        writeln!(
            self.buffer,
            "{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z {level} {context} {target}: \
             {message} size={} path={} ratio={}",
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
        Ok(OpenFile::new(path, 0)?.file)
    }

    fn log(log: &mut File, records: u64) {
        let line = "2030-01-02T03:04:05.678901Z INFO  uno logscope_bench::jobs::files::line: linking size=4096 \
                    path=src/main.cpp ratio=0.625\n";
        for _ in 0..records {
            log.write_all(black_box(line).as_bytes()).expect("the disk is not full");
        }
    }
}

impl Files for Formatted {
    type Log = OpenFile;

    fn open(path: &Path) -> Result<OpenFile, Box<dyn Error>> {
        OpenFile::new(path, 256)
    }

    fn log(log: &mut OpenFile, records: u64) {
        for _ in 0..records {
            log.push_line();
            log.write();
        }
    }
}

impl Files for Buffered {
    type Log = OpenFile;

    fn open(path: &Path) -> Result<OpenFile, Box<dyn Error>> {
        OpenFile::new(path, BUFFER)
    }

    fn log(log: &mut OpenFile, records: u64) {
        for _ in 0..records {
            log.push_line();
            if log.buffer.len() > BUFFER - LONGEST {
                log.write();
            }
        }
    }

    fn finish(logs: Vec<OpenFile>) {
        for mut log in logs {
            log.write();
        }
    }
}

const BUFFER: usize = 64 * 1024;
/// No line is longer.
const LONGEST: usize = 256;
