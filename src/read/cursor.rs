//! A position in a line that is being parsed.

use super::unescape::unescape;
use crate::error::{Error, ErrorKind};

/// Returns `line` without what other programs put around it: a byte order mark (U+FEFF) before it, and its end, `\n` or `\r\n`.
///
/// The formats escape both characters wherever a program logs them, so neither belongs to the record.
pub(super) fn trim_line(line: &str) -> &str {
    let line = line.strip_prefix('\u{feff}').unwrap_or(line);
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

/// A line, and how far it has been parsed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        Cursor { line, at: 0 }
    }

    /// Returns the unparsed rest of the line.
    pub(super) fn rest(&self) -> &'a str {
        &self.line[self.at..]
    }

    pub(super) fn is_done(&self) -> bool {
        self.at == self.line.len()
    }

    /// Takes the next `length` bytes.
    pub(super) fn take(&mut self, length: usize) -> &'a str {
        let taken = &self.rest()[..length];
        self.at += length;
        taken
    }

    /// Takes the characters, perhaps none, before the first one for which `belongs` is false.
    pub(super) fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        self.take(rest.find(|next| !belongs(next)).unwrap_or(rest.len()))
    }

    /// Takes the next `length` bytes, as a cursor of their own that still counts columns from the start of the line.
    pub(super) fn split(&mut self, length: usize) -> Cursor<'a> {
        let at = self.at;
        self.at += length;
        Cursor { line: &self.line[..self.at], at }
    }

    /// Takes `text` if it comes next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        if is_next {
            self.at += text.len();
        }
        is_next
    }

    /// Takes `text`, or fails if something else comes next.
    pub(super) fn expect(&mut self, text: &str) -> Result<(), Error> {
        if self.eat(text) { Ok(()) } else { Err(self.fail(&format!("`{text}`"))) }
    }

    /// Returns the error that names this column, what is `expected` here and what stands here instead.
    #[cold]
    pub(super) fn fail(&self, expected: &str) -> Error {
        const SHOWN: usize = 20;
        let column = self.line[..self.at].chars().count() + 1;
        let rest = self.rest();
        let found = match rest.char_indices().nth(SHOWN) {
            _ if rest.is_empty() => "the end of the line".to_owned(),
            None => format!("{rest:?}"),
            Some((end, _)) => format!("{:?}", format!("{}…", &rest[..end])),
        };
        Error::new(ErrorKind::Parse, format!("column {column}: expected {expected}, found {found}"))
    }

    /// Takes a text in double quotes.
    pub(super) fn quoted(&mut self) -> Result<String, Error> {
        self.expect("\"")?;
        let bytes = self.rest().as_bytes();
        let mut length = 0;
        while bytes.get(length).is_some_and(|byte| *byte != b'"') {
            length += if bytes[length] == b'\\' { 2 } else { 1 };
        }
        if length >= bytes.len() {
            self.at = self.line.len();
            return Err(self.fail("a closing `\"`"));
        }
        let text = self.split(length).unquoted()?;
        self.expect("\"")?;
        Ok(text)
    }

    /// Takes the rest of the line, as a text with escapes but without quotes.
    pub(super) fn unquoted(&mut self) -> Result<String, Error> {
        match unescape(self.rest()) {
            Ok(text) => {
                self.at = self.line.len();
                Ok(text.into_owned())
            }
            Err(offset) => {
                self.at += offset;
                Err(self.fail("an escape (`\\n`, `\\r`, `\\t`, `\\\\`, `\\\"`, `\\x1b` or `\\u{202e}`)"))
            }
        }
    }
}
