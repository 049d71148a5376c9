//! Tests of safe file names.

use std::ffi::OsStr;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::file::name::RolledNames;
use crate::file::name::rolled::files_of;

/// Undoes [`escape`].
fn unescape(safe: &str) -> String {
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

/// Checks that `safe` is a valid name for a file in a directory, on any system.
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
fn names_stay_readable_and_cannot_lead_elsewhere() {
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
        ("nul.tar.gz", "%6Eul.tar.%67z"),
        ("uno.gz", "uno.%67z"),
        ("uno.Gz", "uno.%47z"),
        ("uno.gz.log", "uno.gz.log"),
        ("gz", "gz"),
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
fn long_names_are_cut_and_stay_different() {
    let long = "x".repeat(LONGEST + 1);
    let (one, two) = (format!("{long}a.log"), format!("{long}b.log"));
    assert_ne!(safe_name(&one), safe_name(&two));
    for name in [&one, &two] {
        let safe = safe_name(name);
        assert_eq!(safe.len(), LONGEST);
        assert!(safe.starts_with("xxx") && safe.ends_with(".log"), "{safe}");
    }
    assert_eq!(safe_name(&"x".repeat(LONGEST)), "x".repeat(LONGEST), "the longest name that fits");
    let without_extension = safe_name(&format!("uno.{long}"));
    assert!(without_extension.starts_with("uno.xxx") && without_extension.len() == LONGEST);
    // No escape and no character is cut, wherever the cut falls.
    for shift in 0..5 {
        let pad = "x".repeat(shift);
        assert_safe(&safe_name(&format!("{pad}{}", "/".repeat(100))), "slashes");
        let accents = safe_name(&format!("{pad}{}", "é/".repeat(100)));
        let (beginning, _) = accents.split_once("%-").unwrap();
        assert!(format!("{pad}{}", "é/".repeat(100)).starts_with(&unescape(beginning)), "{accents}");
    }
}

/// Generates names, many of them similar, or full of characters that are escaped.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-cA-C%./\\\\: 2E]{0,6}",
        2 => any::<String>(),
        1 => "[ab]\\.[012]{0,2}(\\.[01]{0,2}){0,2}(\\.log)?(\\.gz|\\.gz\\.tmp)?",
        1 => "a(\\.2026-11-2[0-9](T1[0-9](-3[0-9])?)?(Z|z|\\+0200))(\\.[01])?(\\.log)?(\\.gz)?",
        1 => "(con|NUL|com1|lpt¹|aux)[. ]{0,2}[a-z]{0,3}",
        1 => "(x{195,205}|(é|/|\u{202e}){60,80})[ab]?(\\.[a-z]{0,18})?",
    ]
}

/// Generates two names, often of the same parts, one of which has some more.
fn names_alike() -> impl Strategy<Value = (String, String)> {
    let parts = || "(\\.(a|gz|GZ|tmp|1|log|2026-11-26Z)){0,2}";
    let alike = ("[ab]|gz|\\.a", parts(), parts(), parts())
        .prop_map(|(first, shared, some, more)| (format!("{first}{shared}{some}"), format!("{first}{shared}{more}")));
    prop_oneof![3 => alike, 1 => (name(), name())]
}

proptest! {
    #[test]
    fn every_name_is_safe_and_can_be_read_back(name in name()) {
        let safe = safe_name(&name);
        assert_safe(&safe, &name);
        let escaped = escape(&name);
        prop_assert_eq!(&unescape(&escaped), &name);
        if escaped.len() > LONGEST {
            prop_assert!(safe.contains("%-"), "the mark of a cut name");
        } else {
            prop_assert_eq!(safe, escaped);
        }
    }

    #[test]
    fn no_name_is_that_of_a_rolled_file(name in name()) {
        let safe = safe_name(&name).to_ascii_uppercase();
        // All logs that could have such a file: their names consist of the first parts, and perhaps of the last one or what precedes `.GZ`.
        let parts: Vec<_> = safe.split('.').collect();
        for (stem, tail) in (1..parts.len()).map(|at| parts.split_at(at)) {
            let extensions = tail.iter().map(|extension| format!(".{extension}")).chain([String::new()]);
            for log in extensions.map(|extension| format!("x/{}{extension}", stem.join("."))) {
                let names = RolledNames::new(Path::new(&log), Some(Interval::Day), true);
                let name = safe.replace(".GZ", ".gz").replace(".TMP", ".tmp");
                prop_assert!(!names.is_some_and(|names| names.ever_named(OsStr::new(&name))), "{log} takes {safe} for its own");
            }
        }
    }

    /// Nor is any file of a rolling log a file of another log, whatever both roll by.
    #[test]
    fn no_rolled_file_of_a_name_is_that_of_another(
        names in names_alike(),
        instant in 0_i64..1 << 33,
        index in 1_u64..12,
    ) {
        // In some file systems, the case of letters does not matter.
        let [one, other] = [names.0, names.1].map(|name| safe_name(&name).to_ascii_uppercase());
        let files = if one == other { Vec::new() } else { files_of(&one, instant, index) };
        let other = RolledNames::new(Path::new(&other), None, true).unwrap();
        for file in files {
            let form = [".GZ", ".GZ.TMP"].into_iter().find(|form| file.to_ascii_uppercase().ends_with(form)).unwrap_or_default();
            let (plain, file) = (&file[..file.len() - form.len()], file.to_ascii_uppercase());
            for file in [format!("{plain}{}", form.to_ascii_lowercase()), file] {
                prop_assert!(other.log() != Path::new(&file), "{file} of {one} is the log {other:?}");
                prop_assert!(!other.ever_named(OsStr::new(&file)), "{file} of {one} is taken for a file of {other:?}");
            }
        }
    }

    #[test]
    fn no_two_names_get_one_file(one in name(), other in name()) {
        // The safe form of a name is a name too, and the likeliest to get the same file.
        for two in [&other, &safe_name(&one), &escape(&one)] {
            prop_assert_eq!(safe_name(&one) == safe_name(two), one == *two, "{:?} and {:?}", one, two);
        }
    }
}
