//! Keys that nobody should choose.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use super::*;

#[test]
fn any_key_has_a_name_of_its_own() {
    let long = "x".repeat(10_000);
    let keys = [
        "",
        ".",
        "..",
        "...",
        "/",
        "//",
        "../../etc/passwd",
        "/etc/passwd",
        "a",
        "A",
        "a.",
        "a ",
        "a/b",
        "a\\b",
        "a_b",
        "C:\\a",
        "CON",
        "con",
        "NUL.txt",
        "a\0b",
        "a\nb",
        "-rf",
        "~",
        "$HOME",
        "é",
        "e\u{301}",
        "\u{202e}txt",
        ".logscope-1-1.tmp",
        "xtensa-esp32-elf@8.4.0",
        &long,
        &long[1..],
    ];
    let names: BTreeSet<String> = keys.iter().map(|key| folder_name(key).to_lowercase()).collect();
    assert_eq!(names.len(), keys.len(), "no two keys share a name, even where the case does not matter");
    for name in &names {
        assert!(name.len() <= 128 && !name.starts_with(['-', '.']) && !name.ends_with(['.', ' ']), "{name}");
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')), "{name}");
        let parts: Vec<_> = Path::new(name).components().collect();
        assert!(matches!(parts[..], [Component::Normal(_)]), "{name}");
    }
    assert!(folder_name("xtensa-esp32-elf@8.4.0").starts_with("xtensa-esp32-elf_8_4_0-"));
}
