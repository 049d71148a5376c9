//! Random numbers, which name holders and spread the retries of those who wait.

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::str::FromStr;
use std::time::SystemTime;

use crate::error::{Error, ErrorKind};
use crate::sync::{AtomicU64, Ordering};

/// Names one holder of a lock for the time that it holds it; from [`FileLockGuard::token`](super::FileLockGuard::token).
///
/// No two acquisitions have the same token. As a text it has 32 hexadecimal digits, and is read back from them.
///
/// ```
/// use logscope::lock::{FileLock, Token};
///
/// # let folder = tempfile::tempdir()?;
/// let guard = FileLock::new(folder.path().join("lock")).try_acquire()?.expect("it is free");
/// let text = guard.token().to_string();
/// assert_eq!(text.parse::<Token>()?, guard.token());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Token(u128);

impl Token {
    pub(crate) fn random() -> Self {
        Token(u128::from(random()) << 64 | u128::from(random()))
    }
}

/// Returns a number that nobody can foretell who does not know this process.
pub(super) fn random() -> u64 {
    static CALLS: AtomicU64 = AtomicU64::new(0);

    // std's keys are random. But a forked child has those of its parent, so what differs between the two goes in as well.
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.write_u128(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos());
    // Relaxed: each call needs a number of its own, and nothing else.
    hasher.write_u64(CALLS.fetch_add(1, Ordering::Relaxed));
    hasher.finish()
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({self})")
    }
}

impl FromStr for Token {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match u128::from_str_radix(text, 16) {
            Ok(number) if text.len() == 32 && text.bytes().all(is_digit) => Ok(Token(number)),
            _ => Err(Error::new(
                ErrorKind::Parse,
                format!("{text:?} is no token of a lock, which has 32 digits from 0 to 9 and a to f"),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_from_its_own_text_alone() {
        let token = Token::random();
        let text = token.to_string();
        assert_eq!((text.len(), text.parse::<Token>().unwrap()), (32, token));
        assert_ne!(token, Token::random());
        for foreign in ["", "7", &text[1..], &format!("{text}0"), &format!("+{}", &text[1..]), &"A".repeat(32)] {
            assert_eq!(foreign.parse::<Token>().unwrap_err().kind(), ErrorKind::Parse, "{foreign}");
        }
    }
}
