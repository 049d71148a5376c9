//! What a record knows of the spans around it.
//!
//! A span's fields are captured as owned values when the span is made, because `tracing` lends them only for that call. A style
//! renders them once, when a record in that style first needs them. The layer stores the captured spans, and finds and caches
//! the path to the current span (`layer/spans.rs`). Formats see a [`SpanPath`].

use super::capture::{Captured, FieldName};
use crate::sync::OnceLock;

/// A way to render a span or a context as a fragment, which many records share. Each format uses one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub(crate) enum Style {
    /// Text without colour.
    Text,
    /// Text with colour.
    TextColor,
    /// JSON.
    Json,
    /// logfmt.
    Logfmt,
}

/// How many styles there are.
pub(crate) const STYLES: usize = 4;

/// The fragments of one span or context: its rendering in each style, made at first use.
#[derive(Debug, Default)]
pub(crate) struct Fragments([OnceLock<Box<[u8]>>; STYLES]);

impl Fragments {
    /// The fragment in `style`; the first call in a style makes it with `render`.
    pub(crate) fn get(&self, style: Style, render: impl FnOnce(&mut Vec<u8>)) -> &[u8] {
        let fragment = &self.0[style as usize];
        if fragment.get().is_none() {
            let mut bytes = Vec::new();
            render(&mut bytes);
            // Not by `get_or_init`: an allocator that logs would re-enter this function during the initialisation of the cell,
            // and deadlock. `Err` returns our bytes: another rendering was first.
            drop(fragment.set(bytes.into_boxed_slice()));
        }
        fragment.get().map_or(&[], |bytes| bytes)
    }
}

/// The captured name and fields of a span.
#[derive(Debug)]
pub(crate) struct SpanValues {
    name: &'static str,
    fields: Vec<(FieldName, Captured)>,
    fragments: Fragments,
}

impl SpanValues {
    pub(crate) fn new(name: &'static str) -> Self {
        SpanValues { name, fields: Vec::new(), fragments: Fragments::default() }
    }

    /// A copy with the same name and fields, and without fragments.
    pub(crate) fn with_same_fields(&self) -> Self {
        SpanValues { name: self.name, fields: self.fields.clone(), fragments: Fragments::default() }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The fields in the order in which they were first recorded.
    pub(crate) fn fields(&self) -> &[(FieldName, Captured)] {
        &self.fields
    }

    /// Records a field. If it was recorded before, the new value takes the old place, and the fields that belong to the old
    /// value (`.sources` of an error) are removed. A field that belongs to a value stands right behind it.
    pub(crate) fn record(&mut self, name: FieldName, value: impl Into<Captured>) {
        let value = value.into();
        self.fragments = Fragments::default();
        if name.suffix.is_empty() {
            self.fields.retain(|(known, _)| known.field != name.field || known.suffix.is_empty());
        }
        let index_of = |name: FieldName| self.fields.iter().position(|(known, _)| *known == name);
        match (index_of(name), index_of(FieldName { suffix: "", ..name })) {
            (Some(at), _) => self.fields[at].1 = value,
            (None, Some(before)) => self.fields.insert(before + 1, (name, value)),
            (None, None) => self.fields.push((name, value)),
        }
    }

    /// The fragment of this span in `style`; the first call in a style makes it with `render`.
    pub(crate) fn fragment(&self, style: Style, render: impl FnOnce(&SpanValues, &mut Vec<u8>)) -> &[u8] {
        self.fragments.get(style, |out| render(self, out))
    }
}

/// The spans around a record, outermost first.
pub(crate) trait SpanPath {
    /// Appends the whole path in `style`: the fragments of all spans, joined as `format::spans` defines.
    fn append(&self, style: Style, out: &mut Vec<u8>);

    /// Calls `each` with each span, outermost first.
    fn visit(&self, each: &mut dyn FnMut(&SpanValues));
}

/// The path of a record outside every span.
pub(crate) struct NoSpans;

impl SpanPath for NoSpans {
    fn append(&self, _: Style, _: &mut Vec<u8>) {}

    fn visit(&self, _: &mut dyn FnMut(&SpanValues)) {}
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::*;

    #[test]
    fn a_new_value_removes_the_sources_of_the_old_one() {
        let (error, sources) = (FieldName { field: "err", suffix: "" }, FieldName { field: "err", suffix: ".sources" });
        let list = |text: &str| Value::List(vec![text.to_owned()]);
        let mut span = SpanValues::new("s");
        span.record(error, Value::from("one"));
        span.record(sources, list("cause of one"));
        span.record(FieldName { field: "n", suffix: "" }, Value::from(1));
        span.record(error, Value::from("two"));
        let names = |span: &SpanValues| span.fields().iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(&span), ["err", "n"]);
        span.record(sources, list("cause of two"));
        assert_eq!(names(&span), ["err", "err.sources", "n"]);
        assert_eq!(span.fields()[1].1.value, list("cause of two"));
    }
}
