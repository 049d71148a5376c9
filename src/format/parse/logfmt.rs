//! Lines of [`Format::logfmt`](crate::Format::logfmt).

use tracing::Level;

use super::cursor::Cursor;
use super::value::{Fields, list, literal, path};
use crate::error::Error;
use crate::format::logfmt::{CONTEXT_PREFIX, LIST_NAME, PREFIX};
use crate::format::timestamp;
use crate::record::{RecordBuf, SpanBuf, Value};

pub(super) fn parse(line: &str) -> Result<RecordBuf, Error> {
    let cursor = &mut Cursor::new(line.strip_suffix('\n').unwrap_or(line));
    let mut record = RecordBuf::new(Level::INFO, "");
    let mut level = None;
    let mut context_fields = Fields::new();
    while !cursor.is_done() {
        let name = name(cursor)?;
        match name.as_str() {
            "ts" => record.timestamp = Some(known(cursor, "a time in RFC 3339", timestamp::parse_rfc3339)?),
            "level" => {
                level = Some(known(cursor, "`error`, `warn`, `info`, `debug` or `trace`", |text| text.parse().ok())?)
            }
            "elapsed" => record.elapsed = Some(known(cursor, "seconds, as `1.234567`", timestamp::parse_seconds)?),
            "context" => record.context.get_or_insert_default().name = string(cursor)?,
            "seq" => record.seq = Some(known(cursor, "a number", |text| text.parse().ok())?),
            "target" => record.target = string(cursor)?,
            "thread" => record.thread = Some(string(cursor)?),
            "location" => {
                let (file, line) = known(cursor, "a file and a line, as `src/main.rs:12`", location)?;
                (record.file, record.line) = (Some(file), line);
            }
            "spans" => record.spans = known(cursor, "spans, as `build{unit=core}:link`", spans)?,
            "msg" => record.message = string(cursor)?,
            name => {
                let value = field_value(cursor, name)?;
                match name.strip_prefix(CONTEXT_PREFIX) {
                    Some(name) => context_fields.push((name.to_owned(), value)),
                    None => record.fields.push((name.strip_prefix(PREFIX).unwrap_or(name).to_owned(), value)),
                }
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
    let name = match cursor.rest().starts_with('"') {
        true => cursor.quoted()?,
        false => cursor.take_while(|next| !matches!(next, ' ' | '=' | '"')).to_owned(),
    };
    let is_named = cursor.at() > start.at() && cursor.eat("=");
    if is_named { Ok(name) } else { Err(start.fail("`name=value`")) }
}

/// Takes a value that is a text whatever it looks like; it may be empty, as other programs write it.
fn string(cursor: &mut Cursor<'_>) -> Result<String, Error> {
    match cursor.rest().starts_with('"') {
        true => cursor.quoted(),
        false => Ok(cursor.take_while(|next| !matches!(next, ' ' | '"')).to_owned()),
    }
}

/// Takes a value that `parse` knows.
fn known<T>(cursor: &mut Cursor<'_>, expected: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Error> {
    let start = *cursor;
    parse(&string(cursor)?).ok_or_else(|| start.fail(expected))
}

/// Takes the value of a field: a list where the name says so.
fn field_value(cursor: &mut Cursor<'_>, name: &str) -> Result<Value, Error> {
    let start = *cursor;
    if name.contains(LIST_NAME) && cursor.rest().starts_with("\"[") {
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
