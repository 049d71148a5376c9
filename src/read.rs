//! Reading logs back: JSON Lines, as [`Format::json`](crate::Format::json) writes them, into [`RecordBuf`]s.
//!
//! ```
//! let log = r#"{"level":"INFO","fields":{"message":"linking"},"target":"linker","seq":1}
//! this line is no record
//! {"level":"WARN","fields":{"message":"slow"},"target":"linker","seq":2}
//! "#;
//! let (records, errors): (Vec<_>, Vec<_>) = logscope::read::json_lines(log.as_bytes()).partition(Result::is_ok);
//! assert_eq!(records.len(), 2);
//! assert!(errors[0].as_ref().is_err_and(|error| error.to_string().starts_with("line 2 is not a record")));
//! ```
//!
//! A line that is not a record is an error of its own, and reading goes on after it. So is one that is too long
//! ([`max_line_bytes`](JsonLines::max_line_bytes)), which is passed over without being kept. Blank lines are skipped: a writer
//! puts one in after a line that it could not finish.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::iter::FusedIterator;
use std::path::Path;

use crate::error::{Error, Kind};
use crate::format::parse_json_bytes;
use crate::record::RecordBuf;

/// How long a line may be, unless it is said otherwise.
const MAX_LINE_BYTES: usize = 16 << 20;

/// Reads the records of a log, line by line.
pub fn json_lines<R: BufRead>(reader: R) -> JsonLines<R> {
    JsonLines { reader, line: Vec::new(), number: 0, max_line_bytes: MAX_LINE_BYTES, ended: false }
}

/// Opens the log at `path` and reads its records, line by line.
///
/// # Errors
///
/// If the file cannot be opened ([`is_read`](Error::is_read)); the source is the `io::Error`.
pub fn json_file(path: impl AsRef<Path>) -> Result<JsonLines<BufReader<File>>, Error> {
    let path = path.as_ref();
    let file = File::open(path).map_err(|error| {
        Error::new(Kind::Read, format!("cannot open {} to read it: {error}", path.display())).with_source(error)
    })?;
    Ok(json_lines(BufReader::new(file)))
}

/// The records of a log, in its order: what [`json_lines`] and [`json_file`] give.
///
/// # Errors
///
/// An item is an error for a line that is not a record, or too long ([`is_parse`](Error::is_parse)); its text names the line and
/// what is wrong in it. If the reader fails ([`is_read`](Error::is_read)), that is the last item.
#[derive(Debug)]
#[must_use = "nothing is read until this is iterated"]
pub struct JsonLines<R> {
    reader: R,
    line: Vec<u8>,
    number: u64,
    max_line_bytes: usize,
    ended: bool,
}

/// What comes next in a log.
enum Next {
    /// A line, which is kept.
    Line,
    /// A line that is too long, which is passed over.
    TooLong,
    End,
}

impl<R: BufRead> JsonLines<R> {
    /// Sets how many bytes a line may have, its end apart: 16 MiB, unless set. No more than that is kept of a file that is no log
    /// and has no lines.
    ///
    /// ```
    /// let log = "{\"level\":\"INFO\"}\n{\"level\":\"INFO\",\"target\":\"too long\"}\n{\"level\":\"WARN\"}\n";
    /// let items: Vec<_> = logscope::read::json_lines(log.as_bytes()).max_line_bytes(20).collect();
    /// assert!(items[0].is_ok() && items[2].is_ok());
    /// assert!(items[1].as_ref().is_err_and(|error| error.to_string().contains("longer than 20 bytes")));
    /// ```
    pub fn max_line_bytes(mut self, bytes: usize) -> Self {
        self.max_line_bytes = bytes;
        self
    }

    /// Reads the next line that is not blank into `self.line`.
    fn advance(&mut self) -> Result<Next, Error> {
        loop {
            self.number += 1;
            let next = self.read_line().map_err(|error| {
                let message = format!("reading the log failed in line {}: {error}", self.number);
                Error::new(Kind::Read, message).with_source(error)
            })?;
            match next {
                Next::Line if self.line.trim_ascii().is_empty() => {}
                next => return Ok(next),
            }
        }
    }

    fn read_line(&mut self) -> io::Result<Next> {
        self.line.clear();
        // One more, for the end of the line.
        let most = u64::try_from(self.max_line_bytes).unwrap_or(u64::MAX).saturating_add(1);
        let read = self.reader.by_ref().take(most).read_until(b'\n', &mut self.line)?;
        if read > self.max_line_bytes && !self.line.ends_with(b"\n") {
            self.reader.skip_until(b'\n')?;
            return Ok(Next::TooLong);
        }
        Ok(if read == 0 { Next::End } else { Next::Line })
    }

    #[cold]
    fn too_long(&self) -> Error {
        let (number, most) = (self.number, self.max_line_bytes);
        Error::new(
            Kind::Parse,
            format!("line {number} is not a record: it is longer than {most} bytes; see JsonLines::max_line_bytes"),
        )
    }

    fn parse(&self) -> Result<RecordBuf, Error> {
        parse_json_bytes(self.line.trim_ascii()).map_err(|what| {
            let cut =
                if self.line.ends_with(b"\n") { "" } else { "; the line has no end: the log may have been cut here" };
            Error::new(Kind::Parse, format!("line {} is not a record: {what}{cut}", self.number))
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
            Ok(Next::Line) => Some(self.parse()),
            Ok(Next::TooLong) => Some(Err(self.too_long())),
            Ok(Next::End) => {
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
mod tests {
    use std::io::{self, Read};

    use super::*;

    const LINE: &str = r#"{"level":"INFO","fields":{"message":"m"},"target":"t"}"#;

    fn read(log: &[u8]) -> Vec<Result<String, String>> {
        let text = |item: Result<RecordBuf, Error>| match item {
            Ok(record) => Ok(record.message),
            Err(error) => {
                assert!(error.is_parse());
                Err(error.to_string())
            }
        };
        json_lines(log).map(text).collect()
    }

    #[test]
    fn reading_goes_on_after_a_bad_line_and_names_it() {
        let log = format!("{LINE}\r\n\n  \n{{\"level\":\"LOUD\"}}\n{LINE}\n\u{0}\n{LINE}");
        let items = read(log.as_bytes());
        assert_eq!(items.len(), 5);
        assert_eq!((&items[0], &items[2], &items[4]), (&Ok("m".into()), &Ok("m".into()), &Ok("m".into())));
        let loud = items[1].as_ref().unwrap_err();
        assert_eq!(
            loud,
            "line 4 is not a record: unknown variant `LOUD`, expected one of `ERROR`, `WARN`, `INFO`, `DEBUG`, `TRACE` \
             (column 16)"
        );
        assert!(items[3].as_ref().unwrap_err().starts_with("line 6 is not a record: expected value (column 1)"));
    }

    #[test]
    fn a_cut_line_and_bytes_that_are_no_text_are_told() {
        let items = read(&LINE.as_bytes()[..20]);
        assert!(items[0].as_ref().unwrap_err().ends_with("; the line has no end: the log may have been cut here"));
        let items = read(b"{\"level\":\"INFO\",\"target\":\"\xff\"}\n");
        assert!(items[0].as_ref().unwrap_err().starts_with("line 1 is not a record: "), "{items:?}");
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_without_being_kept() {
        let exact = LINE.len();
        let log = format!("{LINE}\n{LINE} \n{}\n{LINE}", "x".repeat(3 * exact));
        let mut lines = json_lines(BufReader::with_capacity(7, log.as_bytes())).max_line_bytes(exact);
        let items: Vec<_> =
            lines.by_ref().map(|item| item.map_err(|error| (error.is_parse(), error.to_string()))).collect();
        assert_eq!(items.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false, true]);
        let (is_parse, text) = items[2].as_ref().unwrap_err();
        assert!(
            *is_parse && text.starts_with(&format!("line 3 is not a record: it is longer than {exact} bytes")),
            "{text}"
        );

        // Many times more than that, without a line.
        let endless = BufReader::new(io::repeat(0).take(64 << 20)).chain(LINE.as_bytes());
        let mut lines = json_lines(endless).max_line_bytes(1_000);
        assert!(lines.next().is_some_and(|item| item.is_err()) && lines.next().is_none());
        assert!(lines.line.capacity() < 10_000);
    }

    #[test]
    fn a_record_of_many_fields_is_read_in_linear_time() {
        let line = |last: &str| {
            let fields = (0..200_000).map(|number| format!("\"a long name for field {number}\":1,"));
            format!("{{\"level\":\"INFO\",\"fields\":{{{}\"{last}\":1}}}}", fields.collect::<String>())
        };
        let started = std::time::Instant::now();
        let record = RecordBuf::parse_json(&line("z")).unwrap();
        assert_eq!(record.fields.len(), 200_001);
        assert_eq!(RecordBuf::parse_json(&serde_json::to_string(&record).unwrap()).unwrap(), record);
        for twice in ["a long name for field 3", "a long name for field 199999"] {
            let error = RecordBuf::parse_json(&line(twice)).unwrap_err().to_string();
            assert!(error.contains(&format!("the field `{twice}` is there twice")), "{error}");
        }
        // A comparison with each name before takes minutes.
        assert!(started.elapsed() < std::time::Duration::from_secs(30));
    }

    #[test]
    fn a_reader_that_fails_is_the_end() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("unplugged"))
            }
        }
        let log = format!("{LINE}\n");
        let mut items = json_lines(BufReader::new(log.as_bytes().chain(Fails)));
        assert!(items.next().unwrap().is_ok());
        let error = items.next().unwrap().unwrap_err();
        assert!(error.is_read());
        assert_eq!(error.to_string(), "reading the log failed in line 2: unplugged");
        assert!(items.next().is_none());
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error_with_its_path() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("none.jsonl");
        let error = json_file(&path).unwrap_err();
        assert!(error.is_read() && error.to_string().contains("none.jsonl"));
        std::fs::write(&path, format!("{LINE}\n")).unwrap();
        assert_eq!(json_file(&path).unwrap().count(), 1);
    }
}
