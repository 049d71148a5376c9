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
use crate::record::{ContextInfo, SpanValues, Style, Value};

/// Appends `context`, as `uno{env=x}`.
pub(in crate::format) fn push_context(style: Style, context: &ContextInfo, out: &mut Vec<u8>) {
    out.extend_from_slice(context.fragment(style, |context, out| {
        push_colored(style == Style::TextColor, Look::Bold, out, |out| push_bare_or_quoted(out, context.name()));
        push_fields(style, context.fields().iter().map(|(name, value)| ([name, ""], value, false)), out);
    }));
}

/// Returns `span`, as `build{unit=core n=1}`.
pub(in crate::format) fn span_fragment(style: Style, span: &SpanValues) -> &[u8] {
    span.fragment(style, |span, out| {
        // A colon separates the spans of a path.
        match span.name().contains(':') {
            true => push_quoted(out, span.name()),
            false => push_bare_or_quoted(out, span.name()),
        }
        push_fields(
            style,
            span.fields()
                .iter()
                .map(|(name, captured)| ([name.field, name.suffix], &captured.value, captured.is_rendered)),
            out,
        );
    })
}

/// Appends `{a=1 b=2}`, or nothing if there are no fields. A field is its name and suffix, its value, and whether `Debug` has rendered that.
fn push_fields<'a>(style: Style, mut fields: impl Iterator<Item = ([&'a str; 2], &'a Value, bool)>, out: &mut Vec<u8>) {
    let Some(first) = fields.next() else {
        return;
    };
    push_colored(style == Style::TextColor, Look::Dim, out, |out| {
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
