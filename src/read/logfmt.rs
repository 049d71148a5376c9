//! Parses lines of [`Format::logfmt`](crate::Format::logfmt). How they are written stands in `format/logfmt/`.

use tracing::Level;

use super::cursor::{Cursor, trim_line};
use super::plain::{Fields, list, literal, path};
use super::time::{parse_rfc3339, parse_seconds};
use crate::error::Error;
use crate::format::escape::is_escaped;
use crate::format::reserved::{CONTEXT_PREFIX, FIELD_PREFIX, SOURCES};
use crate::record::{RecordBuf, SpanBuf, Value};

impl RecordBuf {
    /// Parses one line of [`Format::logfmt`](crate::Format::logfmt), with or without its end of line (`\n` or `\r\n`) and a byte order mark.
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
    /// Everything in the line reads back as it was logged, with one exception: bytes, errors and `Debug` values read back as
    /// their text, and so does a list in a field of the context, unless the field's name contains `.sources`. Lines of other
    /// programs are read too, as long as they have a `level`.
    ///
    /// # Errors
    ///
    /// If the line is not logfmt with a `level` ([`ErrorKind::Parse`](crate::ErrorKind::Parse)). The error names the column, and what is expected there.
    pub fn parse_logfmt(line: &str) -> Result<Self, Error> {
        parse(line)
    }
}

fn parse(line: &str) -> Result<RecordBuf, Error> {
    let cursor = &mut Cursor::new(trim_line(line));
    let mut record = RecordBuf::new(Level::INFO, "");
    let mut level = None;
    let mut context_fields = Fields::new();
    while !cursor.is_done() {
        let name = name(cursor)?;
        match name.as_str() {
            "ts" => record.timestamp = Some(known(cursor, "a time in RFC 3339", parse_rfc3339)?),
            "level" => {
                level = Some(known(cursor, "`error`, `warn`, `info`, `debug` or `trace`", |text| text.parse().ok())?)
            }
            "elapsed" => record.elapsed = Some(known(cursor, "seconds, as `1.234567`", parse_seconds)?),
            "context" => record.context.get_or_insert_default().name = string(cursor)?,
            "seq" => record.seq = Some(known(cursor, "a number", |text| text.parse().ok())?),
            "target" => record.target = string(cursor)?,
            "thread" => record.set_thread(string(cursor)?),
            "thread_id" => record.thread_id = Some(string(cursor)?),
            "location" => {
                let (file, line) = known(cursor, "a file and a line, as `src/main.rs:12`", location)?;
                (record.file, record.line) = (Some(file), line);
            }
            "spans" => record.spans = known(cursor, "spans, as `build{unit=core}:link`", spans)?,
            "msg" => record.message = string(cursor)?,
            name => {
                let (name, fields) = match name.strip_prefix(CONTEXT_PREFIX) {
                    Some(name) => (name, &mut context_fields),
                    None => (name.strip_prefix(FIELD_PREFIX).unwrap_or(name), &mut record.fields),
                };
                fields.push((name.to_owned(), field_value(cursor, name)?));
            }
        }
        if !cursor.is_done() {
            cursor.expect(" ")?;
        }
    }
    record.level = level.ok_or_else(|| cursor.fail("`level=` somewhere in the line"))?;
    if !context_fields.is_empty() {
        record.context.get_or_insert_default().fields = context_fields;
    }
    Ok(record)
}

/// Takes a name and the `=` after it.
fn name(cursor: &mut Cursor<'_>) -> Result<String, Error> {
    let start = *cursor;
    let length = cursor.take_while(|next| next != '=' && is_unquoted(next)).len();
    if length == 0 || !cursor.eat("=") {
        return Err(start.fail("`name=value`"));
    }
    let mut name = start;
    name.split(length).unquoted()
}

/// Takes a value as text, whatever it looks like. It may be empty without quotes, as other programs write it.
fn string(cursor: &mut Cursor<'_>) -> Result<String, Error> {
    match cursor.rest().starts_with('"') {
        true => cursor.quoted(),
        false => Ok(cursor.take_while(is_unquoted).to_owned()),
    }
}

/// Returns true for a character that names, and values without quotes, can have. A character that the format escapes is an error: what another
/// program separates with a TAB would otherwise become one value, and a number that an invisible character follows a text.
fn is_unquoted(next: char) -> bool {
    !matches!(next, ' ' | '"') && !is_escaped(next)
}

/// Takes a value that `parse` accepts.
fn known<T>(cursor: &mut Cursor<'_>, expected: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Error> {
    let start = *cursor;
    parse(&string(cursor)?).ok_or_else(|| start.fail(expected))
}

/// Takes the value of the field `name`: a list, if the name says that it holds one and the value looks like one.
fn field_value(cursor: &mut Cursor<'_>, name: &str) -> Result<Value, Error> {
    let start = *cursor;
    if name.contains(SOURCES) && cursor.rest().starts_with("\"[") {
        let text = cursor.quoted()?;
        let mut inner = Cursor::new(&text);
        return match list(&mut inner) {
            Ok(texts) if inner.is_done() => Ok(Value::List(texts)),
            _ => Err(start.fail("a list, as `\"[\\\"a\\\", \\\"b\\\"]\"`")),
        };
    }
    let is_quoted = cursor.rest().starts_with('"');
    let text = string(cursor)?;
    Ok(if is_quoted { None } else { literal(&text) }.unwrap_or(Value::Str(text)))
}

fn location(text: &str) -> Option<(String, Option<u32>)> {
    let (file, line) = text.rsplit_once(':')?;
    let line = if line.is_empty() { None } else { Some(line.parse().ok()?) };
    Some((file.to_owned(), line))
}

fn spans(text: &str) -> Option<Vec<SpanBuf>> {
    let mut cursor = Cursor::new(text);
    path(&mut cursor).ok().filter(|_| cursor.is_done())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::format::test_support::wall;

    #[test]
    fn every_part_is_read() {
        let record = parse(concat!(
            "ts=2026-11-21T09:08:00.123456Z level=warn elapsed=1.234567 context=uno context.env=x context.a\\x20b=1 seq=42 ",
            r#"target=linker thread="main 2" location="a b.rs:12" spans="build{unit=\"a b\"}:link" msg="linking main.o" size=12"#,
        ))
        .unwrap();
        assert_eq!((record.level, record.timestamp, record.seq), (Level::WARN, Some(wall()), Some(42)));
        assert_eq!(record.elapsed, Some(Duration::from_micros(1_234_567)));
        let context = record.context.unwrap();
        assert_eq!((context.name.as_str(), context.fields[1].clone()), ("uno", ("a b".to_owned(), 1.into())));
        assert_eq!((record.target.as_str(), record.thread_name.as_deref()), ("linker", Some("main 2")));
        assert_eq!((record.file.as_deref(), record.line), (Some("a b.rs"), Some(12)));
        assert_eq!(record.spans[0].fields, [("unit".to_owned(), "a b".into())]);
        assert_eq!(record.spans[1].name, "link");
        assert_eq!((record.message.as_str(), record.fields), ("linking main.o", vec![("size".to_owned(), 12.into())]));
    }

    #[test]
    fn prefixes_are_removed_and_lists_read_back() {
        let fields = parse(r#"level=info field.level=3 field.field.x=1 e.sources="[\"a\"]" f.sources="\x5bx" v="[1]""#)
            .unwrap()
            .fields;
        let value = |name: &str| fields.iter().find(|(known, _)| known == name).unwrap().1.clone();
        assert_eq!((value("level"), value("field.x")), (3.into(), 1.into()));
        assert_eq!(value("e.sources"), Value::List(vec!["a".to_owned()]));
        assert_eq!((value("f.sources"), value("v")), ("[x".into(), "[1]".into()));
        let context =
            parse(r#"level=info context.sources="[1]" context.a.sources="[\"b\"]""#).unwrap().context.unwrap();
        assert_eq!(context.fields[0], ("sources".to_owned(), "[1]".into()));
        assert_eq!(context.fields[1], ("a.sources".to_owned(), Value::List(vec!["b".to_owned()])));
    }

    #[test]
    fn lines_of_other_programs_are_read() {
        let record = parse("level=INFO path=/a,b{c} empty= n=1").unwrap();
        assert_eq!(record.level, Level::INFO);
        assert_eq!(record.field("path"), Some(&"/a,b{c}".into()));
        assert_eq!(record.field("empty"), Some(&"".into()));
        assert_eq!(record.field("n"), Some(&1.into()));
        assert_eq!(record.context, None);
    }

    #[test]
    fn the_end_of_the_line_and_a_byte_order_mark_are_no_part_of_the_record() {
        let line = "level=info msg=m a=1 b=x";
        for around in [format!("{line}\r\n"), format!("{line}\r"), format!("\u{feff}{line}\n")] {
            assert_eq!(parse(&around).unwrap(), parse(line).unwrap(), "{around:?}");
        }
        let (cr, tab) = (parse("level=info a=1\r b=2").unwrap_err(), parse("level=info a=1\tb=2").unwrap_err());
        assert_eq!(cr.to_string(), "column 15: expected ` `, found \"\\r b=2\"");
        assert_eq!(tab.to_string(), "column 15: expected ` `, found \"\\tb=2\"");
        assert!(parse("level=info a\tb=2").unwrap_err().to_string().starts_with("column 12: expected `name=value`"));
    }

    /// The format writes none of these characters. Beside one that another program has put there, a number would be read as a text.
    #[test]
    fn an_invisible_character_outside_of_quotes_is_an_error() {
        for (line, expected) in [
            ("level=info a=1\u{feff} b=2", "column 15: expected ` `, found \"\\u{feff} b=2\""),
            ("level=info a=1\u{200b}", "column 15: expected ` `, found \"\\u{200b}\""),
            ("level=info a=\u{2028}x b=2", "column 14: expected ` `, found \"\\u{2028}x b=2\""),
            ("level=info msg=x\u{202e}y", "column 17: expected ` `, found \"\\u{202e}y\""),
            ("level=info a\u{ad}=1", "column 12: expected `name=value`, found \"a\\u{ad}=1\""),
            ("level=info \u{feff}a=1", "column 12: expected `name=value`, found \"\\u{feff}a=1\""),
        ] {
            assert_eq!(parse(line).unwrap_err().to_string(), expected);
        }
        assert_eq!(parse("level=info a=\"1\u{feff}\"").unwrap().field("a"), Some(&"1\u{feff}".into()));
    }

    #[test]
    fn an_error_names_the_column_and_what_is_expected() {
        let error = |line: &str| parse(line).unwrap_err().to_string();
        assert_eq!(error("msg=x"), "column 6: expected `level=` somewhere in the line, found the end of the line");
        assert_eq!(
            error("level=loud"),
            "column 7: expected `error`, `warn`, `info`, `debug` or `trace`, found \"loud\""
        );
        assert_eq!(error("level=info seq=-1"), "column 16: expected a number, found \"-1\"");
        assert_eq!(error("level=info word x=1"), "column 12: expected `name=value`, found \"word x=1\"");
        assert!(error("level=info \"a b\"=1").starts_with("column 12: expected `name=value`"));
        assert!(error("level=info a\\q=1").starts_with("column 13: expected an escape"));
        assert_eq!(error("level=info =1"), "column 12: expected `name=value`, found \"=1\"");
        assert_eq!(error("level=info a=\"b"), "column 16: expected a closing `\"`, found the end of the line");
        assert_eq!(error("level=info a=\"b\"c"), "column 17: expected ` `, found \"c\"");
        assert!(error("level=info spans=a{b}").starts_with("column 18: expected spans, as"));
        assert!(error("level=info location=x").starts_with("column 21: expected a file and a line"));
        assert!(error("level=info ts=now").starts_with("column 15: expected a time in RFC 3339"));
        assert!(error("level=info e.sources=\"[a]\"").starts_with("column 22: expected a list"));
    }
}
