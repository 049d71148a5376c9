//! The `pretty` layout, for people who read a log on a screen: several lines for each record, as those of `tracing_subscriber::fmt`.
//!
//! ```text
//!   00:01.234567 INFO  uno linker: linking main.o, size: 12
//!     at src/link.rs:12 on main
//!     in link with unit: core
//!     in build
//!
//! ```
//!
//! No line but the first of a record begins with two blanks and a character that is none.

use super::ansi::{Look, push_colored};
use super::layout::columns::Columns;
use super::layout::{Layout, LayoutWriter, Looks, push_level};
use super::number::push_integer;
use super::plain::fields::push_gap;
use super::plain::value::push_text;
use super::quote::push_bare_or_quoted;
use crate::line_buffer::LineBuffer;
use crate::record::{CUT, FieldValue, Record, SpanInfo, SpanValues, Style, max_path_bytes};
use crate::sync::Arc;

/// The layout, with the options of its format.
pub(super) struct Pretty;

impl Pretty {
    pub(super) const STYLES: [Style; 2] = [Style::PRETTY, Style::PRETTY_COLORED];
}

/// The beginning of each line of a message after its first.
const CONTINUATION: &str = "      | ";

impl Layout for Pretty {
    fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
        let (options, colored) = (line.looks.options, line.looks.colored);
        line.raw("  ");
        let start = line.out.len();
        let columns = Columns { options: *options, colored, record, start };
        columns.push_times(line.looks.timer, line, false);
        push_gap(line.out, start);
        push_level(colored, record.level(), line.out);
        columns.push_context(line.out);
        if options.target {
            line.raw(" ");
            push_colored(colored, Look::Dim, line.out, |out| push_text(out, record.target()));
            line.raw(":");
        }
        line.raw(" ");
        let message = line.out.len();
        match options.multiline {
            true => line.push_message_lines(record, CONTINUATION),
            false => line.push_message(record),
        }
        let separator = line.out.len();
        if separator > message {
            line.raw(self.field_separator());
        }
        let fields = line.out.len();
        if options.fields {
            line.push_fields(record);
        }
        if line.out.len() == fields {
            line.out.truncate(separator);
        }
        push_place(&columns, line.out);
        let (style, looks) = (Pretty::STYLES[usize::from(colored)], line.looks);
        record.spans.append(style, &|path, out| push_path(path, style, looks, out), line.out);
        line.raw("\n");
    }

    fn span(&self, span: SpanInfo<'_>, line: &mut LayoutWriter<'_>) {
        line.raw("\n    in ");
        line.push_name(span.name());
        let mut separator = " with ";
        span.for_each_field(|name, value| {
            line.raw(separator);
            separator = self.field_separator();
            self.field(name, value, line);
        });
    }

    fn field(&self, name: &str, value: FieldValue<'_>, line: &mut LayoutWriter<'_>) {
        line.push_name(name);
        line.raw(": ");
        line.push_value(value);
    }

    fn field_separator(&self) -> &str {
        ", "
    }
}

/// Appends the location and the thread, on a line of their own, if they are shown.
fn push_place(columns: &Columns<'_>, out: &mut LineBuffer) {
    let (options, record) = (columns.options, columns.record);
    let file = record.file().filter(|_| options.location);
    let with_thread = options.thread_name || options.thread_id;
    if file.is_none() && !with_thread {
        return;
    }
    out.extend_from_slice(b"\n    ");
    push_colored(columns.colored, Look::Dim, out, |out| {
        if let Some(file) = file {
            out.extend_from_slice(b"at ");
            push_bare_or_quoted(out, file);
            if let Some(line) = record.line() {
                out.push(b':');
                push_integer(out, line);
            }
        }
        if with_thread {
            out.extend_from_slice(if file.is_some() { b" on " } else { b"on " });
            columns.push_thread(out);
        }
    });
}

/// Appends the spans, innermost first, each on a line of its own.
fn push_path(path: &[Arc<SpanValues>], style: Style, looks: &Looks<'_>, out: &mut LineBuffer) {
    let start = out.len();
    for span in path.iter().rev() {
        let room = max_path_bytes().saturating_sub(out.len() - start);
        let from = out.len();
        span.append_fragment(style, out, |span, out| Pretty.span(SpanInfo(span), &mut looks.writer(out)));
        if out.len() - from > room {
            out.truncate(from);
            out.extend_from_slice(b"\n    in ");
            push_bare_or_quoted(out, span.name());
            out.push(b' ');
            out.extend_from_slice(CUT.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
