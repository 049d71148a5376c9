//! What becomes of escape sequences in a raw message.
//!
//! The text arrives in pieces, and a sequence may be cut in two by them, so the writer remembers where in a sequence it is. A sequence that
//! does not end within [`LONGEST`] bytes is none: it is escaped, like any other control character.

use std::fmt;

use crate::format::escape::PlainText;
use crate::line_buffer::LineBuffer;
use crate::record::{ValueWriter, max_record_bytes};

/// The most bytes of a sequence.
const LONGEST: usize = 64;

/// Writes a message of which tabs pass, and escape sequences are kept, removed or escaped.
pub(super) struct RawText<'a> {
    out: &'a mut LineBuffer,
    /// Whether colours are kept or removed; `None` if all sequences are escaped.
    keeps: Option<bool>,
    multiline: bool,
    /// The beginning of a sequence that has not ended yet.
    sequence: String,
    /// True if a colour that was kept is still on.
    is_colored: bool,
    is_cut: bool,
}

impl<'a> RawText<'a> {
    pub(super) fn new(out: &'a mut LineBuffer, keeps: Option<bool>, multiline: bool) -> Self {
        RawText { out, keeps, multiline, sequence: String::new(), is_colored: false, is_cut: false }
    }

    /// Ends the message: what has begun as a sequence is escaped, and a colour that is still on ends here.
    pub(super) fn finish(mut self) {
        self.give_up_sequence();
        if self.is_colored {
            self.out.extend_from_slice(b"\x1b[0m");
        }
    }

    fn push(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            if !self.sequence.is_empty() {
                rest = self.continue_sequence(rest);
                continue;
            }
            let escape = self.keeps.and_then(|_| rest.find('\x1b')).unwrap_or(rest.len());
            self.push_plain(&rest[..escape]);
            rest = &rest[escape..];
            if let Some(after) = rest.strip_prefix('\x1b') {
                self.sequence.push('\x1b');
                rest = after;
            }
        }
    }

    /// Appends text without sequences.
    fn push_plain(&mut self, text: &str) {
        for (index, piece) in text.split('\t').enumerate() {
            if index > 0 {
                self.out.push(b'\t');
            }
            let continuation = self.multiline.then_some("");
            PlainText::new(self.out).keep_backslashes().multiline(continuation).push(piece);
        }
    }

    /// Takes what belongs to the sequence, and returns the rest.
    fn continue_sequence<'t>(&mut self, text: &'t str) -> &'t str {
        for (at, character) in text.char_indices() {
            self.sequence.push(character);
            let end = at + character.len_utf8();
            match state(&self.sequence) {
                State::Open if self.sequence.len() < LONGEST => {}
                State::Color => {
                    if self.keeps == Some(true) {
                        self.is_colored = !is_reset(&self.sequence);
                        self.out.extend_from_slice(self.sequence.as_bytes());
                    }
                    self.sequence.clear();
                    return &text[end..];
                }
                State::Other => {
                    self.sequence.clear();
                    return &text[end..];
                }
                State::Open | State::None => {
                    // The last character may begin another sequence.
                    self.sequence.truncate(self.sequence.len() - character.len_utf8());
                    self.give_up_sequence();
                    return &text[at..];
                }
            }
        }
        ""
    }

    fn give_up_sequence(&mut self) {
        let sequence = std::mem::take(&mut self.sequence);
        self.push_plain(&sequence);
    }
}

/// True if `color`, a sequence of [`State::Color`], ends all colours: it has no parameter but zeros, which may be left out.
fn is_reset(color: &str) -> bool {
    color.bytes().skip(2).all(|byte| matches!(byte, b'0' | b';' | b'm'))
}

/// What a text is that begins with ESC.
enum State {
    /// The beginning of a sequence.
    Open,
    /// A whole sequence that sets a colour.
    Color,
    /// Another whole sequence.
    Other,
    /// No sequence.
    None,
}

/// Returns what `text` is, by ECMA-48: `ESC [`, parameters, and one final byte; or `ESC ]`, a text, and BEL or `ESC \`.
fn state(text: &str) -> State {
    let bytes = text.as_bytes();
    match bytes.get(1) {
        None => State::Open,
        Some(b'[') => match bytes[2..].split_last() {
            None => State::Open,
            Some((last, parameters)) if parameters.iter().all(|byte| (0x20..0x40).contains(byte)) => match last {
                0x20..=0x3f => State::Open,
                b'm' => State::Color,
                0x40..=0x7e => State::Other,
                _ => State::None,
            },
            Some(_) => State::None,
        },
        Some(b']') => match () {
            () if text.ends_with('\x07') || text.ends_with("\x1b\\") => State::Other,
            () => State::Open,
        },
        Some(0x30..=0x7e) => State::Other,
        Some(_) => State::None,
    }
}

impl fmt::Write for RawText<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = max_record_bytes().saturating_sub(self.out.len());
        let taken = if self.is_cut { "" } else { crate::record::prefix(text, room) };
        self.is_cut |= taken.len() < text.len();
        self.push(taken);
        if self.is_cut { Err(fmt::Error) } else { Ok(()) }
    }
}

impl ValueWriter for RawText<'_> {
    fn push_marker(&mut self, marker: &str) {
        self.give_up_sequence();
        self.push_plain(marker);
    }

    fn is_cut(&self) -> bool {
        self.is_cut
    }
}
