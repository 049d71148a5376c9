//! How logfmt prints lists, and texts that could be read as lists.

use crate::format::buffer::Buffer;
use crate::format::plain::value::{push_list, push_value};
use crate::format::quote::push_quoted;
use crate::format::reserved::SOURCES;
use crate::line_buffer::LineBuffer;
use crate::record::Value;

/// Appends an owned value of the field `name`.
pub(super) fn push_value_of(out: &mut LineBuffer, name: &str, value: &Value) {
    let start = out.len();
    match value {
        Value::List(texts) => {
            let mut list = Buffer::take();
            push_list(&mut list, texts);
            push_rendered_list(out, &list);
        }
        value => push_value(out, value),
    }
    if matches!(value, Value::Str(_)) {
        protect_text(out, start, name);
    }
}

/// Appends a list that is rendered as `["a", "b"]`, as a quoted text.
pub(super) fn push_rendered_list(out: &mut LineBuffer, list: &[u8]) {
    push_quoted(out, std::str::from_utf8(list).unwrap_or_default());
}

/// Escapes the first character of a text that the reader would take for a list: the value of the field `name`, from `start` to the end of
/// `out`.
pub(super) fn protect_text(out: &mut LineBuffer, start: usize, name: &str) {
    if out[start..].starts_with(b"\"[") && name.contains(SOURCES) {
        out.replace(start + 1, start + 2, b"\\x5b");
    }
}
