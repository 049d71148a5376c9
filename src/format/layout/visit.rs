//! The fields of a record, each given to the look of a layout.

use std::cell::Cell;
use std::error::Error;
use std::fmt;

use tracing::field::{Field, Visit};

use super::writer::{LayoutWriter, plain_text};
use crate::format::buffer::Buffer;
use crate::format::escape::{PlainText, Quoted};
use crate::format::names::{CallsiteNames, FieldNames, ReadyName, UniqueNames, is_message};
use crate::format::plain::fields::{Dialect, push_message_and_fields};
use crate::format::plain::name::OddNames;
use crate::format::reserved::SOURCES;
use crate::line_buffer::LineBuffer;
use crate::record::{
    FieldValue, Record, ValueKind as Kind, ValueWriter, field_name, has_source, render_debug, render_display,
    render_str,
};

impl LayoutWriter<'_> {
    /// Appends all fields but the message, each by [`Layout::field`](super::Layout::field), with
    /// [`Layout::field_separator`](super::Layout::field_separator) between them.
    pub fn push_fields(&mut self, record: &Record<'_>) {
        let names = self.names(record);
        self.visit_fields(record, names, false);
    }

    /// Appends the message, a blank, and the fields: the same as [`push_message`](LayoutWriter::push_message), [`gap`](LayoutWriter::gap) and
    /// [`push_fields`](LayoutWriter::push_fields), but the event is gone through once.
    pub fn push_message_and_fields(&mut self, record: &Record<'_>) {
        let names = self.names(record);
        if self.try_push_as_text(record, names) {
            return;
        }
        // The message of an event with plain names is its first field.
        let with_message = names.fields == FieldNames::Plain;
        if !with_message {
            self.push_message(record);
            self.gap();
        }
        self.visit_fields(record, names, with_message);
    }

    /// Appends the fields, each by the look of the layout. The message, too, if it is the first of them.
    fn visit_fields(&mut self, record: &Record<'_>, names: &'static CallsiteNames, with_message: bool) {
        let separator = self.layout().field_separator();
        record.visit(&mut FieldVisitor {
            separator,
            with_message,
            message_seen: false,
            is_first: true,
            ready: &names.ready,
            unique: (names.fields == FieldNames::Repeated).then(UniqueNames::beside_message),
            line: self,
        });
        self.ready_name = None;
    }

    /// Appends the message and the fields as `text` does. Returns false, and appends nothing, if they would look otherwise by the layout.
    #[inline]
    fn try_push_as_text(&mut self, record: &Record<'_>, names: &'static CallsiteNames) -> bool {
        let start = self.start;
        let (is_empty, ends_with_gap) = (self.out.len() == start, self.out.len() == self.gap_end);
        let looks_like_text = self.looks.fields.is_some_and(|look| look.is_default())
            && names.fields == FieldNames::Plain
            && (is_empty || ends_with_gap)
            && self.layout().field_separator() == " ";
        if !looks_like_text {
            return false;
        }
        // The blank is written again, with what stands behind it.
        if ends_with_gap {
            self.out.pop();
        }
        let (before, message_end) = (self.out.len(), Cell::new(None));
        push_message_and_fields(self.out, start, &LikeText { message_end: &message_end }, record, names);
        if message_end.get() == Some(self.out.len()) {
            self.gap();
        } else if ends_with_gap && self.out.len() == before {
            self.out.push(b' ');
        }
        true
    }
}

fn render_message(value: Kind<'_>, text: &mut PlainText<'_>) {
    let _ = match value {
        Kind::Str(message) => render_str(message, text),
        Kind::Debug(message) => render_debug(message, text),
        value => render_display(&FieldValue(value), text),
    };
}

/// How a layout writes the message and the fields, if it has no look of its own for them.
struct LikeText<'a> {
    /// Where the message ends, if there is one.
    message_end: &'a Cell<Option<usize>>,
}

impl Dialect for LikeText<'_> {
    const ODD_NAMES: OddNames = OddNames::Quoted;

    fn push_message<R>(&self, out: &mut LineBuffer, render: impl FnOnce(&mut dyn ValueWriter) -> R) -> bool {
        let start = out.len();
        let _ = render(&mut plain_text(out));
        let is_empty = out.len() == start;
        if !is_empty {
            self.message_end.set(Some(out.len()));
        }
        !is_empty
    }
}

struct FieldVisitor<'a, 'b> {
    line: &'a mut LayoutWriter<'b>,
    separator: &'b str,
    /// True if the message is pushed, too, which is the first field.
    with_message: bool,
    message_seen: bool,
    is_first: bool,
    /// The names by the index of their field, if they are ready.
    ready: &'static [ReadyName],
    /// The names so far, if two may be equal.
    unique: Option<UniqueNames>,
}

impl FieldVisitor<'_, '_> {
    /// Pushes a field, or the message, with the value that `value` makes. It is made where it is needed: a value that is copied there right
    /// after it was written in parts would stall the processor.
    #[inline(always)]
    fn push<'v>(&mut self, field: &Field, value: impl Fn() -> Kind<'v>) {
        match self.ready.get(field.index()) {
            Some(ready) if !ready.is_message() => {
                self.line.ready_name = Some(ready);
                self.push_field(ready.name(), FieldValue(value()));
            }
            ready => self.push_message_or_unready(ready.is_some(), field, value()),
        }
    }

    /// Pushes the message, or a field whose name is not ready.
    #[inline(never)]
    fn push_message_or_unready(&mut self, is_message_ready: bool, field: &Field, value: Kind<'_>) {
        if !self.message_seen && (is_message_ready || is_message(field)) {
            self.message_seen = true;
            if self.with_message {
                self.push_message(|text| render_message(value, text));
            }
        } else {
            self.push_odd(field_name(field), "", value);
        }
    }

    /// Pushes the message that `render` writes, and a gap. An event that was made by hand may have it behind fields.
    #[inline]
    fn push_message(&mut self, render: impl FnOnce(&mut PlainText<'_>)) {
        if !self.is_first {
            self.line.gap();
        }
        self.is_first = true;
        render(&mut plain_text(self.line.out));
        self.line.gap();
    }

    /// Pushes a field whose name may need quotes or a number, or is not that of a field.
    #[inline(never)]
    fn push_odd(&mut self, name: &str, suffix: &str, value: Kind<'_>) {
        self.line.ready_name = None;
        match &mut self.unique {
            None if suffix.is_empty() => self.push_field(name, FieldValue(value)),
            unique => {
                let name = joined(name, suffix, unique.as_mut());
                self.push_field(&name, FieldValue(value));
            }
        }
    }

    /// Pushes a field, and what stands before it. Part of its callers, so that each puts its value where the layout reads it.
    #[inline(always)]
    fn push_field(&mut self, name: &str, value: FieldValue<'_>) {
        let before = self.line.mark();
        if !self.is_first {
            match self.separator.as_bytes() {
                // Nearly always.
                [byte] => self.line.out.push(*byte),
                bytes => self.line.out.extend_from_slice(bytes),
            }
        } else if self.with_message && !self.message_seen {
            self.line.gap();
        }
        let from = self.line.out.len();
        self.line.layout().field(name, value, self.line);
        // A layout may leave a field out.
        match self.line.is_unchanged_since(from) {
            true => self.line.back_to(before),
            false => self.is_first = false,
        }
    }
}

/// Returns the name and the suffix together; with a number, if `unique` has them already.
#[cold]
fn joined(name: &str, suffix: &str, unique: Option<&mut UniqueNames>) -> String {
    let mut joined = format!("{name}{suffix}");
    if let Some(unique) = unique {
        // Names are compared as they are written: no escaped name contains a line end.
        let mut escaped = Buffer::take();
        Quoted::new(&mut escaped).push(&joined);
        let length = escaped.len();
        unique.make_unique(&mut escaped, 0);
        joined.push_str(str::from_utf8(&escaped[length..]).unwrap_or_default());
    }
    joined
}

impl Visit for FieldVisitor<'_, '_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, || Kind::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, || Kind::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, || Kind::U64(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.push(field, || Kind::I128(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.push(field, || Kind::U128(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, || Kind::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, || Kind::Str(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let is_shown = self.message_seen || !is_message(field);
        self.push(field, || Kind::Error(value));
        if is_shown && has_source(value) {
            self.push_odd(field_name(field), SOURCES, Kind::Sources(value));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // The message is nearly always such a value.
        let is_message = self.ready.get(field.index()).is_some_and(ReadyName::is_message);
        if is_message && self.with_message && !self.message_seen {
            self.message_seen = true;
            return self.push_message(|text| {
                let _ = render_debug(value, text);
            });
        }
        self.push(field, || Kind::Debug(value));
    }
}
