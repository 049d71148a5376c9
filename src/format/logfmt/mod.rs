//! The `logfmt` layout, for programs that read `key=value`.
//!
//! ```text
//! ts=2026-11-21T09:08:00.123456Z level=info elapsed=1.234567 context=uno context.env=x seq=42 target=linker
//! spans=build:link msg="linking main.o" size=12
//! ```
//!
//! (one line, broken here)
//!
//! `thread`, `thread_id` and `location` (`file:line`) follow the target if they are shown. A key without a value is left out, and so is an empty message.
//! A field whose name is [reserved](super::reserved) is written with `field.` before it, so that no field can shadow a key and a reader
//! can take the prefix off again. Names are never quoted, since other readers of logfmt would take a quote for the end of the name and the
//! rest for fields: the characters that they would trip over are escaped, as in `a\x20b=1`.
//!
//! A list (the sources of an error) is a text here, `err.sources="[\"a\", \"b\"]"`, because other readers of logfmt know no lists. It is
//! read back as a list if its name contains `.sources`; a text that begins with `[` in such a field is written with `\x5b` instead.

mod fragments;
mod value;

use std::fmt::{self, Write};

use tracing::Level;
use tracing::field::Field;

use super::layout::{Layout, LayoutWriter};
use super::names::CallsiteNames;
use super::number::push_integer;
use super::options::Options;
use super::plain::fields::{Dialect, push_message_and_fields};
use super::plain::name::OddNames;
use super::plain::value::{push_rendered, push_text};
use super::reserved::{FIELD_PREFIX, is_reserved_in_logfmt};
use super::timestamp::{push_seconds_micros, push_timestamp};
use crate::line_buffer::LineBuffer;
use crate::record::{Record, Style, ValueWriter, field_name, is_thread_unnamed, write_thread_id, write_thread_name};
pub(super) use fragments::{push_context, push_path};
use value::{protect_text, push_rendered_list};

/// The layout, with the options of its format.
pub(super) struct Logfmt;

impl Layout for Logfmt {
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
    let (start, names) = (out.len(), CallsiteNames::of(record));
    if options.times.shows_wall() {
        out.extend_from_slice(b"ts=");
        push_timestamp(out, record, options.times.offset);
        out.push(b' ');
    }
    out.extend_from_slice(level(record.level()));
    if options.times.shows_elapsed() {
        out.extend_from_slice(b" elapsed=");
        push_seconds_micros(out, record.elapsed());
    }
    if options.context {
        out.push(b' ');
        push_context(record.context(), out);
    }
    if let Some(seq) = record.seq().filter(|_| options.seq) {
        out.extend_from_slice(b" seq=");
        push_integer(out, seq);
    }
    if options.target {
        out.extend_from_slice(b" target=");
        match names.has_plain_target(record) {
            true => out.extend_from_slice(record.target().as_bytes()),
            false => push_text(out, record.target()),
        }
    }
    if options.thread_name && !(options.thread_id && is_thread_unnamed()) {
        out.extend_from_slice(b" thread=");
        push_rendered(out, |out| write_thread_name(out));
    }
    if options.thread_id {
        out.extend_from_slice(b" thread_id=");
        push_rendered(out, |out| write_thread_id(out));
    }
    if options.location
        && let Some(file) = record.file()
    {
        out.extend_from_slice(b" location=");
        push_rendered(out, |out| write_location(out, file, record.line()));
    }
    push_spans(record, out);
    push_message_and_fields(out, start, &LogfmtDialect, record, names);
}

fn level(level: Level) -> &'static [u8] {
    match level {
        Level::ERROR => b"level=error",
        Level::WARN => b"level=warn",
        Level::INFO => b"level=info",
        Level::DEBUG => b"level=debug",
        Level::TRACE => b"level=trace",
    }
}

/// Writes `file:line`, or `file:` if the line is unknown.
fn write_location(out: &mut dyn Write, file: &str, line: Option<u32>) -> fmt::Result {
    write!(out, "{file}:")?;
    line.map_or(Ok(()), |line| write!(out, "{line}"))
}

/// Appends the path of spans, and a blank before it, if there are spans.
fn push_spans(record: &Record<'_>, out: &mut LineBuffer) {
    let before = out.len();
    out.push(b' ');
    record.spans.append(Style::LOGFMT, &push_path, out);
    if out.len() == before + 1 {
        out.truncate(before);
    }
}

/// The message as a field of its own, and reserved names with a prefix.
struct LogfmtDialect;

impl Dialect for LogfmtDialect {
    const ODD_NAMES: OddNames = OddNames::Escaped;
    const QUOTES_ONCE: bool = false;

    fn push_message<R>(&self, out: &mut LineBuffer, render: impl FnOnce(&mut dyn ValueWriter) -> R) -> bool {
        out.extend_from_slice(b"msg=");
        push_rendered(out, render);
        !out.ends_with(b"=\"\"")
    }

    fn prefix(&self, name: &str) -> &'static str {
        if is_reserved_in_logfmt(name) { FIELD_PREFIX } else { "" }
    }

    fn finish_text(&self, out: &mut LineBuffer, start: usize, field: &Field) {
        protect_text(out, start, field_name(field));
    }

    fn push_list(&self, out: &mut LineBuffer, list: &[u8]) {
        push_rendered_list(out, list);
    }
}

#[cfg(test)]
mod tests;
