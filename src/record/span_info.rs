//! A span around a record, as a program sees it.

use std::fmt::{self, Write as _};

use super::SpanValues;
use super::field::{FieldValue, Kind};

/// Holds the name and the fields of a span around a record.
#[derive(Clone, Copy)]
pub struct SpanInfo<'a>(pub(crate) &'a SpanValues);

impl<'a> SpanInfo<'a> {
    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name()
    }

    /// Returns true if the span has no fields.
    #[must_use]
    pub fn has_no_fields(&self) -> bool {
        self.0.fields().is_empty()
    }

    /// Calls `each` with the name and the value of each field, in the order in which they were first recorded.
    pub fn for_each_field(&self, mut each: impl FnMut(&str, FieldValue<'a>)) {
        let mut joined = String::new();
        for (name, captured) in self.0.fields() {
            let value = FieldValue(Kind::Owned(&captured.value, captured.is_rendered));
            if name.suffix.is_empty() {
                each(name.field, value);
            } else {
                joined.clear();
                // Writing to a `String` cannot fail.
                let _ = write!(joined, "{name}");
                each(&joined, value);
            }
        }
    }
}

impl fmt::Debug for SpanInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct(self.name());
        self.for_each_field(|name, value| _ = debug.field(name, &value));
        debug.finish()
    }
}
