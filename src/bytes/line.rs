//! One finished line, as an output takes it.

use std::borrow::Cow;
use std::fmt;

use tracing::Level;
#[cfg(feature = "fmt")]
use tracing::Metadata;

/// Holds the line of one record, and the record's level.
///
/// ```
/// use logscope::Level;
/// use logscope::sink::Line;
///
/// let line = Line::new(b"00:01.234567 WARN  uno app: slow\n", Level::WARN);
/// assert_eq!(line.text(), "00:01.234567 WARN  uno app: slow");
/// assert_eq!(line.level(), Level::WARN);
/// ```
///
/// The notices about missing records have a level too: WARN.
#[derive(Clone, Copy)]
pub struct Line<'a> {
    bytes: &'a [u8],
    level: Level,
    /// The metadata of the event, if it is known: not of a line that was in a queue.
    #[cfg(feature = "fmt")]
    metadata: Option<&'static Metadata<'static>>,
}

impl<'a> Line<'a> {
    /// Makes a line, as tests of an output do. The bytes are UTF-8 and end with `\n`.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8], level: Level) -> Self {
        Line {
            bytes,
            level,
            #[cfg(feature = "fmt")]
            metadata: None,
        }
    }

    /// Returns the bytes, with the `\n` at their end. In a format of several lines for each record, there are others before it.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the text, without the `\n` at its end.
    ///
    /// It is borrowed, unless an output has taken a part of the line (see [`Batch::lines`](crate::sink::Batch::lines)) and has stopped in the
    /// middle of a character. What is left of the character is then U+FFFD.
    #[must_use]
    pub fn text(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.bytes.strip_suffix(b"\n").unwrap_or(self.bytes))
    }

    /// Returns the level of the record.
    #[inline]
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// Returns the line, with the metadata of its event.
    #[cfg(feature = "fmt")]
    #[inline]
    pub(crate) fn of(self, metadata: Option<&'static Metadata<'static>>) -> Self {
        Line { metadata, ..self }
    }

    /// Returns the metadata of the event, if it is known.
    #[cfg(feature = "fmt")]
    pub(crate) fn metadata(&self) -> Option<&'static Metadata<'static>> {
        self.metadata
    }
}

impl PartialEq for Line<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.bytes, self.level) == (other.bytes, other.level)
    }
}

impl Eq for Line<'_> {}

impl fmt::Debug for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("text", &self.text()).field("level", &self.level).finish()
    }
}
