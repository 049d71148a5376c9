//! Spans and contexts as logfmt. A context is rendered once, and kept with the context; a path quotes the spans that text renders.
//!
//! | what | form |
//! |---|---|
//! | path | `spans="build{unit=core n=1}:link"` |
//! | context | `context=uno context.env=x` |

use super::value::push_value_of;
use crate::format::buffer::Buffer;
use crate::format::names::UniqueNames;
use crate::format::plain::braces;
use crate::format::plain::name::{OddNames, push_name};
use crate::format::plain::value::push_text;
use crate::format::quote::push_bare_or_quoted;
use crate::format::reserved::CONTEXT_PREFIX;
use crate::line_buffer::LineBuffer;
use crate::record::{ContextInfo, SpanValues, Style};
use crate::sync::Arc;

/// Appends `path`. Appends nothing if it is empty.
pub(in crate::format) fn push_path(path: &[Arc<SpanValues>], out: &mut LineBuffer) {
    if path.is_empty() {
        return;
    }
    out.extend_from_slice(b"spans=");
    // The path of text is escaped already, so it is UTF-8 without control characters. Quoting it once more keeps quotes and backslashes
    // reversible.
    let mut rendered = Buffer::take();
    braces::push_path(Style::TEXT, path, &mut rendered);
    push_bare_or_quoted(out, std::str::from_utf8(&rendered).unwrap_or_default());
}

/// Appends `context`.
pub(in crate::format) fn push_context(context: &ContextInfo, out: &mut LineBuffer) {
    context.append_fragment(Style::LOGFMT, out, |context, out| {
        out.extend_from_slice(b"context=");
        push_text(out, context.name());
        let mut unique = UniqueNames::new();
        for (name, value) in context.fields() {
            out.push(b' ');
            push_name(out, Some(&mut unique), [CONTEXT_PREFIX, name, ""], OddNames::Escaped);
            out.push(b'=');
            push_value_of(out, name, value);
        }
    });
}
