//! Makes a safe file name of any text, and compares the files of two such names: the text before the first line end, and the text after it.
//! The last byte of the text is the index of a rolled file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use logscope::fuzzing::{safe_name, shared_file};

fuzz_target!(|names: &str| {
    let (one, other) = names.split_once('\n').unwrap_or((names, names.split('.').next().unwrap_or_default()));
    let safe = [one, other, names].map(|name| {
        let safe = safe_name(name);
        check(name, &safe);
        safe
    });
    let index = names.bytes().last().map_or(1, u64::from).max(1);
    // In some file systems, the case of letters does not matter.
    if !safe[0].eq_ignore_ascii_case(&safe[1]) {
        for (one, other) in [(one, other), (other, one)] {
            let shared = shared_file(one, other, 1_795_653_377, index);
            assert_eq!(shared, None, "{one:?} and {other:?} take the same file for their own");
        }
    }
});

fn check(name: &str, safe: &str) {
    assert!(!safe.is_empty() && safe.len() <= 200, "{name:?} became {safe:?}");
    assert!(!safe.starts_with('.') && !safe.ends_with(['.', ' ']), "{name:?} became {safe:?}");
    let is_special = |char: char| char.is_control() || r#"/\<>:"|?*"#.contains(char);
    assert!(!safe.contains(is_special), "{name:?} became {safe:?}");
    match unescape(safe) {
        Some(read) => assert_eq!(read, name, "{safe:?} is the name of another text, too"),
        None => assert!(name.is_empty() || safe.contains("%-"), "{name:?} became {safe:?}"),
    }
}

/// The text that `safe` was made of. `None` if that cannot be told: it was empty, or was cut.
fn unescape(safe: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), safe.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = after.get(..2).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
            bytes.push(u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}
