//! From the bytes of a program's streams to records.

use std::mem;
use std::process::ExitStatus;
use std::time::Duration;

use tracing::Level;

use super::finished::{Captured, Finished};
use super::lines::{Line, LineSplitter};
use super::options::{LevelBy, MessageBy, Options, Stream};
use super::records::{self, Left, Program};
use crate::limits::COMMAND_CAPTURE_BYTES;

/// Logs what one program prints. Whoever reads its pipes calls this, inside the context that the records are for.
pub(super) struct Recorder<'a> {
    program: Program,
    level_by: Option<LevelBy<'a>>,
    message_by: Option<MessageBy<'a>>,
    captures: bool,
    /// Those of stdout and stderr, or the merged one and one that stays empty.
    streams: [Reading; 2],
    lines: u64,
}

struct Reading {
    stream: Stream,
    level: Level,
    splitter: LineSplitter,
    captured: Captured,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(program: Program, options: &mut Options<'a>) -> Self {
        let reading = |stream, level| {
            let splitter = LineSplitter::new(options.max_line_bytes);
            Reading { stream, level, splitter, captured: Captured::default() }
        };
        let first = if options.is_merged { Stream::Merged } else { Stream::Stdout };
        let streams = [reading(first, options.stdout_level), reading(Stream::Stderr, options.stderr_level)];
        let (level_by, message_by) = (options.level_by.take(), options.message_by.take());
        Recorder { program, level_by, message_by, captures: options.captures, streams, lines: 0 }
    }

    pub(super) fn program_name(&self) -> &str {
        &self.program.name
    }

    pub(super) fn started(&self, pid: u32) {
        records::started(&self.program, pid);
    }

    /// Takes the next bytes of the stream `number`, and logs the lines that end in them.
    pub(super) fn take(&mut self, number: usize, bytes: &[u8]) {
        self.each_line(number, |reading, captures, each| {
            if captures {
                reading.captured.push(bytes, COMMAND_CAPTURE_BYTES);
            }
            reading.splitter.push(bytes, each);
        });
    }

    /// Logs the line that the stream `number` ends in the middle of.
    pub(super) fn end(&mut self, number: usize) {
        self.each_line(number, |reading, _, each| reading.splitter.finish(each));
    }

    fn each_line(&mut self, number: usize, split: impl FnOnce(&mut Reading, bool, &mut dyn FnMut(Line<'_>))) {
        let Recorder { level_by, message_by, captures, streams, lines, .. } = self;
        let reading = &mut streams[number];
        let (stream, level) = (reading.stream, reading.level);
        split(reading, *captures, &mut |line| {
            *lines += 1;
            let level = level_by.as_mut().map_or(level, |level_by| level_by(stream, &line.text));
            let text = message_by.as_mut().map_or(&*line.text, |message_by| message_by(stream, &line.text));
            records::line(stream, level, text, line.is_continued);
        });
    }

    /// Logs how the program has ended. `timeout` is how long it was given, if it took longer. `linger` is how long its output was read after
    /// its exit, if it was still open then.
    pub(super) fn ended(
        &mut self,
        status: ExitStatus,
        duration: Duration,
        timeout: Option<Duration>,
        linger: Option<Duration>,
    ) -> Finished {
        let program = self.program.clone();
        if let Some(linger) = linger {
            records::left_open(&program, linger);
        }
        let [stdout, stderr] = self.streams.each_mut().map(|reading| mem::take(&mut reading.captured));
        let missing = stdout.missing() + stderr.missing();
        if missing > 0 {
            records::cut(&program, missing);
        }
        records::ended(&program, status, duration, timeout);
        let (lines, timed_out, left_open) = (self.lines, timeout.is_some(), linger.is_some());
        Finished { status, duration, lines, timed_out, left_open, stdout, stderr, program, timeout }
    }

    /// Logs that nobody waits for the program any more, which has run for `duration`.
    pub(super) fn left(&mut self, duration: Duration, what: Left) {
        // The caller's functions are not called any more: this may be the unwinding of their panic. A line that they have not seen is not
        // logged, since they may have replaced what must not be read.
        if self.level_by.is_none() && self.message_by.is_none() {
            for number in 0..self.streams.len() {
                self.end(number);
            }
        }
        records::left(&self.program, duration, what);
    }
}
