//! The columns that text and build write before the message. Their order stands in `text/` and `build/`, which also write their
//! own: the level, and the spans.

use std::time::Duration;

use super::braces::push_context;
use super::fields::push_gap;
use super::value::push_rendered;
use crate::format::ansi::{Look, push_colored};
use crate::format::number::push_integer;
use crate::format::options::Format;
use crate::format::quote::push_bare_or_quoted;
use crate::format::timestamp::push_rfc3339_micros;
use crate::record::{Record, Style, write_thread_name};

/// The columns of one line. Each is written with a blank before it unless it is the first, and only if `format` shows it.
#[derive(Clone, Copy)]
pub(in crate::format) struct Columns<'a> {
    pub(in crate::format) format: &'a Format,
    pub(in crate::format) colored: bool,
    pub(in crate::format) record: &'a Record<'a>,
    /// Where the line begins in the buffer.
    pub(in crate::format) start: usize,
}

impl Columns<'_> {
    /// Returns the style of the spans and the context.
    pub(in crate::format) fn style(&self) -> Style {
        if self.colored { Style::TextColor } else { Style::Text }
    }

    /// Appends the wall-clock time, the elapsed time, the number and the thread.
    pub(in crate::format) fn push_times_and_thread(&self, out: &mut Vec<u8>, push_elapsed: fn(&mut Vec<u8>, Duration)) {
        let Columns { format, record, .. } = *self;
        let seq = record.seq().filter(|_| format.seq);
        if !(format.timestamp || format.elapsed || format.thread || seq.is_some()) {
            return;
        }
        push_colored(self.colored, Look::Dim, out, |out| {
            let start = out.len();
            if format.timestamp {
                push_rfc3339_micros(out, record.timestamp());
            }
            if format.elapsed {
                push_gap(out, start);
                push_elapsed(out, record.elapsed());
            }
            if let Some(seq) = seq {
                push_gap(out, start);
                out.push(b'#');
                push_integer(out, seq);
            }
            if format.thread {
                push_gap(out, start);
                out.push(b'[');
                push_rendered(out, |out| write_thread_name(out));
                out.push(b']');
            }
        });
    }

    /// Appends the context.
    pub(in crate::format) fn push_context(&self, out: &mut Vec<u8>) {
        if self.format.context {
            push_gap(out, self.start);
            push_context(self.style(), self.record.context(), out);
        }
    }

    /// Appends the target and a colon. A `plain` target needs no quotes.
    pub(in crate::format) fn push_target(&self, plain: bool, out: &mut Vec<u8>) {
        if self.format.target {
            push_gap(out, self.start);
            push_colored(self.colored, Look::Dim, out, |out| {
                match plain {
                    true => out.extend_from_slice(self.record.target().as_bytes()),
                    false => push_bare_or_quoted(out, self.record.target()),
                }
                out.push(b':');
            });
        }
    }

    /// Appends the source file and the line, each with a colon.
    pub(in crate::format) fn push_location(&self, out: &mut Vec<u8>) {
        if self.format.location
            && let Some(file) = self.record.file()
        {
            push_gap(out, self.start);
            push_colored(self.colored, Look::Dim, out, |out| {
                push_bare_or_quoted(out, file);
                out.push(b':');
                if let Some(line) = self.record.line() {
                    push_integer(out, line);
                    out.push(b':');
                }
            });
        }
    }
}
