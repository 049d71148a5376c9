//! Tests of `time`.

use proptest::prelude::*;

use super::*;
use crate::format::timestamp::{Offset, push_clock, push_rfc3339_micros, push_seconds, push_seconds_micros};
use crate::line_buffer::LineBuffer;

fn text(push: impl FnOnce(&mut LineBuffer)) -> String {
    let mut out = LineBuffer::new();
    push(&mut out);
    String::from_utf8(out.into()).unwrap()
}

fn at(seconds: i64, nanos: u32) -> SystemTime {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let second = if seconds < 0 { epoch.checked_sub(whole) } else { epoch.checked_add(whole) };
    second.unwrap() + Duration::from_nanos(u64::from(nanos))
}

#[test]
fn malformed_times_are_refused() {
    for text in ["", "1:02.00", "00:60.00", "00:1.00", "00:01.", "+1:00.0", "00:01.1234567890", "-0:01.0"] {
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
        offset in -1_439_i32..1_440,
        digits in 0_u8..=9,
    ) {
        let time = at(seconds, micros * 1_000);
        prop_assert_eq!(parse_rfc3339(&text(|out| push_rfc3339_micros(out, time, Offset::UTC))), Some(time));
        // Not in the first and last day, which are of another year elsewhere.
        if (-62_167_000_000..253_402_200_000).contains(&seconds) {
            let offset = Offset::new(time::UtcOffset::from_whole_seconds(offset * 60).unwrap());
            prop_assert_eq!(parse_rfc3339(&text(|out| push_rfc3339_micros(out, time, offset))), Some(time));
        }
        let elapsed = Duration::new(elapsed, micros * 1_000);
        prop_assert_eq!(parse_seconds(&text(|out| push_seconds_micros(out, elapsed))), Some(elapsed));
        let step = 10_u32.pow(9 - u32::from(digits));
        let cut = Duration::new(elapsed.as_secs(), micros * 1_000 / step * step);
        prop_assert_eq!(parse_elapsed(&text(|out| push_clock(out, elapsed, digits))), Some(cut));
        prop_assert_eq!(parse_seconds(text(|out| push_seconds(out, elapsed, digits, 30)).trim_start()), Some(cut));
    }
}
