//! How long a record may be. A value of the program's may go on without end; it is refused more, and a marker says where it was cut.
//!
//! The bound is one number for the process, because values are rendered before a format is known (those of spans, and of owned records),
//! and because what it protects is the memory of the process.
//!
//! | what | how many bytes it may have |
//! |---|---|
//! | a line, without the names of its fields, and a few bytes for each marker | the bound |
//! | the texts of an owned record | the bound |
//! | the texts of one span | an eighth of the bound |
//! | the path of spans in a line | a quarter of the bound; the spans beyond it have their names only |
//! | the context in a line | any number: the program has given it once |
//!
//! A layout that writes spans or context last can have both beyond the bound of the line.

use std::fmt;

use crate::limits::MAX_RECORD_BYTES;
use crate::sync::{AtomicUsize, Ordering};

static BOUND: AtomicUsize = AtomicUsize::new(MAX_RECORD_BYTES);

/// Returns the most bytes that a record may have.
#[inline]
pub(crate) fn max_record_bytes() -> usize {
    #[cfg(test)]
    if let Some(bound) = tests::BOUND_OF_TEST.get() {
        return bound;
    }
    // Relaxed: no other data depends on the number.
    BOUND.load(Ordering::Relaxed)
}

/// Sets the most bytes that a record may have.
pub(crate) fn set_max_record_bytes(bytes: usize) {
    BOUND.store(bytes, Ordering::Relaxed);
}

/// Returns the most bytes that the texts of a span may have.
pub(crate) fn max_span_bytes() -> usize {
    max_record_bytes() / 8
}

/// Returns the most bytes that the path of spans in a line may have.
pub(crate) fn max_path_bytes() -> usize {
    max_record_bytes() / 4
}

/// The marker after the text of a value that was cut.
pub(crate) const CUT: &str = "<cut>";

/// What values of the program's are rendered into. It refuses text beyond the bound, and from then on all text.
pub(crate) trait ValueWriter: fmt::Write {
    /// Appends a marker of this crate's, which is not refused.
    fn push_marker(&mut self, marker: &str);

    /// True if text was refused.
    fn is_cut(&self) -> bool;
}

/// A text of bounded length.
#[derive(Debug)]
pub(crate) struct BoundedText {
    pub(crate) text: String,
    room: usize,
    is_cut: bool,
}

impl BoundedText {
    /// Makes an empty text that takes `room` bytes, apart from markers.
    pub(crate) fn new(room: usize) -> Self {
        BoundedText { text: String::new(), room, is_cut: false }
    }
}

impl fmt::Write for BoundedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let taken = if self.is_cut { "" } else { prefix(text, self.room) };
        self.text.push_str(taken);
        self.room -= taken.len();
        self.is_cut |= taken.len() < text.len();
        if self.is_cut { Err(fmt::Error) } else { Ok(()) }
    }
}

impl ValueWriter for BoundedText {
    fn push_marker(&mut self, marker: &str) {
        self.text.push_str(marker);
    }

    fn is_cut(&self) -> bool {
        self.is_cut
    }
}

/// A bound for what is written to another writer.
pub(crate) struct BoundedWriter<'a> {
    out: &'a mut dyn fmt::Write,
    room: usize,
    is_cut: bool,
}

impl<'a> BoundedWriter<'a> {
    /// Makes a writer that takes `room` bytes, apart from markers.
    pub(crate) fn new(out: &'a mut dyn fmt::Write, room: usize) -> Self {
        BoundedWriter { out, room, is_cut: false }
    }
}

impl fmt::Write for BoundedWriter<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let taken = if self.is_cut { "" } else { prefix(text, self.room) };
        self.room -= taken.len();
        self.is_cut |= taken.len() < text.len();
        self.out.write_str(taken)?;
        if self.is_cut { Err(fmt::Error) } else { Ok(()) }
    }
}

impl ValueWriter for BoundedWriter<'_> {
    fn push_marker(&mut self, marker: &str) {
        let _ = self.out.write_str(marker);
    }

    fn is_cut(&self) -> bool {
        self.is_cut
    }
}

/// A writer with a bound of its own.
#[derive(Debug)]
pub(crate) struct OwnBound<'a, W>(pub(crate) &'a mut W);

impl<W: fmt::Write> fmt::Write for OwnBound<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write_str(text)
    }
}

impl<W: fmt::Write> ValueWriter for OwnBound<'_, W> {
    fn push_marker(&mut self, marker: &str) {
        let _ = self.0.write_str(marker);
    }

    fn is_cut(&self) -> bool {
        false
    }
}

/// Returns the longest prefix of `text` that has at most `most` bytes.
pub(crate) fn prefix(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let mut end = most;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;
    use std::fmt::Write as _;

    use super::*;

    thread_local! {
        pub(super) static BOUND_OF_TEST: Cell<Option<usize>> = const { Cell::new(None) };
    }

    /// Calls `f` with another bound for this thread.
    pub(crate) fn with_bound<R>(bound: usize, f: impl FnOnce() -> R) -> R {
        BOUND_OF_TEST.set(Some(bound));
        let result = f();
        BOUND_OF_TEST.set(None);
        result
    }

    #[test]
    fn a_text_that_is_cut_takes_nothing_more() {
        let mut text = BoundedText::new(4);
        assert!(text.write_str("aé").is_ok() && !text.is_cut());
        assert!(text.write_str("é").is_err() && text.is_cut());
        assert!(text.write_str("b").is_err() && text.write_str("").is_err());
        text.push_marker(CUT);
        assert_eq!(text.text, "aé<cut>");
    }

    #[test]
    fn a_prefix_ends_between_two_characters() {
        assert_eq!(["aé", "é", "東京", ""].map(|text| prefix(text, 2)), ["a", "é", "", ""]);
    }
}
