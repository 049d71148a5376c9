//! A span or a context with its fields in braces: `build{unit=core n=1}`. Each is rendered once for each style, and kept with
//! the span or the context; a record copies the bytes.
//!
//! A name that is not a plain word stands in quotes, so that a path of spans can be read back.

use super::literal::quote_once;
use super::name::{OddNames, push_name};
use super::value::push_value;
use crate::format::ansi::{Look, push_colored};
use crate::format::names::UniqueNames;
use crate::format::quote::{push_bare_or_quoted, push_quoted};
use crate::line_buffer::LineBuffer;
use crate::record::{CUT, ContextInfo, SpanValues, Style, Value, max_path_bytes};
use crate::sync::Arc;

/// Appends `context`, as `uno{env=x}`, with a blank before it, unless the line begins at `start` and is empty.
#[inline]
pub(in crate::format) fn push_context(style: Style, context: &ContextInfo, start: usize, out: &mut LineBuffer) {
    let render =
        |context: &ContextInfo, out: &mut LineBuffer| render_context(style == Style::TEXT_COLORED, context, out);
    match out.len() > start {
        true => context.append_fragment_after_blank(style, out, render),
        false => context.append_fragment(style, out, render),
    }
}

/// Appends `context`, rendered now.
pub(in crate::format) fn render_context(colored: bool, context: &ContextInfo, out: &mut LineBuffer) {
    push_colored(colored, Look::Bold, out, |out| match context.name().ends_with(':') {
        // A colon ends the context and the spans where no target is shown.
        true => push_quoted(out, context.name()),
        false => push_bare_or_quoted(out, context.name()),
    });
    push_fields(colored, context.fields().iter().map(|(name, value)| ([name, ""], value, false)), out);
}

/// Appends `path`, as `build{unit=core n=1}:link`.
pub(in crate::format) fn push_path(style: Style, path: &[Arc<SpanValues>], out: &mut LineBuffer) {
    let start = out.len();
    for (index, span) in path.iter().enumerate() {
        if index > 0 {
            out.push(b':');
        }
        push_span(style, span, max_path_bytes().saturating_sub(out.len() - start), out);
    }
}

/// Appends `span`. If that has more than `room` bytes, a marker stands in place of the fields.
fn push_span(style: Style, span: &SpanValues, room: usize, out: &mut LineBuffer) {
    let start = out.len();
    span.append_fragment(style, out, |span, out| render_span(style == Style::TEXT_COLORED, span, out));
    if out.len() - start <= room {
        return;
    }
    out.truncate(start);
    push_span_name(span, out);
    out.extend_from_slice(b"{fields=");
    out.extend_from_slice(CUT.as_bytes());
    out.push(b'}');
}

fn push_span_name(span: &SpanValues, out: &mut LineBuffer) {
    // A colon separates the spans of a path.
    match span.name().contains(':') {
        true => push_quoted(out, span.name()),
        false => push_bare_or_quoted(out, span.name()),
    }
}

/// Appends `span`, rendered now.
pub(in crate::format) fn render_span(colored: bool, span: &SpanValues, out: &mut LineBuffer) {
    push_span_name(span, out);
    let fields =
        span.fields().iter().map(|(name, captured)| ([name.field, name.suffix], &captured.value, captured.is_rendered));
    push_fields(colored, fields, out);
}

/// Appends `{a=1 b=2}`, or nothing if there are no fields. A field is its name and suffix, its value, and whether `Debug` has rendered that.
fn push_fields<'a>(
    colored: bool,
    mut fields: impl Iterator<Item = ([&'a str; 2], &'a Value, bool)>,
    out: &mut LineBuffer,
) {
    let Some(first) = fields.next() else {
        return;
    };
    push_colored(colored, Look::Dim, out, |out| {
        let mut unique = UniqueNames::new();
        let mut before = b'{';
        for ([name, suffix], value, is_rendered) in std::iter::once(first).chain(fields) {
            out.push(before);
            before = b' ';
            push_name(out, Some(&mut unique), ["", name, suffix], OddNames::Quoted);
            out.push(b'=');
            let start = out.len();
            push_value(out, value);
            if is_rendered {
                quote_once(out, start);
            }
        }
        out.push(b'}');
    });
}
