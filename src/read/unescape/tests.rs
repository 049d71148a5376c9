//! Tests of `unescape`.

use proptest::prelude::*;

use super::*;
use crate::format::escape::{PlainText, Quoted, is_escaped};
use crate::line_buffer::LineBuffer;

fn plain(text: &str) -> String {
    let mut out = LineBuffer::new();
    PlainText::new(&mut out).push(text);
    String::from_utf8(out.into()).unwrap()
}

fn quoted(text: &str) -> String {
    let mut out = LineBuffer::new();
    Quoted::new(&mut out).push(text);
    String::from_utf8(out.into()).unwrap()
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
