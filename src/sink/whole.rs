//! Whole lines through something that takes bytes: one `write` per line, and what to do when it takes less.
//!
//! [`Whole`] is the state that this needs from one line to the next, kept under the output's lock. What it promises (P3):
//! every line begins at the start of a line, even after one that was cut short by an error.

use std::io::{self, ErrorKind};
use std::mem;
use std::time::{Duration, Instant};

use super::Batch;
use crate::sync::{AtomicBool, Ordering, thread};

/// How long one line waits for room in an output that does not block (a pipe or a terminal in non-blocking mode).
const PATIENCE: Duration = Duration::from_secs(1);

/// How often in a row an interrupted `write` is repeated: a signal interrupts one or two, a broken writer all.
const INTERRUPTIONS: u32 = 10_000;

/// How often a writer that cannot be waited for is asked again.
const YIELDS: u32 = 100;

/// What takes bytes: a file descriptor or an [`io::Write`].
pub(super) trait Port {
    /// Takes some of `bytes` and says how many.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Waits until there is room, at most until `deadline`; false if there is no point in asking again.
    fn wait(&mut self, deadline: Instant) -> bool;
}

/// What is known of the end of an output.
#[derive(Debug, Default)]
pub(super) struct Whole {
    torn: Torn,
    /// The last line waited in vain for room. The next ones do not wait, so that a reader who has gone to sleep holds up one
    /// call and not all of them.
    stalled: bool,
}

/// Whether the last byte that the output took is, or may be, inside a line.
#[derive(Debug)]
enum Torn {
    Own(bool),
    /// Known to several that write to one stream.
    Shared(&'static AtomicBool),
}

impl Default for Torn {
    fn default() -> Self {
        Torn::Own(false)
    }
}

impl Torn {
    fn get(&self) -> bool {
        match self {
            Torn::Own(torn) => *torn,
            // Relaxed, here and below: what was written is known to who is told of it in another way, and whoever writes to the stream at
            // the same moment may mix with it in any case.
            Torn::Shared(torn) => torn.load(Ordering::Relaxed),
        }
    }

    fn replace(&mut self, torn: bool) -> bool {
        match self {
            Torn::Own(own) => mem::replace(own, torn),
            Torn::Shared(shared) => shared.swap(torn, Ordering::Relaxed),
        }
    }
}

impl Whole {
    /// An output that ends inside a line if `torn`.
    pub(super) const fn new(torn: bool) -> Self {
        Whole { torn: Torn::Own(torn), stalled: false }
    }

    /// The process's stderr, which the sink and the fallback write to, each under a lock of its own: either begins a line of its own
    /// after one that the other could not finish.
    pub(super) const fn stderr() -> Self {
        static TORN: AtomicBool = AtomicBool::new(false);
        Whole { torn: Torn::Shared(&TORN), stalled: false }
    }

    /// True if the next line is preceded by a `\n`, since the last one was cut.
    pub(super) fn is_torn(&self) -> bool {
        self.torn.get()
    }

    /// Writes `line`, which ends with `\n`, at the start of a line.
    ///
    /// An error leaves the output as it is; what follows starts on a line of its own. A line of which all but the `\n` is
    /// written counts as written, since it is there to be read: the `\n` follows with the next line.
    ///
    /// # Errors
    ///
    /// The error of the port; `WriteZero` if it takes nothing without one.
    pub(super) fn write(&mut self, port: &mut impl Port, line: &[u8]) -> io::Result<()> {
        self.write_batch(port, &mut Batch::of(line, &[line.len()]))
    }

    /// The same for several lines: what is left of `batch`, in one `write` if the port takes it.
    ///
    /// If this ends well with lines left, it was the end of a line that could not be written: they are to be tried again.
    ///
    /// # Errors
    ///
    /// The error of the port; `WriteZero` if it takes nothing without one.
    pub(super) fn write_batch(&mut self, port: &mut impl Port, batch: &mut Batch<'_>) -> io::Result<()> {
        // Until the result is known: a writer that panics may have taken anything.
        let was_torn = self.torn.replace(true);
        if was_torn {
            // Joined, so that this too is a single `write`. Only after an error is there anything to join.
            let joined = [b"\n", batch.rest()].concat();
            return self.push(port, &joined, 1, was_torn, batch);
        }
        let rest = batch.rest();
        self.push(port, rest, 0, was_torn, batch)
    }

    /// Writes `bytes`: what is left of `batch`, after so many bytes as `lead`s.
    fn push(
        &mut self,
        port: &mut impl Port,
        bytes: &[u8],
        lead: usize,
        was_torn: bool,
        batch: &mut Batch<'_>,
    ) -> io::Result<()> {
        let mut done = 0;
        let result = self.push_all(port, bytes, |taken| {
            // Told at once, so that the batch knows it should the writer panic later.
            batch.advance((done + taken).saturating_sub(lead.max(done)));
            done += taken;
        });
        self.torn.replace(match bytes[..done].last() {
            Some(last) => *last != b'\n',
            None => was_torn,
        });
        if result.is_err() && batch.lacks_only_line_end() {
            batch.advance(1);
            return Ok(());
        }
        result
    }

    fn push_all(&mut self, port: &mut impl Port, bytes: &[u8], mut took: impl FnMut(usize)) -> io::Result<()> {
        let mut interruptions = 0;
        let mut deadline = None;
        let mut rest = bytes;
        while !rest.is_empty() {
            match port.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(taken) => {
                    // A writer that claims more than it was given has at least taken this.
                    let taken = taken.min(rest.len());
                    took(taken);
                    rest = &rest[taken..];
                    interruptions = 0;
                    self.stalled = false;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted && interruptions < INTERRUPTIONS => {
                    interruptions += 1;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let deadline = *deadline.get_or_insert_with(|| Instant::now() + PATIENCE);
                    if self.stalled || !port.wait(deadline) {
                        self.stalled = true;
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The port of an [`io::Write`], which offers no way to wait for room: it is asked again a number of times.
pub(super) struct Through<'a, W: ?Sized> {
    writer: &'a mut W,
    yields: u32,
}

impl<'a, W: io::Write + ?Sized> Through<'a, W> {
    pub(super) fn new(writer: &'a mut W) -> Self {
        Through { writer, yields: 0 }
    }
}

impl<W: io::Write + ?Sized> Port for Through<'_, W> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn wait(&mut self, deadline: Instant) -> bool {
        self.yields += 1;
        thread::yield_now();
        self.yields <= YIELDS && Instant::now() < deadline
    }
}

/// The port of a file descriptor.
#[cfg(unix)]
pub(super) struct Fd<'a>(pub(super) rustix::fd::BorrowedFd<'a>);

#[cfg(unix)]
impl Port for Fd<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        rustix::io::write(self.0, bytes).map_err(io::Error::from)
    }

    fn wait(&mut self, deadline: Instant) -> bool {
        is_writable(self.0, deadline.saturating_duration_since(Instant::now()))
    }
}

/// Waits at most `timeout` for room in `fd`. True if a `write` may find some, or may tell what is wrong.
#[cfg(unix)]
pub(super) fn is_writable(fd: rustix::fd::BorrowedFd<'_>, timeout: Duration) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let Ok(timeout) = Timespec::try_from(timeout) else { return false };
    match poll(&mut [PollFd::from_borrowed_fd(fd, PollFlags::OUT)], Some(&timeout)) {
        Ok(ready) => ready > 0,
        Err(error) => error == rustix::io::Errno::INTR,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::sink::test_support::{Scripted, Step};

    fn write(whole: &mut Whole, writer: &Scripted, line: &str) -> Result<(), ErrorKind> {
        whole.write(&mut Through::new(&mut writer.clone()), line.as_bytes()).map_err(|error| error.kind())
    }

    #[test]
    fn short_and_interrupted_writes_are_continued() {
        let writer =
            Scripted::new([Step::Interrupted, Step::Short(1), Step::WouldBlock, Step::Short(2), Step::Interrupted]);
        assert_eq!(write(&mut Whole::default(), &writer, "one line\n"), Ok(()));
        assert_eq!(writer.text(), "one line\n");
        assert_eq!(writer.writes(), 6);
    }

    #[test]
    fn a_writer_that_takes_nothing_is_an_error_and_not_a_loop() {
        let writer = Scripted::new([Step::Zero]);
        assert_eq!(write(&mut Whole::default(), &writer, "line\n"), Err(ErrorKind::WriteZero));
        let writer = Scripted::new([Step::Interrupted; INTERRUPTIONS as usize + 1]);
        assert_eq!(write(&mut Whole::default(), &writer, "line\n"), Err(ErrorKind::Interrupted));
    }

    #[test]
    fn only_the_first_line_waits_for_a_reader_who_sleeps() {
        let writer = Scripted::new([Step::WouldBlock; YIELDS as usize + 2]);
        let mut whole = Whole::default();
        assert_eq!(write(&mut whole, &writer, "one\n"), Err(ErrorKind::WouldBlock));
        assert_eq!(writer.writes(), YIELDS as usize + 1);
        assert_eq!(write(&mut whole, &writer, "two\n"), Err(ErrorKind::WouldBlock));
        assert_eq!(writer.writes(), YIELDS as usize + 2);
        assert_eq!(write(&mut whole, &writer, "three\n"), Ok(()));
        writer.then([Step::WouldBlock]);
        assert_eq!(write(&mut whole, &writer, "four\n"), Ok(()), "what takes something again is waited for again");
        assert_eq!(writer.text(), "three\nfour\n");
    }

    #[test]
    fn a_torn_line_is_ended_once() {
        let writer = Scripted::new([Step::Short(2), Step::Full, Step::Full, Step::Short(1), Step::Full]);
        let mut whole = Whole::default();
        assert!(write(&mut whole, &writer, "one\n").is_err());
        assert!(write(&mut whole, &writer, "two\n").is_err());
        assert!(write(&mut whole, &writer, "three\n").is_err(), "only the new start of line was taken");
        assert_eq!(write(&mut whole, &writer, "four\n"), Ok(()));
        assert_eq!(writer.text(), "on\nfour\n");
    }

    #[test]
    fn a_multi_line_record_torn_between_its_lines_ends_well() {
        let writer = Scripted::new([Step::Short(4), Step::Full]);
        let mut whole = Whole::default();
        assert!(write(&mut whole, &writer, "one\n  more\n").is_err());
        assert_eq!(write(&mut whole, &writer, "two\n"), Ok(()));
        assert_eq!(writer.text(), "one\ntwo\n");
    }

    #[test]
    fn a_writer_that_claims_too_much_is_taken_at_its_word() {
        struct Boasts(AtomicU32);
        impl io::Write for Boasts {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                self.0.fetch_add(1, Ordering::Relaxed);
                Ok(usize::MAX)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut boasts = Boasts(AtomicU32::new(0));
        assert!(Whole::default().write(&mut Through::new(&mut boasts), b"line\n").is_ok());
        assert_eq!(boasts.0.into_inner(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_full_pipe_is_waited_for_a_second_and_then_not() {
        use std::io::Read as _;
        use std::os::fd::AsFd as _;

        let (mut reader, writer) = io::pipe().unwrap();
        let flags = rustix::fs::fcntl_getfl(&writer).unwrap();
        rustix::fs::fcntl_setfl(&writer, flags | rustix::fs::OFlags::NONBLOCK).unwrap();
        let mut whole = Whole::default();
        let line = [b"x".repeat(4_095), b"\n".to_vec()].concat();
        let mut write = |bytes: &[u8]| whole.write(&mut Fd(writer.as_fd()), bytes).map_err(|error| error.kind());
        let full = std::iter::repeat_with(|| (Instant::now(), write(&line))).find(|(_, result)| result.is_err());
        let (start, result) = full.unwrap();
        assert_eq!(result, Err(ErrorKind::WouldBlock));
        assert!(start.elapsed() >= PATIENCE);
        let start = Instant::now();
        assert_eq!(write(&line), Err(ErrorKind::WouldBlock));
        assert!(start.elapsed() < PATIENCE);
        reader.read_exact(&mut vec![0; line.len()]).unwrap();
        assert_eq!(write(&line), Ok(()));
    }
}
