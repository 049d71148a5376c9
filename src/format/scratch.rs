//! One thread's rendering of one record, shared by all formats that render it alike.

use super::buffer::Buffer;
use super::renderer::Renderer;
use crate::record::Record;

/// The line of one record at a time, and the renderer that rendered it: an equal renderer takes the line as it is.
#[derive(Debug)]
pub(crate) struct Scratch {
    line: Buffer,
    /// The renderer of `line`, or `None` if `line` is not a whole rendering of the current record.
    rendered_by: Option<Renderer>,
}

impl Scratch {
    /// Begins a record: discards the rendering of the record before.
    pub(crate) fn begin(&mut self) {
        self.rendered_by = None;
    }

    /// Returns the line that `renderer` makes of `record`: the line from before, if an equal renderer made it since
    /// [`begin`](Scratch::begin), else a line rendered now.
    pub(crate) fn line(&mut self, renderer: &Renderer, record: &Record<'_>) -> &[u8] {
        if self.rendered_by.as_ref() != Some(renderer) {
            // `None` until the line is whole: a panic may leave half a line.
            self.rendered_by = None;
            self.line.clear();
            renderer.render(record, &mut self.line);
            self.rendered_by = Some(renderer.clone());
        }
        &self.line
    }
}

/// Calls `f` with a scratch; a nested call gets another one.
pub(crate) fn with_scratch<R>(f: impl FnOnce(&mut Scratch) -> R) -> R {
    f(&mut Scratch { line: Buffer::take(), rendered_by: None })
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::format::test_support::Fixture;
    use crate::format::{Format, Screen};

    #[test]
    fn equal_renderers_share_a_rendering_of_one_record() {
        /// Counts how often it is rendered.
        struct Counts(AtomicUsize);
        impl fmt::Debug for Counts {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0.fetch_add(1, Ordering::Relaxed))
            }
        }
        let counts = Counts(AtomicUsize::new(0));
        let [json, other] = [true, false].map(|seq| Renderer::new(&Format::json().seq(seq), Screen::None));
        let see = move |record: &Record<'_>| {
            with_scratch(|scratch| {
                let mut rendering = |renderer: &Renderer| {
                    let line = std::str::from_utf8(scratch.line(renderer, record)).unwrap();
                    let (_, count) = line.split_once("\"count\":\"").unwrap();
                    (count.split('"').next().unwrap().to_owned(), line.contains("\"seq\""))
                };
                let first = [rendering(&json), rendering(&json.clone()), rendering(&other), rendering(&other)];
                scratch.begin();
                let line = scratch.line(&other, record).to_vec();
                (first, String::from_utf8(line).unwrap())
            })
        };
        let seen = Fixture::new().capture(|| tracing::info!(count = ?counts), see);
        let (first, line) = &seen[0];
        assert_eq!(
            first.each_ref().map(|(count, seq)| (count.as_str(), *seq)),
            [("0", true), ("0", true), ("1", false), ("1", false)]
        );
        assert!(line.contains("\"count\":\"2\""), "after `begin` nothing is shared: {line}");
    }

    #[test]
    fn nested_calls_get_scratches_of_their_own() {
        with_scratch(|outer| {
            outer.line.extend_from_slice(b"outer");
            with_scratch(|inner| assert!(inner.line.is_empty()));
            assert_eq!(&outer.line[..], b"outer");
        });
    }
}
