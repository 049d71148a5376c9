//! Writes whole lines to a [`ByteWriter`]: one `write` for each line or batch, and more if the first takes only a part.
//!
//! A [`LineWriter`] keeps the state that this needs from one line to the next. Each output has one under its lock; all that write to a
//! standard stream share one. It promises (P3) that each record begins at the start of a line, even after an error has cut the line before.

use std::io::{self, ErrorKind};
use std::mem;
use std::time::Instant;

use tracing::Level;

use super::{Batch, ByteWriter, Line};
use crate::limits::{INTERRUPTIONS, WRITABLE};

/// Writes whole lines to one output, and remembers whether the last one is complete.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LineWriter {
    /// The output ends, or may end, in the middle of a line.
    torn: bool,
    /// The last line waited in vain for room. The next lines do not wait, so that a reader that has stopped reading holds up one call, not
    /// all of them.
    stalled: bool,
}

impl LineWriter {
    /// Returns the state for an output that ends in the middle of a line if `torn`.
    pub(crate) const fn new(torn: bool) -> Self {
        LineWriter { torn, stalled: false }
    }

    /// True if the last line is torn, so that a `\n` precedes the next line.
    #[cfg(feature = "file")]
    pub(crate) fn is_torn(&self) -> bool {
        self.torn
    }

    /// Writes `line`, which ends with `\n`, at the start of a line.
    ///
    /// After an error, the next line starts on a line of its own. A line of which only the `\n` could not be written counts as written, since
    /// it can be read: the `\n` is written with the next line.
    ///
    /// # Errors
    ///
    /// The error of the writer; `WriteZero` if it takes nothing and returns no error.
    #[inline]
    pub(crate) fn write(&mut self, to: &mut impl ByteWriter, line: &[u8]) -> io::Result<()> {
        let Some(first) = self.write_at_once(to, line) else { return Ok(()) };
        // Writing bytes asks nobody for their level.
        self.go_on(to, first, &mut Batch::one(Line::new(line, Level::ERROR), &[line.len()]))
    }

    /// Writes the rest of `batch`, with one `write` if `to` takes all of it.
    ///
    /// `Ok` with lines left means that the `\n` of a line could not be written: the caller tries the lines that are left again.
    ///
    /// # Errors
    ///
    /// The error of the writer; `WriteZero` if it takes nothing and returns no error.
    #[inline]
    pub(crate) fn write_batch(&mut self, to: &mut impl ByteWriter, batch: &mut Batch<'_>) -> io::Result<()> {
        let rest = batch.rest();
        let Some(first) = self.write_at_once(to, rest) else {
            batch.advance(rest.len());
            return Ok(());
        };
        self.go_on(to, first, batch)
    }

    /// Writes `bytes` by one `write`, which nearly always takes them all; then returns `None`. Tries nothing if the output ends in the middle of a
    /// line, or has no room.
    #[inline]
    fn write_at_once(&mut self, to: &mut impl ByteWriter, bytes: &[u8]) -> Option<Attempt> {
        if self.torn || self.stalled || bytes.is_empty() {
            return Some(Attempt::NotMade);
        }
        // Torn until the result is known: we cannot know how many bytes a writer took that panics.
        self.torn = true;
        let result = to.write(bytes);
        if let Ok(taken) = result
            && taken >= bytes.len()
        {
            self.torn = bytes.last() != Some(&b'\n');
            return None;
        }
        self.torn = false;
        Some(Attempt::Returned(result))
    }

    /// Writes the rest of `batch` after a `first` attempt.
    #[cold]
    #[inline(never)]
    fn go_on(&mut self, to: &mut impl ByteWriter, first: Attempt, batch: &mut Batch<'_>) -> io::Result<()> {
        let to = &mut Begun { first, to };
        let was_torn = mem::replace(&mut self.torn, true);
        if was_torn {
            // The `\n` is joined with the batch, so that this is a single `write` too. It is rare: only after an error.
            let joined = [b"\n", batch.rest()].concat();
            return self.write_bytes(to, &joined, 1, was_torn, batch);
        }
        let rest = batch.rest();
        self.write_bytes(to, rest, 0, was_torn, batch)
    }

    /// Writes `bytes`, which consist of `lead` bytes and the rest of `batch`. Advances the batch, and notes whether the last line is torn.
    fn write_bytes(
        &mut self,
        to: &mut impl ByteWriter,
        bytes: &[u8],
        lead: usize,
        was_torn: bool,
        batch: &mut Batch<'_>,
    ) -> io::Result<()> {
        let mut done = 0;
        let result = self.write_all(to, bytes, |taken| {
            // After each `write`, so that the batch is right if a later one panics.
            batch.advance((done + taken).saturating_sub(lead.max(done)));
            done += taken;
        });
        self.torn = match bytes[..done].last() {
            Some(last) => *last != b'\n',
            None => was_torn,
        };
        if result.is_err() && batch.lacks_only_line_end() {
            batch.advance(1);
            return Ok(());
        }
        result
    }

    /// Calls `write` until all `bytes` are taken, and calls `took` with the number of bytes after each `write`.
    fn write_all(&mut self, to: &mut impl ByteWriter, bytes: &[u8], mut took: impl FnMut(usize)) -> io::Result<()> {
        let mut interruptions = 0;
        let mut deadline = None;
        let mut rest = bytes;
        while !rest.is_empty() {
            match to.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(taken) => {
                    // A writer that returns more bytes than it was given has taken those that it was given.
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
                    let deadline = *deadline.get_or_insert_with(|| Instant::now() + WRITABLE);
                    if self.stalled || !to.wait_for_room(deadline) {
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

/// What was tried before the rest of a batch is written.
enum Attempt {
    NotMade,
    /// A `write` of all of it, which returned this.
    Returned(io::Result<usize>),
}

/// A writer whose first `write` was called already.
struct Begun<'a, W> {
    first: Attempt,
    to: &'a mut W,
}

impl<W: ByteWriter> ByteWriter for Begun<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match mem::replace(&mut self.first, Attempt::NotMade) {
            Attempt::NotMade => self.to.write(bytes),
            Attempt::Returned(result) => result,
        }
    }

    fn wait_for_room(&mut self, deadline: Instant) -> bool {
        self.to.wait_for_room(deadline)
    }
}

#[cfg(test)]
mod tests;
