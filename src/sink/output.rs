//! What a sink delivers to: finished lines, or records.

use std::io;
use std::time::Duration;

use super::Sink;
use super::delivery::Target;
use crate::record::Record;

/// Something that finished lines go to.
///
/// A program's own output is made a sink by [`custom`]. It is called on the threads that log, several at a time. What it
/// logs itself, while it is called, goes to the fallback (stderr), never back to it. It may fail or panic: the record is
/// counted as failed and the program goes on (see [the module](crate::sink#io-failures)).
pub trait Output: Send + Sync + 'static {
    /// Takes one record's rendering: UTF-8, whole, `\n` included, in one call. (A record in a multi-line format is several
    /// lines.)
    ///
    /// # Errors
    ///
    /// Why the line could not be taken. The next record is tried all the same.
    fn write(&self, line: &[u8]) -> io::Result<()>;

    /// Passes on what it holds back, if it does, and waits for that no longer than `deadline`.
    ///
    /// # Errors
    ///
    /// Why what it held back could not be passed on.
    fn flush(&self, deadline: Duration) -> io::Result<()> {
        let _ = deadline;
        Ok(())
    }

    /// True if a person watches: [`Color::Auto`](crate::Color::Auto) then colours. Asked once, when the sink is made.
    fn is_terminal(&self) -> bool {
        false
    }

    /// What it is called in messages, such as `file build.log`. Asked once, when the sink is made.
    fn describe(&self) -> String {
        String::from("custom output")
    }
}

/// Something that takes the records themselves: a test's capture, an exporter.
///
/// It is made a sink by [`records`]. It is called on the threads that log, several at a time, while the values that were
/// logged are still borrowed. What it logs itself goes to the fallback (stderr).
pub trait RecordOutput: Send + Sync + 'static {
    /// Takes a record. The sink's own notices come as records too, with the target `logscope` and without a number.
    ///
    /// # Errors
    ///
    /// Why the record could not be taken. The next one is tried all the same.
    fn write(&self, record: &Record<'_>) -> io::Result<()>;

    /// Passes on what it holds back, if it does, and waits for that no longer than `deadline`.
    ///
    /// # Errors
    ///
    /// Why what it held back could not be passed on.
    fn flush(&self, deadline: Duration) -> io::Result<()> {
        let _ = deadline;
        Ok(())
    }

    /// What it is called in messages. Asked once, when the sink is made.
    fn describe(&self) -> String {
        String::from("custom record output")
    }
}

/// A sink for an [`Output`] of the program's own.
///
/// ```
/// use std::io;
/// use std::sync::mpsc::{Sender, channel};
///
/// struct Channel(Sender<Vec<u8>>);
///
/// impl logscope::sink::Output for Channel {
///     fn write(&self, line: &[u8]) -> io::Result<()> {
///         self.0.send(line.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe.into())
///     }
/// }
///
/// let (sender, lines) = channel();
/// let sink = logscope::sink::custom(Channel(sender)).format(logscope::Format::json());
/// # drop((sink, lines));
/// ```
pub fn custom(output: impl Output) -> Sink {
    Sink::over(Target::Lines(Box::new(output)))
}

/// A sink for a [`RecordOutput`] of the program's own. Its format is not used: nothing is rendered.
///
/// ```
/// use std::io;
/// use std::sync::Mutex;
/// use logscope::{Record, RecordBuf};
///
/// #[derive(Default)]
/// struct Capture(Mutex<Vec<RecordBuf>>);
///
/// impl logscope::sink::RecordOutput for Capture {
///     fn write(&self, record: &Record<'_>) -> io::Result<()> {
///         self.0.lock().unwrap().push(record.to_buf());
///         Ok(())
///     }
/// }
///
/// let sink = logscope::sink::records(Capture::default());
/// # drop(sink);
/// ```
pub fn records(output: impl RecordOutput) -> Sink {
    Sink::over(Target::Records(Box::new(output)))
}
