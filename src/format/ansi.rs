//! The colours of text on a terminal, as ANSI escape sequences.

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
}

impl Look {
    const RESET: &[u8] = b"\x1b[0m";

    fn sequence(self) -> &'static [u8] {
        match self {
            Look::Bold => b"\x1b[1m",
            Look::Dim => b"\x1b[2m",
            Look::Red => b"\x1b[31m",
            Look::Green => b"\x1b[32m",
            Look::Yellow => b"\x1b[33m",
            Look::Blue => b"\x1b[34m",
            Look::Magenta => b"\x1b[35m",
        }
    }
}

/// Appends what `push` appends, with `look` if the line is `colored`.
pub(super) fn push_colored(colored: bool, look: Look, out: &mut Vec<u8>, push: impl FnOnce(&mut Vec<u8>)) {
    if !colored {
        return push(out);
    }
    out.extend_from_slice(look.sequence());
    push(out);
    out.extend_from_slice(Look::RESET);
}
