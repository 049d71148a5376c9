//! Decides which texts and names stand without quotes ("bare"), and quotes the others.
//!
//! Written and read by the same rules: `read` asks here which characters a bare text may have.

use super::escape::{Quoted, is_escaped};
use crate::line_buffer::{BLOCK, LineBuffer, Search, finds};

/// The ASCII bytes of bare text: graphic characters other than `"` `\` `=` `,` `{` `}` `[` `]`.
const BARE: ByteSet =
    ByteSet::of(b"!#$%&'()*+-./0123456789:;<>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~");

/// The ASCII bytes of [plain names](is_plain_name).
const PLAIN_NAME: ByteSet = ByteSet::of(b"-.#_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

/// Returns true if `text` can stand without quotes: it is not empty, and all of its characters [can](is_bare_char).
#[inline]
pub(super) fn is_bare(text: &str) -> bool {
    !text.is_empty() && (BARE.has_all(text.as_bytes()) || text.chars().all(is_bare_char))
}

/// Appends `text`, if it can stand without quotes, and consists of ASCII. Appends nothing and returns false if not.
#[inline]
pub(super) fn push_bare_ascii(out: &mut LineBuffer, text: &str) -> bool {
    !text.is_empty() && out.extend_unless::<NotBare>(text.as_bytes())
}

/// Returns true if `text` is ASCII that can stand without quotes, and does not read back as another type. If the result is false, it may still be
/// so, if there are other letters.
#[inline]
pub(super) fn is_bare_ascii_text(text: &[u8]) -> bool {
    let is_of_other_type = || may_read_as_other_type(text) && is_of_other_type(text);
    !(text.is_empty() || finds::<NotBare>(text) || is_of_other_type())
}

#[cold]
#[inline(never)]
fn is_of_other_type(text: &[u8]) -> bool {
    str::from_utf8(text).is_ok_and(reads_as_other_type)
}

/// Searches for bytes that are not in [`BARE`]. By ranges, and no table, so that all bytes can be compared at once.
struct NotBare;

impl Search for NotBare {
    #[inline(always)]
    fn finds_in_block(block: &[u8; BLOCK]) -> bool {
        // Numbers, not booleans: so the compiler does compare them so.
        let mut odd = 0;
        for byte in *block {
            odd |= u8::from(byte.wrapping_sub(b'!') > b'~' - b'!') | u8::from(byte.wrapping_sub(b'[') <= b']' - b'[');
            odd |= u8::from(byte == b'"') | u8::from(byte == b',') | u8::from(byte == b'=');
            odd |= u8::from(byte == b'{') | u8::from(byte == b'}');
        }
        odd != 0
    }
}

/// Returns true for a character of bare text: a byte of [`BARE`], or a visible letter or digit of any script.
pub(crate) fn is_bare_char(character: char) -> bool {
    if character.is_ascii() { BARE.has(character as u8) } else { is_visible_alphanumeric(character) }
}

/// Returns true if `name` can stand without quotes before `=`. In text any other name is quoted, so that few messages look as
/// if they ended in a field.
#[inline]
pub(super) fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && (PLAIN_NAME.has_all(name.as_bytes()) || name.chars().all(is_plain_name_char))
}

/// Returns true for a character of a [plain name](is_plain_name): letters, digits, `_`, `-`, `.` and `#`.
pub(crate) fn is_plain_name_char(character: char) -> bool {
    is_visible_alphanumeric(character) || matches!(character, '_' | '-' | '.' | '#')
}

/// Returns true for letters and digits, except for letters that are invisible fillers.
pub(super) fn is_visible_alphanumeric(character: char) -> bool {
    character.is_alphanumeric() && !is_escaped(character)
}

/// Returns true if `text` would read back as a number, a boolean or null if it stood without quotes.
#[inline]
pub(super) fn reads_as_other_type(text: &str) -> bool {
    // Integers of any width parse as floats too.
    may_read_as_other_type(text.as_bytes())
        && (matches!(text, "true" | "false" | "null") || text.parse::<f64>().is_ok())
}

/// Every such text begins with one of these bytes; most texts do not, and need no parsing.
#[inline]
fn may_read_as_other_type(text: &[u8]) -> bool {
    matches!(text, [b'0'..=b'9' | b'+' | b'-' | b'.' | b't' | b'f' | b'n' | b'i' | b'N' | b'I', ..])
}

/// Appends `text` in double quotes, escaped.
pub(super) fn push_quoted(out: &mut LineBuffer, text: &str) {
    out.push(b'"');
    Quoted::new(out).push(text);
    out.push(b'"');
}

/// Appends `text` without quotes if it [can stand so](is_bare), else in double quotes.
pub(super) fn push_bare_or_quoted(out: &mut LineBuffer, text: &str) {
    if push_bare_ascii(out, text) {
        return;
    }
    if is_bare(text) {
        out.extend_from_slice(text.as_bytes());
    } else {
        push_quoted(out, text);
    }
}

/// A set of bytes.
struct ByteSet {
    /// 0 for a byte of the set, else 1, so that an OR over several bytes tells whether all are in the set.
    outside: [u8; 256],
}

impl ByteSet {
    const fn of(bytes: &[u8]) -> Self {
        let mut outside = [1; 256];
        let mut at = 0;
        while at < bytes.len() {
            outside[bytes[at] as usize] = 0;
            at += 1;
        }
        ByteSet { outside }
    }

    const fn has(&self, byte: u8) -> bool {
        self.outside[byte as usize] == 0
    }

    /// Returns true if each of `bytes` is in the set.
    #[inline]
    fn has_all(&self, bytes: &[u8]) -> bool {
        // No branch for each byte, but one for each 32, so that a long text can end early.
        bytes
            .chunks(32)
            .all(|chunk| chunk.iter().fold(0, |outside, byte| outside | self.outside[usize::from(*byte)]) == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_simple_text_stands_bare() {
        for text in ["core", "src/main.rs:12", "a-b_c.d", "größe", "東京", "100%", "x+y|z;<>'"] {
            assert!(is_bare(text), "{text}");
        }
        for text in [
            "", " ", "a b", "a=b", "\"", "a\\b", "a,b", "{", "}", "[", "]", "\n", "\u{202e}", "\u{a0}", "\u{7f}",
            "\u{3164}", "\u{115f}",
        ] {
            assert!(!is_bare(text), "{text:?}");
        }
    }

    #[test]
    fn a_block_is_bare_if_each_of_its_bytes_is() {
        for byte in 0..=u8::MAX {
            for place in 0..BLOCK {
                let mut block = [b'a'; BLOCK];
                block[place] = byte;
                assert_eq!(NotBare::finds_in_block(&block), !BARE.has(byte), "{byte}");
            }
        }
    }

    #[test]
    fn no_escaped_character_stands_bare() {
        assert!(('\0'..=char::MAX).all(|character| !(is_escaped(character) && is_bare_char(character))));
    }
}
