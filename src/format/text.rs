//! The `text` layout, for people who read a log.
//!
//! ```text
//! 00:01.234567 INFO  uno{env=x} build{unit=core}:link linker: linking main.o size=12 path="a b"
//! ```
//!
//! With all options, `timestamp elapsed #seq [thread] LEVEL context spans target: file:line: message fields`. The grammar, and
//! what of a line can be read back, is in `parse/text.rs`: a path of spans never ends in a colon, a target always does, and
//! everything before the message is quoted where it is not a plain word, so that no part can be taken for another.

use tracing::Level;

use super::Renderer;
use super::head::{Look, push_leading, push_place, with_look};
use super::pairs::{Dialect, push_gap, push_pairs};
use super::timestamp::push_elapsed_micros;
use crate::record::Record;

/// What begins each line of a message after its first: below the level, and like no start of a record.
const CONTINUATION: &str = "             | ";

/// Appends `record` as one whole line.
pub(super) fn render(renderer: &Renderer, record: &Record<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    push_leading(renderer, record, out, push_elapsed_micros);
    push_gap(out, start);
    push_level(renderer.color, record.level(), out);
    push_place(renderer, record, out, start, true);
    let continuation = renderer.format.multiline.then_some(CONTINUATION);
    push_pairs(out, start, Dialect::Text { continuation }, record);
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
    with_look(colored, look, out, |out| out.extend_from_slice(name));
}
