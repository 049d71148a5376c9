//! The name of the folder of a lease, made from the name of the lease.

use std::fmt::Write as _;

/// The longest name that is kept readable, in bytes. Behind it stands `.owners`, and file systems take 255.
const LONGEST: usize = 160;

/// Returns a name for a folder. No two leases have the same one, also where file systems do not tell capitals from small letters.
pub(super) fn encoded(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => text.push(char::from(byte)),
            _ => drop(write!(text, "%{byte:02x}")),
        }
    }
    if text.len() > LONGEST {
        text.truncate(LONGEST - 65);
        text.push('~');
        for byte in hmac_sha256::Hash::hash(name.as_bytes()) {
            let _ = write!(text, "{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_names_have_the_same_folder() {
        assert_eq!(encoded("build/Uno-1.2_3"), "build%2f%55no-1%2e2_3");
        assert_eq!(encoded(".."), "%2e%2e");
        assert_ne!(encoded("Uno").to_lowercase(), encoded("uno").to_lowercase());
        let (long, longer) = ("a".repeat(500), format!("{}b", "a".repeat(499)));
        assert_eq!(encoded(&long).len(), LONGEST);
        assert_ne!(encoded(&long), encoded(&longer));
        assert!(encoded(&"a".repeat(LONGEST)).bytes().all(|byte| byte == b'a'));
    }
}
