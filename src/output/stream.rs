//! The process's standard streams, without std's buffers and locks.
//!
//! std's `Stdout` keeps bytes that it could not write and writes them later, treats a closed stream as a success, and takes a lock that the
//! caller may hold. So on Unix the bytes go straight to the descriptor.

use std::io::{self, IsTerminal};

use super::Output;
use crate::bytes::{Batch, Line, StandardStream};

/// One of the process's standard streams as an output.
pub(crate) struct Stream(StandardStream);

impl Stream {
    pub(crate) fn stdout() -> Self {
        Stream(StandardStream::Stdout)
    }

    pub(crate) fn stderr() -> Self {
        Stream(StandardStream::Stderr)
    }
}

impl Output for Stream {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        self.write_batch(&mut Batch::one(line, &[line.bytes().len()]))
    }

    #[cfg(unix)]
    fn write_batch(&self, batch: &mut Batch<'_>) -> io::Result<()> {
        let fd = match self.0 {
            StandardStream::Stdout => rustix::stdio::stdout(),
            StandardStream::Stderr => rustix::stdio::stderr(),
        };
        self.0.lines().lock().write_batch(&mut crate::bytes::FdWriter(fd), batch)
    }

    #[cfg(not(unix))]
    fn write_batch(&self, batch: &mut Batch<'_>) -> io::Result<()> {
        use crate::bytes::IoWriter;
        use io::Write as _;

        let mut lines = self.0.lines().lock();
        match self.0 {
            StandardStream::Stdout => {
                let mut stdout = io::stdout().lock();
                lines.write_batch(&mut IoWriter::new(&mut stdout), batch)?;
                stdout.flush()
            }
            StandardStream::Stderr => lines.write_batch(&mut IoWriter::new(&mut io::stderr().lock()), batch),
        }
    }

    fn is_terminal(&self) -> bool {
        match self.0 {
            StandardStream::Stdout => io::stdout().is_terminal(),
            StandardStream::Stderr => io::stderr().is_terminal(),
        }
    }

    fn describe(&self) -> String {
        String::from(match self.0 {
            StandardStream::Stdout => "stdout",
            StandardStream::Stderr => "stderr",
        })
    }
}
