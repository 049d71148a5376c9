//! The `build` layout, for people who watch a build: elapsed time, the message and its fields; the level from WARN.
//!
//! ```text
//! 00:01.23 configured env=uno
//! 00:01.30 WARNING: unused variable line=3
//! ```
//!
//! Events that are words of the build vocabulary have forms of their own: see `vocabulary`. Empty lines carry no time, and spans are not
//! shown. The columns for several builds on one terminal are in `aligned`.

mod aligned;
mod vocabulary;

use tracing::Level;
use tracing::field::Field;

use super::ansi::{Look, push_colored};
use super::escape::{PlainText, push_code};
use super::layout::columns::Columns;
use super::layout::{Layout, LayoutWriter};
use super::names::CallsiteNames;
use super::options::Options;
use super::plain::fields::{Dialect, push_gap, push_message_and_fields};
use super::plain::name::OddNames;
use super::plain::value::show_backslashes;
use crate::line_buffer::LineBuffer;
use crate::record::{Record, ValueWriter};
use vocabulary::{FieldSet, Word, WordKind, bit};

/// The beginning of each line of a message after its first. It stands below the message, and no record begins like it.
const CONTINUATION: &str = "         | ";

/// The layout, with the options of its format.
pub(super) struct Build;

impl Layout for Build {
    /// Renders one line, with an empty line before or after it if its word of the vocabulary has one.
    #[inline]
    fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
        let word = Word::of(record);
        let kind = word.as_ref().map(|word| word.kind);
        // With several builds on one terminal nobody could tell whose empty line it is.
        let has_empty_lines = !line.looks.options.aligned;
        if has_empty_lines && kind == Some(WordKind::Finished) {
            line.out.push(b'\n');
        }
        let (options, colored, start, names) =
            (line.looks.options, line.looks.colored, line.out.len(), CallsiteNames::of(record));
        let columns = Columns { options: *options, colored, record, start };
        columns.push_times_and_thread(line.looks.timer, line);
        let out = &mut *line.out;
        if options.aligned {
            aligned::push_name(colored, record.context().name(), start, out);
        } else {
            columns.push_context(out);
        }
        columns.push_target(names, out);
        columns.push_location(out);
        if options.context || options.target || options.location || options.thread_name {
            show_backslashes(out, start);
        }
        push_gap(out, start);
        if options.aligned {
            out.extend_from_slice(aligned::indent(kind));
        }
        let begins_line = out.len() == start;
        let push = |out: &mut LineBuffer| {
            let body = out.len();
            push_body(options, record, names, word.as_ref(), out);
            if begins_line && options.multiline {
                protect_from_continuation(out, body);
            }
        };
        match (record.level(), kind) {
            (Level::ERROR, _) => push_colored(colored, Look::Red, out, push),
            (Level::WARN, _) => push_colored(colored, Look::Yellow, out, push),
            (_, Some(WordKind::Success)) => push_colored(colored, Look::Green, out, push),
            (Level::DEBUG | Level::TRACE, _) if options.aligned => push_colored(colored, Look::Dim, out, push),
            _ => push(out),
        }
        if has_empty_lines && kind == Some(WordKind::Header) {
            out.push(b'\n');
        }
    }
}

/// Escapes the last blank before a `|` in a line that begins at `start` without a time: blanks and a `|` look like a [`CONTINUATION`] of
/// the message before.
fn protect_from_continuation(out: &mut LineBuffer, start: usize) {
    let line = std::str::from_utf8(&out[start..]).unwrap_or_default();
    let rest = line.trim_start();
    let blanks = line.len() - rest.len();
    if rest.starts_with('|')
        && let Some((last, blank)) = line[..blanks].char_indices().next_back()
    {
        let mut escaped = LineBuffer::new();
        push_code(&mut escaped, blank);
        out.replace(start + last, start + blanks, &escaped);
    }
}

/// Appends the level from WARN, the text of the word, the message and the fields.
fn push_body(
    options: &Options,
    record: &Record<'_>,
    names: &'static CallsiteNames,
    word: Option<&Word>,
    out: &mut LineBuffer,
) {
    match (record.level(), word.map(|word| word.kind)) {
        (_, Some(WordKind::Success)) if options.aligned => out.extend_from_slice("✓ ".as_bytes()),
        (_, Some(WordKind::Failure)) if options.aligned => out.extend_from_slice("✗ ".as_bytes()),
        (Level::ERROR, _) => out.extend_from_slice(b"ERROR: "),
        (Level::WARN, _) => out.extend_from_slice(b"WARNING: "),
        _ => {}
    }
    let mut start = out.len();
    if let Some(word) = word {
        word.push(record, out);
        if word.kind == WordKind::Detail {
            // The indentation is the gap.
            start = out.len();
        }
    }
    let continuation = options.multiline.then_some(CONTINUATION);
    let hidden = if options.fields { word.map_or(0, |word| word.hidden) } else { FieldSet::MAX };
    push_message_and_fields(out, start, &BuildDialect { continuation, hidden }, record, names);
}

/// The message and the fields as in `text`, but with their backslashes as they are, since the lines are for people only.
struct BuildDialect {
    /// The beginning of each line of a message after its first; `None` keeps messages on one line.
    continuation: Option<&'static str>,
    /// The fields that the word shows, which are not shown again.
    hidden: FieldSet,
}

impl Dialect for BuildDialect {
    const ODD_NAMES: OddNames = OddNames::Quoted;

    fn push_message<R>(&self, out: &mut LineBuffer, render: impl FnOnce(&mut dyn ValueWriter) -> R) -> bool {
        let start = out.len();
        let _ = render(&mut PlainText::new(out).keep_backslashes().multiline(self.continuation));
        out.len() > start
    }

    #[inline]
    fn is_hidden(&self, field: &Field) -> bool {
        self.hidden == FieldSet::MAX || self.hidden & bit(field) != 0
    }

    #[inline]
    fn finish_text(&self, out: &mut LineBuffer, start: usize, _: &Field) {
        // A text without quotes has no backslash.
        if out[start] == b'"' {
            show_backslashes(out, start);
        }
    }

    fn push_list(&self, out: &mut LineBuffer, list: &[u8]) {
        let start = out.len();
        out.extend_from_slice(list);
        show_backslashes(out, start);
    }
}

#[cfg(test)]
mod tests;
