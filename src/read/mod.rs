//! Reads logs back: JSON Lines, as [`Format::json`] writes them, into [`RecordBuf`]s.
//!
//! ```
//! # #[cfg(feature = "serde")] {
//! let log = r#"{"level":"INFO","fields":{"message":"linking"},"target":"linker","seq":1}
//! this line is no record
//! {"level":"WARN","fields":{"message":"slow"},"target":"linker","seq":2}
//! "#;
//! let (records, errors): (Vec<_>, Vec<_>) = logscope::read::json_lines(log.as_bytes()).partition(Result::is_ok);
//! assert_eq!(records.len(), 2);
//! assert!(errors[0].as_ref().is_err_and(|error| error.to_string().starts_with("line 2 is not a record")));
//! # }
//! ```
//!
//! A line that is not a record gives an error, and reading goes on with the next line. A line longer than
//! [`max_line_bytes`](JsonLines::max_line_bytes) gives an error too, and is skipped without being held in memory. Blank lines are
//! skipped: a writer starts a new line after a line that it could not finish.
//!
//! [`Format::parse`] reads a single line of any format that can be read back.

// What lives here: one parser for each layout that can be read back, `json/`, `text` and `logfmt`, which do not import one
// another. `plain` reads the notation of values and spans that text and logfmt share; `cursor`, `time` and `unescape` are the
// tools of all. Without the feature `serde` the module is private, and only text and logfmt are read.
//
// Imports: `error`, `record`, and of `format` what a writer and its reader must agree on (which characters stand without
// quotes, which names are reserved). How lines are written stands in `format`; `RecordBuf` itself in `record`.

#[cfg(test)]
pub(crate) mod cpu_time;
mod cursor;
#[cfg(feature = "serde")]
mod json;
mod logfmt;
mod plain;
#[cfg(test)]
mod round_trip;
mod text;
mod time;
mod unescape;

#[cfg(feature = "serde")]
pub use json::{JsonLines, json_file, json_lines};

use crate::error::{Error, ErrorKind};
use crate::format::{Format, Notation};
use crate::record::RecordBuf;

impl Format {
    /// Parses a line of this format: of [`text`](Format::text), [`json`](Format::json) or [`logfmt`](Format::logfmt), with any options but
    /// [`timer`](Format::timer).
    ///
    /// ```
    /// use logscope::Format;
    ///
    /// let format = Format::text().target(false).location(true);
    /// let record = format.parse("00:01.234567 INFO  uno build{n=1}: src/link.rs:12: linking main.o size=12")?;
    /// assert_eq!((record.message.as_str(), record.line), ("linking main.o", Some(12)));
    /// assert_eq!(record.spans[0].name, "build");
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// [`RecordBuf::parse_text`] and its companions read lines without a format; of text, only those with a context and a target.
    ///
    /// What text hides is missing in the record: its target is empty, and its context `None`. A message without quotes is ambiguous in three
    /// cases:
    ///
    /// - If fields are shown, one that ends in ` key=value` gives a field `key`.
    /// - If the source location is shown and the record has none, as a notice, one that begins with `word:12:` gives a file and a line.
    /// - If neither the context nor the target is shown, one that begins with a word and a colon gives a span, outside every span.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Parse`] if the line is not of this format, if lines of this format are for people only, or if they are JSON and the feature
    /// `serde` is off.
    pub fn parse(&self, line: &str) -> Result<RecordBuf, Error> {
        match self.notation() {
            Some(Notation::Text(parts)) => text::parse(line, parts),
            Some(Notation::Logfmt) => RecordBuf::parse_logfmt(line),
            #[cfg(feature = "serde")]
            Some(Notation::Json) => RecordBuf::parse_json(line),
            #[cfg(not(feature = "serde"))]
            Some(Notation::Json) => {
                Err(Error::new(ErrorKind::Parse, "lines of JSON are read with the feature `serde` of logscope"))
            }
            None => {
                let reason = format!(
                    "lines of the format {self} are for people only; those of text without a timer, json and logfmt can be read back"
                );
                Err(Error::new(ErrorKind::Parse, reason))
            }
        }
    }
}
