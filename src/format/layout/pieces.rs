//! The level and the values of fields, as custom layouts and ours show them.

use tracing::Level;

use crate::format::ansi::{self, Look};
use crate::format::buffer::Buffer;
use crate::format::number::{push_bool, push_float, push_integer};
use crate::format::plain::fields::push_gap;
use crate::format::plain::literal::quote_once;
use crate::format::plain::value;
use crate::line_buffer::LineBuffer;
use crate::record::{FieldValue, ValueKind as Kind, render_debug, render_display};

/// Appends the level, as wide as the widest.
#[inline]
pub(in crate::format) fn push_level(colored: bool, level: Level, out: &mut LineBuffer) {
    let (name, look) = match level {
        Level::ERROR => (b"ERROR", Look::Red),
        Level::WARN => (b"WARN ", Look::Yellow),
        Level::INFO => (b"INFO ", Look::Green),
        Level::DEBUG => (b"DEBUG", Look::Blue),
        Level::TRACE => (b"TRACE", Look::Magenta),
    };
    ansi::push_colored(colored, look, out, |out| out.extend_from_slice(name));
}

/// Appends the level as [`push_level`] does, with a blank before it, unless the line begins at `start` and is empty. In one piece, if it is not
/// coloured.
#[inline]
pub(in crate::format) fn push_level_after_gap(colored: bool, level: Level, start: usize, out: &mut LineBuffer) {
    if colored || out.len() == start {
        push_gap(out, start);
        return push_level(colored, level, out);
    }
    out.extend_from_slice(match level {
        Level::ERROR => b" ERROR",
        Level::WARN => b" WARN ",
        Level::INFO => b" INFO ",
        Level::DEBUG => b" DEBUG",
        Level::TRACE => b" TRACE",
    });
}

/// Appends the value of a field. Nothing but a jump for the frequent ones.
pub(super) fn push_value(out: &mut LineBuffer, value: FieldValue<'_>) {
    match value.0 {
        Kind::F64(number) => push_f64(out, number),
        Kind::U64(number) => push_u64(out, number),
        Kind::Str(text) => push_str(out, text),
        _ => push_other_value(out, value),
    }
}

#[inline(never)]
fn push_f64(out: &mut LineBuffer, number: f64) {
    push_float(out, number);
}

#[inline(never)]
fn push_u64(out: &mut LineBuffer, number: u64) {
    push_integer(out, number);
}

#[inline(never)]
fn push_str(out: &mut LineBuffer, text: &str) {
    value::push_text(out, text);
}

#[inline(never)]
fn push_other_value(out: &mut LineBuffer, value: FieldValue<'_>) {
    match value.0 {
        Kind::F64(number) => push_float(out, number),
        Kind::I64(number) => push_integer(out, number),
        Kind::U64(number) => push_integer(out, number),
        Kind::I128(number) => push_integer(out, number),
        Kind::U128(number) => push_integer(out, number),
        Kind::Bool(value) => push_bool(out, value),
        Kind::Str(text) => value::push_text(out, text),
        Kind::Error(error) => value::push_rendered(out, |out| render_display(error, out)),
        Kind::Sources(error) => {
            let mut list = Buffer::take();
            value::render_sources(error, out.len(), &mut list);
            out.extend_from_slice(&list);
        }
        Kind::Debug(value) => {
            let start = out.len();
            value::push_rendered(out, |out| render_debug(value, out));
            quote_once(out, start);
        }
        Kind::Owned(value, is_rendered) => {
            let start = out.len();
            value::push_value(out, value);
            if is_rendered {
                quote_once(out, start);
            }
        }
    }
}
