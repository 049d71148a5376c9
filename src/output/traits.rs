//! The two traits of outputs: one takes finished lines, the other takes records. And a third one, for this crate.

use std::io;
use std::time::Duration;

use crate::bytes::{Batch, Line};
use crate::record::{Record, RecordBuf};
use crate::sync::Arc;

/// Takes finished lines: the trait of outputs such as files, streams and a program's own.
///
/// ```
/// use std::io;
/// use std::sync::mpsc::{Sender, channel};
/// use logscope::sink::{self, Line, Output};
///
/// struct Channel(Sender<Vec<u8>>);
///
/// impl Output for Channel {
///     fn write(&self, line: Line<'_>) -> io::Result<()> {
///         self.0.send(line.bytes().to_vec()).map_err(|_| io::ErrorKind::BrokenPipe.into())
///     }
/// }
///
/// let (sender, lines) = channel();
/// let sink = sink::custom(Channel(sender));
/// # drop((sink, lines));
/// ```
///
/// [`custom`](crate::sink::custom) makes a sink of an output. The threads that log call the output, several at a time. If the sink is
/// [queued](crate::sink::Sink::queued), writer threads call it instead, one at a time for each queue, and a writer thread drops it. Events
/// that the output logs while it is called go to the fallback (stderr), never back to the output. It must not wait for another thread that
/// logs to it: the thread may wait for the output, or for room in its queue (see [`Queue::patience`](crate::sink::Queue::patience)). An output may fail or panic: the record
/// counts as failed and the program goes on (see [I/O failures](crate::sink#io-failures)).
pub trait Output: Send + Sync + 'static {
    /// Writes one rendered record, or a notice about missing records.
    ///
    /// `line` is UTF-8, ends with `\n`, and has the level of the record. In a multi-line format it contains several lines.
    ///
    /// # Errors
    ///
    /// The reason why the output did not take the line. The next record is tried all the same.
    fn write(&self, line: Line<'_>) -> io::Result<()>;

    /// Writes the lines of several records. By default, calls [`write`](Output::write) for each.
    ///
    /// The writer thread of a queued sink calls this, with about 128 KiB at most, unless one line is longer.
    ///
    /// [`Batch::advance`] decides which lines count as written, not the return value. Returning `Ok(())` without having taken anything, or in
    /// the middle of a line, counts as a failure of that line.
    ///
    /// # Errors
    ///
    /// The reason why the output did not take the first line that is left. That line has failed; the lines after it are tried again.
    fn write_batch(&self, batch: &mut Batch<'_>) -> io::Result<()> {
        for line in batch.lines() {
            self.write(line)?;
            batch.advance(line.bytes().len());
        }
        Ok(())
    }

    /// Passes on what the output has buffered, within `deadline`. By default, does nothing.
    ///
    /// # Errors
    ///
    /// The reason why the output could not pass on what it had buffered. `Unsupported` if it never can: that is reported once, and not
    /// at the end of a queue whose sinks are gone.
    fn flush(&self, deadline: Duration) -> io::Result<()> {
        let _ = deadline;
        Ok(())
    }

    /// Brings all written bytes to the storage device within `deadline`, so that they survive a power cut. For a file this is `fdatasync`.
    ///
    /// # Errors
    ///
    /// The reason why this is not certain. `TimedOut` if the deadline passes first. `Unsupported`, the default, for an output that is not on
    /// a storage device.
    fn sync(&self, deadline: Duration) -> io::Result<()> {
        let _ = deadline;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Opens the file of the output anew, by its name and within `deadline`, because another program has moved the file away.
    ///
    /// # Errors
    ///
    /// The reason why the file could not be opened. The output then goes on with the file that was open before. `Unsupported`, the default,
    /// for an output that is not a file with a name.
    fn reopen(&self, deadline: Duration) -> io::Result<()> {
        let _ = deadline;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Returns true if the output is a terminal, so that [`Color::Auto`](crate::Color::Auto) colours. Called once, when the sink is made.
    fn is_terminal(&self) -> bool {
        false
    }

    /// Returns the name of the output in messages, such as `file build.log`. Called once, when the sink is made.
    fn describe(&self) -> String {
        String::from("custom output")
    }
}

/// Takes the records themselves: the trait of exporters, and of tests that capture records.
///
/// ```
/// use std::io;
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use logscope::{Record, sink};
///
/// #[derive(Default)]
/// struct Errors(AtomicU64);
///
/// impl sink::RecordOutput for Errors {
///     fn write(&self, record: &Record<'_>) -> io::Result<()> {
///         if record.level() == tracing::Level::ERROR {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///         Ok(())
///     }
/// }
///
/// let sink = sink::records(Errors::default());
/// # drop(sink);
/// ```
///
/// [`records`](crate::sink::records) makes a sink of an output. The threads that log call the output, several at a time, while the logged
/// values are still borrowed. Events that the output logs go to the fallback (stderr). Such a sink cannot be queued.
pub trait RecordOutput: Send + Sync + 'static {
    /// Writes one record.
    ///
    /// The notices about missing records are records too. Their target is `logscope`, and they have no `seq`.
    ///
    /// # Errors
    ///
    /// The reason why the output did not take the record. The next record is tried all the same.
    fn write(&self, record: &Record<'_>) -> io::Result<()>;

    /// Passes on what the output has buffered, within `deadline`. By default, does nothing.
    ///
    /// # Errors
    ///
    /// The reason why the output could not pass on what it had buffered. `Unsupported` if it never can: that is reported once, and not
    /// at the end of a queue whose sinks are gone.
    fn flush(&self, deadline: Duration) -> io::Result<()> {
        let _ = deadline;
        Ok(())
    }

    /// Returns the name of the output in messages. Called once, when the sink is made.
    fn describe(&self) -> String {
        String::from("custom record output")
    }
}

/// Takes copies of records: the trait of the outputs of this crate that keep records.
///
/// Unlike a [`RecordOutput`], it runs no code of the program, so what a value logs while the record is copied is logged in the ordinary way.
pub(crate) trait CopyOutput: Send + Sync + 'static {
    /// Takes the copy of one record, or of a notice about missing records.
    fn write(&self, record: RecordBuf) -> io::Result<()>;

    /// Returns the name of the output in messages.
    fn describe(&self) -> String;
}

/// Makes a pointer to an output an output, so that a program can keep an `Arc` of its output, or choose one at run time.
macro_rules! impl_for_pointers {
    ($($pointer:ident),*) => {$(
        impl<T: Output + ?Sized> Output for $pointer<T> {
            fn write(&self, line: Line<'_>) -> io::Result<()> {
                (**self).write(line)
            }

            fn write_batch(&self, batch: &mut Batch<'_>) -> io::Result<()> {
                (**self).write_batch(batch)
            }

            fn sync(&self, deadline: Duration) -> io::Result<()> {
                (**self).sync(deadline)
            }

            fn reopen(&self, deadline: Duration) -> io::Result<()> {
                (**self).reopen(deadline)
            }

            fn flush(&self, deadline: Duration) -> io::Result<()> {
                (**self).flush(deadline)
            }

            fn is_terminal(&self) -> bool {
                (**self).is_terminal()
            }

            fn describe(&self) -> String {
                (**self).describe()
            }
        }

        impl<T: RecordOutput + ?Sized> RecordOutput for $pointer<T> {
            fn write(&self, record: &Record<'_>) -> io::Result<()> {
                (**self).write(record)
            }

            fn flush(&self, deadline: Duration) -> io::Result<()> {
                (**self).flush(deadline)
            }

            fn describe(&self) -> String {
                (**self).describe()
            }
        }
    )*};
}

impl_for_pointers!(Arc, Box);
