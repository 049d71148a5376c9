//! Records: one event as a sink sees it.
//!
//! A [`Record`] borrows everything and is what formats and [`RecordOutput`](crate::sink::RecordOutput)s are given, on the
//! thread that logs. A [`RecordBuf`] owns everything: what a test captures, or what is read back from a log.

mod buf;
mod context;
mod notice;
mod render;
mod span;
mod thread;
mod value;

use std::cell::Cell;
use std::fmt;
use std::time::{Duration, SystemTime};

use tracing::field::{Field, Visit};
use tracing::{Event, Level};

pub use buf::{ContextBuf, RecordBuf, SpanBuf};
pub use context::ContextInfo;
pub(crate) use notice::{Notice, with_notice};
pub(crate) use render::{drop_quietly, for_each_source, render_debug, render_display};
pub(crate) use span::{NoSpans, STYLES, SpanPath, SpanValues, Style};
pub(crate) use thread::write_thread_name;
pub use value::Value;
pub(crate) use value::{FieldName, capture_fields, capture_primitives, field_name};

use crate::clock::Clock;

/// One event, as a sink sees it: what was said, where and when, and by which context.
///
/// It borrows from the call that logged, so it lives only as long as that call; [`to_buf`](Record::to_buf) makes an owned
/// copy.
pub struct Record<'a> {
    pub(crate) event: &'a Event<'a>,
    pub(crate) metadata: RecordMetadata<'a>,
    pub(crate) elapsed: Duration,
    pub(crate) clock: &'a Clock,
    /// The wall-clock time, read when it is first asked for: a format that does not print it does not pay for it.
    pub(crate) wall: Cell<Option<SystemTime>>,
    /// The record's number in its context. Notices have none.
    pub(crate) seq: Option<u64>,
    pub(crate) context: &'a ContextInfo,
    pub(crate) spans: &'a dyn SpanPath,
}

/// Where in the program a record comes from: the event's own metadata, or what the `log` bridge carried in its place.
#[derive(Clone, Copy)]
pub(crate) struct RecordMetadata<'a> {
    pub(crate) level: Level,
    pub(crate) target: &'a str,
    pub(crate) module_path: Option<&'a str>,
    pub(crate) file: Option<&'a str>,
    pub(crate) line: Option<u32>,
    /// True for a record of the `log` crate, whose event carries its source in `log.*` fields.
    pub(crate) from_log: bool,
}

impl<'a> RecordMetadata<'a> {
    pub(crate) fn new(metadata: &tracing::Metadata<'a>) -> Self {
        RecordMetadata {
            level: *metadata.level(),
            target: metadata.target(),
            module_path: metadata.module_path(),
            file: metadata.file(),
            line: metadata.line(),
            from_log: false,
        }
    }
}

impl<'a> Record<'a> {
    /// The level.
    #[must_use]
    pub fn level(&self) -> Level {
        self.metadata.level
    }

    /// The target: by default, the path of the module that logged.
    #[must_use]
    pub fn target(&self) -> &str {
        self.metadata.target
    }

    /// The path of the module that logged.
    #[must_use]
    pub fn module_path(&self) -> Option<&str> {
        self.metadata.module_path
    }

    /// The source file that logged.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.metadata.file
    }

    /// The line in that file.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        self.metadata.line
    }

    /// The time since the origin of the context.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The wall-clock time: one reading for each record, whatever the number of sinks that print it.
    #[must_use]
    pub fn timestamp(&self) -> SystemTime {
        match self.wall.get() {
            Some(wall) => wall,
            None => {
                let wall = self.clock.wall();
                self.wall.set(Some(wall));
                wall
            }
        }
    }

    /// The record's number in its context, counted from 1; `None` for a notice of logscope's own.
    #[must_use]
    pub fn seq(&self) -> Option<u64> {
        self.seq
    }

    /// The context that the record belongs to.
    #[must_use]
    pub fn context(&self) -> &ContextInfo {
        self.context
    }

    /// Shows each field, the message among them as `message`, to `visitor`, in the order of the call that logged.
    ///
    /// The visitor is handed the program's own values: a `Debug` of theirs may do anything, panic included. The values of
    /// [`to_buf`](Record::to_buf) are rendered under a guard.
    pub fn visit(&self, visitor: &mut dyn Visit) {
        if self.metadata.from_log {
            self.event.record(&mut SkipLogFields(visitor));
        } else {
            self.event.record(visitor);
        }
    }

    /// The message, rendered; empty where there is none. No other field is.
    #[must_use]
    pub fn message(&self) -> String {
        let mut message = Message(None);
        self.visit(&mut message);
        message.0.unwrap_or_default()
    }

    /// Calls `each` with the name of every span around the record, outermost first.
    pub fn for_each_span(&self, mut each: impl FnMut(&str)) {
        self.spans.visit(&mut |span| each(span.name()));
    }

    /// An owned copy.
    #[must_use]
    pub fn to_buf(&self) -> RecordBuf {
        RecordBuf::from_record(self)
    }

    /// When it was, and of which context.
    pub(crate) fn moment(&self) -> Moment<'_> {
        Moment { context: self.context, elapsed: self.elapsed, clock: self.clock, wall: self.wall.clone() }
    }
}

/// A time in a context, at which something can be stated.
#[derive(Clone)]
pub(crate) struct Moment<'a> {
    pub(crate) context: &'a ContextInfo,
    pub(crate) elapsed: Duration,
    pub(crate) clock: &'a Clock,
    pub(crate) wall: Cell<Option<SystemTime>>,
}

impl Moment<'_> {
    /// The record of `event` at this moment, without a number: how a sink states something on its own behalf.
    pub(crate) fn notice<'b>(&'b self, event: &'b Event<'b>) -> Record<'b> {
        Record {
            event,
            metadata: RecordMetadata::new(event.metadata()),
            elapsed: self.elapsed,
            clock: self.clock,
            wall: self.wall.clone(),
            seq: None,
            context: self.context,
            spans: &NoSpans,
        }
    }
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_buf(), f)
    }
}

/// Renders the first field called `message`.
struct Message(Option<String>);

impl Message {
    fn render(&mut self, field: &Field, render: impl FnOnce(&mut String)) {
        if self.0.is_none() && field_name(field) == "message" {
            render(self.0.insert(String::new()));
        }
    }
}

impl Visit for Message {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.render(field, |text| text.push_str(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.render(field, |text| _ = render_debug(value, text));
    }
}

/// Passes on everything but the fields in which the `log` bridge carries its source.
struct SkipLogFields<'a>(&'a mut dyn Visit);

macro_rules! skip_log_fields {
    ($($method:ident: $type:ty),* $(,)?) => {$(
        fn $method(&mut self, field: &Field, value: $type) {
            if !field.name().starts_with("log.") {
                self.0.$method(field, value);
            }
        }
    )*};
}

impl Visit for SkipLogFields<'_> {
    skip_log_fields! {
        record_f64: f64,
        record_i64: i64,
        record_u64: u64,
        record_i128: i128,
        record_u128: u128,
        record_bool: bool,
        record_str: &str,
        record_bytes: &[u8],
        record_error: &(dyn std::error::Error + 'static),
        record_debug: &dyn fmt::Debug,
    }
}
