//! Records: an event as a sink sees it, borrowed ([`Record`]) or owned ([`RecordBuf`]).
//!
//! | to change | see |
//! |---|---|
//! | an owned record, and how a record is copied into one | `buf.rs` |
//! | an owned value; a borrowed one, as layouts see it | `value.rs`; `field.rs` |
//! | how the values of an event or a span are captured | `capture.rs` |
//! | how long a record may be | `bound.rs` |
//! | what a record knows of its context | `context.rs` |
//! | what a record knows of its spans; what a program sees of one | `span.rs`; `span_info.rs` |
//! | the looks in which spans and contexts are kept rendered; the paths that a span keeps | `style.rs`; `kept_paths.rs` |
//! | the thread's name | `thread.rs` |
//! | the metadata of finished lines | `line.rs` |
//! | the text of the notices that logscope itself writes into a log | `notice.rs` |
//! | how a `Debug` or `Display` that panics is caught | `render.rs` |
//!
//! How a record is printed is in `format`; which records a context lets through is in `verbosity`. Of this crate, this module
//! imports `sync`, `limits`, `clock`, `line_buffer` and, for links in its docs only, later ones.

mod bound;
mod buf;
mod capture;
mod context;
mod field;
mod kept_paths;
#[cfg(feature = "fmt")]
mod line;
mod log_fields;
mod notice;
mod render;
mod span;
mod span_info;
mod style;
mod thread;
mod value;

use std::cell::Cell;
use std::fmt;
use std::time::{Duration, SystemTime};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata};

#[cfg(feature = "log")]
pub(crate) use bound::BoundedText;
#[cfg(test)]
pub(crate) use bound::tests::with_bound;
pub(crate) use bound::{
    BoundedWriter, CUT, OwnBound, ValueWriter, max_path_bytes, max_record_bytes, max_span_bytes, prefix,
    set_max_record_bytes,
};
pub use buf::{ContextBuf, RecordBuf, SpanBuf};
pub(crate) use capture::{Captured, FieldName, capture_fields, capture_primitives, field_name};
pub use context::ContextInfo;
pub use field::FieldValue;
pub(crate) use field::Kind as ValueKind;
pub(crate) use kept_paths::PathKey;
#[cfg(feature = "fmt")]
pub(crate) use line::line_metadata;
use log_fields::SkipLogFields;
pub(crate) use notice::{
    NOTICE_LEVEL, Notice, PANIC_TARGET, with_notice, with_opening, with_panic_event, with_span_close, with_span_new,
    with_unclaimed,
};
pub(crate) use render::{drop_quietly, for_each_source, has_source, render_debug, render_display, render_str};
pub(crate) use span::{NoSpans, RenderPath, SpanPath, SpanValues};
pub use span_info::SpanInfo;
pub(crate) use style::Style;
use thread::thread_id;
pub(crate) use thread::{ThreadName, is_thread_unnamed, log_for, logging_thread, write_thread_id, write_thread_name};
pub use value::Value;

use crate::clock::{Clock, Counted, Origin, Wall};
use crate::sync::thread::ThreadId;

/// Holds one event as a sink sees it: its message and fields, where and when it was logged, and its context.
///
/// A record borrows from the log call, so it lives only as long as that call; [`to_buf`](Record::to_buf) makes an owned copy.
pub struct Record<'a> {
    pub(crate) event: &'a Event<'a>,
    pub(crate) metadata: &'a RecordMetadata<'a>,
    pub(crate) elapsed: Duration,
    pub(crate) counted: Counted,
    pub(crate) clock: &'a Clock,
    /// The wall-clock time. Unless the clock told it anyway, it is read at first use: a format that does not print it does not pay for it.
    pub(crate) wall: Cell<Wall>,
    /// The record's number in its context. Notices have none.
    pub(crate) seq: Option<u64>,
    pub(crate) context: &'a ContextInfo,
    pub(crate) spans: &'a dyn SpanPath,
}

/// The metadata of a record: those of its event or, for a record of the `log` crate, those of the `log` call.
#[derive(Clone, Copy)]
pub(crate) struct RecordMetadata<'a> {
    pub(crate) level: Level,
    pub(crate) target: &'a str,
    pub(crate) module_path: Option<&'a str>,
    pub(crate) file: Option<&'a str>,
    pub(crate) line: Option<u32>,
    /// True for a record of the `log` crate. The event of such a record may carry these metadata in fields named `log.*`.
    pub(crate) from_log: bool,
    /// The callsite that the record is about, that of the event or that of a span. `None` for a record of the `log` crate, and of a panic: the
    /// callsite of its event is one of logscope's.
    pub(crate) callsite: Option<&'static Metadata<'static>>,
    /// The fields that a record of the `log` crate has beside its event.
    pub(crate) key_values: Option<&'a dyn KeyValues>,
}

/// The key-values of a record of the `log` crate.
pub(crate) trait KeyValues {
    /// Passes each to `visitor`, in the order of the log call.
    fn visit(&self, visitor: &mut dyn Visit);
}

impl<'a> RecordMetadata<'a> {
    pub(crate) fn new(callsite: &'static Metadata<'static>) -> Self {
        RecordMetadata { callsite: Some(callsite), ..RecordMetadata::without_callsite(callsite) }
    }

    /// Returns the metadata of a record that no callsite of the program's stands for.
    pub(crate) fn without_callsite(metadata: &Metadata<'a>) -> Self {
        RecordMetadata {
            level: *metadata.level(),
            target: metadata.target(),
            module_path: metadata.module_path(),
            file: metadata.file(),
            line: metadata.line(),
            from_log: false,
            callsite: None,
            key_values: None,
        }
    }

    /// Returns the metadata of a record that logscope itself writes into a log. It has no place: the program would take our file for its own.
    pub(crate) fn own(metadata: &Metadata<'a>) -> Self {
        RecordMetadata { file: None, line: None, ..RecordMetadata::without_callsite(metadata) }
    }
}

impl<'a> Record<'a> {
    /// Returns the level.
    #[must_use]
    pub fn level(&self) -> Level {
        self.metadata.level
    }

    /// Returns the target: by default, the path of the module that logged.
    #[must_use]
    pub fn target(&self) -> &str {
        self.metadata.target
    }

    /// Returns the name that the log call gave to its event, as in `info!(name: "order.paid", "paid")`.
    ///
    /// `None` if it gave none (`tracing` then makes a name of the file and the line), for records of the `log` crate, and for notices.
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        if self.metadata.from_log { None } else { event_name(self.event.metadata()) }
    }

    /// Returns the path of the module that logged.
    #[must_use]
    pub fn module_path(&self) -> Option<&str> {
        self.metadata.module_path
    }

    /// Returns the source file of the log call.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.metadata.file
    }

    /// Returns the line of the log call in that file.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        self.metadata.line
    }

    /// Returns the time since the origin of the context, or since that of the sink, if the sink [has its own](crate::sink::Sink::origin).
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Returns the time since `origin`, unless the time of the record is of another kind already.
    pub(crate) fn elapsed_from(&self, origin: &Origin) -> Duration {
        match self.counted {
            Counted::FromContext(own) if own >= origin.instant() => {
                (own - origin.instant()).saturating_add(self.elapsed)
            }
            Counted::FromContext(own) => self.elapsed.saturating_sub(origin.instant() - own),
            Counted::FromSink(_) | Counted::Unknown => self.elapsed,
        }
    }

    /// Returns the time since the origin of the context, whatever the sink counts from.
    #[cfg_attr(not(feature = "build"), allow(dead_code, reason = "only the vocabulary of builds asks"))]
    pub(crate) fn elapsed_in_context(&self) -> Duration {
        match self.counted {
            Counted::FromSink(elapsed) => elapsed,
            Counted::FromContext(_) | Counted::Unknown => self.elapsed,
        }
    }

    /// Returns the same record, whose elapsed time counts from `origin`.
    pub(crate) fn counted_from(&self, origin: &Origin) -> Record<'_> {
        Record {
            event: self.event,
            metadata: self.metadata,
            elapsed: self.elapsed_from(origin),
            counted: match self.counted {
                Counted::FromContext(_) => Counted::FromSink(self.elapsed),
                other => other,
            },
            clock: self.clock,
            wall: self.wall.clone(),
            seq: self.seq,
            context: self.context,
            spans: self.spans,
        }
    }

    /// Returns the wall-clock time.
    ///
    /// The clock is read once per record, however many sinks print the time.
    #[must_use]
    pub fn timestamp(&self) -> SystemTime {
        let wall = self.wall.get().or_read(|| self.clock.wall());
        self.wall.set(Wall::Read(wall));
        wall
    }

    /// Returns the record's number in its context, counted from 1, or `None` for a notice that logscope wrote itself.
    #[must_use]
    pub fn seq(&self) -> Option<u64> {
        self.seq
    }

    /// Returns the context that the record belongs to.
    #[must_use]
    pub fn context(&self) -> &ContextInfo {
        self.context
    }

    /// Passes each field to `visitor`, in the order of the log call, and the message as the field `message`.
    ///
    /// In a record of the `log` crate the message comes first, and its key-values follow.
    ///
    /// The visitor gets the program's own values, whose `Debug` may do anything, panic included. [`to_buf`](Record::to_buf)
    /// catches such a panic.
    pub fn visit(&self, visitor: &mut dyn Visit) {
        if self.metadata.from_log {
            self.event.record(&mut SkipLogFields(visitor));
            if let Some(key_values) = self.metadata.key_values {
                key_values.visit(visitor);
            }
        } else {
            self.event.record(visitor);
        }
    }

    /// Returns the message, which renders itself when it is printed; nothing is printed if there is none. Other fields are not rendered.
    ///
    /// ```
    /// # fn f(record: &logscope::Record<'_>) {
    /// let text = record.message().to_string();
    /// # }
    /// ```
    #[must_use]
    pub fn message(&self) -> impl fmt::Display + '_ {
        Message(self)
    }

    /// Writes the message; nothing if there is none.
    pub(crate) fn render_message(&self, out: &mut dyn ValueWriter) {
        self.visit(&mut MessageVisitor { out, is_done: false });
    }

    /// Calls `each` with every span around the record, outermost first.
    pub fn for_each_span(&self, mut each: impl FnMut(SpanInfo<'_>)) {
        self.spans.visit(&mut |span| each(SpanInfo(span)));
    }

    /// Returns the id of the thread that logs: the one that calls this, or the one whose panic is logged. `None` if the thread is so near its end
    /// that it has none.
    #[must_use]
    pub fn thread_id(&self) -> Option<ThreadId> {
        thread_id()
    }

    /// Returns the name of the thread that logs, to be printed on it; for a thread without a name, its id as `ThreadId(2)`.
    #[must_use]
    pub fn thread_name(&self) -> impl fmt::Display + use<> {
        ThreadName
    }

    /// Makes an owned copy.
    #[must_use]
    pub fn to_buf(&self) -> RecordBuf {
        RecordBuf::from_record(self)
    }

    /// The context of this record, and its time.
    pub(crate) fn moment(&self) -> Moment<'_> {
        let Record { context, elapsed, counted, clock, .. } = *self;
        Moment { context, elapsed, counted, clock, wall: self.wall.clone() }
    }
}

/// Returns the name of an event, unless it is `event FILE:LINE`, which the macros of `tracing` give to an event without a name.
pub(crate) fn event_name(metadata: &Metadata<'static>) -> Option<&'static str> {
    let name = metadata.name();
    let line = || name.strip_prefix("event ")?.strip_prefix(metadata.file()?)?.strip_prefix(':')?.parse().ok();
    (metadata.line().is_none() || line() != metadata.line()).then_some(name)
}

/// A context and a time in it, for a notice.
#[derive(Clone)]
pub(crate) struct Moment<'a> {
    pub(crate) context: &'a ContextInfo,
    pub(crate) elapsed: Duration,
    pub(crate) counted: Counted,
    pub(crate) clock: &'a Clock,
    pub(crate) wall: Cell<Wall>,
}

impl Moment<'_> {
    /// Makes a record of `event`, which is a notice with these metadata, at this moment. It has no number.
    pub(crate) fn notice<'b>(&'b self, event: &'b Event<'b>, metadata: &'b RecordMetadata<'b>) -> Record<'b> {
        Record {
            event,
            metadata,
            elapsed: self.elapsed,
            counted: self.counted,
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

/// The message of a record, to be printed.
struct Message<'a>(&'a Record<'a>);

impl fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.render_message(&mut BoundedWriter::new(f, max_record_bytes()));
        Ok(())
    }
}

/// Renders the first field called `message`.
struct MessageVisitor<'a> {
    out: &'a mut dyn ValueWriter,
    is_done: bool,
}

impl MessageVisitor<'_> {
    fn render<R>(&mut self, field: &Field, render: impl FnOnce(&mut dyn ValueWriter) -> R) {
        if !self.is_done && field_name(field) == "message" {
            self.is_done = true;
            render(self.out);
        }
    }
}

impl Visit for MessageVisitor<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.render(field, |text| render_display(&Value::from(value), text));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.render(field, |text| render_str(value, text));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.render(field, |text| render_display(value, text));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.render(field, |text| render_debug(value, text));
    }
}
