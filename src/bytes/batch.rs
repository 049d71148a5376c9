//! Several records' lines in one piece, for outputs that take them in one call.

use std::fmt;

/// Lines of records that go to an output together, from a queue: each as [`Output::write`](crate::sink::Output::write) takes it,
/// one behind the other.
///
/// An output that is given a batch says how far it has come with [`advance`](Batch::advance). That, and not what it returns, decides
/// which records count as written, so that an error or a panic in the middle leaves no doubt: a line that it has come into but not
/// through has failed, and those behind it are tried again. An output that has come into a line must not say that all is well before it
/// is through.
///
/// ```
/// use std::io::{self, Write as _};
/// use std::sync::Mutex;
/// use logscope::sink::{Batch, Output};
///
/// struct Shared(Mutex<Vec<u8>>);
///
/// impl Output for Shared {
///     fn write(&self, line: &[u8]) -> io::Result<()> {
///         self.0.lock().unwrap().write_all(line)
///     }
///
///     fn write_batch(&self, batch: &mut Batch<'_>) -> io::Result<()> {
///         let mut all = self.0.lock().unwrap();
///         while !batch.rest().is_empty() {
///             let taken = all.write(batch.rest())?; // as many lines as there are in one call
///             batch.advance(taken);
///         }
///         Ok(())
///     }
/// }
/// ```
pub struct Batch<'a> {
    bytes: &'a [u8],
    /// Where each line ends.
    ends: &'a [usize],
    /// How many bytes are taken.
    done: usize,
    /// How many lines end at or before `done`.
    lines_done: usize,
}

impl<'a> Batch<'a> {
    /// The lines in `bytes`, each of which ends where `ends` says, the last one with `bytes`: for a test of an output, or one that passes
    /// a part of a batch on to another.
    ///
    /// # Panics
    ///
    /// If the ends are not in order, or the last one is not that of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8], ends: &'a [usize]) -> Self {
        assert!(ends.is_sorted(), "the ends of the lines are not in order");
        assert_eq!(ends.last().copied().unwrap_or(0), bytes.len(), "the last line does not end with the batch");
        Batch::of(bytes, ends)
    }

    /// The same, where that is known.
    #[inline]
    pub(crate) fn of(bytes: &'a [u8], ends: &'a [usize]) -> Self {
        Batch { bytes, ends, done: 0, lines_done: 0 }
    }

    /// The same, of which so many lines are taken already.
    pub(crate) fn after(bytes: &'a [u8], ends: &'a [usize], lines: usize) -> Self {
        let done = lines.checked_sub(1).map_or(0, |last| ends[last]);
        Batch { done, lines_done: lines, ..Batch::of(bytes, ends) }
    }

    /// What is not yet taken, in one piece.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.done..]
    }

    /// The lines that are not yet taken; of the first, what is left.
    pub fn lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (bytes, mut start) = (self.bytes, self.done);
        self.ends[self.lines_done..].iter().map(move |end| {
            let line = &bytes[start..*end];
            start = *end;
            line
        })
    }

    /// Says that the output has taken so many bytes more; more than there are is all that there are.
    pub fn advance(&mut self, bytes: usize) {
        self.done = self.done.saturating_add(bytes).min(self.bytes.len());
        self.lines_done += self.ends[self.lines_done..].iter().take_while(|end| **end <= self.done).count();
    }

    /// What is left of the lines that end within the next `bytes` bytes.
    pub(crate) fn within(&self, bytes: u64) -> Batch<'a> {
        let end = self.done.saturating_add(usize::try_from(bytes).unwrap_or(usize::MAX));
        let lines = self.ends[self.lines_done..].iter().take_while(|line| **line <= end).count();
        self.until(self.lines_done + lines)
    }

    /// What is left of the first line.
    pub(crate) fn first(&self) -> Batch<'a> {
        self.until((self.lines_done + 1).min(self.ends.len()))
    }

    /// The same batch, as if it had only so many lines.
    fn until(&self, lines: usize) -> Batch<'a> {
        let end = lines.checked_sub(1).map_or(0, |last| self.ends[last]);
        Batch { bytes: &self.bytes[..end.max(self.done)], ends: &self.ends[..lines], ..*self }
    }

    /// How many lines have been taken whole.
    pub(crate) fn lines_done(&self) -> usize {
        self.lines_done
    }

    /// True if the output has come into the next line.
    pub(crate) fn is_inside_a_line(&self) -> bool {
        self.done > self.lines_done.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    /// True if the output has come into the next line, and only the `\n` of that is left.
    pub(crate) fn lacks_only_line_end(&self) -> bool {
        let start = self.lines_done.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.ends
            .get(self.lines_done)
            .is_some_and(|end| self.done > start && *end == self.done + 1 && self.bytes.get(self.done) == Some(&b'\n'))
    }
}

impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("bytes", &self.bytes.len())
            .field("lines", &self.ends.len())
            .field("bytes_done", &self.done)
            .field("lines_done", &self.lines_done)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_that_are_left() {
        let mut batch = Batch::new(b"one\ntwo\nthree\n", &[4, 8, 14]);
        assert!(batch.lines().eq([&b"one\n"[..], b"two\n", b"three\n"]));
        assert!(!batch.lacks_only_line_end(), "it is at the start of a line");
        batch.advance(3);
        assert_eq!(batch.lines_done(), 0);
        assert!(batch.lacks_only_line_end());
        assert!(batch.lines().eq([&b"\n"[..], b"two\n", b"three\n"]));
        batch.advance(2);
        assert_eq!((batch.lines_done(), batch.rest()), (1, &b"wo\nthree\n"[..]));
        assert!(!batch.lacks_only_line_end());
        assert_eq!(batch.first().rest(), b"wo\n");
        for (room, fitting) in
            [(0, &b""[..]), (2, b""), (3, b"wo\n"), (8, b"wo\n"), (9, b"wo\nthree\n"), (u64::MAX, b"wo\nthree\n")]
        {
            assert_eq!(batch.within(room).rest(), fitting, "{room}");
        }
        batch.advance(usize::MAX);
        assert_eq!((batch.within(9).rest(), batch.first().rest()), (&b""[..], &b""[..]));
        assert_eq!((batch.lines_done(), batch.rest()), (3, &b""[..]));
        assert!(!batch.lacks_only_line_end() && batch.lines().next().is_none());
    }
}
