//! Spans and contexts as logfmt. A context is rendered once, and kept with the context; a path quotes the spans that text renders.
//!
//! | what | form |
//! |---|---|
//! | path | `spans="build{unit=core n=1}:link"` |
//! | context | `context=uno context.env=x` |

use super::value::push_value_of;
use crate::format::escape::Quoted;
use crate::format::names::UniqueNames;
use crate::format::plain::braces::span_fragment;
use crate::format::plain::name::{OddNames, push_name};
use crate::format::plain::value::push_text;
use crate::format::quote::is_bare;
use crate::format::reserved::CONTEXT_PREFIX;
use crate::record::{ContextInfo, SpanValues, Style};
use crate::sync::Arc;

/// Appends `path`. Appends nothing if it is empty.
pub(in crate::format) fn push_path(path: &[Arc<SpanValues>], out: &mut Vec<u8>) {
    if path.is_empty() {
        return;
    }
    out.extend_from_slice(b"spans=");
    // Fragments are escaped already, so each is UTF-8 without control characters. Quoting them once more keeps quotes and backslashes
    // reversible.
    let bare = path.iter().all(|span| is_bare(as_text(span_fragment(Style::Text, span))));
    for (index, span) in path.iter().enumerate() {
        match (index, bare) {
            (0, true) => {}
            (0, false) => out.push(b'"'),
            _ => out.push(b':'),
        }
        let fragment = span_fragment(Style::Text, span);
        if bare {
            out.extend_from_slice(fragment);
        } else {
            Quoted(out).push(as_text(fragment));
        }
    }
    if !bare {
        out.push(b'"');
    }
}

/// Returns a fragment as text, which it always is: fragments are made of whole strings.
fn as_text(fragment: &[u8]) -> &str {
    std::str::from_utf8(fragment).unwrap_or_default()
}

/// Appends `context`.
pub(in crate::format) fn push_context(context: &ContextInfo, out: &mut Vec<u8>) {
    out.extend_from_slice(context.fragment(Style::Logfmt, |context, out| {
        out.extend_from_slice(b"context=");
        push_text(out, context.name());
        let mut unique = UniqueNames::new();
        for (name, value) in context.fields() {
            out.push(b' ');
            push_name(out, Some(&mut unique), [CONTEXT_PREFIX, name, ""], OddNames::Escaped);
            out.push(b'=');
            push_value_of(out, name, value);
        }
    }));
}
