//! What text and build write before the message: when, who and where.

use std::time::Duration;

use super::Renderer;
use super::escape::push_bare_or_quoted;
use super::names::Plain;
use super::pairs::{push_gap, push_rendered};
use super::spans::append_context;
use super::timestamp::push_rfc3339_micros;
use super::value::push_integer;
use crate::record::{Record, write_thread_name};

/// How a part of a line looks on a terminal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Look {
    Dim,
    Red,
    Green,
    Yellow,
    Blue,
    Magenta,
}

impl Look {
    const RESET: &[u8] = b"\x1b[0m";

    fn sequence(self) -> &'static [u8] {
        match self {
            Look::Dim => b"\x1b[2m",
            Look::Red => b"\x1b[31m",
            Look::Green => b"\x1b[32m",
            Look::Yellow => b"\x1b[33m",
            Look::Blue => b"\x1b[34m",
            Look::Magenta => b"\x1b[35m",
        }
    }
}

/// Appends what `push` appends, with `look` if lines are `colored`.
pub(super) fn with_look(colored: bool, look: Look, out: &mut Vec<u8>, push: impl FnOnce(&mut Vec<u8>)) {
    if !colored {
        return push(out);
    }
    out.extend_from_slice(look.sequence());
    push(out);
    out.extend_from_slice(Look::RESET);
}

/// Appends what stands before the level: the times, the number and the thread, as far as they are shown.
pub(super) fn push_leading(
    renderer: &Renderer,
    record: &Record<'_>,
    out: &mut Vec<u8>,
    push_elapsed: fn(&mut Vec<u8>, Duration),
) {
    let show = &renderer.format;
    let seq = record.seq().filter(|_| show.seq);
    if !(show.timestamp || show.elapsed || show.thread || seq.is_some()) {
        return;
    }
    with_look(renderer.color, Look::Dim, out, |out| {
        let start = out.len();
        if show.timestamp {
            push_rfc3339_micros(out, record.timestamp());
        }
        if show.elapsed {
            push_gap(out, start);
            push_elapsed(out, record.elapsed());
        }
        if let Some(seq) = seq {
            push_gap(out, start);
            out.push(b'#');
            push_integer(out, seq);
        }
        if show.thread {
            push_gap(out, start);
            out.push(b'[');
            push_rendered(out, |out| write_thread_name(out));
            out.push(b']');
        }
    });
}

/// Appends what stands between the level and the message: the context, the spans, the target and the location, as far
/// as they are shown, in a line that begins at `start`.
pub(super) fn push_place(
    renderer: &Renderer,
    record: &Record<'_>,
    plain: Plain,
    out: &mut Vec<u8>,
    start: usize,
    with_spans: bool,
) {
    let show = &renderer.format;
    if show.context {
        push_gap(out, start);
        append_context(renderer.style(), record.context(), out);
    }
    if with_spans {
        let before = out.len();
        push_gap(out, start);
        let path = out.len();
        record.spans.append(renderer.style(), out);
        if out.len() == path {
            out.truncate(before);
        }
    }
    if show.target {
        push_gap(out, start);
        with_look(renderer.color, Look::Dim, out, |out| {
            match plain.target {
                true => out.extend_from_slice(record.target().as_bytes()),
                false => push_bare_or_quoted(out, record.target()),
            }
            out.push(b':');
        });
    }
    if show.location
        && let Some(file) = record.file()
    {
        push_gap(out, start);
        with_look(renderer.color, Look::Dim, out, |out| {
            push_bare_or_quoted(out, file);
            out.push(b':');
            if let Some(line) = record.line() {
                push_integer(out, line);
                out.push(b':');
            }
        });
    }
}
