//! Records as lines for people.

use std::fmt::Write as _;

use crate::format::escape::shown;
use crate::record::{RecordBuf, Value};

/// What stands in a line beside the level, the spans, the target, the message and the fields.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts<'a> {
    /// Whether the elapsed time stands in the line.
    pub(super) time: bool,
    /// The context that need not be named.
    pub(super) own_context: Option<&'a str>,
    /// The thread that need not be named. Without it no thread is.
    pub(super) own_thread: Option<&'a str>,
}

/// Returns `record` on one line, without an end of line. What could forge another line, or control a terminal, is escaped.
pub(super) fn line(record: &RecordBuf, parts: Parts<'_>) -> String {
    let mut line = String::new();
    if let (true, Some(elapsed)) = (parts.time, record.elapsed) {
        let (minutes, seconds) = (elapsed.as_secs() / 60, elapsed.as_secs() % 60);
        push(&mut line, format_args!("{minutes:02}:{seconds:02}.{:06} ", elapsed.subsec_micros()));
    }
    push(&mut line, format_args!("{:<5} ", record.level.as_str()));
    if let Some(context) = record.context.as_ref().filter(|context| Some(context.name.as_str()) != parts.own_context) {
        push(&mut line, format_args!("[{}] ", shown(&context.name)));
    }
    if let Some(own) = parts.own_thread {
        let thread = record.thread_name.as_deref().or(record.thread_id.as_deref());
        if let Some(thread) = thread.filter(|thread| *thread != own) {
            push(&mut line, format_args!("({}) ", shown(thread)));
        }
    }
    for span in &record.spans {
        line.push_str(&shown(&span.name));
        if !span.fields.is_empty() {
            line.push('{');
            push_fields(&mut line, &span.fields);
            line.push('}');
        }
        line.push_str(": ");
    }
    push(&mut line, format_args!("{}:", shown(&record.target)));
    if !record.message.is_empty() {
        push(&mut line, format_args!(" {}", shown(&record.message)));
    }
    if !record.fields.is_empty() {
        line.push(' ');
        push_fields(&mut line, &record.fields);
    }
    line
}

fn push_fields(line: &mut String, fields: &[(String, Value)]) {
    for (number, (name, value)) in fields.iter().enumerate() {
        let space = if number == 0 { "" } else { " " };
        push(line, format_args!("{space}{}={}", shown(name), value_text(value)));
    }
}

/// Returns a value as it stands in a line: a text in quotes, unless it is one plain word that no other value looks like.
pub(super) fn value_text(value: &Value) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_-.:/<>@+%~".contains(character);
    let is_other = |text: &str| text.parse::<f64>().is_ok() || ["true", "false", "null"].contains(&text);
    match value {
        Value::Str(text) if !text.is_empty() && text.chars().all(is_plain) && !is_other(text) => text.clone(),
        Value::Str(text) => format!("\"{}\"", shown(text).replace('"', "\\\"")),
        other => shown(&other.to_string()),
    }
}

/// Writing to a string does not fail.
fn push(line: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = line.write_fmt(text);
}

/// Returns a number of records in words.
pub(super) fn count(records: usize) -> String {
    match records {
        0 => String::from("no record"),
        1 => String::from("1 record"),
        more => format!("{more} records"),
    }
}
