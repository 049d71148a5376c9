//! The `json` layout: one object per line, a superset of `tracing_subscriber::fmt().json()`.
//!
//! Keys that both have are in the same places with the same values, but where `tracing-subscriber` contradicts itself: a field
//! `r#type` is `type` here, a name that an object has already is made unique, bytes in spans are a string, as they are in
//! events, and an event with an explicit parent shows the spans of that parent, not the current ones.

use std::error::Error;
use std::fmt;

use tracing::Level;
use tracing::field::{Field, Visit};

use super::Renderer;
use super::escape::JsonText;
use super::names::{Names, Plain};
use super::spans::append_context;
use super::timestamp::{push_rfc3339_micros, push_seconds_f64};
use super::value::{push_bool, push_float, push_integer};
use crate::record::{
    Record, Style, Value, field_name, for_each_source, render_debug, render_display, write_thread_name,
};

/// Appends `record` as one object and a line end.
pub(super) fn render(renderer: &Renderer, record: &Record<'_>, out: &mut Vec<u8>) {
    let (show, plain) = (&renderer.format, Plain::of(record));
    out.push(b'{');
    if show.timestamp {
        out.extend_from_slice(b"\"timestamp\":\"");
        push_rfc3339_micros(out, record.timestamp());
        out.extend_from_slice(b"\",");
    }
    out.extend_from_slice(level_and_fields(record.level()));
    let mut fields = Fields { out, names: (!plain.names).then(Names::new), empty: true };
    record.visit(&mut fields);
    let out = fields.out;
    out.push(b'}');
    if show.target {
        out.extend_from_slice(b",\"target\":\"");
        match plain.target {
            true => out.extend_from_slice(record.target().as_bytes()),
            false => JsonText(out).push(record.target()),
        }
        out.push(b'"');
    }
    if show.location {
        push_location(out, record);
    }
    push_spans(out, record);
    if show.thread {
        out.extend_from_slice(b",\"threadName\":\"");
        // A writer into a `Vec` does not fail.
        let _ = write_thread_name(&mut JsonText(out));
        out.push(b'"');
    }
    if show.context {
        out.push(b',');
        append_context(Style::Json, record.context(), out);
    }
    if show.elapsed {
        out.extend_from_slice(b",\"elapsed\":");
        push_seconds_f64(out, record.elapsed());
    }
    if show.seq
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

fn push_spans(out: &mut Vec<u8>, record: &Record<'_>) {
    let before = out.len();
    out.push(b',');
    record.spans.append(Style::Json, out);
    if out.len() == before + 1 {
        out.truncate(before);
    }
}

/// Appends `text` as a JSON string.
pub(super) fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    JsonText(out).push(text);
    out.push(b'"');
}

/// Appends the name `first` and `second` make together, unique among `names`, with its quotes and colon.
pub(super) fn push_name(out: &mut Vec<u8>, names: &mut Names, first: &str, second: &str) {
    out.push(b'"');
    let start = out.len();
    JsonText(out).push(first);
    if !second.is_empty() {
        JsonText(out).push(second);
    }
    names.settle(out, start);
    out.extend_from_slice(b"\":");
}

/// Appends an owned value.
pub(super) fn push_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(value) => push_bool(out, *value),
        Value::I64(number) => push_integer(out, *number),
        Value::U64(number) => push_integer(out, *number),
        Value::I128(number) => push_integer_string(out, *number),
        Value::U128(number) => push_integer_string(out, *number),
        Value::F64(number) => push_number(out, *number),
        Value::Str(text) => push_string(out, text),
        Value::List(texts) => {
            out.push(b'[');
            for (place, text) in texts.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                push_string(out, text);
            }
            out.push(b']');
        }
    }
}

fn push_number(out: &mut Vec<u8>, number: f64) {
    if number.is_finite() {
        push_float(out, number);
    } else {
        out.extend_from_slice(b"null");
    }
}

/// JSON readers take numbers for floats, which have no room for 128 bits.
fn push_integer_string(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.push(b'"');
    push_integer(out, number);
    out.push(b'"');
}

/// Writes the fields of an event, in the order of the call.
struct Fields<'a> {
    out: &'a mut Vec<u8>,
    /// `None` where names need no care.
    names: Option<Names>,
    empty: bool,
}

impl Fields<'_> {
    /// Begins a field; its value is to follow.
    #[inline(always)]
    fn begin(&mut self, field: &Field, suffix: &str) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        if self.names.is_some() {
            self.unique_name(field, suffix);
        } else {
            self.out.push(b'"');
            self.out.extend_from_slice(field.name().as_bytes());
            if !suffix.is_empty() {
                self.out.extend_from_slice(suffix.as_bytes());
            }
            self.out.extend_from_slice(b"\":");
        }
        self.out
    }

    #[cold]
    #[inline(never)]
    fn unique_name(&mut self, field: &Field, suffix: &str) {
        push_name(self.out, self.names.get_or_insert_with(Names::new), field_name(field), suffix);
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        push_number(self.begin(field, ""), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        push_integer(self.begin(field, ""), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        push_integer(self.begin(field, ""), value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        push_integer_string(self.begin(field, ""), value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        push_integer_string(self.begin(field, ""), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        push_bool(self.begin(field, ""), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        push_string(self.begin(field, ""), value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let out = self.begin(field, "");
        out.push(b'"');
        render_display(value, &mut JsonText(out));
        out.push(b'"');
        let mut listed = false;
        for_each_source(value, |source| {
            let out = if listed { &mut *self.out } else { self.begin(field, ".sources") };
            out.push(if listed { b',' } else { b'[' });
            listed = true;
            out.push(b'"');
            render_display(source, &mut JsonText(out));
            out.push(b'"');
        });
        if listed {
            self.out.push(b']');
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let out = self.begin(field, "");
        out.push(b'"');
        render_debug(value, &mut JsonText(out));
        out.push(b'"');
    }
}

#[cfg(test)]
mod tests;
