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
use super::layout::{Layout, LayoutWriter};
use super::names::CallsiteNames;
use super::number::push_integer;
use super::options::Options;
use super::timestamp::{push_seconds_micros, push_timestamp};
use crate::line_buffer::LineBuffer;
use crate::record::{Record, Style, is_thread_unnamed, write_thread_id, write_thread_name};
use fields::{push_fields, push_flat_fields};
pub(super) use fragments::{PathParts, push_context, push_path};
use value::push_string;

/// The layout, with the options of its format.
pub(super) struct Json;

impl Layout for Json {
    #[inline]
    fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
        render(*line.looks.options, record, line.out);
    }
}

/// Appends `record` by the options that the layout begins with, but for those of the times: the compiler leaves out what these options leave out.
#[inline]
pub(super) fn push_usual_line(record: &Record<'_>, line: &mut LayoutWriter<'_>) {
    render(Options::RECORD.with_times_of(line.looks.options), record, line.out);
}

#[inline(always)]
fn render(options: Options, record: &Record<'_>, out: &mut LineBuffer) {
    let names = CallsiteNames::of(record);
    out.push(b'{');
    if options.times.shows_wall() {
        out.extend_from_slice(b"\"timestamp\":\"");
        push_timestamp(out, record, options.times.offset);
        out.extend_from_slice(b"\",");
    }
    out.extend_from_slice(level(record.level()));
    match options.flatten {
        true => push_flat_fields(out, record, names.fields),
        false => {
            out.extend_from_slice(b",\"fields\":{");
            push_fields(out, record, names);
            out.push(b'}');
        }
    }
    if options.target {
        out.extend_from_slice(b",\"target\":\"");
        match names.has_plain_target(record) {
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
    if options.location {
        push_location(out, record);
    }
    push_spans(&options, out, record);
    if options.thread_name || options.thread_id {
        push_thread(&options, out);
    }
    if options.context {
        out.push(b',');
        push_context(record.context(), options.context_fields, out);
    }
    if options.times.shows_elapsed() {
        out.extend_from_slice(b",\"elapsed\":");
        push_seconds_micros(out, record.elapsed());
    }
    if options.seq
        && let Some(seq) = record.seq()
    {
        out.extend_from_slice(b",\"seq\":");
        push_integer(out, seq);
    }
    out.push(b'}');
}

fn level(level: Level) -> &'static [u8] {
    match level {
        Level::ERROR => b"\"level\":\"ERROR\"",
        Level::WARN => b"\"level\":\"WARN\"",
        Level::INFO => b"\"level\":\"INFO\"",
        Level::DEBUG => b"\"level\":\"DEBUG\"",
        Level::TRACE => b"\"level\":\"TRACE\"",
    }
}

/// Appends the thread's name and id. A thread without a name is called by its id, which is not written twice.
fn push_thread(options: &Options, out: &mut LineBuffer) {
    // Writing to a `Vec` does not fail.
    if options.thread_name && !(options.thread_id && is_thread_unnamed()) {
        out.extend_from_slice(b",\"threadName\":\"");
        let _ = write_thread_name(&mut JsonText::new(out));
        out.push(b'"');
    }
    if options.thread_id {
        out.extend_from_slice(b",\"threadId\":\"");
        let _ = write_thread_id(&mut JsonText::new(out));
        out.push(b'"');
    }
}

fn push_location(out: &mut LineBuffer, record: &Record<'_>) {
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
#[inline(always)]
fn push_spans(options: &Options, out: &mut LineBuffer, record: &Record<'_>) {
    let (style, parts) = match (options.current_span, options.span_list) {
        (true, true) => (Style::JSON, PathParts { current: true, list: true }),
        (true, false) => (Style::JSON_CURRENT, PathParts { current: true, list: false }),
        (false, true) => (Style::JSON_LIST, PathParts { current: false, list: true }),
        (false, false) => return,
    };
    let before = out.len();
    out.push(b',');
    record.spans.append(style, &|path, out| push_path(path, parts, out), out);
    if out.len() == before + 1 {
        out.truncate(before);
    }
}
