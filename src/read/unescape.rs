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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::escape::{PlainText, Quoted, is_escaped};

    fn plain(text: &str) -> String {
        let mut out = Vec::new();
        PlainText::new(&mut out).push(text);
        String::from_utf8(out).unwrap()
    }

    fn quoted(text: &str) -> String {
        let mut out = Vec::new();
        Quoted(&mut out).push(text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_error_is_the_offset_of_the_broken_escape() {
        for (text, offset) in
            [(r"ab\q", 2), (r"a\", 1), (r"\x1", 0), (r"\x+1", 0), (r"é\u{}", 2), (r"\u{d800}", 0), (r"\n\u{41", 2)]
        {
            assert_eq!(unescape(text), Err(offset), "{text}");
        }
        assert!(matches!(unescape("as it is"), Ok(Cow::Borrowed("as it is"))));
    }

    #[test]
    fn every_character_reads_back() {
        // At every offset in texts of every length about a chunk of eight, which the writers look at as one.
        for character in (0..=0x2_ffff).chain(0xd_ff00..=0xe_1100).filter_map(char::from_u32) {
            let code = character as usize;
            let text = format!("{}{character}{}", &"abcdefg"[..code % 8], &"1234567890"[..code / 8 % 11]);
            assert_eq!(unescape(&quoted(&text)).unwrap(), text);
        }
        for (before, after) in (0..20).flat_map(|before| (0..20).map(move |after| (before, after))) {
            for character in "\n\u{7f}\"\\\u{85}\u{2028}\u{61c}".chars() {
                let (before, after) = (&"abcdefghijklmnopqrst"[..before], &"é234567890123456789"[..after & !1]);
                let text = format!("{before}{character}{after}");
                assert_eq!(unescape(&quoted(&text)).unwrap(), text);
            }
        }
    }

    proptest! {
        #[test]
        fn escaped_text_reads_back(
            text in any::<String>(),
            odd in "[\"\\\\\n\r\u{1b}\u{85}\u{202e}\u{e0041}nxu{}0a]*",
        ) {
            for text in [text, odd] {
                let (plain, quoted) = (plain(&text), quoted(&text));
                prop_assert_eq!(unescape(&plain).unwrap(), text.as_str());
                prop_assert_eq!(unescape(&quoted).unwrap(), text.as_str());
                prop_assert!(!plain.contains(is_escaped) && !quoted.contains(is_escaped));
            }
        }
    }
}
