//! Decodes the escapes that text and logfmt are written with.

use std::borrow::Cow;

/// Decodes each escape in `text`: `\n` `\r` `\t` `\\` `\"`, `\x1b` and `\u{202e}`. An error is the byte offset of a backslash
/// that begins no escape.
pub(super) fn unescape(text: &str) -> Result<Cow<'_, str>, usize> {
    let Some(first) = text.find('\\') else {
        return Ok(Cow::Borrowed(text));
    };
    let mut plain = String::with_capacity(text.len());
    let (mut rest, mut at) = (text, first);
    while let Some(escape) = rest.get(at..).filter(|escape| !escape.is_empty()) {
        plain.push_str(&rest[..at]);
        let offset = text.len() - escape.len();
        let (character, length) = unescape_one(escape).ok_or(offset)?;
        plain.push(character);
        rest = &escape[length..];
        at = rest.find('\\').unwrap_or(rest.len());
    }
    plain.push_str(rest);
    Ok(Cow::Owned(plain))
}

/// Returns the character that `escape` begins with in escaped form, and the length of the escape in bytes.
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

#[cfg(test)]
mod tests;
