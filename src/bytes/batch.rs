//! The lines of several records in one piece, so that an output can write them with one call.

use std::fmt;
use std::panic::RefUnwindSafe;

use tracing::Level;

use super::Line;

/// Holds the lines of several records, which a queued sink writes to its output together.
///
/// ```
/// use std::io::{self, Write as _};
/// use std::sync::Mutex;
/// use logscope::sink::{Batch, Line, Output};
///
/// struct Shared(Mutex<Vec<u8>>);
///
/// impl Output for Shared {
///     fn write(&self, line: Line<'_>) -> io::Result<()> {
///         self.0.lock().unwrap().write_all(line.bytes())
///     }
///
///     fn write_batch(&self, batch: &mut Batch<'_>) -> io::Result<()> {
///         let mut all = self.0.lock().unwrap();
///         while !batch.rest().is_empty() {
///             let taken = all.write(batch.rest())?; // all lines with one call
///             batch.advance(taken);
///         }
///         Ok(())
///     }
/// }
/// ```
///
/// Each line is as [`Output::write`](crate::sink::Output::write) takes it, and they follow one another.
///
/// The output says with [`advance`](Batch::advance) how many bytes it has taken. This, and not the return value, decides which records count
/// as written, so an error or a panic in the middle leaves no doubt: a line of which the output has taken only a part has failed, and the
/// lines after it are tried again. An output must not return `Ok(())` in the middle of a line.
pub struct Batch<'a> {
    bytes: &'a [u8],
    /// The end of each line, in bytes from the start of `bytes`.
    ends: &'a [usize],
    /// How many bytes the output has taken.
    done: usize,
    /// How many lines end at or before `done`.
    lines_done: usize,
    levels: Levels<'a>,
    observer: Option<&'a dyn TakenObserver>,
}

/// Where the levels of the lines stand.
#[derive(Clone, Copy)]
enum Levels<'a> {
    /// All lines have this one.
    Same(Level),
    /// One for each line.
    Listed(&'a [Level]),
    /// The observer knows them.
    Observer(&'a dyn TakenObserver),
}

impl Levels<'_> {
    fn of(self, line: usize) -> Level {
        match self {
            Levels::Same(level) => level,
            Levels::Listed(levels) => levels[line],
            Levels::Observer(observer) => observer.level(line),
        }
    }
}

/// Learns what an output takes of a batch while it takes it.
pub(crate) trait TakenObserver: Sync + RefUnwindSafe {
    /// The output has taken some bytes, and so far `lines` lines of the batch, whole. It may hold its locks. A part of a batch that was cut
    /// off (see `within`) and the batch itself can both report the same lines.
    fn taken(&self, lines: usize);

    /// Returns the level of the batch's line `line`.
    fn level(&self, line: usize) -> Level;
}

impl<'a> Batch<'a> {
    /// Makes a batch of the lines in `bytes`, which end at `ends`.
    ///
    /// ```
    /// use logscope::Level;
    /// use logscope::sink::Batch;
    ///
    /// let batch = Batch::new(b"one\ntwo\n", &[4, 8], &[Level::INFO, Level::WARN]);
    /// let levels: Vec<Level> = batch.lines().map(|line| line.level()).collect();
    /// assert_eq!(levels, [Level::INFO, Level::WARN]);
    /// ```
    ///
    /// The ends are in bytes from the start of `bytes`; each line has a level. Tests of an output make batches, and outputs that pass a part of a batch on to another
    /// output.
    ///
    /// # Panics
    ///
    /// If the ends are not sorted, the last one is not the length of `bytes`, or there is not one level for each line.
    #[must_use]
    pub fn new(bytes: &'a [u8], ends: &'a [usize], levels: &'a [Level]) -> Self {
        assert!(ends.is_sorted(), "the ends of the lines are not in order");
        assert_eq!(ends.last().copied().unwrap_or(0), bytes.len(), "the last line does not end with the batch");
        assert_eq!(ends.len(), levels.len(), "there is not one level for each line");
        Batch { bytes, ends, done: 0, lines_done: 0, levels: Levels::Listed(levels), observer: None }
    }

    /// Makes a batch of one line, which ends at `end`, its length.
    #[inline]
    pub(crate) fn one(line: Line<'a>, end: &'a [usize; 1]) -> Self {
        Batch {
            bytes: line.bytes(),
            ends: end,
            done: 0,
            lines_done: 0,
            levels: Levels::Same(line.level()),
            observer: None,
        }
    }

    /// Makes a batch of which the output has taken the first `lines` lines already. Reports to `observer` what it takes from now on, and asks it
    /// for the levels.
    pub(crate) fn after(bytes: &'a [u8], ends: &'a [usize], lines: usize, observer: &'a dyn TakenObserver) -> Self {
        let done = lines.checked_sub(1).map_or(0, |last| ends[last]);
        Batch { bytes, ends, done, lines_done: lines, levels: Levels::Observer(observer), observer: Some(observer) }
    }

    /// Returns the bytes that the output has not taken yet, in one piece.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.done..]
    }

    /// Returns the lines that the output has not taken yet. If it has taken a part of the first line, that line is only the rest of it.
    pub fn lines(&self) -> impl Iterator<Item = Line<'a>> + use<'a> {
        let (bytes, levels, mut start) = (self.bytes, self.levels, self.done);
        self.ends.iter().enumerate().skip(self.lines_done).map(move |(number, end)| {
            let line = Line::new(&bytes[start..*end], levels.of(number));
            start = *end;
            line
        })
    }

    /// Records that the output has taken `bytes` more bytes. More bytes than are left count as all that are left.
    pub fn advance(&mut self, bytes: usize) {
        self.done = self.done.saturating_add(bytes).min(self.bytes.len());
        self.lines_done += self.ends[self.lines_done..].iter().take_while(|end| **end <= self.done).count();
        if bytes > 0
            && let Some(observer) = self.observer
        {
            observer.taken(self.lines_done);
        }
    }

    /// Returns a batch of the lines that end within the next `bytes` bytes.
    #[cfg(any(feature = "file", test))]
    pub(crate) fn within(&self, bytes: u64) -> Batch<'a> {
        let end = self.done.saturating_add(usize::try_from(bytes).unwrap_or(usize::MAX));
        let lines = self.ends[self.lines_done..].iter().take_while(|line| **line <= end).count();
        self.until(self.lines_done + lines)
    }

    /// Returns a batch of the rest of the first line that is not taken.
    #[cfg(any(feature = "file", test))]
    pub(crate) fn first(&self) -> Batch<'a> {
        self.until((self.lines_done + 1).min(self.ends.len()))
    }

    /// Returns the same batch, cut after its first `lines` lines.
    #[cfg(any(feature = "file", test))]
    fn until(&self, lines: usize) -> Batch<'a> {
        let end = lines.checked_sub(1).map_or(0, |last| self.ends[last]);
        Batch { bytes: &self.bytes[..end.max(self.done)], ends: &self.ends[..lines], ..*self }
    }

    /// Returns how many lines the output has taken whole.
    pub(crate) fn lines_done(&self) -> usize {
        self.lines_done
    }

    /// True if the output has taken a part of the next line.
    pub(crate) fn is_inside_a_line(&self) -> bool {
        self.done > self.lines_done.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    /// True if the output has taken all of the next line but its `\n`.
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
    fn lines_returns_what_is_left() {
        let levels = [Level::INFO, Level::WARN, Level::ERROR];
        let mut batch = Batch::new(b"one\ntwo\nthree\n", &[4, 8, 14], &levels);
        let lines = |batch: &Batch<'_>| -> Vec<(String, Level)> {
            batch.lines().map(|line| (String::from_utf8_lossy(line.bytes()).into_owned(), line.level())).collect()
        };
        let expected = |texts: &[&str]| -> Vec<(String, Level)> {
            let levels = &levels[3 - texts.len()..];
            texts.iter().zip(levels).map(|(text, level)| (text.to_string(), *level)).collect()
        };
        assert_eq!(lines(&batch), expected(&["one\n", "two\n", "three\n"]));
        assert!(!batch.lacks_only_line_end(), "the output has taken no line yet");
        batch.advance(3);
        assert_eq!(batch.lines_done(), 0);
        assert!(batch.lacks_only_line_end());
        assert_eq!(lines(&batch), expected(&["\n", "two\n", "three\n"]));
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
