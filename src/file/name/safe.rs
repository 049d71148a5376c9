//! File names for names that come from anywhere: a context's, a user's, a branch's.
//!
//! A name is written as it is, but for the characters that could lead out of the directory, hide something, or mean something
//! to one system or another: these are written as `%` and the two hexadecimal digits of each of their bytes, and so is `%`
//! itself. What is written can be read back, so no two names are one file; it is the same on every system, so that a
//! directory of logs can be carried from one to the other.
//!
//! | what | becomes |
//! |---|---|
//! | `%`, `/`, `\`, `<`, `>`, `:`, `"`, `\|`, `?`, `*`, control characters, and those that show nothing or turn text round | `%2F` … |
//! | a dot at the beginning; a dot or a space at the end | `%2E`, `%20` |
//! | the first letter of what Windows takes for a device (`CON`, `nul.log`, `COM1`) | `%43ON` |
//! | no name at all | `%` |
//! | what would be longer than [`LONGEST`] bytes | its beginning, `%-`, a hash of the whole, and its extension if that is short |
//!
//! No shorter name becomes what the last two lines give, since there the `%` has no digits after it. The hash is SHA-256, cut to
//! 160 bits: names come from strangers, who could find two with the same hash if it were a weaker one.
//!
//! Two names that differ only in upper and lower case, or only in how Unicode composes a letter, are two file names, which
//! some file systems (Windows, macOS) take for one. To keep them apart there, every capital letter would have to be written
//! as `%41`.

use std::fmt::Write as _;

use crate::format::escape::is_escaped;

/// The longest file name that comes of it, in bytes. Names may have 255, and rolling and compressing append up to 52:
/// `.2026-11-26T00-36+023015`, `.` and an index of twenty digits, `.gz.tmp`.
pub(in crate::file) const LONGEST: usize = 200;

/// The longest extension that a name which is cut keeps, its dot included.
const LONGEST_EXTENSION: usize = 16;

/// How many bytes of the hash are written, in two digits each.
const HASHED: usize = 20;

/// The file name for `name`.
pub(in crate::file) fn safe_name(name: &str) -> String {
    let whole = escaped(name);
    if whole.len() <= LONGEST { whole } else { cut(&whole, name) }
}

fn escaped(name: &str) -> String {
    if name.is_empty() {
        return "%".to_owned();
    }
    let device = is_device(name);
    let last = name.char_indices().next_back().map_or(0, |(at, _)| at);
    let mut safe = String::with_capacity(name.len());
    for (at, char) in name.char_indices() {
        let stands_ill = (at == 0 && (device || char == '.')) || (at == last && matches!(char, '.' | ' '));
        if stands_ill || is_special(char) {
            for byte in char.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a `String` does not fail.
                let _ = write!(safe, "%{byte:02X}");
            }
        } else {
            safe.push(char);
        }
    }
    safe
}

fn is_special(char: char) -> bool {
    matches!(char, '%' | '/' | '\\' | '<' | '>' | ':' | '"' | '|' | '?' | '*') || is_escaped(char)
}

/// True if Windows takes a file of this name for a device, whatever comes after the first dot.
fn is_device(name: &str) -> bool {
    const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
    let base = name.split('.').next().unwrap_or_default().trim_end_matches(' ');
    if DEVICES.iter().any(|device| base.eq_ignore_ascii_case(device)) {
        return true;
    }
    let mut chars = base.chars();
    let Some(number) = chars.next_back() else { return false };
    let port = chars.as_str();
    (port.eq_ignore_ascii_case("COM") || port.eq_ignore_ascii_case("LPT"))
        && (number.is_ascii_digit() || matches!(number, '¹' | '²' | '³'))
}

/// The beginning of `whole`, which is `name` escaped, and what tells it from others that begin so.
fn cut(whole: &str, name: &str) -> String {
    let extension = whole.rfind('.').map_or("", |dot| &whole[dot..]);
    let extension = if extension.len() <= LONGEST_EXTENSION { extension } else { "" };
    let room = LONGEST - extension.len() - "%-".len() - 2 * HASHED;
    let mut safe = beginning(whole, room).to_owned();
    safe.push_str("%-");
    for byte in &hmac_sha256::Hash::hash(name.as_bytes())[..HASHED] {
        let _ = write!(safe, "{byte:02x}");
    }
    safe.push_str(extension);
    safe
}

/// At most `room` bytes of `escaped`, which ends in the middle neither of a character nor of an escape.
fn beginning(escaped: &str, room: usize) -> &str {
    let mut end = room;
    while !escaped.is_char_boundary(end) {
        end -= 1;
    }
    match escaped[..end].rfind('%') {
        Some(percent) if percent + "%XX".len() > end => &escaped[..percent],
        _ => &escaped[..end],
    }
}

#[cfg(test)]
mod tests;
