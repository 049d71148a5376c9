//! The `text` layout, for people who read a log.
//!
//! ```text
//! 00:01.234567 INFO  uno{env=x} build{unit=core}:link linker: linking main.o size=12 path="a b"
//! ```
//!
//! With all options, a line is `timestamp elapsed #seq [thread] LEVEL context spans target: file:line: message fields`. A path of spans
//! never ends in a colon, a target always does, and everything before the message is quoted unless it is a plain word, so that no part can
//! be taken for another.
//!
//! To add a column, write it in [`render`], or in `plain::columns` if `build` shows it too. Add an option to `format/options` if it can be
//! left out, and read it in `read/text.rs`, which has the grammar.

use tracing::Level;

use super::ansi::{Look, push_colored};
use super::escape::PlainText;
use super::names::CallsiteNames;
use super::options::Format;
use super::plain::columns::Columns;
use super::plain::fields::{Dialect, push_gap, push_message_and_fields};
use super::plain::name::OddNames;
use super::timestamp::push_elapsed_micros;
use crate::record::{Record, ValueWriter};

/// The beginning of each line of a message after its first. It stands below the level, and no record begins like it.
const CONTINUATION: &str = "             | ";

/// Appends `record` as one whole line.
pub(super) fn render(format: &Format, colored: bool, record: &Record<'_>, out: &mut Vec<u8>) {
    let (start, names) = (out.len(), CallsiteNames::of(record));
    let columns = Columns { format, colored, record, start };
    columns.push_times_and_thread(out, push_elapsed_micros);
    push_gap(out, start);
    push_level(colored, record.level(), out);
    columns.push_context(out);
    push_spans(&columns, out);
    columns.push_target(names.plain_target, out);
    columns.push_location(out);
    let dialect = TextDialect { continuation: format.multiline.then_some(CONTINUATION) };
    push_message_and_fields(out, start, dialect, record, names.fields);
    out.push(b'\n');
}

/// Appends the level, as wide as the widest.
fn push_level(colored: bool, level: Level, out: &mut Vec<u8>) {
    let (name, look) = match level {
        Level::ERROR => (b"ERROR", Look::Red),
        Level::WARN => (b"WARN ", Look::Yellow),
        Level::INFO => (b"INFO ", Look::Green),
        Level::DEBUG => (b"DEBUG", Look::Blue),
        Level::TRACE => (b"TRACE", Look::Magenta),
    };
    push_colored(colored, look, out, |out| out.extend_from_slice(name));
}

/// Appends the path of spans, and a blank before it, if there are spans.
fn push_spans(columns: &Columns<'_>, out: &mut Vec<u8>) {
    let before = out.len();
    push_gap(out, columns.start);
    let path = out.len();
    columns.record.spans.append(columns.style(), out);
    if out.len() == path {
        out.truncate(before);
    }
}

/// The message without quotes, with escapes that can be reversed.
struct TextDialect {
    /// The beginning of each line of a message after its first; `None` keeps messages on one line.
    continuation: Option<&'static str>,
}

impl Dialect for TextDialect {
    const ODD_NAMES: OddNames = OddNames::Quoted;

    fn push_message<R>(&self, out: &mut Vec<u8>, render: impl FnOnce(&mut dyn ValueWriter) -> R) -> bool {
        let start = out.len();
        let _ = render(&mut PlainText::new(out).multiline(self.continuation));
        out.len() > start
    }
}

#[cfg(test)]
mod tests;
