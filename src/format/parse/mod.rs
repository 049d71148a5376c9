//! Text and logfmt, back into records.
//!
//! Both read what the formats of this crate write, and say of anything else in which column it departs from that.

mod cursor;
mod logfmt;
#[cfg(test)]
mod round_trip;
mod text;
mod value;

use crate::error::Error;
use crate::record::RecordBuf;

impl RecordBuf {
    /// Reads back one line of [`Format::text`](crate::Format::text), with or without its end of line, with or without
    /// colour.
    ///
    /// The line has the level, the context, the spans and the target, as it does unless the format's options say
    /// otherwise; the wall-clock time, the elapsed time, the number and the thread are read where they are there. A
    /// source location is not told from the beginning of a message. The continuation lines of a multi-line message may
    /// follow.
    ///
    /// Everything is read as it was logged, with two exceptions, which are the price of a message without quotes: a
    /// message that itself ends in ` key=value` gives that as a field, and bytes, errors and `Debug` values are their
    /// text.
    ///
    /// ```
    /// use logscope::{RecordBuf, Value};
    ///
    /// let record = RecordBuf::parse_text("00:01.234567 INFO  uno build{n=1}:link linker: linking main.o size=12")?;
    /// assert_eq!(record.message, "linking main.o");
    /// assert_eq!(record.target, "linker");
    /// assert_eq!(record.spans[1].name, "link");
    /// assert_eq!(record.field("size"), Some(&Value::from(12)));
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the line is not of this form ([`Error::is_parse`]); the error names the column, and what should stand there.
    pub fn parse_text(line: &str) -> Result<Self, Error> {
        text::parse(line)
    }

    /// Reads back one line of [`Format::logfmt`](crate::Format::logfmt), with or without its end of line.
    ///
    /// Everything that the line states is read as it was logged; bytes, errors and `Debug` values are their text, and
    /// so is a list in a context's field, unless its name has `.sources` in it. Lines of other programs are read too,
    /// as long as they have a `level`.
    ///
    /// ```
    /// use logscope::RecordBuf;
    ///
    /// let record = RecordBuf::parse_logfmt(r#"level=warn context=uno target=linker msg="no symbols" field.level=3"#)?;
    /// assert_eq!(record.message, "no symbols");
    /// assert_eq!(record.fields, [("level".to_owned(), 3.into())]);
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the line is not of this form ([`Error::is_parse`]); the error names the column, and what should stand there.
    pub fn parse_logfmt(line: &str) -> Result<Self, Error> {
        logfmt::parse(line)
    }
}
