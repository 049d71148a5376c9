//! Parses lines of [`Format::text`](crate::Format::text). How they are written stands in `format/text/`.
//!
//! ```text
//! line    = [ timestamp " " ] [ elapsed " " ] [ "#" seq " " ] [ "[" name [ " " id ] "]" " " ]
//!           level context " " [ path " " ] target ":" [ " " location ":" ] [ " " [ message ] *( " " field ) ]
//! context = braced
//! ```
//!
//! Context, target, location and fields may be hidden by the options of the format, which the parser is told. Without a target, the colon
//! follows the context and the path, if one of them is there.
//!
//! The message has no quotes, so its end must be searched for: the fields are the longest tail of the line that parses as
//! fields from its first character to its last.

use std::borrow::Cow;

use tracing::Level;

use super::cursor::{Cursor, trim_line};
use super::plain::{braced_fields, field, path, text};
use super::time::{parse_elapsed, parse_rfc3339, parse_seconds};
use crate::error::Error;
use crate::format::TextParts;
use crate::format::escape::is_escaped;
use crate::format::quote::{is_bare_char, is_plain_name_char};
use crate::record::{ContextBuf, RecordBuf, SpanBuf};

impl RecordBuf {
    /// Parses one line of [`Format::text`](crate::Format::text), with or without its end of line (`\n` or `\r\n`), a byte order mark, and
    /// colour.
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
    /// The line must have the level, the context and the target, and no source location, as a format of which the options say nothing else
    /// writes it: [`Format::parse`](crate::Format::parse) knows the options. The wall-clock time, the elapsed time, the number, the thread and
    /// the spans are read if they are there. The continuation lines of a message of several lines may follow.
    ///
    /// Everything reads back as it was logged, with two exceptions, the price of a message without quotes: a message that
    /// itself ends in ` key=value` gives a field `key`, and bytes, errors and `Debug` values read back as their text. (A text that is one
    /// string literal, as that of `?string` and `?path`, reads back as the string.)
    ///
    /// # Errors
    ///
    /// If the line is not of this form ([`ErrorKind::Parse`](crate::ErrorKind::Parse)). The error names the column, and what is expected there.
    pub fn parse_text(line: &str) -> Result<Self, Error> {
        parse(line, TextParts { context: true, target: true, location: false, fields: true })
    }
}

pub(super) fn parse(line: &str, parts: TextParts) -> Result<RecordBuf, Error> {
    let line = strip_color(trim_line(line));
    let line = join_continuations(&line)?;
    refuse_escaped(Cursor::new(&line))?;
    let mut cursor = Cursor::new(&line);
    let mut record = RecordBuf::new(Level::INFO, "");
    leading(&mut cursor, &mut record)?;
    record.level = level(&mut cursor)?;
    let is_begun = place(&mut cursor, &mut record, parts)?;
    if !is_begun || cursor.eat(" ") {
        if parts.location
            && let Some((file, line)) = location(&mut cursor)
        {
            (record.file, record.line) = (Some(file), line);
        }
        let start = if parts.fields { fields_start(cursor.rest()) } else { cursor.rest().len() };
        let mut message = cursor.split(message_end(cursor.rest(), start));
        record.message = message.unquoted()?;
        while !cursor.is_done() {
            cursor.eat(" ");
            record.fields.push(field(&mut cursor)?);
        }
    } else if !cursor.is_done() {
        return Err(cursor.fail("a blank and the message"));
    }
    Ok(record)
}

/// Fails if `line` has a character that the format escapes wherever it is logged. Beside one that another program has put there, a field would
/// be read as a part of the message.
fn refuse_escaped(mut line: Cursor<'_>) -> Result<(), Error> {
    line.take_while(|next| !is_escaped(next));
    let expected = "an escape in place of a control character or an invisible one (as `\\r` or `\\u{feff}`)";
    if line.is_done() { Ok(()) } else { Err(line.fail(expected)) }
}

/// Takes the columns before the level, each of them optional.
fn leading(cursor: &mut Cursor<'_>, record: &mut RecordBuf) -> Result<(), Error> {
    record.timestamp = word(cursor, parse_rfc3339);
    // An elapsed time can be filled up with blanks.
    cursor.take_while(|next| next == ' ');
    record.elapsed = word(cursor, |word| parse_elapsed(word).or_else(|| parse_seconds(word)));
    record.seq = word(cursor, |word| word.strip_prefix('#')?.parse().ok());
    if cursor.eat("[") {
        record.set_thread(text(cursor, "the name or the id of a thread")?);
        if cursor.eat(" ") {
            record.set_thread(text(cursor, "the id of a thread")?);
        }
        cursor.expect("] ")?;
    }
    Ok(())
}

/// Takes the context, the spans and the target, as far as they are there, with the colon after them. False if nothing is there.
fn place(cursor: &mut Cursor<'_>, record: &mut RecordBuf, parts: TextParts) -> Result<bool, Error> {
    if parts.context {
        let (name, fields) = (context_name(cursor, parts)?, braced_fields(cursor)?);
        record.context = Some(ContextBuf { name, fields, ..ContextBuf::default() });
        if !parts.target && cursor.eat(":") {
            return Ok(true);
        }
        cursor.expect(" ")?;
    }
    if parts.target {
        record.spans = spans(cursor);
        record.target = target(cursor)?;
        return Ok(true);
    }
    let mut ahead = *cursor;
    match path(&mut ahead) {
        // A source location looks like a path, but no other follows it.
        Ok(spans)
            if ahead.eat(":")
                && (parts.context || !parts.location || is_location_next(ahead) || !is_location(*cursor)) =>
        {
            *cursor = ahead;
            record.spans = spans;
            Ok(true)
        }
        _ if parts.context => Err(ahead.fail("the spans and a `:`")),
        _ => Ok(false),
    }
}

/// Takes the name of the context. A name without quotes does not end in a colon, so the colon is that of a line without a target.
fn context_name(cursor: &mut Cursor<'_>, parts: TextParts) -> Result<String, Error> {
    let mut ahead = *cursor;
    let name = text(&mut ahead, "the name of a context")?;
    let is_quoted = cursor.rest().starts_with('"');
    match name.strip_suffix(':') {
        Some(name) if !is_quoted && !parts.target && !name.is_empty() => {
            cursor.take(name.len());
            Ok(name.to_owned())
        }
        _ => {
            *cursor = ahead;
            Ok(name)
        }
    }
}

fn is_location_next(mut cursor: Cursor<'_>) -> bool {
    cursor.eat(" ") && is_location(cursor)
}

fn is_location(mut cursor: Cursor<'_>) -> bool {
    location(&mut cursor).is_some()
}

/// Takes the source file, the line, and the colons after both, if they are there: notices have none. A file without a line stands in quotes.
fn location(cursor: &mut Cursor<'_>) -> Option<(String, Option<u32>)> {
    let mut ahead = *cursor;
    let found = if cursor.rest().starts_with('"') {
        // The message may begin with a quote, too.
        let file = ahead.quoted().ok()?;
        ahead.eat(":").then_some(())?;
        let after_file = ahead;
        let number = ahead.take_while(|next| next.is_ascii_digit()).parse().ok().filter(|_| ahead.eat(":"));
        if number.is_none() {
            ahead = after_file;
        }
        (file, number)
    } else {
        let (file, number) = ahead.take_while(is_bare_char).strip_suffix(':')?.rsplit_once(':')?;
        (file.to_owned(), Some(number.parse().ok()?))
    };
    let is_whole = ahead.eat(" ") || ahead.is_done();
    is_whole.then(|| {
        *cursor = ahead;
        found
    })
}

/// Takes the next word and the blank after it if `parse` accepts the word.
fn word<T>(cursor: &mut Cursor<'_>, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    let (word, _) = cursor.rest().split_once(' ')?;
    let parsed = parse(word)?;
    cursor.take(word.len() + 1);
    Some(parsed)
}

/// Takes a level and the blanks that pad it.
fn level(cursor: &mut Cursor<'_>) -> Result<Level, Error> {
    const LEVELS: [(&str, Level); 5] = [
        ("ERROR ", Level::ERROR),
        ("WARN  ", Level::WARN),
        ("INFO  ", Level::INFO),
        ("DEBUG ", Level::DEBUG),
        ("TRACE ", Level::TRACE),
    ];
    for (name, level) in LEVELS {
        // Nothing follows if all parts are hidden that a record without a message has.
        if cursor.eat(name) || (cursor.rest() == &name[..5] && cursor.eat(&name[..5])) {
            return Ok(level);
        }
    }
    Err(cursor.fail("a level (`ERROR`, `WARN `, `INFO `, `DEBUG` or `TRACE`)"))
}

/// Takes the path of spans, if there is one. A path is followed by a blank; a target ends in a colon, so it never parses as
/// a path with a blank after it.
fn spans(cursor: &mut Cursor<'_>) -> Vec<SpanBuf> {
    let mut ahead = *cursor;
    match path(&mut ahead) {
        Ok(spans) if ahead.eat(" ") => {
            *cursor = ahead;
            spans
        }
        _ => Vec::new(),
    }
}

/// Takes the target and the colon after it.
fn target(cursor: &mut Cursor<'_>) -> Result<String, Error> {
    const EXPECTED: &str = "the target and a `:`";
    if cursor.rest().starts_with('"') {
        let target = cursor.quoted()?;
        cursor.expect(":")?;
        return Ok(target);
    }
    let start = *cursor;
    match cursor.take_while(is_bare_char).strip_suffix(':') {
        Some(target) if !target.is_empty() => Ok(target.to_owned()),
        _ => Err(start.fail(EXPECTED)),
    }
}

/// Returns where the message ends in `text` if the fields start at `start`: a blank separates the two.
fn message_end(text: &str, start: usize) -> usize {
    if start == text.len() { start } else { start.saturating_sub(1) }
}

/// Returns where the longest tail of `text` starts that consists of fields alone, or the length of `text` if there is none.
///
/// The search goes from right to left: each offset parses one field and looks up the answer for the offset after it, so the
/// time is linear in the length of any text.
fn fields_start(text: &str) -> usize {
    let bytes = text.as_bytes();
    let closing = closing_quotes(bytes);
    let mut first = bytes.len();
    let mut starts_fields = vec![false; bytes.len() + 1];
    for at in (0..bytes.len()).rev() {
        if at > 0 && bytes[at - 1] != b' ' {
            continue;
        }
        if let Some(end) = field_end(text, at, &closing)
            && (end == bytes.len() || (bytes[end] == b' ' && starts_fields[end + 1]))
        {
            starts_fields[at] = true;
            first = at;
        }
    }
    first
}

/// Returns, for each offset inside a quoted text, the offset of the quote that closes the text.
fn closing_quotes(bytes: &[u8]) -> Vec<Option<usize>> {
    let mut closing = vec![None; bytes.len() + 2];
    for at in (0..bytes.len()).rev() {
        closing[at] = match bytes[at] {
            b'"' => Some(at),
            b'\\' => closing[at + 2],
            _ => closing[at + 1],
        };
    }
    closing
}

/// Returns the end of the field that starts at `at`, if one starts there.
fn field_end(text: &str, at: usize, closing: &[Option<usize>]) -> Option<usize> {
    let quoted_end = |at: usize| Some(closing[at + 1]? + 1);
    let rest = &text[at..];
    let equals = match rest.starts_with('"') {
        true => quoted_end(at)?,
        false => at + plain_name_length(rest),
    };
    let value = equals + 1;
    if equals == at || text.as_bytes().get(equals) != Some(&b'=') {
        return None;
    }
    match text.as_bytes().get(value)? {
        b'"' => quoted_end(value),
        b'[' => list_end(text.as_bytes(), value, closing),
        _ => {
            let rest = &text[value..];
            let length = rest.find(|next| !is_bare_char(next)).unwrap_or(rest.len());
            (length > 0).then_some(value + length)
        }
    }
}

fn list_end(bytes: &[u8], at: usize, closing: &[Option<usize>]) -> Option<usize> {
    let mut at = at + 1;
    if bytes.get(at) == Some(&b']') {
        return Some(at + 1);
    }
    loop {
        if bytes.get(at) != Some(&b'"') {
            return None;
        }
        at = closing[at + 1]? + 1;
        match bytes.get(at..)? {
            [b']', ..] => return Some(at + 1),
            [b',', b' ', ..] => at += 2,
            _ => return None,
        }
    }
}

/// Returns the length of the prefix of `text` that can be the name of a field without quotes.
fn plain_name_length(text: &str) -> usize {
    text.find(|next| !is_plain_name_char(next)).unwrap_or(text.len())
}

/// Removes colours. The format escapes ESC in everything that is logged, so every escape sequence is the format's own.
fn strip_color(line: &str) -> Cow<'_, str> {
    const OPENING: &str = "\x1b[";
    if !line.contains(OPENING) {
        return Cow::Borrowed(line);
    }
    let mut stripped = String::with_capacity(line.len());
    let mut pieces = line.split(OPENING);
    stripped.extend(pieces.next());
    for piece in pieces {
        let parameters =
            piece.len() - piece.trim_start_matches(|next: char| next.is_ascii_digit() || next == ';').len();
        match piece[parameters..].strip_prefix('m') {
            Some(text) => stripped.push_str(text),
            None => stripped.extend([OPENING, piece]),
        }
    }
    Cow::Owned(stripped)
}

/// Joins a message of several lines into the one line that the format writes without the option `multiline`.
fn join_continuations(text: &str) -> Result<Cow<'_, str>, Error> {
    let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    let first = lines.next().unwrap_or_default();
    if !text.contains('\n') {
        return Ok(Cow::Borrowed(text));
    }
    let mut joined = first.to_owned();
    for line in lines {
        let mut cursor = Cursor::new(line);
        cursor.take_while(|next| next == ' ');
        cursor.expect("|")?;
        cursor.eat(" ");
        joined.push_str("\\n");
        joined.push_str(cursor.rest());
    }
    Ok(Cow::Owned(joined))
}

#[cfg(test)]
mod tests;
