//! Names of fields as text, build and logfmt write them.

use crate::format::escape::{Quoted, push_code};
use crate::format::names::UniqueNames;
use crate::format::quote::{is_plain_name, is_visible_alphanumeric};
use crate::line_buffer::LineBuffer;

/// How a layout writes a name that cannot stand without quotes as it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::format) enum OddNames {
    /// In quotes, with escapes.
    Quoted,
    /// Without quotes, each odd character escaped: other readers of logfmt know no quoted names.
    Escaped,
}

/// Appends the name that `[prefix, name, suffix]` make together; with a number, if `unique` has `name` and `suffix` already.
/// Prefixes and suffixes need no quotes.
#[inline]
pub(in crate::format) fn push_name(
    out: &mut LineBuffer,
    unique: Option<&mut UniqueNames>,
    [prefix, name, suffix]: [&str; 3],
    odd: OddNames,
) {
    if !is_plain_name(name) {
        return push_odd_name(out, unique, [prefix, name, suffix], odd);
    }
    out.extend_from_slice(prefix.as_bytes());
    let start = out.len();
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(suffix.as_bytes());
    if let Some(unique) = unique {
        unique.make_unique(out, start);
    }
}

#[cold]
fn push_odd_name(
    out: &mut LineBuffer,
    unique: Option<&mut UniqueNames>,
    [prefix, name, suffix]: [&str; 3],
    odd: OddNames,
) {
    let quote: &[u8] = if odd == OddNames::Quoted { b"\"" } else { b"" };
    out.extend_from_slice(quote);
    out.extend_from_slice(prefix.as_bytes());
    let start = out.len();
    match odd {
        OddNames::Quoted => Quoted::new(out).push(name),
        OddNames::Escaped => push_escaped(out, name),
    }
    out.extend_from_slice(suffix.as_bytes());
    if let Some(unique) = unique {
        unique.make_unique(out, start);
    }
    out.extend_from_slice(quote);
}

/// Appends `name` without quotes: blanks, `=`, quotes, backslashes and invisible characters are written as `\x20` or `\u{a0}`.
fn push_escaped(out: &mut LineBuffer, name: &str) {
    for character in name.chars() {
        match character {
            '=' | '"' | '\\' => push_code(out, character),
            _ if character.is_ascii_graphic() || is_visible_alphanumeric(character) => {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => push_code(out, character),
        }
    }
}
