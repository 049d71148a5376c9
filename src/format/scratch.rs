//! One thread's rendering of one record, shared by all formats that render it alike.

use super::buffer::Buffer;
#[cfg(feature = "fmt")]
use super::escape::PlainText;
use super::renderer::Renderer;
use crate::record::Record;
#[cfg(feature = "fmt")]
use crate::record::render_str;

/// The line of one record at a time, and the renderer that rendered it: an equal renderer takes the line as it is.
#[derive(Debug)]
pub(crate) struct Scratch<'r> {
    line: Buffer,
    /// The renderer of `line`, or `None` if `line` is not a whole rendering of the current record.
    rendered_by: Option<&'r Renderer>,
    /// True if `line` is there already, whatever the renderer.
    is_finished: bool,
}

impl<'r> Scratch<'r> {
    /// Begins a record: discards the rendering of the record before.
    pub(crate) fn begin(&mut self) {
        self.rendered_by = None;
    }

    /// Returns the line that `renderer` makes of `record`: the line from before, if an equal renderer made it since
    /// [`begin`](Scratch::begin), else a line rendered now.
    #[inline(always)]
    pub(crate) fn line(&mut self, renderer: &'r Renderer, record: &Record<'_>) -> &[u8] {
        if !self.is_finished && !self.rendered_by.is_some_and(|by| std::ptr::eq(by, renderer) || by == renderer) {
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
    f(&mut Scratch { line: Buffer::take(), rendered_by: None, is_finished: false })
}

/// Calls `f` with a scratch that takes `text` for the line of every record. It is escaped but for its line breaks, and cut if it is too long, and
/// a line end is added.
#[cfg(feature = "fmt")]
pub(crate) fn with_finished_line<'r, R>(text: &str, f: impl FnOnce(&mut Scratch<'r>) -> R) -> R {
    let mut line = Buffer::take();
    let _ = render_str(text, &mut PlainText::new(&mut line).keep_backslashes().multiline(Some("")));
    line.push(b'\n');
    f(&mut Scratch { line, rendered_by: None, is_finished: true })
}

#[cfg(test)]
mod tests;
