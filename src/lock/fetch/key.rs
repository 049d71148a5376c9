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
mod tests;
