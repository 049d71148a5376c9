//! Owned records, and how a borrowed [`Record`] is copied into one.

use std::time::{Duration, SystemTime};

use tracing::Level;

use super::capture::Captured;
use super::{Record, Value, capture_fields, max_record_bytes, write_thread_id, write_thread_name};

/// Holds a record that owns its parts: a copy of a [`Record`], or one that was read back from a log.
///
/// ```
/// use logscope::{Level, RecordBuf, Value};
///
/// let mut record = RecordBuf::new(Level::INFO, "linker");
/// record.fields.push(("size".to_owned(), Value::from(5120)));
/// assert_eq!(record.field("size").and_then(Value::as_u64), Some(5120));
/// ```
///
/// In a record that was read back, the parts that its format does not print are `None` or empty.
///
/// The texts are raw, as the program logged them: escape sequences, line ends and invisible characters stand in them as they are, because only a
/// format escapes. So escape what you print, as `{:?}` does. (A [`Record`] that is at hand is printed safely by
/// [`Format::render`](crate::Format::render).)
///
/// ```
/// use logscope::{OutputContext, sink};
///
/// logscope::init();
/// let (memory, records) = sink::memory_records();
/// let uno = OutputContext::builder("uno").sink(memory).build();
/// uno.scope(|| tracing::info!("a\x1b[2Jb"));
/// let record = &records.records()[0];
/// assert_eq!(record.message, "a\x1b[2Jb"); // would clear the screen
/// assert_eq!(format!("{:?}", record.message), r#""a\u{1b}[2Jb""#);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RecordBuf {
    /// The level.
    pub level: Level,
    /// The target.
    pub target: String,
    /// The name that the log call gave to its event.
    pub name: Option<String>,
    /// The message: the text of the first field called `message`, or empty without one.
    pub message: String,
    /// The other fields, in order. Their names are unique: a later field with a used name is called `NAME#2`, or gets the next
    /// free number.
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
    /// The source file of the log call.
    pub file: Option<String>,
    /// The line of the log call in that file.
    pub line: Option<u32>,
    /// The name of the thread that logged, if it has one.
    pub thread_name: Option<String>,
    /// The id of the thread that logged, as `ThreadId(2)`.
    pub thread_id: Option<String>,
}

/// Holds an owned span.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SpanBuf {
    /// The name.
    pub name: String,
    /// The fields, in order.
    pub fields: Vec<(String, Value)>,
}

/// Holds the identity of a context: an owned [`ContextInfo`](super::ContextInfo).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ContextBuf {
    /// The name.
    pub name: String,
    /// The id, if the format prints it.
    pub id: Option<u64>,
    /// The id of the parent, if the context is a [child](crate::OutputContext::child) and the format prints it.
    pub parent: Option<u64>,
    /// The fields that the context puts on its records.
    pub fields: Vec<(String, Value)>,
}

impl RecordBuf {
    /// Makes a record with a level and a target only, for a parser or a test to fill in.
    #[must_use]
    pub fn new(level: Level, target: impl Into<String>) -> Self {
        RecordBuf {
            level,
            target: target.into(),
            name: None,
            message: String::new(),
            fields: Vec::new(),
            spans: Vec::new(),
            context: None,
            elapsed: None,
            timestamp: None,
            seq: None,
            file: None,
            line: None,
            thread_name: None,
            thread_id: None,
        }
    }

    /// Returns the value of the first field called `name`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(super) fn from_record(record: &Record<'_>) -> Self {
        let mut buf = RecordBuf::new(record.level(), record.target());
        buf.name = record.name().map(str::to_owned);
        let mut message = None;
        capture_fields(
            max_record_bytes(),
            |visitor| record.visit(visitor),
            |name, Captured { value, .. }| match message {
                None if name.field == "message" && name.suffix.is_empty() => message = Some(value.into_text()),
                _ => push_unique(&mut buf.fields, message.is_some(), name.to_string(), value),
            },
        );
        buf.message = message.unwrap_or_default();
        record.spans.visit(&mut |span| {
            let mut fields = Vec::with_capacity(span.fields().len());
            for (name, captured) in span.fields() {
                push_unique(&mut fields, false, name.to_string(), captured.value.clone());
            }
            buf.spans.push(SpanBuf { name: span.name().to_owned(), fields });
        });
        let context = record.context();
        buf.context = Some(ContextBuf {
            name: context.name().to_owned(),
            id: Some(context.id()),
            parent: context.parent_id(),
            fields: context.fields().to_vec(),
        });
        buf.elapsed = Some(record.elapsed());
        buf.timestamp = Some(record.timestamp());
        buf.seq = record.seq();
        buf.file = record.file().map(str::to_owned);
        buf.line = record.line();
        let (mut name, mut id) = (String::new(), String::new());
        // Writing to a `String` cannot fail.
        let _ = write_thread_name(&mut name);
        let _ = write_thread_id(&mut id);
        buf.thread_name = Some(name).filter(|name| !name.is_empty() && *name != id);
        buf.thread_id = Some(id).filter(|id| !id.is_empty());
        buf
    }

    /// Sets the thread's name as a log states it. A thread without a name is called by its id there.
    pub(crate) fn set_thread(&mut self, stated: String) {
        let digits = stated.strip_prefix("ThreadId(").and_then(|rest| rest.strip_suffix(')'));
        match digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())) {
            true => self.thread_id = Some(stated),
            false => self.thread_name = Some(stated),
        }
    }
}

/// Appends a field under a unique name: `NAME#2`, or with the next free number, if `fields` has the name already, or if it is
/// `message` and the record has a message.
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
