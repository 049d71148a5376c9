//! The outputs that call a writer or a closure of the program, under a lock.

use std::io;
use std::time::Duration;

use super::Output;
use crate::bytes::{IoWriter, Line, LineWriter};
use crate::sync::Mutex;

/// An [`io::Write`] as an output.
pub(crate) struct Writer<W> {
    writer: Mutex<(LineWriter, W)>,
    is_terminal: bool,
}

impl<W> Writer<W> {
    pub(crate) fn new(writer: W, is_terminal: bool) -> Self {
        Writer { writer: Mutex::new((LineWriter::default(), writer)), is_terminal }
    }
}

impl<W: io::Write + Send + 'static> Output for Writer<W> {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        let (lines, writer) = &mut *self.writer.lock();
        lines.write(&mut IoWriter::new(writer), line.bytes())
    }

    fn flush(&self, deadline: Duration) -> io::Result<()> {
        let Some(mut writer) = self.writer.try_lock_for(deadline) else {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "another thread is in the middle of a line"));
        };
        writer.1.flush()
    }

    fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    fn describe(&self) -> String {
        String::from("writer")
    }
}

/// A closure as an output.
pub(crate) struct Callback<F>(Mutex<F>);

impl<F> Callback<F> {
    pub(crate) fn new(take: F) -> Self {
        Callback(Mutex::new(take))
    }
}

impl<F: FnMut(&str) + Send + 'static> Output for Callback<F> {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        let line = str::from_utf8(line.bytes()).map_err(io::Error::other)?;
        let take = &mut *self.0.lock();
        take(line.strip_suffix('\n').unwrap_or(line));
        Ok(())
    }

    fn describe(&self) -> String {
        String::from("callback")
    }
}
