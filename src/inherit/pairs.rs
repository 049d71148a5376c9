//! Percent-encoding, and the numbers of the variable: text in printable ASCII that survives every environment and can be read by people.

use std::fmt::Write as _;
use std::str::FromStr;
use std::time::Duration;

/// Says what is wrong with a variable, to follow "LOGSCOPE_CONTEXT is not used: ".
pub(super) type Problem = String;

/// Stands between the parts of a variable.
pub(super) const SEPARATOR: char = ';';

/// The last second of the year 9999, since the Unix epoch: no time of a variable is later, and no duration longer.
const LAST_SECOND: u64 = 253_402_300_799;

/// Appends `bytes`. What is not printable ASCII, `%`, the separator and the bytes in `special` are percent-encoded.
pub(super) fn push_escaped(out: &mut String, bytes: &[u8], special: &[u8]) {
    for byte in bytes {
        let is_plain = byte.is_ascii_graphic() && *byte != b'%' && *byte != SEPARATOR as u8 && !special.contains(byte);
        if is_plain {
            out.push(char::from(*byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// Returns `bytes` as [`push_escaped`] appends them.
pub(super) fn escaped(bytes: &[u8], special: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    push_escaped(&mut text, bytes, special);
    text
}

/// Returns the bytes of which `text` was made.
pub(super) fn unescaped(text: &str) -> Result<Vec<u8>, Problem> {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match first {
            b'%' => {
                let (digits, after) = rest.split_at_checked(2).ok_or("a % at the end of a value has no two digits")?;
                rest = after;
                byte_of(digits).ok_or("a % is not followed by two hexadecimal digits")?
            }
            byte if byte.is_ascii_graphic() => *byte,
            byte => return Err(format!("it holds the byte {byte:#04x}, which should be percent-encoded")),
        });
    }
    Ok(bytes)
}

fn byte_of(digits: &[u8]) -> Option<u8> {
    let is_hexadecimal = digits.iter().all(u8::is_ascii_hexdigit);
    is_hexadecimal.then(|| u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()).flatten()
}

/// Returns the text of which `text` was made.
pub(super) fn unescaped_text(text: &str) -> Result<String, Problem> {
    String::from_utf8(unescaped(text)?).map_err(|_| "a text in it is not UTF-8".to_owned())
}

/// Reads a number, or a boolean, of the part `key`.
pub(super) fn number<T: FromStr>(key: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| format!("its {} is no number that fits", shortened(key)))
}

/// Writes a duration in seconds, with nine digits after the point. One that [`seconds`] would refuse is cut.
pub(super) fn push_seconds(out: &mut String, duration: Duration) {
    let duration = duration.min(Duration::from_secs(LAST_SECOND));
    let _ = write!(out, "{}.{:09}", duration.as_secs(), duration.subsec_nanos());
}

/// Reads the duration of the part `key`.
pub(super) fn seconds(key: &str, text: &str) -> Result<Duration, Problem> {
    let read = || {
        let (seconds, nanos) = text.split_once('.')?;
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let (seconds_read, nanos_read) = (seconds.parse().ok()?, nanos.parse().ok()?);
        let is_good = is_digits(seconds) && is_digits(nanos) && nanos.len() == 9 && seconds_read <= LAST_SECOND;
        is_good.then(|| Duration::new(seconds_read, nanos_read))
    };
    read().ok_or_else(|| format!("its {key} is no time in seconds, with nine digits after the point"))
}

/// Fills `slot` with the value of the part `key`, which may be there once.
pub(super) fn fill<T>(slot: &mut Option<T>, key: &str, value: T) -> Result<(), Problem> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("its {key} is there twice")),
    }
}

/// The beginning of `text`, for a message.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_back() {
        let all: Vec<u8> = (0..=u8::MAX).collect();
        let text = escaped(&all, b",=");
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains([SEPARATOR, ',', '=']));
        assert_eq!(unescaped(&text).unwrap(), all);
        assert_eq!(escaped("src/a b;c.rs 100%".as_bytes(), b""), "src/a%20b%3Bc.rs%20100%25");
    }

    #[test]
    fn bad_text_is_refused() {
        for bad in ["%", "%4", "%zz", "%+1", "a b", "\u{1b}", "é", "\0", "%é"] {
            assert!(unescaped(bad).is_err(), "{bad:?}");
        }
        assert!(unescaped_text("%FF").is_err());
    }

    #[test]
    fn durations_are_read_back_and_bounded() {
        for duration in [Duration::ZERO, Duration::new(1_795_653_377, 5), Duration::new(LAST_SECOND, 0)] {
            let mut text = String::new();
            push_seconds(&mut text, duration);
            assert_eq!(seconds("wall", &text), Ok(duration));
        }
        let mut text = String::new();
        push_seconds(&mut text, Duration::MAX);
        assert_eq!(seconds("wall", &text), Ok(Duration::from_secs(LAST_SECOND)));
        for bad in ["", ".", "1", "1.", "1.5", "-1.000000000", "+1.000000000", "1.+00000000", "253402300800.000000000"]
        {
            assert!(seconds("wall", bad).is_err(), "{bad}");
        }
    }
}
