//! What a record knows of the spans around it.
//!
//! A span's fields are captured as owned values when the span is made, because `tracing` lends them only for that call. A style
//! renders them once, when a record in that style first needs them. The layer stores the captured spans, and finds and caches
//! the path to the current span (`layer/spans.rs`). Formats see a [`SpanPath`].

use super::bound::max_record_bytes;
use super::capture::{Captured, FieldName};
use super::kept_paths::KeptPaths;
use super::style::Style;
use crate::line_buffer::{LineBuffer, Piece};
use crate::sync::{Arc, OnceBox};

/// The most styles in which one span or context keeps its fragments: a span that lives for ever may be logged by any number of layouts.
const FRAGMENT_STYLES: usize = 12;

/// The fragments of one span or context: its rendering in each style, made at first use. A list that only grows: nearly all spans are rendered
/// in one or two styles, if at all.
#[derive(Debug, Default)]
pub(crate) struct Fragments(OnceBox<Fragment>);

/// A fragment in one style, and the next one.
#[derive(Debug)]
struct Fragment {
    style: Style,
    text: Piece,
    next: OnceBox<Fragment>,
}

impl Fragments {
    /// Appends the fragment in `style`; the first call in a style makes it with `render`.
    #[inline]
    pub(crate) fn append(&self, style: Style, out: &mut LineBuffer, render: impl FnMut(&mut LineBuffer)) {
        match self.0.get() {
            Some(first) if first.style == style => out.extend_from_piece(&first.text),
            _ => self.append_other(style, out, render),
        }
    }

    /// Appends a blank and the fragment, as [`append`](Fragments::append) does.
    #[inline]
    pub(crate) fn append_after_blank(&self, style: Style, out: &mut LineBuffer, render: impl FnMut(&mut LineBuffer)) {
        match self.0.get() {
            Some(first) if first.style == style && out.try_extend_from_piece_after(b' ', &first.text) => {}
            _ => {
                out.push(b' ');
                self.append_other(style, out, render);
            }
        }
    }

    /// Appends a fragment that is not the first of the list, or new.
    #[inline(never)]
    fn append_other(&self, style: Style, out: &mut LineBuffer, render: impl FnMut(&mut LineBuffer)) {
        let (mut place, mut count) = (&self.0, 0);
        while let Some(known) = place.get() {
            if known.style == style {
                return out.extend_from_piece(&known.text);
            }
            (place, count) = (&known.next, count + 1);
        }
        let text = append_rendered(out, render);
        let mut new = Box::new(Fragment { style, text, next: OnceBox::new() });
        while count < FRAGMENT_STYLES {
            match place.set(new) {
                Ok(()) => return,
                Err(ours) => new = ours,
            }
            let Some(other) = place.get() else { return };
            if other.style == style {
                // Another thread was first, or a log call while this one rendered.
                return;
            }
            (place, count) = (&other.next, count + 1);
        }
    }
}

/// Appends what `render` appends, and returns a copy of it.
///
/// Text is refused when the line is full, and other records, which have room, will have the same fragment. So where a line may have been full
/// meanwhile, the fragment is rendered again, as if it began a line.
fn append_rendered(out: &mut LineBuffer, mut render: impl FnMut(&mut LineBuffer)) -> Piece {
    let start = out.len();
    render(out);
    // Less than the bound: what was refused something may have become shorter since, when it was quoted anew.
    if start == 0 || out.len() < max_record_bytes() / 4 {
        return Piece::new(&out[start..]);
    }
    out.truncate(start);
    let mut alone = LineBuffer::new();
    render(&mut alone);
    out.extend_from_slice(&alone);
    Piece::new(&alone)
}

/// The captured name and fields of a span.
#[derive(Debug)]
pub(crate) struct SpanValues {
    name: &'static str,
    fields: Vec<(FieldName, Captured)>,
    fragments: Fragments,
    /// The paths that end in this span.
    paths: KeptPaths,
}

impl SpanValues {
    pub(crate) fn new(name: &'static str) -> Self {
        SpanValues { name, fields: Vec::new(), fragments: Fragments::default(), paths: KeptPaths::default() }
    }

    /// A copy with the same name and fields, and without renderings.
    pub(crate) fn with_same_fields(&self) -> Self {
        SpanValues { fields: self.fields.clone(), ..SpanValues::new(self.name) }
    }

    /// Returns the kept paths that end in this span.
    pub(crate) fn paths(&self) -> &KeptPaths {
        &self.paths
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

    /// Appends the fragment of this span in `style`; the first call in a style makes it with `render`.
    #[inline]
    pub(crate) fn append_fragment(
        &self,
        style: Style,
        out: &mut LineBuffer,
        mut render: impl FnMut(&SpanValues, &mut LineBuffer),
    ) {
        self.fragments.append(style, out, |out| render(self, out));
    }
}

/// The spans around a record, outermost first.
pub(crate) trait SpanPath {
    /// Appends the whole path in `style`. It is rendered by `render`, unless the rendering from before can be used again. The styles say which
    /// can: all callers with one style give the same function.
    fn append(&self, style: Style, render: &RenderPath<'_>, out: &mut LineBuffer);

    /// Calls `each` with each span, outermost first.
    fn visit(&self, each: &mut dyn FnMut(&SpanValues));
}

/// Appends a path of spans, outermost first; nothing for an empty path.
pub(crate) type RenderPath<'a> = dyn Fn(&[Arc<SpanValues>], &mut LineBuffer) + 'a;

/// The path of a record outside every span.
pub(crate) struct NoSpans;

impl SpanPath for NoSpans {
    fn append(&self, _: Style, _: &RenderPath<'_>, _: &mut LineBuffer) {}

    fn visit(&self, _: &mut dyn FnMut(&SpanValues)) {}
}

#[cfg(test)]
mod tests {
    use super::super::Value;
    use super::*;

    /// Appends the fragment in `style`, which is its number and how often fragments were rendered.
    fn append(fragments: &Fragments, style: Style, count: &mut usize) -> String {
        let mut out = LineBuffer::from(&b"<"[..]);
        fragments.append(style, &mut out, |out| {
            *count += 1;
            out.extend_from_slice(format!("{}.{count}", style.number()).as_bytes());
        });
        String::from_utf8(out.into()).unwrap()
    }

    #[test]
    fn a_fragment_is_rendered_once_for_each_style() {
        let (fragments, mut count) = (Fragments::default(), 0);
        let styles = [0, 3, 4, 100, 1, 7].map(Style::numbered);
        let first: Vec<_> = styles.iter().map(|style| append(&fragments, *style, &mut count)).collect();
        assert_eq!(first, ["<0.1", "<3.2", "<4.3", "<100.4", "<1.5", "<7.6"]);
        let again: Vec<_> = styles.iter().map(|style| append(&fragments, *style, &mut count)).collect();
        assert_eq!((again, count), (first, 6));
    }

    #[test]
    fn a_long_fragment_is_kept_whole() {
        let (fragments, mut count) = (Fragments::default(), 0);
        for length in [31, 32, 33, 4_000].into_iter().flat_map(|length| [length; 2]) {
            let mut out = LineBuffer::from(&b"<"[..]);
            fragments.append(Style::numbered(length), &mut out, |out| {
                count += 1;
                out.extend_from_slice(&vec![b'x'; length]);
            });
            assert_eq!(String::from_utf8(out.into()).unwrap(), format!("<{}", "x".repeat(length)));
        }
        assert_eq!(count, 4);
    }

    #[test]
    fn beyond_some_styles_a_fragment_is_rendered_each_time() {
        let (fragments, mut count) = (Fragments::default(), 0);
        for round in 0..3 {
            for style in 0..FRAGMENT_STYLES + 2 {
                append(&fragments, Style::numbered(style), &mut count);
            }
            assert_eq!(count, FRAGMENT_STYLES + 2 * (round + 1));
        }
    }

    #[test]
    fn rendering_may_append_to_the_same_fragments() {
        let (fragments, style) = (Fragments::default(), Style::numbered(50));
        let mut out = LineBuffer::new();
        fragments.append(style, &mut out, |out| {
            fragments.append(style, &mut LineBuffer::new(), |out| out.push(b'i'));
            out.push(b'o');
        });
        fragments.append(style, &mut out, |_| unreachable!("it is there"));
        assert_eq!(out[..], *b"oi", "the inner one was first");
        assert!(fragments.0.get().is_some_and(|first| first.next.get().is_none()), "it is kept once");
    }

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
