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

/// Reads an elapsed time as `MM:SS.uuuuuu`, with two or more digits of minutes and one to nine of the fraction.
pub(super) fn parse_elapsed(text: &str) -> Option<Duration> {
    let (minutes, seconds) = text.split_once(':')?;
    let (seconds, fraction) = seconds.split_once('.')?;
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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::format::timestamp::{
        push_elapsed_hundredths, push_elapsed_micros, push_rfc3339_micros, push_seconds_micros,
    };

    fn text(push: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        push(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn at(seconds: i64, nanos: u32) -> SystemTime {
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let epoch = SystemTime::UNIX_EPOCH;
        let second = if seconds < 0 { epoch.checked_sub(whole) } else { epoch.checked_add(whole) };
        second.unwrap() + Duration::from_nanos(u64::from(nanos))
    }

    #[test]
    fn malformed_times_are_refused() {
        for text in ["", "1:02.00", "00:60.00", "00:1.00", "00:01", "00:01.", "+1:00.0", "00:01.1234567890", "-0:01.0"]
        {
            assert_eq!(parse_elapsed(text), None, "{text}");
        }
        for text in ["", ".", "1.", ".5", "-1.0", "1e3", "1.2.3", "99999999999999999999.0"] {
            assert_eq!(parse_seconds(text), None, "{text}");
        }
        for text in ["", "2026-11-21", "2026-13-21T09:08:00Z", "2026-11-21T09:08:00"] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
        assert_eq!(parse_rfc3339("2026-11-21T10:08:00.5+01:00"), Some(at(1_795_252_080, 500_000_000)));
        assert_eq!(parse_rfc3339("1969-12-31T23:59:59.75Z"), Some(at(-1, 750_000_000)));
        assert_eq!(parse_seconds("7"), Some(Duration::from_secs(7)));
    }

    proptest! {
        #[test]
        fn times_read_back(
            // The years 0000 to 9999, which RFC 3339 can express.
            seconds in -62_167_219_200..=253_402_300_799_i64,
            elapsed in any::<u64>(),
            micros in 0_u32..1_000_000,
        ) {
            let time = at(seconds, micros * 1_000);
            prop_assert_eq!(parse_rfc3339(&text(|out| push_rfc3339_micros(out, time))), Some(time));
            let elapsed = Duration::new(elapsed, micros * 1_000);
            prop_assert_eq!(parse_elapsed(&text(|out| push_elapsed_micros(out, elapsed))), Some(elapsed));
            prop_assert_eq!(parse_seconds(&text(|out| push_seconds_micros(out, elapsed))), Some(elapsed));
            let hundredths = Duration::new(elapsed.as_secs(), micros / 10_000 * 10_000_000);
            prop_assert_eq!(parse_elapsed(&text(|out| push_elapsed_hundredths(out, elapsed))), Some(hundredths));
        }
    }
}
