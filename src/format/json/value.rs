//! How JSON prints one value, and one key.

use crate::format::escape::{JsonText, fits};
use crate::format::names::UniqueNames;
use crate::format::number::{Integer, push_bool, push_float, push_integer};
use crate::line_buffer::LineBuffer;
use crate::record::{Value, render_str};

/// Appends a float; one that is not finite as `null`, since JSON has no word for it.
pub(super) fn push_number(out: &mut LineBuffer, number: f64) {
    if number.is_finite() {
        push_float(out, number);
    } else {
        out.extend_from_slice(b"null");
    }
}

/// Appends an integer of 128 bits as a string: readers of JSON read numbers as floats, which cannot hold it.
pub(super) fn push_integer_string(out: &mut LineBuffer, number: impl Integer) {
    out.push(b'"');
    push_integer(out, number);
    out.push(b'"');
}

/// Appends `text` as a string.
pub(super) fn push_string(out: &mut LineBuffer, text: &str) {
    out.push(b'"');
    JsonText::new(out).push(text);
    out.push(b'"');
}

/// Appends a text of the program's as a string; if it does not fit into the record, cut and marked.
#[inline]
pub(super) fn push_text(out: &mut LineBuffer, text: &str) {
    out.push(b'"');
    if fits(out, text) {
        JsonText::new(out).push(text);
    } else {
        render_str(text, &mut JsonText::new(out));
    }
    out.push(b'"');
}

/// Appends an owned value.
pub(super) fn push_value(out: &mut LineBuffer, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(value) => push_bool(out, *value),
        Value::I64(number) => push_integer(out, *number),
        Value::U64(number) => push_integer(out, *number),
        Value::I128(number) => push_integer_string(out, *number),
        Value::U128(number) => push_integer_string(out, *number),
        Value::F64(number) => push_number(out, *number),
        Value::Str(text) => push_text(out, text),
        Value::List(texts) => {
            out.push(b'[');
            for (index, text) in texts.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                push_text(out, text);
            }
            out.push(b']');
        }
    }
}

/// Appends the key that `first` and `second` make together, with its quotes and colon; with a number, if `unique` has it already.
pub(super) fn push_key(out: &mut LineBuffer, unique: Option<&mut UniqueNames>, first: &str, second: &str) {
    out.push(b'"');
    let start = out.len();
    JsonText::new(out).push(first);
    if !second.is_empty() {
        JsonText::new(out).push(second);
    }
    if let Some(unique) = unique {
        unique.make_unique(out, start);
    }
    out.extend_from_slice(b"\":");
}
