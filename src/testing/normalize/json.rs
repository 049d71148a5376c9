//! Records as JSON for snapshots.

use crate::format::escape::JsonText;
use crate::line_buffer::LineBuffer;
use crate::record::{RecordBuf, Value};

/// Returns `record` as an object on one line. The context is named unless it is `own_context`.
pub(super) fn object(record: &RecordBuf, own_context: &str) -> String {
    let mut out = LineBuffer::new();
    out.extend_from_slice(b"{\"level\":");
    push_text(&mut out, &record.level.as_str().to_ascii_lowercase());
    out.extend_from_slice(b",\"target\":");
    push_text(&mut out, &record.target);
    out.extend_from_slice(b",\"message\":");
    push_text(&mut out, &record.message);
    if !record.fields.is_empty() {
        out.extend_from_slice(b",\"fields\":");
        push_fields(&mut out, &record.fields);
    }
    if !record.spans.is_empty() {
        out.extend_from_slice(b",\"spans\":");
        push_list(&mut out, &record.spans, |out, span| {
            out.extend_from_slice(b"{\"name\":");
            push_text(out, &span.name);
            if !span.fields.is_empty() {
                out.extend_from_slice(b",\"fields\":");
                push_fields(out, &span.fields);
            }
            out.push(b'}');
        });
    }
    if let Some(context) = record.context.as_ref().filter(|context| context.name != own_context) {
        out.extend_from_slice(b",\"context\":");
        push_text(&mut out, &context.name);
    }
    out.push(b'}');
    String::from_utf8_lossy(&out).into_owned()
}

fn push_text(out: &mut LineBuffer, text: &str) {
    out.push(b'"');
    JsonText::new(out).push(text);
    out.push(b'"');
}

fn push_list<T>(out: &mut LineBuffer, items: &[T], push: impl Fn(&mut LineBuffer, &T)) {
    out.push(b'[');
    for (number, item) in items.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        push(out, item);
    }
    out.push(b']');
}

fn push_fields(out: &mut LineBuffer, fields: &[(String, Value)]) {
    out.push(b'{');
    for (number, (name, value)) in fields.iter().enumerate() {
        if number > 0 {
            out.push(b',');
        }
        push_text(out, name);
        out.push(b':');
        push_value(out, value);
    }
    out.push(b'}');
}

fn push_value(out: &mut LineBuffer, value: &Value) {
    match value {
        Value::Str(text) => push_text(out, text),
        Value::List(texts) => push_list(out, texts, |out, text| push_text(out, text)),
        // JSON has no word for them.
        Value::F64(number) if !number.is_finite() => out.extend_from_slice(b"null"),
        // Readers of JSON read numbers as floats, which cannot hold these.
        Value::I128(_) | Value::U128(_) => push_text(out, &value.to_string()),
        number => out.extend_from_slice(number.to_string().as_bytes()),
    }
}
