//! Safe file names for any text, such as the name of a context, a user or a branch.
//!
//! Most characters stay as they are. A character that could lead out of the directory, hide something, or have a meaning on some system is
//! escaped: written as `%` and the two hexadecimal digits of each of its bytes. So is `%` itself. An escaped name can be read back, so no
//! two names get the same file. A name is escaped in the same way on every system, so a directory of logs can be copied from one system
//! to another.
//!
//! | in the name | in the file name |
//! |---|---|
//! | `%`, `/`, `\`, `<`, `>`, `:`, `"`, `\|`, `?`, `*`, control characters, invisible characters, and characters that change the direction of text | `%2F` … |
//! | a dot at the beginning; a dot or a space at the end | `%2E`, `%20` |
//! | the first character of a number or a period of time between dots, as in the names of rolled files (`uno.1.log`) | `%31` |
//! | the first letter of the extension `gz`: the rolled file `uno.1.gz` of a log `uno.gz` would have the name of a compressed file of `uno` | `%67` |
//! | the first letter of a name that Windows takes for a device (`CON`, `nul.log`, `COM1`) | `%43ON` |
//! | nothing: the name is empty | `%` |
//! | more than [`LONGEST`] bytes after escaping | the beginning, `%-`, a hash of the whole name, and the extension if it is short |
//!
//! No other name becomes what the last two rows give, since in those no digits follow the `%`. The hash is SHA-256, cut to 160 bits: names
//! come from strangers, who could find two names with the same weaker hash.
//!
//! Two names that differ only in upper and lower case, or only in how Unicode composes a letter, get different file names, but some file
//! systems (Windows, macOS) take those for the same file. To keep them apart there, every capital letter would have to be escaped.

use std::fmt::Write as _;

use super::period::{Interval, Period};
use crate::format::escape::is_escaped;

/// The longest safe file name in bytes. File systems allow 255, and rolling and compressing append up to 52:
/// `.2026-11-26T00-36+023015`, `.` and an index of twenty digits, `.gz.tmp`.
pub(in crate::file) const LONGEST: usize = 200;

/// The longest extension, with its dot, that a name keeps when it is cut.
const LONGEST_EXTENSION: usize = 16;

/// How many bytes of the hash are written, as two digits each.
const HASH_BYTES: usize = 20;

/// Returns the file name for `name`.
pub(in crate::file) fn safe_name(name: &str) -> String {
    let escaped = escape(name);
    if escaped.len() <= LONGEST { escaped } else { cut(&escaped, name) }
}

fn escape(name: &str) -> String {
    if name.is_empty() {
        return "%".to_owned();
    }
    let is_device = is_device(name);
    let last = name.char_indices().next_back().map_or(0, |(at, _)| at);
    let mut safe = String::with_capacity(name.len());
    let mut is_after_dot = false;
    for (at, char) in name.char_indices() {
        let is_misplaced = (at == 0 && (is_device || char == '.'))
            || (at == last && matches!(char, '.' | ' '))
            || (is_after_dot && is_in_rolled_names(&name[at..]));
        is_after_dot = char == '.';
        if is_misplaced || is_special(char) {
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

/// Returns true if `rest`, which follows a dot, begins with what a log that rolls could add there: a number or a period of time between two
/// dots, or the extension of a compressed file at the end. In some file systems, the case of letters does not matter.
fn is_in_rolled_names(rest: &str) -> bool {
    let part = rest.split('.').next().unwrap_or_default();
    let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_period = |interval| Period::parse(interval, &part.to_ascii_uppercase()).is_some();
    is_number
        || rest.eq_ignore_ascii_case("gz")
        || [Interval::Day, Interval::Hour, Interval::Minute].into_iter().any(is_period)
}

/// Returns true if Windows takes a file of this name for a device. The text after the first dot does not matter.
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

/// Returns the beginning of `escaped`, the escaped form of `name`, with a hash of `name` that distinguishes it from other names.
fn cut(escaped: &str, name: &str) -> String {
    let extension = escaped.rfind('.').map_or("", |dot| &escaped[dot..]);
    let extension = if extension.len() <= LONGEST_EXTENSION { extension } else { "" };
    let room = LONGEST - extension.len() - "%-".len() - 2 * HASH_BYTES;
    let mut safe = beginning(escaped, room).to_owned();
    safe.push_str("%-");
    for byte in &hmac_sha256::Hash::hash(name.as_bytes())[..HASH_BYTES] {
        let _ = write!(safe, "{byte:02x}");
    }
    safe.push_str(extension);
    safe
}

/// Returns at most `room` bytes of `escaped`, without cutting a character or an escape.
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
