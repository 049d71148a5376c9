//! Times as text, and back: wall-clock timestamps and elapsed times, without allocation.
//!
//! A time is cut, not rounded, to the digits that are printed, so that no record carries a time that had not come yet.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// `2026-11-21T09:08:00.000000Z`.
type Timestamp = [u8; 27];

/// The first and the last second that RFC 3339 can say: the years 0000 and 9999. A time beyond them is written as the nearest.
const SECONDS: (i64, i64) = (-62_167_219_200, 253_402_300_799);

thread_local! {
    /// The last second that this thread wrote, rendered: records come by the thousand in each.
    static LAST_SECOND: Cell<(i64, Timestamp)> = const { Cell::new((i64::MIN, [0; 27])) };
}

/// Appends `time` as `2026-11-21T09:08:00.123456Z`.
pub(crate) fn push_rfc3339_micros(out: &mut Vec<u8>, time: SystemTime) {
    let (second, micros) = since_epoch(time);
    let (second, micros) = match second {
        early if early < SECONDS.0 => (SECONDS.0, 0),
        late if late > SECONDS.1 => (SECONDS.1, 999_999),
        second => (second, micros),
    };
    let (cached, mut text) = LAST_SECOND.get();
    if cached != second {
        text = render_second(second);
        LAST_SECOND.set((second, text));
    }
    text[20..26].copy_from_slice(&six_digits(micros));
    out.extend_from_slice(&text);
}

/// Reads an RFC 3339 timestamp, with any offset and any number of digits, if this system's clock can say it: on Windows, time
/// begins in 1601.
pub(crate) fn parse_rfc3339(text: &str) -> Option<SystemTime> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let second = time.unix_timestamp();
    let from_1970 = Duration::from_secs(second.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let second = if second < 0 { epoch.checked_sub(from_1970)? } else { epoch.checked_add(from_1970)? };
    second.checked_add(Duration::from_nanos(u64::from(time.nanosecond())))
}

/// Appends `elapsed` as `MM:SS.cc`; the minutes go on past 99.
pub(crate) fn push_elapsed_mmss_cc(out: &mut Vec<u8>, elapsed: Duration) {
    push_minutes(out, elapsed);
    let ([s, t], [c, d]) = (seconds(elapsed), two_digits(elapsed.subsec_millis() / 10));
    out.extend_from_slice(&[b':', s, t, b'.', c, d]);
}

/// Appends `elapsed` as `MM:SS.uuuuuu`; the minutes go on past 99.
pub(crate) fn push_elapsed_micros(out: &mut Vec<u8>, elapsed: Duration) {
    push_minutes(out, elapsed);
    let ([s, t], [a, b, c, d, e, f]) = (seconds(elapsed), six_digits(elapsed.subsec_micros()));
    out.extend_from_slice(&[b':', s, t, b'.', a, b, c, d, e, f]);
}

/// Reads what [`push_elapsed_mmss_cc`] and [`push_elapsed_micros`] write, with one to nine digits of a second.
pub(crate) fn parse_elapsed(text: &str) -> Option<Duration> {
    let (minutes, seconds) = text.split_once(':')?;
    let (seconds, fraction) = seconds.split_once('.')?;
    if minutes.len() < 2 || seconds.len() != 2 {
        return None;
    }
    let minutes = parse_digits(minutes)?;
    let seconds = parse_digits(seconds).filter(|seconds| *seconds < 60)?;
    Some(Duration::new(minutes.checked_mul(60)?.checked_add(seconds)?, parse_fraction(fraction)?))
}

/// Appends `elapsed` in seconds, as `1.234567`.
pub(crate) fn push_seconds_f64(out: &mut Vec<u8>, elapsed: Duration) {
    out.extend_from_slice(itoa::Buffer::new().format(elapsed.as_secs()).as_bytes());
    let [a, b, c, d, e, f] = six_digits(elapsed.subsec_micros());
    out.extend_from_slice(&[b'.', a, b, c, d, e, f]);
}

/// Reads what [`push_seconds_f64`] writes, with one to nine digits of a second or without a fraction.
pub(crate) fn parse_seconds(text: &str) -> Option<Duration> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    Some(Duration::new(parse_digits(seconds)?, parse_fraction(fraction)?))
}

/// The time since 1970 in whole seconds, rounded down, and the microseconds after them.
fn since_epoch(time: SystemTime) -> (i64, u32) {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => (i64::try_from(after.as_secs()).unwrap_or(i64::MAX), after.subsec_micros()),
        Err(before) => {
            let before = before.duration();
            let seconds = i64::try_from(before.as_secs()).map_or(i64::MIN, |seconds| -seconds);
            match before.subsec_nanos() {
                0 => (seconds, 0),
                nanos => (seconds.saturating_sub(1), (1_000_000_000 - nanos) / 1_000),
            }
        }
    }
}

#[cold]
fn render_second(second: i64) -> Timestamp {
    let time = OffsetDateTime::from_unix_timestamp(second).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    let year = time.year().unsigned_abs();
    let parts = [
        (0, year / 100),
        (2, year % 100),
        (5, u32::from(u8::from(time.month()))),
        (8, u32::from(time.day())),
        (11, u32::from(time.hour())),
        (14, u32::from(time.minute())),
        (17, u32::from(time.second())),
    ];
    for (place, number) in parts {
        text[place..place + 2].copy_from_slice(&two_digits(number));
    }
    text
}

#[inline]
fn push_minutes(out: &mut Vec<u8>, elapsed: Duration) {
    match elapsed.as_secs() / 60 {
        minutes @ 0..=99 => out.extend_from_slice(&two_digits(minutes as u32)),
        minutes => out.extend_from_slice(itoa::Buffer::new().format(minutes).as_bytes()),
    }
}

/// The seconds after the minutes.
#[inline]
fn seconds(elapsed: Duration) -> [u8; 2] {
    two_digits((elapsed.as_secs() % 60) as u32)
}

/// The two digits of each number below 100.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// The two digits of a number below 100.
#[inline]
fn two_digits(number: u32) -> [u8; 2] {
    PAIRS[number as usize % 100]
}

/// The six digits of a number below a million.
#[inline]
fn six_digits(number: u32) -> [u8; 6] {
    let ([a, b], [c, d], [e, f]) =
        (two_digits(number / 10_000), two_digits(number / 100 % 100), two_digits(number % 100));
    [a, b, c, d, e, f]
}

fn parse_digits(digits: &str) -> Option<u64> {
    digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// The nanoseconds that one to nine digits after the point stand for.
fn parse_fraction(digits: &str) -> Option<u32> {
    let scale = 10_u32.pow(9_u32.checked_sub(u32::try_from(digits.len()).ok()?)?);
    u32::try_from(parse_digits(digits)?).ok()?.checked_mul(scale)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(push: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        push(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn rfc3339(time: SystemTime) -> String {
        text(|out| push_rfc3339_micros(out, time))
    }

    fn at(seconds: i64, nanos: u32) -> SystemTime {
        let whole = Duration::from_secs(seconds.unsigned_abs());
        let epoch = SystemTime::UNIX_EPOCH;
        let second = if seconds < 0 { epoch.checked_sub(whole) } else { epoch.checked_add(whole) };
        second.unwrap() + Duration::from_nanos(u64::from(nanos))
    }

    #[test]
    fn a_timestamp_is_cut_to_the_microsecond() {
        assert_eq!(rfc3339(at(1_795_252_080, 123_456_999)), "2026-11-21T09:08:00.123456Z");
        assert_eq!(rfc3339(at(1_795_252_080, 5_000)), "2026-11-21T09:08:00.000005Z");
        assert_eq!(rfc3339(at(951_782_399, 999_999_999)), "2000-02-28T23:59:59.999999Z");
        assert_eq!(rfc3339(at(951_782_400, 0)), "2000-02-29T00:00:00.000000Z");
    }

    #[test]
    fn a_time_before_1970_is_cut_downwards() {
        assert_eq!(rfc3339(at(-1, 999_999_999)), "1969-12-31T23:59:59.999999Z");
        assert_eq!(rfc3339(at(-1, 0)), "1969-12-31T23:59:59.000000Z");
    }

    #[test]
    fn a_time_that_no_timestamp_can_say_is_the_nearest_one() {
        assert_eq!(rfc3339(at(SECONDS.0, 0)), "0000-01-01T00:00:00.000000Z");
        assert_eq!(rfc3339(at(SECONDS.0 - 1, 0)), "0000-01-01T00:00:00.000000Z");
        assert_eq!(rfc3339(at(SECONDS.1, 7_000)), "9999-12-31T23:59:59.000007Z");
        assert_eq!(rfc3339(at(SECONDS.1 + 1, 0)), "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn elapsed_times_go_on_past_99_minutes() {
        let cc = |seconds, nanos| text(|out| push_elapsed_mmss_cc(out, Duration::new(seconds, nanos)));
        assert_eq!(cc(0, 0), "00:00.00");
        assert_eq!(cc(1, 239_999_999), "00:01.23");
        assert_eq!(cc(99 * 60 + 59, 990_000_000), "99:59.99");
        assert_eq!(cc(123 * 60 + 7, 100_000_000), "123:07.10");
        assert_eq!(cc(u64::MAX, 0), "307445734561825860:15.00");
        assert_eq!(text(|out| push_elapsed_micros(out, Duration::new(61, 1_999))), "01:01.000001");
        assert_eq!(text(|out| push_seconds_f64(out, Duration::new(1, 234_567_890))), "1.234567");
    }

    #[test]
    fn what_is_no_time_is_refused() {
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
        fn times_read_back(seconds in SECONDS.0..=SECONDS.1, elapsed in any::<u64>(), micros in 0_u32..1_000_000) {
            let time = at(seconds, micros * 1_000);
            prop_assert_eq!(parse_rfc3339(&rfc3339(time)), Some(time));
            let elapsed = Duration::new(elapsed, micros * 1_000);
            prop_assert_eq!(parse_elapsed(&text(|out| push_elapsed_micros(out, elapsed))), Some(elapsed));
            prop_assert_eq!(parse_seconds(&text(|out| push_seconds_f64(out, elapsed))), Some(elapsed));
            let centis = Duration::new(elapsed.as_secs(), micros / 10_000 * 10_000_000);
            prop_assert_eq!(parse_elapsed(&text(|out| push_elapsed_mmss_cc(out, elapsed))), Some(centis));
        }
    }
}
