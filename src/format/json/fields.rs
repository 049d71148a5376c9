//! The fields of an event as JSON.

use std::error::Error;
use std::fmt;

use tracing::field::{Field, Visit};

use super::value::{push_integer_string, push_key, push_number, push_text};
use crate::format::escape::JsonText;
use crate::format::names::{CallsiteNames, FieldNames, ReadyName, UniqueNames};
use crate::format::number::{push_bool, push_integer};
use crate::format::reserved::{FIELD_PREFIX, SOURCES, is_reserved_in_flat_json};
use crate::line_buffer::LineBuffer;
use crate::record::{Record, field_name, for_each_source, render_debug, render_display};

/// Appends the fields of `record`, in the order of the call, without the braces around them.
pub(super) fn push_fields(out: &mut LineBuffer, record: &Record<'_>, names: &'static CallsiteNames) {
    let plain_names = names.fields == FieldNames::Plain;
    let unique = (names.fields == FieldNames::Repeated).then(UniqueNames::new);
    record.visit(&mut ObjectWriter { out, plain_names, ready: &names.ready, unique, empty: true, flat: false });
}

/// Appends the fields of `record` as members of the record's own object, each with a comma before it. A field that is called like a key of the
/// layout gets a prefix.
pub(super) fn push_flat_fields(out: &mut LineBuffer, record: &Record<'_>, names: FieldNames) {
    let unique = (names == FieldNames::Repeated).then(UniqueNames::new);
    record.visit(&mut ObjectWriter { out, plain_names: false, ready: &[], unique, empty: false, flat: true });
}

struct ObjectWriter<'a> {
    out: &'a mut LineBuffer,
    plain_names: bool,
    /// The names by the index of their field, if they are ready.
    ready: &'static [ReadyName],
    /// The names so far, if two may be equal.
    unique: Option<UniqueNames>,
    empty: bool,
    /// True if the object is that of the record, whose keys the layout reserves.
    flat: bool,
}

impl ObjectWriter<'_> {
    /// Begins a field: writes its key. Its value is to follow.
    #[inline(always)]
    fn begin(&mut self, field: &Field, suffix: &str) -> &mut LineBuffer {
        let is_written = match self.ready.get(field.index()) {
            Some(ready) if suffix.is_empty() => match self.empty {
                false => ready.try_push_member_after_comma(self.out),
                true => ready.try_push_member(self.out),
            },
            _ => false,
        };
        if !is_written {
            self.push_other_key(field, suffix);
        }
        self.empty = false;
        self.out
    }

    #[inline(never)]
    fn push_other_key(&mut self, field: &Field, suffix: &str) {
        if !self.empty {
            self.out.push(b',');
        }
        let name = field_name(field);
        if self.plain_names {
            for piece in ["\"", name, suffix, "\":"] {
                self.out.extend_from_slice(piece.as_bytes());
            }
        } else if self.flat && suffix.is_empty() && is_reserved_in_flat_json(name) {
            push_key(self.out, self.unique.as_mut(), FIELD_PREFIX, name);
        } else {
            push_key(self.out, self.unique.as_mut(), name, suffix);
        }
    }
}

impl Visit for ObjectWriter<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        push_number(self.begin(field, ""), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        push_integer(self.begin(field, ""), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        push_integer(self.begin(field, ""), value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        push_integer_string(self.begin(field, ""), value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        push_integer_string(self.begin(field, ""), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        push_bool(self.begin(field, ""), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        push_text(self.begin(field, ""), value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let out = self.begin(field, "");
        out.push(b'"');
        render_display(value, &mut JsonText::new(out));
        out.push(b'"');
        let mut listed = false;
        for_each_source(value, |source| {
            let out = if listed { &mut *self.out } else { self.begin(field, SOURCES) };
            out.push(if listed { b',' } else { b'[' });
            listed = true;
            out.push(b'"');
            render_display(source, &mut JsonText::new(out));
            out.push(b'"');
        });
        if listed {
            self.out.push(b']');
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let out = self.begin(field, "");
        out.push(b'"');
        render_debug(value, &mut JsonText::new(out));
        out.push(b'"');
    }
}
