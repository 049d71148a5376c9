//! The colours of text on a terminal, as ANSI escape sequences.

use crate::line_buffer::LineBuffer;

/// How a part of a line looks on a terminal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Look {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Blue,
    Magenta,
    Cyan,
    BrightGreen,
    BrightBlue,
    BrightMagenta,
    BrightCyan,
}

impl Look {
    pub(super) const RESET: &[u8] = b"\x1b[0m";

    pub(super) fn sequence(self) -> &'static [u8] {
        match self {
            Look::Bold => b"\x1b[1m",
            Look::Dim => b"\x1b[2m",
            Look::Red => b"\x1b[31m",
            Look::Green => b"\x1b[32m",
            Look::Yellow => b"\x1b[33m",
            Look::Blue => b"\x1b[34m",
            Look::Magenta => b"\x1b[35m",
            Look::Cyan => b"\x1b[36m",
            Look::BrightGreen => b"\x1b[92m",
            Look::BrightBlue => b"\x1b[94m",
            Look::BrightMagenta => b"\x1b[95m",
            Look::BrightCyan => b"\x1b[96m",
        }
    }
}

/// Appends what `push` appends, with `look` if the line is `colored`.
#[inline]
pub(super) fn push_colored(colored: bool, look: Look, out: &mut LineBuffer, push: impl FnOnce(&mut LineBuffer)) {
    // `push` stands here once, so that it is inlined.
    if colored {
        out.extend_from_slice(look.sequence());
    }
    push(out);
    if colored {
        out.extend_from_slice(Look::RESET);
    }
}
