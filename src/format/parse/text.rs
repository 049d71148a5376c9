//! Lines of [`Format::text`](crate::Format::text).
//!
//! ```text
//! line    = [ timestamp " " ] [ elapsed " " ] [ "#" seq " " ] [ "[" name "]" " " ]
//!           level context " " [ path " " ] target ":" [ " " [ message ] *( " " field ) ]
//! context = braced
//! ```
//!
//! The message has no quotes, so where it ends must be found: the fields are the longest tail of the line that reads as
//! fields from its first character to its last.

use std::borrow::Cow;

use tracing::Level;

use super::cursor::Cursor;
use super::value::{braced_fields, field, path, text};
use crate::error::Error;
use crate::format::escape::is_bare_char;
use crate::format::pairs::is_plain_name_char;
use crate::format::timestamp;
use crate::record::{ContextBuf, RecordBuf, SpanBuf};

pub(super) fn parse(line: &str) -> Result<RecordBuf, Error> {
    let line = strip_color(line.strip_suffix('\n').unwrap_or(line));
    let line = join_continuations(&line)?;
    let mut cursor = Cursor::new(&line);
    let mut record = RecordBuf::new(Level::INFO, "");
    leading(&mut cursor, &mut record)?;
    record.level = level(&mut cursor)?;
    let name = text(&mut cursor, "the name of a context")?;
    record.context = Some(ContextBuf { name, id: None, fields: braced_fields(&mut cursor)? });
    cursor.expect(" ")?;
    record.spans = spans(&mut cursor);
    record.target = target(&mut cursor)?;
    if cursor.eat(" ") {
        let start = fields_start(cursor.rest());
        record.message = cursor.split(message_end(cursor.rest(), start)).unquoted()?;
        while !cursor.is_done() {
            cursor.eat(" ");
            record.fields.push(field(&mut cursor)?);
        }
    } else if !cursor.is_done() {
        return Err(cursor.fail("a blank and the message"));
    }
    Ok(record)
}

/// What stands before the level, each part of it optional.
fn leading(cursor: &mut Cursor<'_>, record: &mut RecordBuf) -> Result<(), Error> {
    record.timestamp = word(cursor, timestamp::parse_rfc3339);
    record.elapsed = word(cursor, timestamp::parse_elapsed);
    record.seq = word(cursor, |word| word.strip_prefix('#')?.parse().ok());
    if cursor.eat("[") {
        record.thread = Some(text(cursor, "the name of a thread")?);
        cursor.expect("] ")?;
    }
    Ok(())
}

/// Takes the next word and the blank after it, if `parse` knows it.
fn word<T>(cursor: &mut Cursor<'_>, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    let (word, _) = cursor.rest().split_once(' ')?;
    let parsed = parse(word)?;
    cursor.take(word.len() + 1);
    Some(parsed)
}

/// Takes a level and the blanks that fill its column.
fn level(cursor: &mut Cursor<'_>) -> Result<Level, Error> {
    const LEVELS: [(&str, Level); 5] = [
        ("ERROR ", Level::ERROR),
        ("WARN  ", Level::WARN),
        ("INFO  ", Level::INFO),
        ("DEBUG ", Level::DEBUG),
        ("TRACE ", Level::TRACE),
    ];
    for (name, level) in LEVELS {
        if cursor.eat(name) {
            return Ok(level);
        }
    }
    Err(cursor.fail("a level (`ERROR`, `WARN `, `INFO `, `DEBUG` or `TRACE`)"))
}

/// Takes the path of spans, if there is one. What is not a path followed by a blank is the target, which ends in a
/// colon.
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

/// Where the message ends in `text` if the fields start at `start`: a blank stands between the two.
fn message_end(text: &str, start: usize) -> usize {
    if start == text.len() { start } else { start.saturating_sub(1) }
}

/// Where the longest tail of `text` starts that consists of fields alone; its end, if there is none.
///
/// Tried from the right, so that each place looks at one field and at what is known of the place after it: the time is
/// linear in the length of the text, whatever it says.
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

/// For each place, where the quote is that closes a quoted text whose content goes on from there.
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

/// Where the field ends that starts at `at`, if one does.
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

/// How much of `text` can be the bare name of a field.
fn plain_name_length(text: &str) -> usize {
    text.find(|next| !is_plain_name_char(next)).unwrap_or(text.len())
}

/// Takes the colours out: the only escape sequences that are ever in a line are the format's own.
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

/// Turns the lines of a multi-line message into the one line that it would be otherwise.
fn join_continuations(text: &str) -> Result<Cow<'_, str>, Error> {
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default();
    if first.len() == text.len() {
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
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::format::test_support::wall;
    use crate::record::Value;

    /// The message and the fields of a line that ends in `rest`.
    fn message(rest: &str) -> (String, Vec<(String, Value)>) {
        let record = parse(&format!("INFO  uno t: {rest}")).unwrap();
        (record.message, record.fields)
    }

    fn error(line: &str) -> String {
        parse(line).unwrap_err().to_string()
    }

    #[test]
    fn every_part_is_read() {
        let record = parse(concat!(
            r#"2026-11-21T09:08:00.123456Z 00:01.234567 #42 ["wor ker"] WARN  "u no"{env=x} build{n=1}:"a:b" my::mod: "#,
            r#"it\\s: broken size=12 err=x err.sources=["a", "b"]"#
        ));
        let record = record.unwrap();
        assert_eq!(record.timestamp, Some(wall()));
        assert_eq!(record.elapsed, Some(Duration::from_micros(1_234_567)));
        assert_eq!((record.seq, record.thread.as_deref(), record.level), (Some(42), Some("wor ker"), Level::WARN));
        let context = record.context.unwrap();
        assert_eq!((context.name.as_str(), context.fields), ("u no", vec![("env".to_owned(), "x".into())]));
        assert_eq!(record.spans[0].fields, [("n".to_owned(), 1.into())]);
        assert_eq!(record.spans[1].name, "a:b");
        assert_eq!((record.target.as_str(), record.message.as_str()), ("my::mod", "it\\s: broken"));
        assert_eq!(record.fields[2], ("err.sources".to_owned(), Value::List(vec!["a".to_owned(), "b".to_owned()])));
    }

    #[test]
    fn a_target_is_told_from_spans_and_from_the_message() {
        for (line, spans, target, message) in [
            ("INFO  uno t: m", 0, "t", "m"),
            ("INFO  uno a:b t: m", 2, "t", "m"),
            ("INFO  uno a::b: c: m", 0, "a::b", "c: m"),
            ("INFO  uno t: a b: c", 0, "t", "a b: c"),
            ("INFO  uno t:: m", 0, "t:", "m"),
            ("INFO  uno \"t: t\": m", 0, "t: t", "m"),
            ("INFO  uno \"s\" \"\": m", 1, "", "m"),
            ("INFO  uno t:", 0, "t", ""),
        ] {
            let record = parse(line).unwrap();
            assert_eq!((record.spans.len(), &*record.target, &*record.message), (spans, target, message), "{line}");
        }
    }

    #[test]
    fn the_fields_are_the_longest_tail_that_is_all_fields() {
        for (rest, expected, fields) in [
            ("m a=1 b=2", "m", 2),
            ("a=1 b=2", "", 2),
            ("a=1 m b=2", "a=1 m", 1),
            ("1 + 1 = 2", "1 + 1 = 2", 0),
            ("x= y", "x= y", 0),
            ("see http://x/?a=b", "see http://x/?a=b", 0),
            ("m a=\"b=1 c\"", "m", 1),
            ("m k=\"a x=\" foo b=\"", "m k=\"a", 1),
            ("m \"a b\"=1", "m", 1),
            ("m v=[\"a\", \"b=1\"]", "m", 1),
            ("m v=[1, 2]", "m v=[1, 2]", 0),
            ("m  a=1", "m ", 1),
            ("m a=1 ", "m a=1 ", 0),
        ] {
            let (message, found) = message(rest);
            assert_eq!((message.as_str(), found.len()), (expected, fields), "{rest}");
        }
    }

    #[test]
    fn a_long_line_takes_linear_time() {
        let started = std::time::Instant::now();
        for piece in ["a=\"", "a=[\"", "a=b x ", "\\\\\" "] {
            let line = format!("INFO  uno t: {}", format!("{piece} ").repeat(60_000));
            let _ = parse(&line);
        }
        // A quadratic search takes many minutes.
        assert!(started.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn colour_and_continuation_lines_are_taken_out() {
        let colored = "\x1b[2m00:01.5\x1b[0m \x1b[33mWARN \x1b[0m \x1b[1muno\x1b[0m \x1b[2mt:\x1b[0m x a=1\n";
        assert_eq!(parse(colored).unwrap(), parse("00:01.5 WARN  uno t: x a=1").unwrap());
        let several = "INFO  uno t: x\n      | y\n      | \n      |  z a=1\n";
        assert_eq!(parse(several).unwrap().message, "x\ny\n\n z");
    }

    #[test]
    fn an_error_names_the_column_and_what_should_stand_there() {
        assert_eq!(
            error(""),
            "column 1: expected a level (`ERROR`, `WARN `, `INFO `, `DEBUG` or `TRACE`), found the end of the line"
        );
        assert!(error("00:01.5 INFORM uno t: x").starts_with("column 9: expected a level"));
        assert_eq!(error("INFO  =x"), "column 7: expected the name of a context, found \"=x\"");
        assert_eq!(error("INFO  é{a} t: x"), "column 10: expected `=`, found \"} t: x\"");
        assert_eq!(error("INFO  uno no target"), "column 14: expected the target and a `:`, found \"target\"");
        assert_eq!(error("INFO  uno t:x"), "column 11: expected the target and a `:`, found \"t:x\"");
        assert!(error("INFO  uno t: a\\q").starts_with("column 15: expected an escape"));
        assert_eq!(error("INFO  uno{a=\"x} t: x"), "column 21: expected a closing `\"`, found the end of the line");
        assert!(error("INFO  uno t: x\nINFO  uno t: y").contains("expected `|`"));
    }
}
