//! Styles: the looks in which spans, paths and contexts are rendered and kept.

use crate::sync::{AtomicUsize, Ordering};

/// A way to render a span, a path of spans or a context, which many records share. Each look of a layout is one, and so each layout of a
/// program's own has two: one without and one with colour.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Style(usize);

impl Style {
    pub(crate) const TEXT: Style = Style(0);
    pub(crate) const TEXT_COLORED: Style = Style(1);
    pub(crate) const JSON: Style = Style(2);
    /// JSON paths that have only `"spans"`, or only `"span"`.
    pub(crate) const JSON_LIST: Style = Style(3);
    pub(crate) const JSON_CURRENT: Style = Style(4);
    /// JSON contexts without their fields.
    pub(crate) const JSON_BARE: Style = Style(5);
    pub(crate) const LOGFMT: Style = Style(6);
    pub(crate) const PRETTY: Style = Style(7);
    pub(crate) const PRETTY_COLORED: Style = Style(8);

    /// Returns the styles of a new layout: without and with colour.
    pub(crate) fn new_pair() -> [Style; 2] {
        static NEXT: AtomicUsize = AtomicUsize::new(9);
        // Relaxed: the numbers only need to be unique.
        let first = NEXT.fetch_add(2, Ordering::Relaxed);
        [Style(first), Style(first + 1)]
    }

    #[cfg(test)]
    pub(super) fn numbered(number: usize) -> Style {
        Style(number)
    }

    #[cfg(test)]
    pub(super) fn number(self) -> usize {
        self.0
    }
}
