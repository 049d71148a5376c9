//! Reads the times that a line states: wall-clock timestamps and elapsed times.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Reads an RFC 3339 timestamp, with any offset and any number of digits. Returns `None` for a time that this system's clock
/// cannot represent: on Windows, time begins in 1601.
pub(super) fn parse_rfc3339(text: &str) -> Option<SystemTime> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let second = time.unix_timestamp();
    let from_1970 = Duration::from_secs(second.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let second = if second < 0 { epoch.checked_sub(from_1970)? } else { epoch.checked_add(from_1970)? };
    second.checked_add(Duration::from_nanos(u64::from(time.nanosecond())))
}

/// Reads an elapsed time as `MM:SS.uuuuuu`, with two or more digits of minutes, and one to nine of the fraction or without a fraction.
pub(super) fn parse_elapsed(text: &str) -> Option<Duration> {
    let (minutes, seconds) = text.split_once(':')?;
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    if minutes.len() < 2 || seconds.len() != 2 {
        return None;
    }
    let minutes = parse_digits(minutes)?;
    let seconds = parse_digits(seconds).filter(|seconds| *seconds < 60)?;
    Some(Duration::new(minutes.checked_mul(60)?.checked_add(seconds)?, parse_fraction(fraction)?))
}

/// Reads an elapsed time in seconds as `1.234567`, with one to nine digits of the fraction or without a fraction.
pub(super) fn parse_seconds(text: &str) -> Option<Duration> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    Some(Duration::new(parse_digits(seconds)?, parse_fraction(fraction)?))
}

fn parse_digits(digits: &str) -> Option<u64> {
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// Converts the one to nine digits after the point to nanoseconds.
fn parse_fraction(digits: &str) -> Option<u32> {
    let scale = 10_u32.pow(9_u32.checked_sub(u32::try_from(digits.len()).ok()?)?);
    u32::try_from(parse_digits(digits)?).ok()?.checked_mul(scale)
}

#[cfg(test)]
mod tests;
