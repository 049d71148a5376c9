//! Escapes logged text, which may hold any character, so that it neither forges a line nor hides or reorders what a reader sees.
//!
//! Escaped everywhere: control characters (C0, DEL and C1, with CR, LF, TAB, ESC and NUL among them), the separators U+2028
//! and U+2029, the characters that set the direction of text, and invisible ones, so that two names which look alike are
//! alike: soft hyphens, spaces without width, fillers, tags, and the other characters that Unicode calls ignorable by default.
//! Two kinds of ignorable characters are not escaped, because emoji and many scripts are not written without them: the joiners
//! U+200C and U+200D, and the variation selectors U+FE00 to U+FE0F. The rest of Unicode is not escaped either.
//!
//! Three writers append to a buffer, so that `Debug` and `Display` output streams through them. What they are given by `write_str` they refuse
//! beyond [the bound](max_record_bytes) of a record; `push` is for what is short, or must be there:
//!
//! | writer | for | escapes |
//! |---|---|---|
//! | [`JsonText`] | the inside of a JSON string | as JSON does: `\"` `\\` `\n` `\u202e` |
//! | [`PlainText`] | text outside quotes | `\n` `\r` `\t` `\\`, `\x1b` below U+0080, else `\u{202e}` |
//! | [`Quoted`] | the inside of double quotes in text and logfmt | as `PlainText`, and `\"` |
//!
//! Each is reversible (`read/unescape.rs` reverses the last two), except for `PlainText` with
//! [`keep_backslashes`](PlainText::keep_backslashes), for output that is only read by people, who want Windows paths as
//! they are. Which text needs quotes at all stands in [`quote`](super::quote).

use std::fmt;

use crate::line_buffer::{BLOCK, LineBuffer, Search};
use crate::record::{ValueWriter, max_record_bytes, prefix};

/// How the writers treat a byte of UTF-8.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Class {
    /// Copied.
    Plain,
    /// A control character below U+0080.
    Control,
    /// A quote or a backslash, for which each writer has its own rule.
    Special,
    /// The first byte of a longer character that may need escaping.
    Lead,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Plain; 256];
    let mut byte = 0;
    while byte < 0x20 {
        classes[byte] = Class::Control;
        byte += 1;
    }
    classes[0x7f] = Class::Control;
    classes[b'"' as usize] = Class::Special;
    classes[b'\\' as usize] = Class::Special;
    let leads = [0xc2, 0xcd, 0xd8, 0xe1, 0xe2, 0xe3, 0xef, 0xf0, 0xf3];
    let mut at = 0;
    while at < leads.len() {
        classes[leads[at]] = Class::Lead;
        at += 1;
    }
    classes
};

/// Returns true if the writers escape `character`, apart from LF in a message of several lines.
///
/// The first byte of a character beyond ASCII must be among the `leads` of [`CLASSES`]; a test checks all characters.
pub(crate) fn is_escaped(character: char) -> bool {
    matches!(
        character,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Searches for bytes that need a look: all but printable ASCII, and quotes and backslashes.
struct Odd;

impl Search for Odd {
    #[inline(always)]
    fn finds_in_block(block: &[u8; BLOCK]) -> bool {
        // Numbers, not booleans: so the compiler compares all bytes at once.
        let mut odd = 0;
        for byte in *block {
            odd |= u8::from(byte.wrapping_sub(b' ') > b'~' - b' ') | u8::from(byte == b'"') | u8::from(byte == b'\\');
        }
        odd != 0
    }

    // As words, in registers: made a block of, it would be written to memory in parts and read as a whole.
    #[inline(always)]
    fn finds_in_words(first: u64, last: u64) -> bool {
        has_odd(first) | has_odd(last)
    }
}

/// Returns true if any byte of a word needs a look.
#[inline(always)]
fn has_odd(word: u64) -> bool {
    const LOW: u64 = u64::MAX / 255;
    const HIGH: u64 = LOW << 7;
    // A byte of `word ^ (LOW * b)` is zero where the byte was `b`; subtracting LOW borrows into the high bit of a zero byte.
    // A borrow may also mark the byte above a marked byte, which does not change the answer.
    let is = |byte: u8| {
        let zeroed = word ^ (LOW * u64::from(byte));
        zeroed.wrapping_sub(LOW) & !zeroed
    };
    let below_space = word.wrapping_sub(LOW * 0x20) & !word;
    // What is above `~` is DEL, which becomes 0x80, and what is not ASCII, which has the high bit anyway.
    let above_tilde = word.wrapping_add(LOW) | word;
    ((above_tilde | below_space | is(b'"') | is(b'\\')) & HIGH) != 0
}

/// Copies `text` to `out`, but hands characters [to be escaped](is_escaped), quotes and backslashes to `escape`.
#[inline]
fn push_escaped(out: &mut LineBuffer, text: &str, escape: impl FnMut(&mut LineBuffer, char)) {
    if !out.extend_unless::<Odd>(text.as_bytes()) {
        push_escaped_slowly(out, text, escape);
    }
}

/// Does the same as [`push_escaped`], for a text that has something to escape, or long characters.
#[inline(never)]
fn push_escaped_slowly(out: &mut LineBuffer, text: &str, mut escape: impl FnMut(&mut LineBuffer, char)) {
    let bytes = text.as_bytes();
    let (mut copied, mut at) = (0, 0);
    while at < bytes.len() {
        if let Some(chunk) = bytes[at..].first_chunk::<8>()
            && !has_odd(u64::from_le_bytes(*chunk))
        {
            at += 8;
            continue;
        }
        let end = bytes.len().min(at + 8);
        while at < end {
            let found = match CLASSES[usize::from(bytes[at])] {
                Class::Plain => None,
                Class::Control | Class::Special => Some((char::from(bytes[at]), 1)),
                Class::Lead => text[at..].chars().next().filter(|c| is_escaped(*c)).map(|c| (c, c.len_utf8())),
            };
            let Some((character, length)) = found else {
                at += 1;
                continue;
            };
            out.extend_from_slice(&bytes[copied..at]);
            escape(out, character);
            at += length;
            copied = at;
        }
    }
    out.extend_from_slice(&bytes[copied..]);
}

/// The most bytes that one byte of a text becomes when it is escaped, and more than that.
const MOST_GROWTH: usize = 16;

/// Returns true if `text` certainly fits into a record of which `out` is the beginning, also when it is escaped.
#[inline]
pub(super) fn fits(out: &[u8], text: &str) -> bool {
    fits_grown(out, text, MOST_GROWTH)
}

#[inline]
fn fits_grown(out: &[u8], text: &str, most_growth: usize) -> bool {
    text.len().saturating_mul(most_growth) <= max_record_bytes().saturating_sub(out.len())
}

/// Takes a piece of `rest` that can be appended to `out`. `None` if `rest` is empty, or the record is full.
fn next_piece<'t>(out: &[u8], rest: &mut &'t str, most_growth: usize) -> Option<&'t str> {
    let room = max_record_bytes().saturating_sub(out.len());
    // Four bytes are one character at least. The last piece may go beyond the bound, by what four bytes become.
    let piece = prefix(rest, (room / most_growth).max(4));
    *rest = if room == 0 { rest } else { &rest[piece.len()..] };
    (room > 0 && !piece.is_empty()).then_some(piece)
}

/// Has a writer refuse what does not fit into the record.
macro_rules! bounded {
    ($writer:ident) => {
        impl fmt::Write for $writer<'_> {
            #[inline]
            fn write_str(&mut self, text: &str) -> fmt::Result {
                if fits_grown(self.out, text, self.most_growth()) {
                    self.push(text);
                    Ok(())
                } else {
                    self.push_what_fits(text)
                }
            }
        }

        impl $writer<'_> {
            #[cold]
            fn push_what_fits(&mut self, text: &str) -> fmt::Result {
                let mut rest = text;
                while !self.is_cut
                    && let Some(piece) = next_piece(self.out, &mut rest, self.most_growth())
                {
                    self.push(piece);
                }
                self.is_cut |= !rest.is_empty();
                if self.is_cut { Err(fmt::Error) } else { Ok(()) }
            }
        }

        impl ValueWriter for $writer<'_> {
            fn push_marker(&mut self, marker: &str) {
                self.push(marker);
            }

            fn is_cut(&self) -> bool {
                self.is_cut
            }
        }
    };
}

bounded!(JsonText);
bounded!(PlainText);
bounded!(Quoted);

/// Writes the inside of a JSON string.
pub(crate) struct JsonText<'a> {
    out: &'a mut LineBuffer,
    is_cut: bool,
}

impl<'a> JsonText<'a> {
    pub(crate) fn new(out: &'a mut LineBuffer) -> Self {
        JsonText { out, is_cut: false }
    }

    fn most_growth(&self) -> usize {
        MOST_GROWTH
    }

    /// Appends `text`, escaped.
    pub(crate) fn push(&mut self, text: &str) {
        push_escaped(self.out, text, escape_json);
    }
}

#[cold]
fn escape_json(out: &mut LineBuffer, character: char) {
    let short = match character {
        '"' => b'"',
        '\\' => b'\\',
        '\n' => b'n',
        '\r' => b'r',
        '\t' => b't',
        '\u{8}' => b'b',
        '\u{c}' => b'f',
        _ => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.extend_from_slice(b"\\u");
                push_hex(out, u32::from(*unit), 4);
            }
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Writes text outside quotes.
pub(crate) struct PlainText<'a> {
    out: &'a mut LineBuffer,
    keep_backslashes: bool,
    continuation: Option<&'a str>,
    is_cut: bool,
}

impl<'a> PlainText<'a> {
    /// Creates a writer that escapes reversibly: it doubles backslashes.
    pub(crate) fn new(out: &'a mut LineBuffer) -> Self {
        PlainText { out, keep_backslashes: false, continuation: None, is_cut: false }
    }

    /// Leaves backslashes as they are, so that the text cannot be unescaped.
    pub(crate) fn keep_backslashes(self) -> Self {
        PlainText { keep_backslashes: true, ..self }
    }

    /// Keeps LF and writes `continuation` after each, at the start of the new line. With `None`, escapes LF.
    pub(crate) fn multiline(self, continuation: Option<&'a str>) -> Self {
        PlainText { continuation, ..self }
    }

    /// A line end becomes one with the beginning of the next line.
    fn most_growth(&self) -> usize {
        self.continuation.map_or(MOST_GROWTH, |continuation| MOST_GROWTH.max(continuation.len() + 1))
    }

    /// Appends `text`, escaped.
    pub(crate) fn push(&mut self, text: &str) {
        let (keep_backslashes, continuation) = (self.keep_backslashes, self.continuation);
        push_escaped(self.out, text, |out, character| match (character, continuation) {
            ('"', _) => out.push(b'"'),
            ('\\', _) if keep_backslashes => out.push(b'\\'),
            ('\n', Some(continuation)) => {
                out.push(b'\n');
                out.extend_from_slice(continuation.as_bytes());
            }
            (character, _) => escape_text(out, character),
        });
    }
}

/// Returns `text` for people, as in errors: on one line, without characters that control a terminal or hide something. Backslashes stay as
/// they are, for paths of Windows.
pub(crate) fn shown(text: &str) -> String {
    let mut shown = LineBuffer::with_capacity(text.len());
    PlainText::new(&mut shown).keep_backslashes().push(text);
    String::from_utf8_lossy(&shown).into_owned()
}

/// Writes the inside of double quotes in text and logfmt; the caller writes the quotes.
pub(crate) struct Quoted<'a> {
    out: &'a mut LineBuffer,
    is_cut: bool,
}

impl<'a> Quoted<'a> {
    pub(crate) fn new(out: &'a mut LineBuffer) -> Self {
        Quoted { out, is_cut: false }
    }

    fn most_growth(&self) -> usize {
        MOST_GROWTH
    }

    /// Appends `text`, escaped.
    pub(crate) fn push(&mut self, text: &str) {
        push_escaped(self.out, text, escape_text);
    }
}

#[cold]
fn escape_text(out: &mut LineBuffer, character: char) {
    let short = match character {
        '"' => b'"',
        '\\' => b'\\',
        '\n' => b'n',
        '\r' => b'r',
        '\t' => b't',
        _ => return push_code(out, character),
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Appends the last `digits` hexadecimal digits of `number`.
fn push_hex(out: &mut LineBuffer, number: u32, digits: u32) {
    for digit in (0..digits).rev() {
        out.push(b"0123456789abcdef"[(number >> (digit * 4)) as usize & 0xf]);
    }
}

/// Appends `character` as `\x1b` or `\u{202e}`.
pub(super) fn push_code(out: &mut LineBuffer, character: char) {
    let code = u32::from(character);
    if code < 0x80 {
        out.extend_from_slice(b"\\x");
        return push_hex(out, code, 2);
    }
    out.extend_from_slice(b"\\u{");
    let digits = match code {
        0..=0xff => 2,
        0x100..=0xffff => 4,
        0x1_0000..=0xf_ffff => 5,
        _ => 6,
    };
    push_hex(out, code, digits);
    out.push(b'}');
}

#[cfg(test)]
mod tests;
