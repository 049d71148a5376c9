//! Escaping: what a program logs may hold anything, and must neither forge a line nor hide or reorder what a reader sees.
//!
//! Escaped everywhere: control characters (C0, DEL and C1, with CR, LF, TAB, ESC and NUL among them), the separators U+2028
//! and U+2029, the characters that set the direction of text, and those that show nothing, so that two names which look
//! alike are alike: soft hyphens, spaces without width, fillers, tags, and what else Unicode calls ignorable by default. Two
//! kinds of these pass, because emoji and many scripts are not written without them: the joiners U+200C and U+200D, and the
//! variation selectors U+FE00 to U+FE0F. The rest of Unicode passes.
//!
//! Three writers append to a buffer, so that `Debug` and `Display` output streams through them:
//!
//! | writer | for | escapes |
//! |---|---|---|
//! | [`JsonText`] | the inside of a JSON string | as JSON does: `\"` `\\` `\n` `\u202e` |
//! | [`PlainText`] | text outside quotes | `\n` `\r` `\t` `\\`, `\x1b` below U+0080, else `\u{202e}` |
//! | [`Quoted`] | the inside of double quotes in text and logfmt | as `PlainText`, and `\"` |
//!
//! Each is reversible: [`unescape`] takes back what the last two wrote. The exception is `PlainText` with
//! [`keep_backslashes`](PlainText::keep_backslashes), for output that is only read by people, who want Windows paths as
//! they are.

use std::borrow::Cow;
use std::fmt;

/// What a byte of UTF-8 is to the writers.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Class {
    /// Copied.
    Plain,
    /// A control character below U+0080.
    Control,
    /// A quote or a backslash: each writer has its own rule.
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

/// True if `character` never appears raw in what the writers write, but for LF where lines are kept.
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

/// True if none of eight bytes needs a closer look: all are printable ASCII, and neither a quote nor a backslash.
fn is_plain(chunk: [u8; 8]) -> bool {
    const LOW: u64 = u64::MAX / 255;
    const HIGH: u64 = LOW << 7;
    let word = u64::from_ne_bytes(chunk);
    // A byte of `word ^ (LOW * b)` is zero where the byte was `b`; subtracting LOW borrows into the high bit of a zero byte.
    // A borrow may also mark the byte above one that is marked: the answer is the same.
    let is = |byte: u8| {
        let zeroed = word ^ (LOW * u64::from(byte));
        zeroed.wrapping_sub(LOW) & !zeroed
    };
    let below_space = word.wrapping_sub(LOW * 0x20) & !word;
    ((word | below_space | is(b'"') | is(b'\\') | is(0x7f)) & HIGH) == 0
}

/// How many bytes at the start of `bytes` are known to be plain: all of them, or some chunks of eight.
#[inline]
fn plain_prefix(bytes: &[u8]) -> usize {
    let Some(last) = bytes.last_chunk::<8>() else {
        return if is_plain_short(bytes) { bytes.len() } else { 0 };
    };
    let (chunks, _) = bytes.as_chunks::<8>();
    for (place, chunk) in chunks.iter().enumerate() {
        if !is_plain(*chunk) {
            return place * 8;
        }
    }
    // The last eight bytes overlap the last chunk, so that no byte is looked at alone.
    if is_plain(*last) { bytes.len() } else { chunks.len() * 8 }
}

/// As [`is_plain`], for fewer than eight bytes.
#[inline]
fn is_plain_short(bytes: &[u8]) -> bool {
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(&[a, b, c, d]), Some(&[e, f, g, h])) => is_plain([a, b, c, d, e, f, g, h]),
        _ => bytes.iter().all(|byte| CLASSES[usize::from(*byte)] == Class::Plain),
    }
}

/// Copies `text` to `out`, handing each character that needs it to `escape`: escaped ones, quotes and backslashes.
#[inline]
fn push_escaped(out: &mut Vec<u8>, text: &str, escape: impl FnMut(&mut Vec<u8>, char)) {
    let plain = plain_prefix(text.as_bytes());
    if plain == text.len() {
        out.extend_from_slice(text.as_bytes());
    } else {
        push_escaped_from(out, text, plain, escape);
    }
}

/// As [`push_escaped`], where nothing before `at` needs escaping.
fn push_escaped_from(out: &mut Vec<u8>, text: &str, mut at: usize, mut escape: impl FnMut(&mut Vec<u8>, char)) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    while at < bytes.len() {
        if let Some(chunk) = bytes[at..].first_chunk::<8>()
            && is_plain(*chunk)
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

/// Writes the inside of a JSON string.
pub(crate) struct JsonText<'a>(pub(crate) &'a mut Vec<u8>);

impl JsonText<'_> {
    /// Appends `text`, escaped.
    pub(crate) fn push(&mut self, text: &str) {
        push_escaped(self.0, text, escape_json);
    }
}

impl fmt::Write for JsonText<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}

#[cold]
fn escape_json(out: &mut Vec<u8>, character: char) {
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

/// Writes text that stands outside quotes.
pub(crate) struct PlainText<'a> {
    out: &'a mut Vec<u8>,
    keep_backslashes: bool,
    continuation: Option<&'static str>,
}

impl<'a> PlainText<'a> {
    /// A writer that escapes reversibly: a backslash is doubled.
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        PlainText { out, keep_backslashes: false, continuation: None }
    }

    /// Leaves backslashes as they are, which no reader can take back.
    pub(crate) fn keep_backslashes(self) -> Self {
        PlainText { keep_backslashes: true, ..self }
    }

    /// Keeps LF as it is and puts `continuation` at the start of each line that it begins.
    pub(crate) fn multiline(self, continuation: &'static str) -> Self {
        PlainText { continuation: Some(continuation), ..self }
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

impl fmt::Write for PlainText<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}

/// Writes the inside of double quotes, in text and logfmt. The quotes are the caller's.
pub(crate) struct Quoted<'a>(pub(crate) &'a mut Vec<u8>);

impl Quoted<'_> {
    /// Appends `text`, escaped.
    pub(crate) fn push(&mut self, text: &str) {
        push_escaped(self.0, text, escape_text);
    }
}

impl fmt::Write for Quoted<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}

#[cold]
fn escape_text(out: &mut Vec<u8>, character: char) {
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
fn push_hex(out: &mut Vec<u8>, number: u32, digits: u32) {
    for digit in (0..digits).rev() {
        out.push(b"0123456789abcdef"[(number >> (digit * 4)) as usize & 0xf]);
    }
}

/// Appends `text`, which stands outside quotes where blanks, `=` and quotes have a meaning: these, backslashes and whatever is no
/// visible character are written as `\x20` or `\u{a0}`.
pub(super) fn push_escaped_bare(out: &mut Vec<u8>, text: &str) {
    for character in text.chars() {
        match character {
            '=' | '"' | '\\' => push_code(out, character),
            _ if character.is_ascii_graphic() || is_visible_alphanumeric(character) => {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => push_code(out, character),
        }
    }
}

/// Appends `character` as `\x1b` or `\u{202e}`.
pub(super) fn push_code(out: &mut Vec<u8>, character: char) {
    let code = u32::from(character);
    if code < 0x80 {
        out.extend_from_slice(b"\\x");
        return push_hex(out, code, 2);
    }
    out.extend_from_slice(b"\\u{");
    let digits = match code {
        0..=0xff => 2,
        0x100..=0xffff => 4,
        _ => 6,
    };
    push_hex(out, code, digits);
    out.push(b'}');
}

/// Takes back the escapes of [`PlainText`], [`Quoted`] and [`push_escaped_bare`]. An error is the place (in bytes) of a backslash that begins none.
pub(crate) fn unescape(text: &str) -> Result<Cow<'_, str>, usize> {
    let Some(first) = text.find('\\') else {
        return Ok(Cow::Borrowed(text));
    };
    let mut plain = String::with_capacity(text.len());
    let (mut rest, mut at) = (text, first);
    while let Some(escape) = rest.get(at..).filter(|escape| !escape.is_empty()) {
        plain.push_str(&rest[..at]);
        let place = text.len() - escape.len();
        let (character, length) = unescape_one(escape).ok_or(place)?;
        plain.push(character);
        rest = &escape[length..];
        at = rest.find('\\').unwrap_or(rest.len());
    }
    plain.push_str(rest);
    Ok(Cow::Owned(plain))
}

/// The character that the escape at the start of `escape` stands for, and the escape's length.
fn unescape_one(escape: &str) -> Option<(char, usize)> {
    let hexadecimal = |digits: &str| {
        let is_hexadecimal = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_hexadecimal.then(|| u32::from_str_radix(digits, 16).ok()).flatten().and_then(char::from_u32)
    };
    match *escape.as_bytes().get(1)? {
        b'n' => Some(('\n', 2)),
        b'r' => Some(('\r', 2)),
        b't' => Some(('\t', 2)),
        b'\\' => Some(('\\', 2)),
        b'"' => Some(('"', 2)),
        b'x' => Some((hexadecimal(escape.get(2..4)?)?, 4)),
        b'u' => {
            let (digits, _) = escape.get(2..)?.strip_prefix('{')?.split_once('}')?;
            Some((hexadecimal(digits)?, digits.len() + 4))
        }
        _ => None,
    }
}

/// The ASCII bytes of bare text: graphic characters other than `"` `\` `=` `,` `{` `}` `[` `]`.
const BARE: ByteSet =
    ByteSet::of(b"!#$%&'()*+-./0123456789:;<>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~");

/// True if `text` can stand as a value without quotes: it is not empty, and all of its characters [can](is_bare_char).
#[inline]
pub(crate) fn is_bare(text: &str) -> bool {
    !text.is_empty() && (BARE.has_all(text.as_bytes()) || text.chars().all(is_bare_char))
}

/// A set of bytes.
pub(super) struct ByteSet {
    /// 0 for a byte of the set, else 1: so that one addition decides about several.
    outside: [u8; 256],
}

impl ByteSet {
    pub(super) const fn of(bytes: &[u8]) -> Self {
        let mut outside = [1; 256];
        let mut at = 0;
        while at < bytes.len() {
            outside[bytes[at] as usize] = 0;
            at += 1;
        }
        ByteSet { outside }
    }

    pub(super) const fn has(&self, byte: u8) -> bool {
        self.outside[byte as usize] == 0
    }

    /// True if each of `bytes` is in the set.
    #[inline]
    pub(super) fn has_all(&self, bytes: &[u8]) -> bool {
        // Without a branch for each byte; but what is long may end early.
        bytes
            .chunks(32)
            .all(|chunk| chunk.iter().fold(0, |outside, byte| outside | self.outside[usize::from(*byte)]) == 0)
    }
}

/// True for a character of bare text: those of [`BARE`], and letters and digits of any script that can be seen.
pub(crate) fn is_bare_char(character: char) -> bool {
    if character.is_ascii() { BARE.has(character as u8) } else { is_visible_alphanumeric(character) }
}

/// True for letters and digits, but for letters that are fillers.
pub(super) fn is_visible_alphanumeric(character: char) -> bool {
    character.is_alphanumeric() && !is_escaped(character)
}

/// Appends `text` in double quotes, escaped.
pub(crate) fn push_quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    Quoted(out).push(text);
    out.push(b'"');
}

/// Appends `text` as it is if it [can stand so](is_bare), else in double quotes.
pub(crate) fn push_bare_or_quoted(out: &mut Vec<u8>, text: &str) {
    if is_bare(text) {
        out.extend_from_slice(text.as_bytes());
    } else {
        push_quoted(out, text);
    }
}

/// As [`push_bare_or_quoted`], for the parts of a path: a colon is quoted too.
pub(crate) fn push_path_name(out: &mut Vec<u8>, name: &str) {
    if name.contains(':') {
        push_quoted(out, name);
    } else {
        push_bare_or_quoted(out, name);
    }
}

#[cfg(test)]
mod tests;
