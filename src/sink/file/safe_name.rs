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
pub(super) const LONGEST: usize = 200;

/// The longest extension that a name which is cut keeps, its dot included.
const LONGEST_EXTENSION: usize = 16;

/// How many bytes of the hash are written, in two digits each.
const HASHED: usize = 20;

/// The file name for `name`.
pub(super) fn safe_name(name: &str) -> String {
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Takes back what [`escaped`] did.
    fn unescaped(safe: &str) -> String {
        if safe == "%" {
            return String::new();
        }
        let mut bytes = Vec::new();
        let mut rest = safe.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            if *first == b'%' {
                bytes.push(u8::from_str_radix(str::from_utf8(&after[..2]).unwrap(), 16).unwrap());
                rest = &after[2..];
            } else {
                bytes.push(*first);
                rest = after;
            }
        }
        String::from_utf8(bytes).unwrap()
    }

    /// What a directory may be given on any system.
    fn assert_safe(safe: &str, name: &str) {
        assert!(!safe.is_empty() && safe.len() <= LONGEST, "{name:?} became {safe:?}");
        assert!(!safe.starts_with('.') && !safe.ends_with(['.', ' ']), "{name:?} became {safe:?}");
        assert!(!safe.contains(['/', '\\', '<', '>', ':', '"', '|', '?', '*', '\0']), "{name:?} became {safe:?}");
        assert!(!safe.chars().any(is_escaped), "{name:?} became {safe:?}");
        assert!(!is_device(safe), "{name:?} became {safe:?}");
        let path = std::path::Path::new(safe);
        let mut components = path.components();
        assert!(matches!(components.next(), Some(std::path::Component::Normal(_))) && components.next().is_none());
    }

    #[test]
    fn names_are_readable_and_lead_nowhere_else() {
        for (name, safe) in [
            ("uno.log", "uno.log"),
            ("Größe 日本.log", "Größe 日本.log"),
            ("[1/9] uno", "[1%2F9] uno"),
            ("", "%"),
            ("%", "%25"),
            (".", "%2E"),
            ("..", "%2E%2E"),
            ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
            (".profile", "%2Eprofile"),
            ("uno. ", "uno.%20"),
            ("uno ..", "uno .%2E"),
            (r"C:\uno", "C%3A%5Cuno"),
            ("a<b>c\"d|e?f*", "a%3Cb%3Ec%22d%7Ce%3Ff%2A"),
            ("uno\n\0\u{1b}", "uno%0A%00%1B"),
            ("uno\u{202e}gol", "uno%E2%80%AEgol"),
            ("CON", "%43ON"),
            ("nul.tar.gz", "%6Eul.tar.gz"),
            ("Com1 .log", "%43om1 .log"),
            ("LPT²", "%4CPT²"),
            ("conout$", "%63onout$"),
            ("CON1", "CON1"),
            ("COMO", "COMO"),
            ("console", "console"),
        ] {
            assert_eq!(safe_name(name), safe, "{name:?}");
            assert_safe(safe, name);
        }
    }

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let long = "x".repeat(LONGEST + 1);
        let (one, two) = (format!("{long}a.log"), format!("{long}b.log"));
        assert_ne!(safe_name(&one), safe_name(&two));
        for name in [&one, &two] {
            let safe = safe_name(name);
            assert_eq!(safe.len(), LONGEST);
            assert!(safe.starts_with("xxx") && safe.ends_with(".log"), "{safe}");
        }
        assert_eq!(safe_name(&"x".repeat(LONGEST)), "x".repeat(LONGEST), "it just fits");
        let without_extension = safe_name(&format!("uno.{long}"));
        assert!(without_extension.starts_with("uno.xxx") && without_extension.len() == LONGEST);
        // What is cut is not cut in the middle of an escape, nor of a character, wherever that falls.
        for shift in 0..5 {
            let pad = "x".repeat(shift);
            assert_safe(&safe_name(&format!("{pad}{}", "/".repeat(100))), "slashes");
            let accents = safe_name(&format!("{pad}{}", "é/".repeat(100)));
            let (beginning, _) = accents.split_once("%-").unwrap();
            assert!(format!("{pad}{}", "é/".repeat(100)).starts_with(&unescaped(beginning)), "{accents}");
        }
    }

    /// Names of which many are alike, or full of what must be escaped.
    fn name() -> impl Strategy<Value = String> {
        prop_oneof![
            3 => "[a-cA-C%./\\\\: 2E]{0,6}",
            2 => any::<String>(),
            1 => "(con|NUL|com1|lpt¹|aux)[. ]{0,2}[a-z]{0,3}",
            1 => "(x{195,205}|(é|/|\u{202e}){60,80})[ab]?(\\.[a-z]{0,18})?",
        ]
    }

    proptest! {
        #[test]
        fn every_name_is_safe_and_can_be_read_back(name in name()) {
            let safe = safe_name(&name);
            assert_safe(&safe, &name);
            let whole = escaped(&name);
            prop_assert_eq!(&unescaped(&whole), &name);
            if whole.len() > LONGEST {
                prop_assert!(safe.contains("%-"), "no name that is not cut becomes this");
            } else {
                prop_assert_eq!(safe, whole);
            }
        }

        #[test]
        fn no_two_names_are_one_file(one in name(), other in name()) {
            // What a name becomes is a name too, and the likeliest to become the same.
            for two in [&other, &safe_name(&one), &escaped(&one)] {
                prop_assert_eq!(safe_name(&one) == safe_name(two), one == *two, "{:?} and {:?}", one, two);
            }
        }
    }
}
