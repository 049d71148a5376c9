//! Reads a whole log, line by line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::iter::FusedIterator;
use std::path::Path;

use super::parse::parse_bytes;
use crate::error::{Error, ErrorKind};
use crate::format::escape::shown;
use crate::record::RecordBuf;

/// The default of [`JsonLines::max_line_bytes`].
const MAX_LINE_BYTES: usize = 16 << 20;

/// Reads the records of a log, line by line.
pub fn json_lines<R: BufRead>(reader: R) -> JsonLines<R> {
    JsonLines { reader, line: Vec::new(), number: 0, max_line_bytes: MAX_LINE_BYTES, ended: false }
}

/// Opens the log at `path` and reads its records, line by line.
///
/// # Errors
///
/// If the file cannot be opened ([`ErrorKind::Read`]); the source is the `io::Error`.
pub fn json_file(path: impl AsRef<Path>) -> Result<JsonLines<BufReader<File>>, Error> {
    let path = path.as_ref();
    let file = File::open(path).map_err(|error| {
        let message = format!("cannot open {} to read it", path.display());
        Error::new(ErrorKind::Read, shown(&message)).with_source(error)
    })?;
    Ok(json_lines(BufReader::new(file)))
}

/// Iterates over the records of a log, in its order; made by [`json_lines`] and [`json_file`].
///
/// # Errors
///
/// An item is an error if its line is not a record, or is too long ([`ErrorKind::Parse`]); the error names the line,
/// and what is wrong in it. If the reader fails ([`ErrorKind::Read`]), its error is the last item.
#[derive(Debug)]
#[must_use = "nothing is read until this is iterated"]
pub struct JsonLines<R> {
    reader: R,
    line: Vec<u8>,
    number: u64,
    max_line_bytes: usize,
    ended: bool,
}

/// The result of reading one line.
enum LineRead {
    /// A line, which is in [`JsonLines::line`].
    Line,
    /// A line that is too long; the reader is at its end.
    TooLong,
    /// The end of the log.
    End,
}

impl<R: BufRead> JsonLines<R> {
    /// Sets the most bytes that a line may have, without its end: 16 MiB, unless set.
    ///
    /// ```
    /// let log = "{\"level\":\"INFO\"}\n{\"level\":\"INFO\",\"target\":\"too long\"}\n{\"level\":\"WARN\"}\n";
    /// let items: Vec<_> = logscope::read::json_lines(log.as_bytes()).max_line_bytes(20).collect();
    /// assert!(items[0].is_ok() && items[2].is_ok());
    /// assert!(items[1].as_ref().is_err_and(|error| error.to_string().contains("longer than 20 bytes")));
    /// ```
    ///
    /// This bounds the memory for reading a file that is no log and has no line ends.
    pub fn max_line_bytes(mut self, bytes: usize) -> Self {
        self.max_line_bytes = bytes;
        self
    }

    /// Reads the next line that is not blank into `self.line`.
    fn advance(&mut self) -> Result<LineRead, Error> {
        loop {
            self.number += 1;
            let next = self.read_line().map_err(|error| {
                let message = format!("reading the log failed in line {}", self.number);
                Error::new(ErrorKind::Read, message).with_source(error)
            })?;
            match next {
                LineRead::Line if self.line.trim_ascii().is_empty() => {}
                next => return Ok(next),
            }
        }
    }

    fn read_line(&mut self) -> io::Result<LineRead> {
        self.line.clear();
        // Two bytes more, for the end of the line.
        let most = u64::try_from(self.max_line_bytes).unwrap_or(u64::MAX).saturating_add(2);
        let read = self.reader.by_ref().take(most).read_until(b'\n', &mut self.line)?;
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        if line.strip_suffix(b"\r").unwrap_or(line).len() > self.max_line_bytes {
            if !self.line.ends_with(b"\n") {
                self.reader.skip_until(b'\n')?;
            }
            return Ok(LineRead::TooLong);
        }
        Ok(if read == 0 { LineRead::End } else { LineRead::Line })
    }

    #[cold]
    fn too_long(&self) -> Error {
        let (number, most) = (self.number, self.max_line_bytes);
        Error::new(
            ErrorKind::Parse,
            format!("line {number} is not a record: it is longer than {most} bytes; see JsonLines::max_line_bytes"),
        )
    }

    fn parse(&self) -> Result<RecordBuf, Error> {
        parse_bytes(self.line.trim_ascii()).map_err(|what| {
            let cut =
                if self.line.ends_with(b"\n") { "" } else { "; the line has no end: the log may have been cut here" };
            Error::new(ErrorKind::Parse, format!("line {} is not a record: {what}{cut}", self.number))
        })
    }
}

impl<R: BufRead> Iterator for JsonLines<R> {
    type Item = Result<RecordBuf, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        match self.advance() {
            Ok(LineRead::Line) => Some(self.parse()),
            Ok(LineRead::TooLong) => Some(Err(self.too_long())),
            Ok(LineRead::End) => {
                self.ended = true;
                None
            }
            Err(error) => {
                self.ended = true;
                Some(Err(error))
            }
        }
    }
}

impl<R: BufRead> FusedIterator for JsonLines<R> {}

#[cfg(test)]
mod tests;
