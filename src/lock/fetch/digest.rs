//! The digest that a file is expected to have.

use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// A SHA-256 digest, which tells whether a file is the one that was expected.
///
/// ```
/// use logscope::lock::Digest;
///
/// let expected: Digest = "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9".parse()?;
/// assert_eq!(Digest::of(&b"hello world"[..])?, expected);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Returns the digest of everything that `reader` reads.
    ///
    /// # Errors
    ///
    /// `reader` fails.
    pub fn of(mut reader: impl Read) -> io::Result<Self> {
        let mut hash = hmac_sha256::Hash::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(Digest(hash.finalize())),
                Ok(read) => hash.update(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Digest(bytes)
    }
}

/// Reads 64 hexadecimal digits.
impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let digits: Option<Vec<u32>> = text.chars().map(|char| char.to_digit(16)).collect();
        let pairs = digits.unwrap_or_default();
        let bytes: Vec<u8> =
            pairs.chunks_exact(2).filter_map(|pair| u8::try_from(pair[0] << 4 | pair[1]).ok()).collect();
        match <[u8; 32]>::try_from(bytes) {
            Ok(bytes) if pairs.len() == 64 => Ok(Digest(bytes)),
            _ => {
                let text = format!("{text:?} is no SHA-256 digest, which has 64 hexadecimal digits");
                Err(Error::new(ErrorKind::Parse, text))
            }
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_it_is_written() {
        let digest = Digest::of(&b"hello world"[..]).unwrap();
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        assert_eq!(digest.to_string().to_uppercase().parse::<Digest>().unwrap(), digest);
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        let digest = Digest::of(&b""[..]).unwrap().to_string();
        for text in
            ["", "12", &digest[1..], &format!("{digest}0"), &format!("{digest}00"), &digest.replace('e', "g"), "é"]
        {
            let error = text.parse::<Digest>().unwrap_err();
            assert!(error.kind() == ErrorKind::Parse && error.to_string().contains("64 hexadecimal digits"), "{error}");
        }
    }
}
