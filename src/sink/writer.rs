//! A program's own writer, or closure, under a lock.

use std::io;
use std::time::Duration;

use super::delivery::Target;
use super::whole::{Through, Whole};
use super::{Output, Sink};
use crate::sync::Mutex;

/// A sink for any [`io::Write`], which is called under a lock, one line per call of `write`.
///
/// Nothing is flushed after a line: give it a [`BufWriter`](io::BufWriter) if lines may wait, and call [`Sink::flush`]. An
/// `Interrupted` write is repeated and a `WouldBlock` tried a hundred times more. What the writer itself logs goes to the
/// fallback (stderr). It must not wait for another thread that logs to the same writer: that thread waits for the lock.
///
/// ```
/// let sink = logscope::sink::writer(Vec::new());
/// assert_eq!(sink.to_string(), "writer");
/// ```
pub fn writer(writer: impl io::Write + Send + 'static) -> Sink {
    Sink::over(Target::Lines(Box::new(Writer(Mutex::new((Whole::default(), writer))))))
}

struct Writer<W>(Mutex<(Whole, W)>);

impl<W: io::Write + Send + 'static> Output for Writer<W> {
    fn write(&self, line: &[u8]) -> io::Result<()> {
        let (whole, writer) = &mut *self.0.lock();
        whole.write(&mut Through::new(writer), line)
    }

    fn flush(&self, deadline: Duration) -> io::Result<()> {
        let Some(mut writer) = self.0.try_lock_for(deadline) else {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "another thread is in the middle of a line"));
        };
        writer.1.flush()
    }

    fn describe(&self) -> String {
        String::from("writer")
    }
}

/// A sink that calls `take` with each line, without its `\n`, under a lock: for a broadcast to WebSockets, a text widget.
///
/// (A record in a multi-line format is one call with several lines.) What the closure itself logs goes to the fallback
/// (stderr). It must not wait for another thread that logs to the same sink.
///
/// ```
/// let (sender, lines) = std::sync::mpsc::channel();
/// let sink = logscope::sink::callback(move |line| {
///     let _ = sender.send(line.to_owned());
/// });
/// # drop((sink, lines));
/// ```
pub fn callback(take: impl FnMut(&str) + Send + 'static) -> Sink {
    Sink::over(Target::Lines(Box::new(Callback(Mutex::new(take)))))
}

struct Callback<F>(Mutex<F>);

impl<F: FnMut(&str) + Send + 'static> Output for Callback<F> {
    fn write(&self, line: &[u8]) -> io::Result<()> {
        let line = str::from_utf8(line).map_err(io::Error::other)?;
        let take = &mut *self.0.lock();
        take(line.strip_suffix('\n').unwrap_or(line));
        Ok(())
    }

    fn describe(&self) -> String {
        String::from("callback")
    }
}
