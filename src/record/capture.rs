//! The visitors that capture the fields of spans and events as owned values.

use std::fmt;

use tracing::field::{Field, Visit};

use super::Value;
use super::bound::BoundedText;
use super::render::{for_each_source, render_debug, render_display, render_str};

/// The name of a field without the `r#` of a raw identifier: `type` for `r#type`.
pub(crate) fn field_name(field: &Field) -> &'static str {
    let name = field.name();
    name.strip_prefix("r#").unwrap_or(name)
}

/// Calls `each` with each field that `visit` records, as an owned value. An error with sources gives a second field,
/// `NAME.sources`.
///
/// The texts have `room` bytes in all. A text beyond is cut.
pub(crate) fn capture_fields(
    room: usize,
    visit: impl FnOnce(&mut dyn Visit),
    mut each: impl FnMut(FieldName, Captured),
) {
    visit(&mut Capture { each: &mut each, room });
}

/// [`capture_fields`] without running code of the program: a marker replaces each `Debug`, `Display` or error value.
pub(crate) fn capture_primitives(
    room: usize,
    visit: impl FnOnce(&mut dyn Visit),
    mut each: impl FnMut(FieldName, Captured),
) {
    visit(&mut Primitives(Capture { each: &mut each, room }));
}

/// The name of a field. A field that belongs to another one, as `.sources` to an error, has the other's name and a suffix.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct FieldName {
    pub(crate) field: &'static str,
    pub(crate) suffix: &'static str,
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.field)?;
        f.write_str(self.suffix)
    }
}

/// The value of a field, captured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Captured {
    pub(crate) value: Value,
    /// True for a text that the `Debug` or `Display` of the value has written. Layouts for people show a string in such a text as a string.
    pub(crate) is_rendered: bool,
}

impl From<Value> for Captured {
    fn from(value: Value) -> Self {
        Captured { value, is_rendered: false }
    }
}

struct Capture<'a> {
    each: &'a mut dyn FnMut(FieldName, Captured),
    /// How many bytes the texts to come may have.
    room: usize,
}

impl Capture<'_> {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        (self.each)(FieldName { field: field_name(field), suffix: "" }, value.into().into());
    }

    /// Returns the text that `render` writes.
    fn text<R>(&mut self, render: impl FnOnce(&mut BoundedText) -> R) -> String {
        let mut bounded = BoundedText::new(self.room);
        render(&mut bounded);
        self.room = self.room.saturating_sub(bounded.text.len());
        bounded.text
    }
}

impl Visit for Capture<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.put(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let text = self.text(|text| render_str(value, text));
        self.put(field, text);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let text = self.text(|text| render_display(value, text));
        self.put(field, text);
        let mut sources = Vec::new();
        for_each_source(value, |source| sources.push(self.text(|text| render_display(source, text))));
        if !sources.is_empty() {
            (self.each)(FieldName { field: field_name(field), suffix: ".sources" }, Value::List(sources).into());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = self.text(|text| render_debug(value, text));
        let captured = Captured { value: text.into(), is_rendered: true };
        (self.each)(FieldName { field: field_name(field), suffix: "" }, captured);
    }
}

/// The marker for a value that is not rendered, because the rendering of too many other values is under way on this thread.
const TOO_DEEP: &str = "<nested too deep>";

struct Primitives<'a>(Capture<'a>);

impl Visit for Primitives<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.record_str(field, value);
    }

    fn record_debug(&mut self, field: &Field, _: &dyn fmt::Debug) {
        self.0.put(field, TOO_DEEP);
    }
}
