//! Parses one line of JSON.

use crate::error::{Error, ErrorKind};
use crate::format::escape::shown;
use crate::record::RecordBuf;

impl RecordBuf {
    /// Parses one line of [`Format::json`](crate::Format::json).
    ///
    /// ```
    /// let line = r#"{"level":"WARN","fields":{"message":"slow","ms":12},"target":"linker"}"#;
    /// let record = logscope::RecordBuf::parse_json(line)?;
    /// assert_eq!(record.message, "slow");
    /// assert_eq!(record.field("ms").and_then(|value| value.as_u64()), Some(12));
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// Only the level is required; unknown keys are ignored. The line may have its end (`\n` or `\r\n`), and a byte order mark.
    ///
    /// # Errors
    ///
    /// If the line is not such an object ([`ErrorKind::Parse`]). The error names the column, and what is wrong there.
    #[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
    pub fn parse_json(line: &str) -> Result<RecordBuf, Error> {
        parse_bytes(line.as_bytes())
            .map_err(|what| Error::new(ErrorKind::Parse, format!("not a record in JSON: {what}")))
    }
}

/// Parses one line. An error says what is wrong, and in which column.
pub(super) fn parse_bytes(line: &[u8]) -> Result<RecordBuf, String> {
    // The encoding of U+FEFF, which some editors put before the text of a file.
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    serde_json::from_slice(line)
        .map_err(|error| {
            let (text, column) = (error.to_string(), error.column());
            match text.strip_suffix(&format!(" at line {} column {column}", error.line())) {
                Some(what) => format!("{what} (column {column})"),
                None => text,
            }
        })
        // The error may name what stands there instead, which can be anything.
        .map_err(|what| shown(&what))
}
