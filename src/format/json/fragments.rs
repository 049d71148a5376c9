//! Spans and contexts as JSON. Each is rendered once, and kept with the span or the context; a record copies the bytes.
//!
//! | what | form |
//! |---|---|
//! | path | `"span":{…innermost…},"spans":[{"unit":"core","n":1,"name":"build"},…]` |
//! | context | `"context":{"name":"uno","id":7,"parent":3,"fields":{…}}` |

use super::value::{push_key, push_string, push_value};
use crate::format::names::UniqueNames;
use crate::format::number::push_integer;
use crate::format::reserved::{FIELD_PREFIX, is_reserved_in_spans};
use crate::line_buffer::LineBuffer;
use crate::record::{CUT, ContextInfo, SpanValues, Style, max_path_bytes};
use crate::sync::Arc;

/// Which parts of a path are shown: one at least.
#[derive(Clone, Copy, Debug)]
pub(in crate::format) struct PathParts {
    /// The innermost span, as `"span"`.
    pub(in crate::format) current: bool,
    /// All spans, as `"spans"`.
    pub(in crate::format) list: bool,
}

/// Appends `path`. Appends nothing if it is empty.
pub(in crate::format) fn push_path(path: &[Arc<SpanValues>], parts: PathParts, out: &mut LineBuffer) {
    let Some(innermost) = path.last() else {
        return;
    };
    let start = out.len();
    if parts.current {
        out.extend_from_slice(b"\"span\":");
        push_span(innermost, max_path_bytes(), out);
    }
    if !parts.list {
        return;
    }
    if parts.current {
        out.push(b',');
    }
    out.extend_from_slice(b"\"spans\":");
    let mut before = b'[';
    for span in path {
        out.push(before);
        push_span(span, max_path_bytes().saturating_sub(out.len() - start), out);
        before = b',';
    }
    out.push(b']');
}

/// Appends `span`. If that has more than `room` bytes, a marker stands in place of the fields.
fn push_span(span: &SpanValues, room: usize, out: &mut LineBuffer) {
    let start = out.len();
    append_span(span, out);
    if out.len() - start <= room {
        return;
    }
    out.truncate(start);
    out.extend_from_slice(b"{\"fields\":");
    push_string(out, CUT);
    out.extend_from_slice(b",\"name\":");
    push_string(out, span.name());
    out.push(b'}');
}

/// Appends `context`, with its fields or without them.
pub(in crate::format) fn push_context(context: &ContextInfo, with_fields: bool, out: &mut LineBuffer) {
    let style = if with_fields { Style::JSON } else { Style::JSON_BARE };
    context.append_fragment(style, out, |context, out| {
        out.extend_from_slice(b"\"context\":{\"name\":");
        push_string(out, context.name());
        out.extend_from_slice(b",\"id\":");
        push_integer(out, context.id());
        if let Some(parent_id) = context.parent_id() {
            out.extend_from_slice(b",\"parent\":");
            push_integer(out, parent_id);
        }
        if with_fields && !context.fields().is_empty() {
            out.extend_from_slice(b",\"fields\":");
            let mut unique = UniqueNames::new();
            let mut before = b'{';
            for (name, value) in context.fields() {
                out.push(before);
                before = b',';
                push_key(out, Some(&mut unique), name, "");
                push_value(out, value);
            }
            out.push(b'}');
        }
        out.push(b'}');
    });
}

/// Appends one span: its fields, then its name.
fn append_span(span: &SpanValues, out: &mut LineBuffer) {
    span.append_fragment(Style::JSON, out, |span, out| {
        let mut unique = UniqueNames::new();
        out.push(b'{');
        for (name, captured) in span.fields() {
            if name.suffix.is_empty() && is_reserved_in_spans(name.field) {
                push_key(out, Some(&mut unique), FIELD_PREFIX, name.field);
            } else {
                push_key(out, Some(&mut unique), name.field, name.suffix);
            }
            push_value(out, &captured.value);
            out.push(b',');
        }
        out.extend_from_slice(b"\"name\":");
        push_string(out, span.name());
        out.push(b'}');
    });
}
