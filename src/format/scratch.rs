//! One thread's rendering of one record, shared by all formats that render it alike.

use super::buffer::Buffer;
use super::renderer::Renderer;
use crate::record::Record;

/// The line of one record at a time, and the renderer that rendered it: an equal renderer takes the line as it is.
#[derive(Debug)]
pub(crate) struct Scratch<'r> {
    line: Buffer,
    /// The renderer of `line`, or `None` if `line` is not a whole rendering of the current record.
    rendered_by: Option<&'r Renderer>,
}

impl<'r> Scratch<'r> {
    /// Begins a record: discards the rendering of the record before.
    pub(crate) fn begin(&mut self) {
        self.rendered_by = None;
    }

    /// Returns the line that `renderer` makes of `record`: the line from before, if an equal renderer made it since
    /// [`begin`](Scratch::begin), else a line rendered now.
    pub(crate) fn line(&mut self, renderer: &'r Renderer, record: &Record<'_>) -> &[u8] {
        if !self.rendered_by.is_some_and(|by| std::ptr::eq(by, renderer) || by == renderer) {
            // `None` until the line is whole: a panic may leave half a line.
            self.rendered_by = None;
            self.line.clear();
            renderer.render(record, &mut self.line);
            self.rendered_by = Some(renderer);
        }
        &self.line
    }
}

/// Calls `f` with a scratch; a nested call gets another one.
pub(crate) fn with_scratch<'r, R>(f: impl FnOnce(&mut Scratch<'r>) -> R) -> R {
    f(&mut Scratch { line: Buffer::take(), rendered_by: None })
}

#[cfg(test)]
mod tests;
