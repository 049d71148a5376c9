//! The columns that text and build write before the message. Their order stands in `text/` and `build/`, which also write their
//! own: the level, and the spans.

use super::writer::{LayoutWriter, SharedTimer};
use crate::format::ansi::{Look, push_colored};
use crate::format::names::CallsiteNames;
use crate::format::number::push_integer;
use crate::format::options::Options;
use crate::format::plain::braces::push_context;
use crate::format::plain::fields::push_gap;
use crate::format::plain::value::push_rendered;
use crate::format::quote::{push_bare_or_quoted, push_quoted};
use crate::line_buffer::LineBuffer;
use crate::record::{Record, Style, is_thread_unnamed, write_thread_id, write_thread_name};

/// The columns of one line. Each is written with a blank before it unless it is the first, and only if `format` shows it.
#[derive(Clone, Copy)]
pub(in crate::format) struct Columns<'a> {
    pub(in crate::format) options: Options,
    pub(in crate::format) colored: bool,
    pub(in crate::format) record: &'a Record<'a>,
    /// Where the line begins in the buffer.
    pub(in crate::format) start: usize,
}

impl Columns<'_> {
    /// Returns the style of the spans and the context.
    pub(in crate::format) fn style(&self) -> Style {
        if self.colored { Style::TEXT_COLORED } else { Style::TEXT }
    }

    /// Appends the wall-clock time, the elapsed time, the number and the thread.
    #[inline(always)]
    pub(in crate::format) fn push_times_and_thread(&self, timer: Option<&SharedTimer>, line: &mut LayoutWriter<'_>) {
        self.push_times(timer, line, self.options.thread_name || self.options.thread_id);
    }

    /// Appends the wall-clock time, the elapsed time, the number and, `with_thread`, the thread.
    #[inline(always)]
    pub(in crate::format) fn push_times(
        &self,
        timer: Option<&SharedTimer>,
        line: &mut LayoutWriter<'_>,
        with_thread: bool,
    ) {
        let Columns { options, record, .. } = *self;
        let (times, seq) = (options.times, record.seq().filter(|_| options.seq));
        let shows_time = timer.is_some() || times.shows_wall() || times.shows_elapsed();
        if !(shows_time || with_thread || seq.is_some()) {
            return;
        }
        if self.colored {
            line.out.extend_from_slice(Look::Dim.sequence());
        }
        let start = line.out.len();
        match timer {
            Some(timer) => timer.push(record, line.looks, line.out),
            None => times.push(record, line.out),
        }
        let out = &mut *line.out;
        if let Some(seq) = seq {
            push_gap(out, start);
            out.push(b'#');
            push_integer(out, seq);
        }
        if with_thread {
            push_gap(out, start);
            out.push(b'[');
            self.push_thread(out);
            out.push(b']');
        }
        if self.colored {
            out.extend_from_slice(Look::RESET);
        }
    }

    /// Appends the thread's name and id, as `main ThreadId(1)`, or one of the two.
    pub(in crate::format) fn push_thread(&self, out: &mut LineBuffer) {
        let start = out.len();
        // A thread without a name is called by its id.
        if self.options.thread_name && !(self.options.thread_id && is_thread_unnamed()) {
            push_rendered(out, |out| write_thread_name(out));
        }
        if self.options.thread_id {
            push_gap(out, start);
            push_rendered(out, |out| write_thread_id(out));
        }
    }

    /// Appends the context.
    #[inline(always)]
    pub(in crate::format) fn push_context(&self, out: &mut LineBuffer) {
        if self.options.context {
            push_context(self.style(), self.record.context(), self.start, out);
        }
    }

    /// Appends the target and a colon.
    #[inline(always)]
    pub(in crate::format) fn push_target(&self, names: &CallsiteNames, out: &mut LineBuffer) {
        if self.options.target {
            let plain = names.has_plain_target(self.record);
            let is_ready = plain && !self.colored && out.len() > self.start;
            if !(is_ready && names.try_push_target_after_blank(out)) {
                push_other_target(self.record, plain, self.colored, self.start, out);
            }
        }
    }

    /// Appends the source file and the line, each with a colon.
    #[inline(always)]
    pub(in crate::format) fn push_location(&self, out: &mut LineBuffer) {
        if self.options.location {
            push_shown_location(self.record, self.colored, self.start, out);
        }
    }
}

// Each gets what it needs of the columns: a reference to them would have them all be written to memory, for each line.

/// Appends a target that is coloured, long, the first column, or not known to be `plain`, so that it may need quotes.
#[inline(never)]
fn push_other_target(record: &Record<'_>, plain: bool, colored: bool, start: usize, out: &mut LineBuffer) {
    push_gap(out, start);
    push_colored(colored, Look::Dim, out, |out| {
        match plain {
            true => out.extend_from_slice(record.target().as_bytes()),
            false => push_bare_or_quoted(out, record.target()),
        }
        out.push(b':');
    });
}

#[inline(never)]
fn push_shown_location(record: &Record<'_>, colored: bool, start: usize, out: &mut LineBuffer) {
    if let Some(file) = record.file() {
        push_gap(out, start);
        push_colored(colored, Look::Dim, out, |out| {
            match record.line() {
                Some(line) => {
                    push_bare_or_quoted(out, file);
                    out.push(b':');
                    push_integer(out, line);
                }
                // In quotes, so that no word at the beginning of a message reads as a file.
                None => push_quoted(out, file),
            }
            out.push(b':');
        });
    }
}
