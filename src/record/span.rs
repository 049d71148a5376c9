//! What a record knows of the spans around it.
//!
//! A span's fields are captured as owned values when the span is made (its borrowed values are gone afterwards) and are
//! rendered in a style when a record in that style first needs them, once. Who keeps them, and how the path to the current
//! span is found and cached, is the tracing layer's business; formats see a [`SpanPath`].

use super::value::{FieldName, Value};
use crate::sync::OnceLock;

/// The ways in which spans and contexts are rendered as fragments that many records share. A format picks one.
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

/// Renderings of one thing, by style, each made when it is first asked for.
#[derive(Debug, Default)]
pub(crate) struct Fragments([OnceLock<Box<[u8]>>; STYLES]);

impl Fragments {
    /// The rendering in `style`, which `render` makes if it is the first to ask.
    pub(crate) fn get(&self, style: Style, render: impl FnOnce(&mut Vec<u8>)) -> &[u8] {
        let fragment = &self.0[style as usize];
        if fragment.get().is_none() {
            let mut bytes = Vec::new();
            render(&mut bytes);
            // Not by `get_or_init`: an allocator that logs would come back here while the cell is being filled. An error hands the
            // bytes back: another rendering was quicker.
            drop(fragment.set(bytes.into_boxed_slice()));
        }
        fragment.get().map_or(&[], |bytes| bytes)
    }
}

/// A span's name and fields, captured.
#[derive(Debug)]
pub(crate) struct SpanValues {
    name: &'static str,
    fields: Vec<(FieldName, Value)>,
    fragments: Fragments,
}

impl SpanValues {
    pub(crate) fn new(name: &'static str) -> Self {
        SpanValues { name, fields: Vec::new(), fragments: Fragments::default() }
    }

    /// A copy whose fields can be recorded anew; its renderings are made anew too.
    pub(crate) fn with_same_fields(&self) -> Self {
        SpanValues { name: self.name, fields: self.fields.clone(), fragments: Fragments::default() }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The fields in the order in which they were first recorded.
    pub(crate) fn fields(&self) -> &[(FieldName, Value)] {
        &self.fields
    }

    /// Records a field; a field that was recorded before takes the new value in its old place, and what accompanied the old
    /// value (the sources of an error) goes with it. What accompanies a value stands behind it.
    pub(crate) fn record(&mut self, name: FieldName, value: Value) {
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

    /// This span's own rendering in `style`, made once by `render`.
    pub(crate) fn fragment(&self, style: Style, render: impl FnOnce(&SpanValues, &mut Vec<u8>)) -> &[u8] {
        self.fragments.get(style, |out| render(self, out))
    }
}

/// The spans around a record, outermost first.
pub(crate) trait SpanPath {
    /// Appends the whole path in `style`: for each span its fragment, joined as `format::spans` says.
    fn append(&self, style: Style, out: &mut Vec<u8>);

    /// Shows each span, outermost first.
    fn visit(&self, each: &mut dyn FnMut(&SpanValues));
}

/// A record outside every span.
pub(crate) struct NoSpans;

impl SpanPath for NoSpans {
    fn append(&self, _: Style, _: &mut Vec<u8>) {}

    fn visit(&self, _: &mut dyn FnMut(&SpanValues)) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_recorded_anew_leaves_nothing_of_the_old_one() {
        let (error, sources) = (FieldName { field: "err", suffix: "" }, FieldName { field: "err", suffix: ".sources" });
        let list = |text: &str| Value::List(vec![text.to_owned()]);
        let mut span = SpanValues::new("s");
        span.record(error, "one".into());
        span.record(sources, list("cause of one"));
        span.record(FieldName { field: "n", suffix: "" }, 1.into());
        span.record(error, "two".into());
        let names = |span: &SpanValues| span.fields().iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>();
        assert_eq!(names(&span), ["err", "n"]);
        span.record(sources, list("cause of two"));
        assert_eq!(names(&span), ["err", "err.sources", "n"]);
        assert_eq!(span.fields()[1].1, list("cause of two"));
    }
}
