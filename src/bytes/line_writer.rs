//! Whole lines through a [`ByteWriter`]: one `write` for each line or batch, and what to do when it takes less.
//!
//! [`LineWriter`] is the state that this needs from one line to the next; each output keeps one under its lock. It promises (P3) that every
//! line begins at the start of a line, even after an error has cut the line before.

use std::io::{self, ErrorKind};
use std::mem;
use std::time::Instant;

use super::{Batch, ByteWriter};
use crate::limits::{INTERRUPTIONS, WRITABLE};
use crate::sync::{AtomicBool, Ordering};

/// Writes whole lines to one output, and remembers how the last one ended.
#[derive(Debug, Default)]
pub(crate) struct LineWriter {
    torn: TornFlag,
    /// The last line waited in vain for room. The next lines do not wait, so that a reader that has stopped reading holds up one call and
    /// not all of them.
    stalled: bool,
}

/// Whether the last byte that the output took is, or may be, inside a line.
#[derive(Debug)]
enum TornFlag {
    /// Known to this writer alone.
    Own(bool),
    /// Shared by several writers to one stream.
    Shared(&'static AtomicBool),
}

impl Default for TornFlag {
    fn default() -> Self {
        TornFlag::Own(false)
    }
}

impl TornFlag {
    fn get(&self) -> bool {
        match self {
            TornFlag::Own(torn) => *torn,
            // Relaxed, here and below: two writers that use the stream at the same moment may mix their lines in any case, and a writer that
            // uses it later has synchronised with the first in another way.
            TornFlag::Shared(torn) => torn.load(Ordering::Relaxed),
        }
    }

    fn replace(&mut self, torn: bool) -> bool {
        match self {
            TornFlag::Own(own) => mem::replace(own, torn),
            TornFlag::Shared(shared) => shared.swap(torn, Ordering::Relaxed),
        }
    }
}

impl LineWriter {
    /// A writer to an output that ends inside a line if `torn`.
    pub(crate) const fn new(torn: bool) -> Self {
        LineWriter { torn: TornFlag::Own(torn), stalled: false }
    }

    /// A writer to the process's stderr. The stderr sink and the fallback each have one, under a lock of their own; either begins a new line
    /// after a line that the other could not finish.
    pub(crate) const fn stderr() -> Self {
        static TORN: AtomicBool = AtomicBool::new(false);
        LineWriter { torn: TornFlag::Shared(&TORN), stalled: false }
    }

    /// True if the last line was cut, so that the next one is preceded by a `\n`.
    pub(crate) fn is_torn(&self) -> bool {
        self.torn.get()
    }

    /// Writes `line`, which ends with `\n`, at the start of a line.
    ///
    /// An error leaves the output as it is; the next line starts on a line of its own. A line that is written but for its `\n` counts as
    /// written, since it can be read: the `\n` follows with the next line.
    ///
    /// # Errors
    ///
    /// The error of the writer; `WriteZero` if it takes nothing and returns no error.
    pub(crate) fn write(&mut self, to: &mut impl ByteWriter, line: &[u8]) -> io::Result<()> {
        self.write_batch(to, &mut Batch::of(line, &[line.len()]))
    }

    /// Writes the rest of `batch`, in one `write` if the writer takes it.
    ///
    /// `Ok` with lines left means that the `\n` of a line could not be written: the lines that are left are to be tried again.
    ///
    /// # Errors
    ///
    /// The error of the writer; `WriteZero` if it takes nothing and returns no error.
    pub(crate) fn write_batch(&mut self, to: &mut impl ByteWriter, batch: &mut Batch<'_>) -> io::Result<()> {
        // Torn until the result is known: a writer that panics may have taken anything.
        let was_torn = self.torn.replace(true);
        if was_torn {
            // Joined, so that this too is a single `write`. There is something to join only after an error.
            let joined = [b"\n", batch.rest()].concat();
            return self.push(to, &joined, 1, was_torn, batch);
        }
        let rest = batch.rest();
        self.push(to, rest, 0, was_torn, batch)
    }

    /// Writes `bytes`, which are `lead` bytes and then the rest of `batch`.
    fn push(
        &mut self,
        to: &mut impl ByteWriter,
        bytes: &[u8],
        lead: usize,
        was_torn: bool,
        batch: &mut Batch<'_>,
    ) -> io::Result<()> {
        let mut done = 0;
        let result = self.push_all(to, bytes, |taken| {
            // At once, so that the batch is right if the writer panics later.
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

    fn push_all(&mut self, to: &mut impl ByteWriter, bytes: &[u8], mut took: impl FnMut(usize)) -> io::Result<()> {
        let mut interruptions = 0;
        let mut deadline = None;
        let mut rest = bytes;
        while !rest.is_empty() {
            match to.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(taken) => {
                    // A writer that claims more than it was given has taken at least that.
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

#[cfg(test)]
mod tests;
