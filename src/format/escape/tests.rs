use std::fmt::Write;

use proptest::prelude::*;

use super::*;
use crate::record::with_bound;

fn json(text: &str) -> String {
    let mut out = LineBuffer::new();
    JsonText::new(&mut out).push(text);
    String::from_utf8(out.into()).unwrap()
}

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
fn each_writer_has_its_escapes() {
    let text = "a\"b\\c\n\r\t\u{8}\u{c}\u{1b}\0\u{7f}\u{85}\u{2028}\u{202e}\u{2066}\u{200f}\u{61c}é\u{2020}";
    assert_eq!(json(text), r#"a\"b\\c\n\r\t\b\f\u001b\u0000\u007f\u0085\u2028\u202e\u2066\u200f\u061cé†"#);
    assert_eq!(plain(text), r#"a"b\\c\n\r\t\x08\x0c\x1b\x00\x7f\u{85}\u{2028}\u{202e}\u{2066}\u{200f}\u{061c}é†"#);
    assert_eq!(quoted(text), r#"a\"b\\c\n\r\t\x08\x0c\x1b\x00\x7f\u{85}\u{2028}\u{202e}\u{2066}\u{200f}\u{061c}é†"#);
}

#[test]
fn invisible_characters_are_escaped_unless_scripts_need_them() {
    assert_eq!([plain("\u{80}"), plain("\u{7f}")], [r"\u{80}", r"\x7f"]);
    let hidden = "ad\u{200b}min\u{feff}\u{ad}\u{3164}\u{e0041}";
    assert_eq!(json(hidden), r"ad\u200bmin\ufeff\u00ad\u3164\udb40\udc41");
    assert_eq!(plain(hidden), r"ad\u{200b}min\u{feff}\u{ad}\u{3164}\u{e0041}");
    for text in ["👩\u{200d}👧", "❤\u{fe0f}", "می\u{200c}خواهم", "한국어", "ﾊﾝｶｸ", "ᠮᠣᠩᠭᠣᠯ"]
    {
        assert_eq!((json(text), quoted(text)), (text.to_owned(), text.to_owned()));
    }
}

/// What is slow and right elsewhere is wrong here: a quick check that finds nothing plain changes no output.
#[test]
fn the_quick_checks_find_what_is_plain() {
    for byte in 0..=u8::MAX {
        let expected = matches!(byte, 0x20..=0x7e) && !matches!(byte, b'"' | b'\\');
        for place in 0..8 {
            let mut chunk = *b"a ~!1A[]";
            chunk[place] = byte;
            assert_eq!(has_odd(u64::from_le_bytes(chunk)), !expected, "{byte:#x} at {place}");
            for half in [0, 8] {
                let mut block = [b'a'; BLOCK];
                block[half..half + 8].copy_from_slice(&chunk);
                assert_eq!(Odd::finds_in_block(&block), !expected, "{byte:#x} at {place}");
            }
        }
    }
}

#[test]
fn every_character_is_escaped_or_passes_as_it_is() {
    // The control characters, the separators, and the characters that Unicode calls ignorable by default or gives no form of
    // their own, except for joiners and variation selectors.
    let hidden = |code: u32| {
        matches!(code, 0..=0x1f | 0x7f..=0x9f | 0x61c | 0x200b | 0x200e | 0x200f | 0x2028..=0x202e | 0x2060..=0x206f)
            || matches!(code, 0xad | 0x34f | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f | 0x3164 | 0xfeff)
            || matches!(code, 0xffa0 | 0xfff0..=0xfffb | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff)
    };
    // At every offset in texts of every length about a chunk of eight, so that the quick checks and the slow one agree.
    for character in (0..=0x2_ffff).chain(0xd_ff00..=0xe_1100).filter_map(char::from_u32) {
        let code = character as usize;
        let text = format!("{}{character}{}", &"abcdefg"[..code % 8], &"1234567890"[..code / 8 % 11]);
        let special = matches!(character, '"' | '\\');
        assert_eq!(json(&text) != text, hidden(character as u32) || special, "{code:x}");
        assert_eq!(quoted(&text) != text, hidden(character as u32) || special, "{code:x}");
        assert_eq!(serde_json::from_str::<String>(&format!("\"{}\"", json(&text))).unwrap(), text);
        assert_eq!(is_escaped(character), hidden(character as u32));
    }
    for (before, after) in (0..20).flat_map(|before| (0..20).map(move |after| (before, after))) {
        for character in "\n\u{7f}\"\\\u{85}\u{2028}\u{61c}".chars() {
            let (before, after) = (&"abcdefghijklmnopqrst"[..before], &"é234567890123456789"[..after & !1]);
            let text = format!("{before}{character}{after}");
            assert_ne!(json(&text), text);
            assert_eq!(plain(before), before);
        }
    }
}

/// Writes `text` into a record that may have 1,000 bytes and has `before` already. Returns what it appends, and whether it is whole.
fn bounded(before: usize, text: &str) -> (String, bool) {
    with_bound(1_000, || {
        let mut out = LineBuffer::from(&*vec![b' '; before]);
        let mut writer = JsonText::new(&mut out);
        let is_whole = writer.write_str(text).is_ok();
        assert_eq!(writer.is_cut(), !is_whole);
        (String::from_utf8(out[before..].to_vec()).unwrap(), is_whole)
    })
}

#[test]
fn a_text_that_does_not_fit_is_cut_when_the_record_is_full() {
    let long: String = ('a'..='z').cycle().take(900).collect();
    assert_eq!(bounded(0, &long), (long.clone(), true), "it fits although it might not if it were escaped");
    assert_eq!(bounded(100, &long), (long.clone(), true));
    let (cut, is_whole) = bounded(200, &long);
    assert!(!is_whole && (800..900).contains(&cut.len()) && long.starts_with(&cut), "{cut}");
    assert_eq!(bounded(0, &"\n".repeat(400)), (r"\n".repeat(400), true));
    let (cut, is_whole) = bounded(0, &"\n".repeat(2_000));
    assert!(!is_whole && (1_000..1_064).contains(&cut.len()), "{}", cut.len());
    assert_eq!(bounded(985, &"\n".repeat(15)), (r"\n".repeat(8), false));
    assert_eq!([bounded(1_000, "a"), bounded(1_000, "")], [(String::new(), false), (String::new(), true)]);
}

#[test]
fn lines_and_backslashes_are_kept_where_asked_for() {
    let mut out = LineBuffer::new();
    PlainText::new(&mut out).keep_backslashes().multiline(Some("  | ")).push("C:\\x\nsecond\r\n");
    assert_eq!(String::from_utf8(out.into()).unwrap(), "C:\\x\n  | second\\r\n  | ");
}

#[test]
fn a_long_beginning_of_lines_counts() {
    let continuation = "-".repeat(400);
    with_bound(10_000, || {
        let mut out = LineBuffer::new();
        let mut writer = PlainText::new(&mut out).multiline(Some(&continuation));
        assert!(writer.write_str(&"\n".repeat(600)).is_err());
        assert!((10_000..10_000 + 4 * 401).contains(&out.len()), "{}", out.len());
    });
}

#[test]
fn debug_output_streams_through() {
    let mut out = LineBuffer::new();
    write!(JsonText::new(&mut out), "{:?}", ["x\n"]).unwrap();
    assert_eq!(String::from_utf8(out.into()).unwrap(), r#"[\"x\\n\"]"#);
}

proptest! {
    #[test]
    fn json_is_unescaped_by_others_and_no_control_character_is_left(
        text in any::<String>(),
        odd in "[\"\\\\\n\r\u{1b}\u{85}\u{202e}\u{e0041}nxu{}0a]*",
    ) {
        for text in [text, odd] {
            let read: String = serde_json::from_str(&format!("\"{}\"", json(&text))).unwrap();
            prop_assert_eq!(&read, &text);
            prop_assert!(!json(&text).contains(is_escaped));
        }
    }
}
