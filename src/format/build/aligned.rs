//! The column for the context, for several builds on one terminal.

use super::vocabulary::WordKind;
use crate::format::ansi::{Look, push_colored};
use crate::format::buffer::Buffer;
use crate::format::escape::PlainText;
use crate::line_buffer::LineBuffer;
use crate::sync::{AtomicUsize, Ordering};

/// Names beyond this number of characters are shown in full, but do not widen the column.
const WIDEST: usize = 20;

/// The colours of names. Not those of levels: red, yellow, green.
const LOOKS: [Look; 7] =
    [Look::Cyan, Look::Magenta, Look::Blue, Look::BrightCyan, Look::BrightMagenta, Look::BrightBlue, Look::BrightGreen];

/// The width of the column: the number of characters of the longest name that was shown in this process. It begins with room for most names, so
/// that few lines stand in a narrower column than those after them.
static WIDTH: AtomicUsize = AtomicUsize::new(8);

/// Appends `name`, filled up to the width of the column, and a blank. Two blanks stand before it, unless it begins the line at `start`.
pub(super) fn push_name(colored: bool, name: &str, start: usize, out: &mut LineBuffer) {
    if out.len() > start {
        out.extend_from_slice(b"  ");
    }
    let mut escaped = Buffer::take();
    PlainText::new(&mut escaped).keep_backslashes().push(name);
    push_colored(colored, look(name), out, |out| out.extend_from_slice(&escaped));
    let shown = str::from_utf8(&escaped).map_or(0, |name| name.chars().count());
    // Relaxed: a hint, which no other data depends on.
    let width = WIDTH.fetch_max(shown.min(WIDEST), Ordering::Relaxed).max(shown.min(WIDEST));
    out.resize(out.len() + width.saturating_sub(shown) + 1, b' ');
}

/// Returns the blanks before a line that is no phase.
pub(super) fn indent(kind: Option<WordKind>) -> &'static [u8] {
    match kind {
        // A phase has its number there, an end its mark, and the two that are indented anyway have their own blanks.
        Some(WordKind::Phase | WordKind::Detail | WordKind::Unit | WordKind::Success | WordKind::Failure) => b"",
        _ => b"      ",
    }
}

/// Returns the colour of `name`: always the same.
fn look(name: &str) -> Look {
    // FNV-1a, by Fowler, Noll and Vo.
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    LOOKS[(hash % LOOKS.len() as u64) as usize]
}
