//! Values as text, build and logfmt write them.

use crate::format::escape::{Quoted, fits};
use crate::format::number::{push_bool, push_float, push_integer};
use crate::format::quote::{
    is_bare, is_bare_ascii_text, push_bare_ascii, push_bare_or_quoted, push_quoted, reads_as_other_type,
};
use crate::line_buffer::LineBuffer;
use crate::record::{CUT, Value, ValueWriter, for_each_source, max_record_bytes, render_display, render_str};

/// Appends a text as a value: bare if it needs no quotes and does not read back as another type, else quoted. If it does not fit into the
/// record, it is cut and marked.
#[inline]
pub(in crate::format) fn push_text(out: &mut LineBuffer, text: &str) {
    if !fits(out, text) || reads_as_other_type(text) || !push_bare_ascii(out, text) {
        push_odd_text(out, text);
    }
}

#[inline(never)]
fn push_odd_text(out: &mut LineBuffer, text: &str) {
    if !fits(out, text) {
        push_rendered(out, |out| render_str(text, out));
    } else if reads_as_other_type(text) {
        push_quoted(out, text);
    } else {
        push_bare_or_quoted(out, text);
    }
}

/// Appends the text that `render` writes, by the rule of [`push_text`]. The result of `render` is ignored: writing to a `Vec`
/// does not fail, and a value that fails is marked in the text.
pub(in crate::format) fn push_rendered<R>(out: &mut LineBuffer, render: impl FnOnce(&mut dyn ValueWriter) -> R) {
    let start = out.len();
    out.push(b'"');
    let _ = render(&mut Quoted::new(out));
    let rendered = &out[start + 1..];
    // A text of ASCII alone needs no second look.
    let is_other_bare = || {
        !rendered.is_ascii() && str::from_utf8(rendered).is_ok_and(|text| is_bare(text) && !reads_as_other_type(text))
    };
    if is_bare_ascii_text(rendered) || is_other_bare() {
        out.remove(start);
    } else {
        out.push(b'"');
    }
}

/// Shows the backslashes of a text, which stands from `start` to the end of `out`, as they are: the text can no longer be read back.
pub(in crate::format) fn show_backslashes(out: &mut LineBuffer, start: usize) {
    let Some(first) = out[start..].iter().position(|byte| *byte == b'\\') else {
        return;
    };
    let (mut read, mut written) = (start + first, start + first);
    while read < out.len() {
        out[written] = out[read];
        written += 1;
        read += if out[read..].starts_with(b"\\\\") { 2 } else { 1 };
    }
    out.truncate(written);
}

/// Appends texts as `["a", "b"]`.
pub(in crate::format) fn push_list(out: &mut LineBuffer, texts: &[String]) {
    out.push(b'[');
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        out.push(b'"');
        render_str(text, &mut Quoted::new(out));
        out.push(b'"');
    }
    out.push(b']');
}

/// Appends the causes of `error` to the empty `list`, as `["a", "b"]`. If they do not fit into a record that has `before` bytes already, a
/// marker stands in place of them. Returns false, and appends nothing, if there are none.
pub(in crate::format) fn render_sources(
    error: &(dyn std::error::Error + 'static),
    before: usize,
    list: &mut LineBuffer,
) -> bool {
    let mut opening: &[u8] = b"[\"";
    for_each_source(error, |source| {
        list.extend_from_slice(opening);
        opening = b", \"";
        render_display(source, &mut Quoted::new(list));
        list.push(b'"');
    });
    if list.is_empty() {
        return false;
    }
    list.push(b']');
    if before + list.len() > max_record_bytes() {
        list.clear();
        push_list(list, &[CUT.to_owned()]);
    }
    true
}

/// Appends an owned value.
pub(in crate::format) fn push_value(out: &mut LineBuffer, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(value) => push_bool(out, *value),
        Value::I64(number) => push_integer(out, *number),
        Value::U64(number) => push_integer(out, *number),
        Value::I128(number) => push_integer(out, *number),
        Value::U128(number) => push_integer(out, *number),
        Value::F64(number) => push_float(out, *number),
        Value::Str(text) => push_text(out, text),
        Value::List(texts) => push_list(out, texts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: impl Into<Value>) -> String {
        let mut out = LineBuffer::new();
        push_value(&mut out, &value.into());
        String::from_utf8(out.into()).unwrap()
    }

    #[test]
    fn a_text_that_looks_like_another_type_is_quoted() {
        for look in
            ["1", "-1", "+1", "1.5", ".5", "1e9", "true", "false", "null", "NaN", "nan", "inf", "-inf", "Infinity"]
        {
            assert_eq!(text(look), format!("\"{look}\""));
        }
        for look in ["1a", "truer", "e9", "-", "v1.2.3", "1.2.3", "nano"] {
            assert_eq!(text(look), look);
        }
        assert_eq!(text(""), "\"\"");
        assert_eq!(text("a b"), "\"a b\"");
    }

    #[test]
    fn each_type_has_its_form() {
        assert_eq!(text(u128::MAX), "340282366920938463463374607431768211455");
        assert_eq!(text(i64::MIN), "-9223372036854775808");
        assert_eq!(text(1.0), "1.0");
        assert_eq!(text(f64::NAN), "NaN");
        assert_eq!(text(f64::NEG_INFINITY), "-inf");
        assert_eq!(text(true), "true");
        let mut list = LineBuffer::new();
        push_list(&mut list, &["a".to_owned(), "\"".to_owned()]);
        assert_eq!(list[..], *br#"["a", "\""]"#);
    }
}
