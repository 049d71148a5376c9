//! The two traits of outputs: one takes finished lines, the other takes records.

use std::io;
use std::time::Duration;

use crate::bytes::Batch;
use crate::record::Record;
use crate::sync::Arc;

/// Something that finished lines go to.
///
/// A program's own output is made a sink by [`custom`](crate::sink::custom). It is called on the threads that log, several at a time; where its sink is
/// [queued](crate::sink::Sink::queued), on writer threads, one at a time for each queue, and it is dropped there too. What it logs itself, while it is called, goes to the fallback (stderr), never back to it. It may fail or panic: the record is
/// counted as failed and the program goes on (see [the module](crate::sink#io-failures)).
pub trait Output: Send + Sync + 'static {
    /// Takes one record's rendering: UTF-8, whole, `\n` included, in one call. (A record in a multi-line format is several
    /// lines.)
    ///
    /// # Errors
    ///
    /// Why the line could not be taken. The next record is tried all the same.
    fn write(&self, line: &[u8]) -> io::Result<()>;

    /// Takes the lines of several records: what a queued sink calls, on a writer thread, with some 128 KiB at the most, unless one line is
    /// longer. Unless an output does better, it takes them one by one.
    ///
    /// It says with [`Batch::advance`] how far it has come. One that says that all is well and has taken nothing, or not all of a line, has
    /// failed to take that line.
    ///
    /// # Errors
    ///
    /// Why the first line that is not taken could not be. It has failed; what is behind it is tried again.
    fn write_batch(&self, batch: &mut Batch<'_>) -> io::Result<()> {
        for line in batch.lines() {
            self.write(line)?;
            batch.advance(line.len());
        }
        Ok(())
    }

    /// Passes on what it holds back, if it does, and waits for that no longer than `deadline`.
    ///
    /// # Errors
    ///
    /// Why what it held back could not be passed on.
    fn flush(&self, deadline: Duration) -> io::Result<()> {
        let _ = deadline;
        Ok(())
    }

    /// Has what was written reach the storage device, so that it survives a power cut: `fdatasync`, for a file.
    ///
    /// # Errors
    ///
    /// Why that is not certain; `Unsupported` for an output that is not on a storage device.
    fn sync(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Opens anew what it writes to, by the name that it has: a file that another program has moved away.
    ///
    /// # Errors
    ///
    /// Why it could not be opened. What was open before is then written to as before. `Unsupported` for an output that has no name to
    /// be opened by.
    fn reopen(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
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
/// It is made a sink by [`records`](crate::sink::records). It is called on the threads that log, several at a time, while the values that were
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

/// What is pointed to is the output: a program can keep an `Arc` of it, or choose one at run time.
macro_rules! through_pointer {
    ($($pointer:ident),*) => {$(
        impl<T: Output + ?Sized> Output for $pointer<T> {
            fn write(&self, line: &[u8]) -> io::Result<()> {
                (**self).write(line)
            }

            fn write_batch(&self, batch: &mut Batch<'_>) -> io::Result<()> {
                (**self).write_batch(batch)
            }

            fn sync(&self) -> io::Result<()> {
                (**self).sync()
            }

            fn reopen(&self) -> io::Result<()> {
                (**self).reopen()
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

through_pointer!(Arc, Box);
