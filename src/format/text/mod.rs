//! The `text` layout, for people who read a log.
//!
//! ```text
//! 00:01.234567 INFO  uno{env=x} build{unit=core}:link linker: linking main.o size=12 path="a b"
//! ```
//!
//! With all options, a line is `timestamp elapsed #seq [thread] LEVEL context spans target: file:line: message fields`. A path of spans
//! never ends in a colon, a target always does, and everything before the message is quoted unless it is a plain word, so that no part can
//! be taken for another. Without a target, the colon stands after the context and the spans.
//!
//! To add a column, write it in [`Text::render`](Layout::render), or in `layout::columns` if `build` shows it too. Add an option to `format/options` if it can be
//! left out, and read it in `read/text.rs`, which has the grammar.

use tracing::field::Field;

use super::escape::PlainText;
use super::layout::columns::Columns;
use super::layout::{Layout, LayoutWriter, Looks, SharedTimer, push_level_after_gap};
use super::names::CallsiteNames;
use super::options::Options;
use super::plain::braces::push_path;
use super::plain::fields::{Dialect, push_message_and_fields};
use super::plain::name::OddNames;
use crate::line_buffer::LineBuffer;
use crate::record::{Record, Style, ValueWriter};

/// The beginning of each line of a message after its first. It stands below the level, and no record begins like it.
const CONTINUATION: &str = "             | ";

/// The layout, with the options of its format.
pub(super) struct Text;

impl Layout for Text {
    #[inline]
    fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
        let Looks { options, colored, timer, .. } = *line.looks;
        push_line(*options, colored, timer, record, line);
    }
}

/// Appends `record` by the options that `text` begins with, but for those of the times, and without colour: the compiler leaves out what these
/// options leave out.
#[inline]
pub(super) fn push_usual_line(record: &Record<'_>, line: &mut LayoutWriter<'_>) {
    push_line(Options::TEXT.with_times_of(line.looks.options), false, None, record, line);
}

#[inline(always)]
fn push_line(
    options: Options,
    colored: bool,
    timer: Option<&SharedTimer>,
    record: &Record<'_>,
    line: &mut LayoutWriter<'_>,
) {
    let (start, names) = (line.start, CallsiteNames::of(record));
    let columns = Columns { options, colored, record, start };
    columns.push_times_and_thread(timer, line);
    let out = &mut *line.out;
    push_level_after_gap(colored, record.level(), start, out);
    let level_end = out.len();
    columns.push_context(out);
    push_spans(columns.style(), record, out);
    if options.target {
        columns.push_target(names, out);
    } else if out.len() > level_end {
        out.push(b':');
    }
    columns.push_location(out);
    let dialect =
        TextDialect { continuation: options.multiline.then_some(CONTINUATION), hides_fields: !options.fields };
    push_message_and_fields(out, start, &dialect, record, names);
}

/// Appends the path of spans, and a blank before it, if there are spans. The level stands before that.
#[inline(always)]
fn push_spans(style: Style, record: &Record<'_>, out: &mut LineBuffer) {
    let before = out.len();
    out.push(b' ');
    let path = out.len();
    record.spans.append(style, &|path, out| push_path(style, path, out), out);
    if out.len() == path {
        out.truncate(before);
    }
}

/// The message without quotes, with escapes that can be reversed.
struct TextDialect {
    /// The beginning of each line of a message after its first; `None` keeps messages on one line.
    continuation: Option<&'static str>,
    hides_fields: bool,
}

impl Dialect for TextDialect {
    const ODD_NAMES: OddNames = OddNames::Quoted;

    #[inline]
    fn is_hidden(&self, _: &Field) -> bool {
        self.hides_fields
    }

    fn push_message<R>(&self, out: &mut LineBuffer, render: impl FnOnce(&mut dyn ValueWriter) -> R) -> bool {
        let start = out.len();
        let _ = render(&mut PlainText::new(out).multiline(self.continuation));
        out.len() > start
    }
}

#[cfg(test)]
mod tests;
