//! The message and the fields of a record, as text, build and logfmt write them.
//!
//! The message comes first, wherever the logging call has it. `tracing`'s macros put a format string first, so one visit of the
//! event is mostly enough. A record with other fields before its message is visited twice; each value is still rendered once.

use std::error::Error;
use std::fmt;

use tracing::field::{Field, Visit};

use super::literal::quote_once;
use super::name::{OddNames, push_name};
use super::value::{push_rendered, push_text, push_value, render_sources};
use crate::format::buffer::Buffer;
use crate::format::names::{CallsiteNames, FieldNames, ReadyName, UniqueNames, is_message};
use crate::format::number::{push_bool, push_float, push_integer};
use crate::format::reserved::SOURCES;
use crate::line_buffer::LineBuffer;
use crate::record::{Record, Value, ValueWriter, field_name, render_debug, render_display, render_str};

/// Where one layout departs from the others in how it writes messages and fields.
pub(in crate::format) trait Dialect {
    /// How the layout writes names that are not plain.
    const ODD_NAMES: OddNames;

    /// Appends the message that `render` writes. Returns false if the message is empty; what was appended is then removed.
    fn push_message<R>(&self, out: &mut LineBuffer, render: impl FnOnce(&mut dyn ValueWriter) -> R) -> bool;

    /// Returns true if the layout does not show `field`.
    #[inline]
    fn is_hidden(&self, _field: &Field) -> bool {
        false
    }

    /// Returns the prefix of a field called `name`.
    #[inline]
    fn prefix(&self, _name: &str) -> &'static str {
        ""
    }

    /// True if the layout shows a string that `Debug` has quoted (`?string`, `?path`) as that string, in one pair of quotes.
    const QUOTES_ONCE: bool = true;

    /// Changes a text that was just written as the value of `field`, from `start` to the end of `out`, where the layout departs from the
    /// notation: to read it back as a text, or for people.
    #[inline]
    fn finish_text(&self, _out: &mut LineBuffer, _start: usize, _field: &Field) {}

    /// Appends a list that is rendered as `["a", "b"]`.
    fn push_list(&self, out: &mut LineBuffer, list: &[u8]) {
        out.extend_from_slice(list);
    }
}

/// Appends the message of `record` and then its fields, each with a blank before it unless it is the first of the line,
/// which begins at `start`.
pub(in crate::format) fn push_message_and_fields<D: Dialect>(
    out: &mut LineBuffer,
    start: usize,
    dialect: &D,
    record: &Record<'_>,
    names: &'static CallsiteNames,
) {
    let CallsiteNames { fields: names, ready, .. } = names;
    let unique = (*names == FieldNames::Repeated).then(UniqueNames::beside_message);
    let plain_names = *names == FieldNames::Plain;
    let mut writer =
        FieldWriter { out, start, dialect, part: Part::All, message_seen: false, plain_names, ready, unique };
    let is_message_first = || record.event.metadata().fields().iter().next().is_some_and(|field| is_message(&field));
    if plain_names || is_message_first() {
        record.visit(&mut writer);
    } else {
        for part in [Part::Message, Part::Fields] {
            writer.part = part;
            writer.message_seen = false;
            record.visit(&mut writer);
        }
    }
}

/// Appends a blank, unless the line that begins at `start` is empty.
#[inline]
pub(in crate::format) fn push_gap(out: &mut LineBuffer, start: usize) {
    if out.len() > start {
        out.push(b' ');
    }
}

/// The part of a record that one visit writes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    /// The message, which is the first field, and the other fields.
    All,
    /// The message alone.
    Message,
    /// Everything but the message.
    Fields,
}

/// What a visited field is to the line.
enum Role {
    Message,
    /// A field, whose name has been written.
    Field,
    /// Not written in this visit.
    Skipped,
}

struct FieldWriter<'a, D> {
    out: &'a mut LineBuffer,
    start: usize,
    // A reference: what was just written in parts is not copied as a whole, for which a processor would have to wait.
    dialect: &'a D,
    part: Part,
    message_seen: bool,
    plain_names: bool,
    /// The names by the index of their field, if they are ready.
    ready: &'static [ReadyName],
    /// The names so far, if two may be equal.
    unique: Option<UniqueNames>,
}

impl<D: Dialect> FieldWriter<'_, D> {
    /// Begins a field whose name is ready: writes the name. Does nothing and returns false if the field is the message, is not shown, begins the
    /// line, or needs a look at its name, or at the room.
    #[inline(always)]
    fn begin_ready(&mut self, field: &Field) -> bool {
        match self.ready.get(field.index()) {
            Some(ready) if !(ready.is_message() || self.dialect.is_hidden(field)) => {
                self.out.len() > self.start && ready.try_push_pair_after_blank(self.out)
            }
            _ => false,
        }
    }

    /// Returns the role of `field` in this visit. The name of a field is written here.
    fn begin(&mut self, field: &Field) -> Role {
        if !self.message_seen && is_message(field) {
            self.message_seen = true;
            return if self.part == Part::Fields { Role::Skipped } else { Role::Message };
        }
        if self.part == Part::Message || self.dialect.is_hidden(field) {
            return Role::Skipped;
        }
        self.push_name(field, "");
        Role::Field
    }

    /// Writes the name of a field, and `=`.
    fn push_name(&mut self, field: &Field, suffix: &str) {
        push_gap(self.out, self.start);
        if self.plain_names {
            self.out.extend_from_slice(field.name().as_bytes());
            self.out.extend_from_slice(suffix.as_bytes());
        } else {
            self.push_odd_name(field, suffix);
        }
        self.out.push(b'=');
    }

    fn push_odd_name(&mut self, field: &Field, suffix: &str) {
        let name = field_name(field);
        let prefix = self.dialect.prefix(name);
        push_name(self.out, self.unique.as_mut(), [prefix, name, suffix], D::ODD_NAMES);
    }

    fn message<R>(&mut self, render: impl FnOnce(&mut dyn ValueWriter) -> R) {
        let before = self.out.len();
        push_gap(self.out, self.start);
        if !self.dialect.push_message(self.out, render) {
            self.out.truncate(before);
        }
    }

    /// Writes a number or a boolean by `push`, as [`push_value`] would.
    #[inline(always)]
    fn scalar<T: Into<Value>>(&mut self, field: &Field, value: T, push: impl FnOnce(&mut LineBuffer, T)) {
        match self.begin_ready(field) {
            true => push(self.out, value),
            false => self.other_scalar(field, value.into()),
        }
    }

    #[inline(always)]
    fn text(&mut self, field: &Field, value: &str) {
        let start = self.out.len();
        push_text(self.out, value);
        self.dialect.finish_text(self.out, start, field);
    }

    #[inline(never)]
    fn other_text(&mut self, field: &Field, value: &str) {
        match self.begin(field) {
            Role::Message => self.message(|out| render_str(value, out)),
            Role::Field => self.text(field, value),
            Role::Skipped => {}
        }
    }

    #[inline(never)]
    fn other_scalar(&mut self, field: &Field, value: Value) {
        match self.begin(field) {
            Role::Message => self.message(|out| render_display(&value, out)),
            Role::Field => push_value(self.out, &value),
            Role::Skipped => {}
        }
    }

    /// Writes a value that `render` writes; `by_debug` if that is the value's `Debug`.
    fn rendered<R>(&mut self, field: &Field, by_debug: bool, render: impl FnOnce(&mut dyn ValueWriter) -> R) {
        let role = match self.ready.get(field.index()) {
            // The message is nearly always a `Debug` value.
            Some(ready) if ready.is_message() && !self.message_seen => {
                self.message_seen = true;
                Role::Message
            }
            _ => self.begin(field),
        };
        match role {
            Role::Message => self.message(render),
            Role::Field => {
                let start = self.out.len();
                push_rendered(self.out, render);
                if by_debug && D::QUOTES_ONCE {
                    quote_once(self.out, start);
                }
                self.dialect.finish_text(self.out, start, field);
            }
            Role::Skipped => {}
        }
    }
}

impl<D: Dialect> Visit for FieldWriter<'_, D> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.scalar(field, value, push_float);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.scalar(field, value, push_integer);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.scalar(field, value, push_integer);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.scalar(field, value, push_integer);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.scalar(field, value, push_integer);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.scalar(field, value, push_bool);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match self.begin_ready(field) {
            true => self.text(field, value),
            false => self.other_text(field, value),
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.rendered(field, false, |out| render_display(value, out));
        if self.part == Part::Message || self.dialect.is_hidden(field) {
            return;
        }
        let mut list = Buffer::take();
        if render_sources(value, self.out.len(), &mut list) {
            self.push_name(field, SOURCES);
            self.dialect.push_list(self.out, &list);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.rendered(field, true, |out| render_debug(value, out));
    }
}
