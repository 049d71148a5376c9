//! [`ByteWriter`]: a destination that takes some bytes at a time and can be waited for.

use std::io;
use std::time::Instant;

use crate::limits::WRITER_YIELDS;
use crate::sync::thread;

/// Something that takes bytes: a file descriptor or an [`io::Write`].
pub(crate) trait ByteWriter {
    /// Takes some of `bytes` and returns how many.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Waits until there is room, at most until `deadline`. False if another attempt is pointless.
    fn wait_for_room(&mut self, deadline: Instant) -> bool;
}

/// An [`io::Write`] as a [`ByteWriter`]. It has no method that waits for room, so a write is repeated up to [`WRITER_YIELDS`] times.
pub(crate) struct IoWriter<'a, W: ?Sized> {
    writer: &'a mut W,
    yields: u32,
}

impl<'a, W: io::Write + ?Sized> IoWriter<'a, W> {
    pub(crate) fn new(writer: &'a mut W) -> Self {
        IoWriter { writer, yields: 0 }
    }
}

impl<W: io::Write + ?Sized> ByteWriter for IoWriter<'_, W> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn wait_for_room(&mut self, deadline: Instant) -> bool {
        self.yields += 1;
        thread::yield_now();
        self.yields <= WRITER_YIELDS && Instant::now() < deadline
    }
}

/// A file descriptor as a [`ByteWriter`].
#[cfg(unix)]
pub(crate) struct FdWriter<'a>(pub(crate) rustix::fd::BorrowedFd<'a>);

#[cfg(unix)]
impl ByteWriter for FdWriter<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        rustix::io::write(self.0, bytes).map_err(io::Error::from)
    }

    fn wait_for_room(&mut self, deadline: Instant) -> bool {
        is_writable(self.0, deadline.saturating_duration_since(Instant::now()))
    }
}

/// Waits at most `timeout` for room in `fd`. True if a `write` may find room, or may return an error that says what is wrong.
#[cfg(unix)]
pub(crate) fn is_writable(fd: rustix::fd::BorrowedFd<'_>, timeout: std::time::Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let Ok(timeout) = Timespec::try_from(timeout) else { return false };
    match poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::OUT)], Some(&timeout)) {
        Ok(ready) => ready > 0,
        Err(error) => error == rustix::io::Errno::INTR,
    }
}
