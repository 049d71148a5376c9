//! Writes times: wall-clock timestamps and elapsed times, without allocation. `read/time.rs` reads them.
//!
//! A time is cut, not rounded, to the digits that are printed, so that no record states a time in its future.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use time::{OffsetDateTime, UtcOffset};

use super::number::{eight_digits, push_integer};
use crate::clock::Wall;
use crate::line_buffer::LineBuffer;
use crate::record::Record;

/// `2026-11-21T09:08:00`, in the offset that stands after it, and five bytes that mean nothing. As words, and copied so: what is written as a
/// block and read as parts that are no parts of what was written has to wait for the writes.
type Timestamp = [[u8; 8]; 3];
/// How many bytes of a [`Timestamp`] mean something.
const TO_SECONDS: usize = 19;

/// How far a wall-clock time is ahead of UTC, in minutes: RFC 3339 has no seconds there.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Offset(i16);

impl Offset {
    pub(crate) const UTC: Offset = Offset(0);

    /// Cuts the seconds of `offset`.
    pub(crate) fn new(offset: UtcOffset) -> Self {
        Offset(offset.whole_minutes())
    }

    #[cfg(feature = "file")]
    pub(crate) fn minutes(self) -> i16 {
        self.0
    }

    /// Appends `Z`, or `+02:00`.
    #[inline]
    fn push(self, out: &mut LineBuffer) {
        let Offset(minutes) = self;
        if minutes == 0 {
            return out.push(b'Z');
        }
        let size = u32::from(minutes.unsigned_abs());
        let ([h, o], [m, n]) = (two_digits(size / 60), two_digits(size % 60));
        out.extend_from_slice(&[if minutes < 0 { b'-' } else { b'+' }, h, o, b':', m, n]);
    }
}

/// The first and the last second that RFC 3339 can express: the years 0000 and 9999. A time beyond them is written as the
/// nearest of the two.
const SECONDS: (i64, i64) = (-62_167_219_200, 253_402_300_799);

/// Below this number of microseconds, which is 285 years, a float expresses each of them.
#[cfg(feature = "serde")]
pub(crate) const EXACT_MICROS: u64 = 1 << 53;

thread_local! {
    /// The last second that this thread wrote, and its rendering: a busy thread writes thousands of records in each second.
    static LAST_SECOND: Cell<(i64, Timestamp)> = const { Cell::new((i64::MIN, [[0; 8]; 3])) };
}

/// Appends the wall-clock time of `record` as `2026-11-21T09:08:00.123456Z`, or with another offset than UTC.
#[inline]
pub(super) fn push_timestamp(out: &mut LineBuffer, record: &Record<'_>, offset: Offset) {
    match record.wall.get() {
        // As a `SystemTime` it would be taken apart again.
        Wall::SinceUnixEpoch(nanos) => {
            push_second_and_micros(
                out,
                (nanos / 1_000_000_000).cast_signed(),
                (nanos % 1_000_000_000) as u32 / 1_000,
                offset,
            );
        }
        _ => push_rfc3339_micros(out, record.timestamp(), offset),
    }
}

/// Appends `time` in the same way.
pub(crate) fn push_rfc3339_micros(out: &mut LineBuffer, time: SystemTime, offset: Offset) {
    let (second, micros) = since_epoch(time);
    push_second_and_micros(out, second, micros, offset);
}

/// Appends a time in seconds since 1970, and the microseconds after them.
fn push_second_and_micros(out: &mut LineBuffer, second: i64, micros: u32, offset: Offset) {
    let (second, micros) = match second.saturating_add(i64::from(offset.0) * 60) {
        early if early < SECONDS.0 => (SECONDS.0, 0),
        late if late > SECONDS.1 => (SECONDS.1, 999_999),
        second => (second, micros),
    };
    let (cached, mut text) = LAST_SECOND.get();
    if cached != second {
        text = render_second(second);
        LAST_SECOND.set((second, text));
    }
    let fraction = point_and_micros(micros);
    if let Some(place) = out.room::<32>() {
        place[..8].copy_from_slice(&text[0]);
        place[8..16].copy_from_slice(&text[1]);
        place[16..24].copy_from_slice(&text[2]);
        place[TO_SECONDS..TO_SECONDS + 8].copy_from_slice(&fraction);
        out.advance(TO_SECONDS + 7);
    } else {
        out.extend_from_slice(&text.as_flattened()[..TO_SECONDS]);
        out.extend_from_slice(&fraction[..7]);
    }
    offset.push(out);
}

/// Appends `elapsed` as `MM:SS.uuuuuu`, with `digits` after the point; the minutes go on past 99.
#[inline]
pub(crate) fn push_clock(out: &mut LineBuffer, elapsed: Duration, digits: u8) {
    let seconds = elapsed.as_secs();
    // Nearly always: as a whole, of which the digits that are asked for count.
    if seconds < 6_000
        && digits <= 6
        && let Some(place) = out.room::<16>()
    {
        place[..2].copy_from_slice(&two_digits((seconds / 60) as u32));
        place[2] = b':';
        place[3..5].copy_from_slice(&two_digits((seconds % 60) as u32));
        place[5..13].copy_from_slice(&point_and_micros(elapsed.subsec_micros()));
        out.advance(if digits == 0 { 5 } else { 6 + usize::from(digits) });
    } else {
        push_long_clock(out, elapsed, digits);
    }
}

#[cold]
#[inline(never)]
fn push_long_clock(out: &mut LineBuffer, elapsed: Duration, digits: u8) {
    let (minutes, seconds) = (elapsed.as_secs() / 60, two_digits((elapsed.as_secs() % 60) as u32));
    match minutes {
        0..100 => out.extend_from_slice(&two_digits(minutes as u32)),
        _ => push_integer(out, minutes),
    }
    out.push(b':');
    out.extend_from_slice(&seconds);
    push_fraction(out, elapsed, digits);
}

/// Appends `elapsed` in seconds, as `1.234567` with `digits` after the point, filled up with blanks to `width` characters.
pub(crate) fn push_seconds(out: &mut LineBuffer, elapsed: Duration, digits: u8, width: u8) {
    let mut buffer = itoa::Buffer::new();
    let seconds = buffer.format(elapsed.as_secs());
    let length = seconds.len() + if digits == 0 { 0 } else { 1 + usize::from(digits.min(9)) };
    out.resize(out.len() + usize::from(width).saturating_sub(length), b' ');
    out.extend_from_slice(seconds.as_bytes());
    push_fraction(out, elapsed, digits);
}

/// Appends the fraction of a second: a point and at most nine digits, or nothing if there are no digits.
fn push_fraction(out: &mut LineBuffer, elapsed: Duration, digits: u8) {
    match digits {
        0 => {}
        1..=6 => out.extend_from_block(&point_and_micros(elapsed.subsec_micros()), 1 + usize::from(digits)),
        _ => {
            let nanos = elapsed.subsec_nanos();
            let [a, b, c, d, e, f, g, h] = eight_digits(nanos / 10);
            let all = [a, b, c, d, e, f, g, h, b'0' + (nanos % 10) as u8];
            out.push(b'.');
            out.extend_from_slice(&all[..usize::from(digits.min(9))]);
        }
    }
}

/// Appends `elapsed` in seconds, as `1.234567`.
pub(crate) fn push_seconds_micros(out: &mut LineBuffer, elapsed: Duration) {
    push_integer(out, elapsed.as_secs());
    out.extend_from_block(&point_and_micros(elapsed.subsec_micros()), 7);
}

/// Returns a point, six digits, and a byte that means nothing.
#[inline]
fn point_and_micros(micros: u32) -> [u8; 8] {
    // The first digit is the lowest byte. Of eight, the first is dropped, and the second becomes the point.
    ((u64::from_le_bytes(eight_digits(micros)) >> 8) ^ u64::from(b'0' ^ b'.')).to_le_bytes()
}

/// Returns the time since 1970 in whole seconds, rounded down, and the microseconds after them.
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
    let mut text = *b"0000-00-00T00:00:00     ";
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
    let (words, _) = text.as_chunks();
    [words[0], words[1], words[2]]
}

/// The two digits of each number below 100.
const TWO_DIGITS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// Returns the two digits of a number below 100.
#[inline]
fn two_digits(number: u32) -> [u8; 2] {
    TWO_DIGITS[number as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(push: impl FnOnce(&mut LineBuffer)) -> String {
        let mut out = LineBuffer::new();
        push(&mut out);
        String::from_utf8(out.into()).unwrap()
    }

    fn rfc3339(time: SystemTime) -> String {
        text(|out| push_rfc3339_micros(out, time, Offset::UTC))
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
    fn a_time_that_no_timestamp_can_express_is_the_nearest_one() {
        assert_eq!(rfc3339(at(SECONDS.0, 0)), "0000-01-01T00:00:00.000000Z");
        assert_eq!(rfc3339(at(SECONDS.0 - 1, 0)), "0000-01-01T00:00:00.000000Z");
        assert_eq!(rfc3339(at(SECONDS.1, 7_000)), "9999-12-31T23:59:59.000007Z");
        assert_eq!(rfc3339(at(SECONDS.1 + 1, 0)), "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn elapsed_times_go_on_past_99_minutes() {
        let cc = |seconds, nanos| text(|out| push_clock(out, Duration::new(seconds, nanos), 2));
        assert_eq!(cc(0, 0), "00:00.00");
        assert_eq!(cc(1, 239_999_999), "00:01.23");
        assert_eq!(cc(99 * 60 + 59, 990_000_000), "99:59.99");
        assert_eq!(cc(123 * 60 + 7, 100_000_000), "123:07.10");
        assert_eq!(cc(u64::MAX, 0), "307445734561825860:15.00");
        assert_eq!(text(|out| push_seconds_micros(out, Duration::new(1, 234_567_890))), "1.234567");
    }

    #[test]
    fn elapsed_times_have_as_many_digits_as_asked_for() {
        let elapsed = Duration::new(61, 234_567_891);
        let clock = |digits| text(|out| push_clock(out, elapsed, digits));
        let digits = ["01:01", "01:01.2", "01:01.23", "01:01.234", "01:01.2345", "01:01.23456", "01:01.234567"];
        for (count, expected) in digits.into_iter().enumerate() {
            assert_eq!(clock(count as u8), expected);
        }
        assert_eq!(
            [7, 8, 9, 200].map(clock),
            ["01:01.2345678", "01:01.23456789", "01:01.234567891", "01:01.234567891"]
        );
        let seconds = |digits, width| text(|out| push_seconds(out, elapsed, digits, width));
        assert_eq!(seconds(0, 0), "61");
        assert_eq!((seconds(2, 8), seconds(2, 5), seconds(2, 1)), ("   61.23".into(), "61.23".into(), "61.23".into()));
        assert_eq!(text(|out| push_clock(out, Duration::new(61, 1_999), 6)), "01:01.000001");
    }

    #[test]
    fn a_timestamp_states_its_offset() {
        let with = |hours, minutes| {
            let offset = Offset::new(UtcOffset::from_hms(hours, minutes, 0).unwrap());
            text(|out| push_rfc3339_micros(out, at(1_795_252_080, 123_456_999), offset))
        };
        assert_eq!(with(2, 0), "2026-11-21T11:08:00.123456+02:00");
        assert_eq!(with(-9, -30), "2026-11-20T23:38:00.123456-09:30");
        assert_eq!(with(5, 45), "2026-11-21T14:53:00.123456+05:45");
        let seconds = Offset::new(UtcOffset::from_hms(0, 19, 32).unwrap());
        assert!(text(|out| push_rfc3339_micros(out, at(0, 0), seconds)).ends_with("T00:19:00.000000+00:19"));
    }
}
