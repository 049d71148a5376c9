//! The `json` layout: one object per line, a superset of `tracing_subscriber::fmt().json()`.
//!
//! | file | subject |
//! |---|---|
//! | this one | the order of the keys |
//! | `fields` | the fields of an event |
//! | `fragments` | spans and contexts, rendered once and kept with them |
//! | `value` | how one value is printed: floats, wide integers, strings |
//! | `serialize` | records as values of `serde` (feature `serde`) |
//!
//! Keys that both layouts have are in the same places with the same values, except where `tracing-subscriber` contradicts itself: a field
//! `r#type` is `type` here, a name that an object has already is made unique, bytes in spans are a string, as they are in events, and an
//! event with an explicit parent shows the spans of that parent, not the current ones.

mod fields;
mod fragments;
#[cfg(feature = "serde")]
mod serialize;
#[cfg(test)]
mod tests;
mod value;

use tracing::Level;

use super::escape::JsonText;
use super::names::CallsiteNames;
use super::number::push_integer;
use super::options::Format;
use super::timestamp::{push_rfc3339_micros, push_seconds_micros};
use crate::record::{Record, Style, write_thread_name};
use fields::push_fields;
pub(super) use fragments::{push_context, push_path};
use value::push_string;

/// Appends `record` as one object and a `\n`.
pub(super) fn render(format: &Format, record: &Record<'_>, out: &mut Vec<u8>) {
    let names = CallsiteNames::of(record);
    out.push(b'{');
    if format.timestamp {
        out.extend_from_slice(b"\"timestamp\":\"");
        push_rfc3339_micros(out, record.timestamp());
        out.extend_from_slice(b"\",");
    }
    out.extend_from_slice(level_and_fields(record.level()));
    push_fields(out, record, names.fields);
    out.push(b'}');
    if format.target {
        out.extend_from_slice(b",\"target\":\"");
        match names.plain_target {
            true => out.extend_from_slice(record.target().as_bytes()),
            false => JsonText::new(out).push(record.target()),
        }
        out.push(b'"');
    }
    if names.named
        && let Some(name) = record.name()
    {
        out.extend_from_slice(b",\"name\":");
        push_string(out, name);
    }
    if format.location {
        push_location(out, record);
    }
    push_spans(out, record);
    if format.thread {
        out.extend_from_slice(b",\"threadName\":\"");
        // Writing to a `Vec` does not fail.
        let _ = write_thread_name(&mut JsonText::new(out));
        out.push(b'"');
    }
    if format.context {
        out.push(b',');
        push_context(record.context(), out);
    }
    if format.elapsed {
        out.extend_from_slice(b",\"elapsed\":");
        push_seconds_micros(out, record.elapsed());
    }
    if format.seq
        && let Some(seq) = record.seq()
    {
        out.extend_from_slice(b",\"seq\":");
        push_integer(out, seq);
    }
    out.extend_from_slice(b"}\n");
}

fn level_and_fields(level: Level) -> &'static [u8] {
    match level {
        Level::ERROR => b"\"level\":\"ERROR\",\"fields\":{",
        Level::WARN => b"\"level\":\"WARN\",\"fields\":{",
        Level::INFO => b"\"level\":\"INFO\",\"fields\":{",
        Level::DEBUG => b"\"level\":\"DEBUG\",\"fields\":{",
        Level::TRACE => b"\"level\":\"TRACE\",\"fields\":{",
    }
}

fn push_location(out: &mut Vec<u8>, record: &Record<'_>) {
    if let Some(file) = record.file() {
        out.extend_from_slice(b",\"filename\":");
        push_string(out, file);
    }
    if let Some(line) = record.line() {
        out.extend_from_slice(b",\"line_number\":");
        push_integer(out, line);
    }
}

/// Appends the spans, and a comma before them, if there are spans.
fn push_spans(out: &mut Vec<u8>, record: &Record<'_>) {
    let before = out.len();
    out.push(b',');
    record.spans.append(Style::Json, out);
    if out.len() == before + 1 {
        out.truncate(before);
    }
}
