//! The folder of a key.

/// How many bytes of the key its folder's name has.
const READABLE: usize = 80;

/// How many bytes of the key's digest its folder's name has: nobody finds two keys for which they are the same.
const DIGEST: usize = 16;

/// Returns the name of the folder for `key`, whatever that is: a name on every system, which no other key has, and which cannot lead out of the
/// cache.
///
/// It begins with what can be read of the key. It ends with a part of the key's digest, which tells apart keys that differ in other letters, in
/// case or in length only.
pub(super) fn folder_name(key: &str) -> String {
    let is_plain = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let readable: String = key
        .chars()
        .enumerate()
        .map(|(at, char)| if is_plain(char) || (char == '-' && at > 0) { char } else { '_' })
        .take(READABLE)
        .collect();
    let digest: String =
        hmac_sha256::Hash::hash(key.as_bytes())[..DIGEST].iter().map(|byte| format!("{byte:02x}")).collect();
    let readable = if readable.is_empty() { "_" } else { &readable };
    format!("{readable}-{digest}")
}

#[cfg(test)]
mod tests {
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
}
