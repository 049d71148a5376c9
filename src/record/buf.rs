//! Owned records.

use std::time::{Duration, SystemTime};

use tracing::Level;

use super::{Record, Value, capture_fields, write_thread_name};

/// One record, owned: what [`Record::to_buf`] copies, and what is read back from a log.
///
/// What a format does not print is `None` or empty after reading back.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RecordBuf {
    /// The level.
    pub level: Level,
    /// The target.
    pub target: String,
    /// The message, which is the first field called `message`, as text; empty where there was none.
    pub message: String,
    /// The other fields, in order. Their names are unique: a later field of a name that was used is called `NAME#2`, or by
    /// the next number that is free.
    pub fields: Vec<(String, Value)>,
    /// The spans around the record, outermost first.
    pub spans: Vec<SpanBuf>,
    /// The context that the record belongs to.
    pub context: Option<ContextBuf>,
    /// The time since the origin of the context.
    pub elapsed: Option<Duration>,
    /// The wall-clock time.
    pub timestamp: Option<SystemTime>,
    /// The record's number in its context.
    pub seq: Option<u64>,
    /// The source file that logged.
    pub file: Option<String>,
    /// The line in that file.
    pub line: Option<u32>,
    /// The name of the thread that logged; its id, as `ThreadId(2)`, where it has none.
    pub thread: Option<String>,
}

/// A span, owned.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SpanBuf {
    /// The name.
    pub name: String,
    /// The fields, in order.
    pub fields: Vec<(String, Value)>,
}

/// Who a context is, owned.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ContextBuf {
    /// The name.
    pub name: String,
    /// The id, where the format prints it.
    pub id: Option<u64>,
    /// The fields that the context puts on its records.
    pub fields: Vec<(String, Value)>,
}

impl RecordBuf {
    /// A record that says nothing yet, for a parser or a test to fill in.
    #[must_use]
    pub fn new(level: Level, target: impl Into<String>) -> Self {
        RecordBuf {
            level,
            target: target.into(),
            message: String::new(),
            fields: Vec::new(),
            spans: Vec::new(),
            context: None,
            elapsed: None,
            timestamp: None,
            seq: None,
            file: None,
            line: None,
            thread: None,
        }
    }

    /// The value of the first field called `name`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(super) fn from_record(record: &Record<'_>) -> Self {
        let mut buf = RecordBuf::new(record.level(), record.target());
        let mut message = None;
        capture_fields(
            |visitor| record.visit(visitor),
            |name, value| match message {
                None if name.field == "message" && name.suffix.is_empty() => message = Some(value.into_text()),
                _ => push_unique(&mut buf.fields, message.is_some(), name.to_string(), value),
            },
        );
        buf.message = message.unwrap_or_default();
        record.spans.visit(&mut |span| {
            let mut fields = Vec::with_capacity(span.fields().len());
            for (name, value) in span.fields() {
                push_unique(&mut fields, false, name.to_string(), value.clone());
            }
            buf.spans.push(SpanBuf { name: span.name().to_owned(), fields });
        });
        let context = record.context();
        buf.context = Some(ContextBuf {
            name: context.name().to_owned(),
            id: Some(context.id()),
            fields: context.fields().to_vec(),
        });
        buf.elapsed = Some(record.elapsed());
        buf.timestamp = Some(record.timestamp());
        buf.seq = record.seq();
        buf.file = record.file().map(str::to_owned);
        buf.line = record.line();
        let mut thread = String::new();
        // Writing to a `String` cannot fail.
        let _ = write_thread_name(&mut thread);
        buf.thread = Some(thread).filter(|thread| !thread.is_empty());
        buf
    }
}

/// Appends a field, as `NAME#2` or with the next number that is free where `fields` has the name (or the record has a message
/// and the field is called so).
fn push_unique(fields: &mut Vec<(String, Value)>, has_message: bool, name: String, value: Value) {
    let taken =
        |name: &str| (has_message && name == "message") || fields.iter().any(|(known, _)| known.as_str() == name);
    let mut unique = name.clone();
    let mut number = 2_usize;
    while taken(&unique) {
        unique = format!("{name}#{number}");
        number += 1;
    }
    fields.push((unique, value));
}
