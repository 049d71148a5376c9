//! Texts that `Debug` has quoted already.
//!
//! The `Debug` of a string or a path writes a string literal: `"a b"`. As the value of a field it would be quoted once more, `"\"a b\""`,
//! which nobody wants to read. So the layouts for people show the string itself, in one pair of quotes: what `Debug` has escaped is escaped in
//! nearly the same way here. (The difference is `\0`, which is `\x00` here.)

use crate::format::buffer::Buffer;
use crate::line_buffer::LineBuffer;

/// Takes one pair of quotes away from a quoted text, which stands from `start` to the end of `out`, if the text is one string literal.
#[inline]
pub(in crate::format) fn quote_once(out: &mut LineBuffer, start: usize) {
    if out[start..].starts_with(b"\"\\\"") {
        quote_literal_once(out, start);
    }
}

fn quote_literal_once(out: &mut LineBuffer, start: usize) {
    let inside = out[start..].strip_prefix(b"\"\\\"").and_then(|rest| rest.strip_suffix(b"\\\"\""));
    let mut string = Buffer::take();
    if inside.and_then(|inside| push_string(inside, &mut string)).is_some() {
        out.truncate(start + 1);
        out.extend_from_slice(&string);
        out.push(b'"');
    }
}

/// Appends the inside of a literal, which `text` has in escaped form, so that it is escaped once. `None` if it is not all one literal.
fn push_string(text: &[u8], out: &mut LineBuffer) -> Option<()> {
    let mut text = text.iter().copied();
    while let Some(byte) = text.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match text.next()? {
            // A quote that the literal has not escaped: the literal ends before the text does.
            b'"' => return None,
            // A backslash of the literal.
            b'\\' => push_escape(&mut text, out)?,
            // A character that stands in the literal as it is, and was escaped here.
            other => out.extend_from_slice(&[b'\\', other]),
        }
    }
    Some(())
}

/// Appends the escape of the literal whose backslash was just read. `None` for an escape that this crate does not read back as `Debug` means
/// it, such as the `\xFF` of a path that is not Unicode.
fn push_escape(text: &mut impl Iterator<Item = u8>, out: &mut LineBuffer) -> Option<()> {
    match text.next()? {
        b'\\' => {
            let escaped = text.next().filter(|byte| matches!(byte, b'\\' | b'"'))?;
            out.extend_from_slice(&[b'\\', escaped]);
        }
        b'0' => out.extend_from_slice(b"\\x00"),
        byte @ (b'n' | b'r' | b't') => out.extend_from_slice(&[b'\\', byte]),
        b'u' => {
            text.next().filter(|byte| *byte == b'{')?;
            let start = out.len();
            out.extend_from_slice(b"\\u{");
            let end = text.by_ref().find(|byte| {
                out.push(*byte);
                !byte.is_ascii_hexdigit()
            });
            end.filter(|byte| *byte == b'}')?;
            let digits = std::str::from_utf8(&out[start + 3..out.len() - 1]).ok()?;
            u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)?;
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Write as _};
    use std::path::Path;

    use super::*;
    use crate::format::escape::Quoted;

    fn quoted(value: impl Debug) -> String {
        let mut out = LineBuffer::from(&b"a=\""[..]);
        write!(Quoted::new(&mut out), "{value:?}").unwrap();
        out.push(b'"');
        quote_once(&mut out, 2);
        String::from_utf8(out[2..].to_vec()).unwrap()
    }

    /// A text that is written as it is.
    struct Raw(&'static str);

    impl Debug for Raw {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }

    #[test]
    fn a_string_or_a_path_has_one_pair_of_quotes() {
        assert_eq!(quoted("core"), r#""core""#);
        assert_eq!(quoted(""), r#""""#);
        assert_eq!(quoted("12"), r#""12""#);
        assert_eq!(quoted(Path::new("C:\\a b\\")), r#""C:\\a b\\""#);
        assert_eq!(quoted("say \"hi\"\n\t\0\u{1b}\u{202e}\u{301}é"), r#""say \"hi\"\n\t\x00\u{1b}\u{202e}\u{301}é""#);
    }

    #[test]
    fn what_is_not_one_literal_is_quoted_as_a_whole() {
        assert_eq!(quoted(Some("a")), r#""Some(\"a\")""#);
        for (text, expected) in [
            (r#""a", "b""#, r#""\"a\", \"b\"""#),
            (r#"""#, r#""\"""#),
            (r#""a\""#, r#""\"a\\\"""#),
            (r#""\q""#, r#""\"\\q\"""#),
            (r#""\xFF""#, r#""\"\\xFF\"""#),
            (r#""\u{d800}""#, r#""\"\\u{d800}\"""#),
            (r#""\u{}""#, r#""\"\\u{}\"""#),
            (r#""\u{61""#, r#""\"\\u{61\"""#),
            (r#""\u{+61}""#, r#""\"\\u{+61}\"""#),
            (r#""\ua""#, r#""\"\\ua\"""#),
            ("\"\\\n\"", r#""\"\\\n\"""#),
        ] {
            assert_eq!(quoted(Raw(text)), expected, "{text}");
        }
        // Characters that `Debug` would have escaped.
        assert_eq!(quoted(Raw("\"\u{1b}\u{ad}\"")), r#""\x1b\u{ad}""#);
    }
}
