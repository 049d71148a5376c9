//! Minutes, hours and days in the names of rolled files.
//!
//! | interval | period in a name |
//! |---|---|
//! | a day | `2026-11-26Z` |
//! | an hour | `2026-11-26T00Z` |
//! | a minute | `2026-11-26T00-36Z` |
//!
//! `Z` is UTC. Any other offset stands in its place, such as `+0200` or `-0330`, so that a name is unambiguous. Periods are ordered by the
//! instant at which they begin, whatever their offsets.

use time::{Date, Month, OffsetDateTime};

/// How long a log writes to one file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::file) enum Interval {
    Minute,
    Hour,
    Day,
}

impl Interval {
    fn seconds(self) -> i64 {
        match self {
            Interval::Minute => 60,
            Interval::Hour => 3_600,
            Interval::Day => 86_400,
        }
    }
}

/// One minute, hour or day.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(in crate::file) struct Period {
    /// The first second of the period, in seconds since 1970.
    start: i64,
    /// How many seconds the local time in the name is ahead of UTC.
    offset: i32,
}

/// The largest offset: a second less than a day.
const MAX_OFFSET: i32 = 86_399;

/// The first and the last instant that a period can be named for: the years 0 to 9999, except for some days, so that the local time is in
/// those years too.
const NAMEABLE: (i64, i64) = (-62_167_000_000, 253_402_100_000);

impl Period {
    /// Returns the period of the instant `now`, in seconds since 1970, where local time is `offset` seconds ahead of UTC.
    pub(in crate::file) fn at(interval: Interval, now: i64, offset: i32) -> Self {
        let offset = offset.clamp(-MAX_OFFSET, MAX_OFFSET);
        let local = now.clamp(NAMEABLE.0, NAMEABLE.1) + i64::from(offset);
        let start = local - local.rem_euclid(interval.seconds());
        Period { start: start - i64::from(offset), offset }
    }

    /// Returns the first second after the period.
    pub(in crate::file) fn end(self, interval: Interval) -> i64 {
        self.start + interval.seconds()
    }

    /// Returns the first second of the period.
    pub(in crate::file) fn start(self) -> i64 {
        self.start
    }

    /// Parses what [`Period::name`] returns, and nothing else.
    pub(in crate::file) fn parse(interval: Interval, text: &str) -> Option<Self> {
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<u16>().ok();
        let byte = |from: usize, to: usize| u8::try_from(number(from, to)?).ok();
        let month = Month::try_from(byte(5, 7)?).ok()?;
        let date = Date::from_calendar_date(i32::from(number(0, 4)?), month, byte(8, 10)?).ok()?;
        let (hour, minute, offset) = match interval {
            Interval::Day => (0, 0, text.get(10..)?),
            Interval::Hour => (byte(11, 13)?, 0, text.get(13..)?),
            Interval::Minute => (byte(11, 13)?, byte(14, 16)?, text.get(16..)?),
        };
        let local = date.with_hms(hour, minute, 0).ok()?.assume_utc().unix_timestamp();
        let offset = parse_offset(offset)?;
        let period = Period { start: local - i64::from(offset), offset };
        // The characters between the numbers were not checked, and numbers can be written in more than one way.
        (period.name(interval) == text).then_some(period)
    }

    /// Returns the period as it stands in a file name.
    pub(in crate::file) fn name(self, interval: Interval) -> String {
        let local = OffsetDateTime::from_unix_timestamp(self.start + i64::from(self.offset));
        let local = local.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (date, hour, minute) = (local.date(), local.hour(), local.minute());
        let offset = offset_name(self.offset);
        match interval {
            Interval::Day => format!("{date}{offset}"),
            Interval::Hour => format!("{date}T{hour:02}{offset}"),
            Interval::Minute => format!("{date}T{hour:02}-{minute:02}{offset}"),
        }
    }
}

/// Returns `Z`, `+0200` or, if the offset is not a whole number of minutes, `+020030`.
fn offset_name(offset: i32) -> String {
    let (sign, seconds) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs());
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    match (seconds, seconds % 60) {
        (0, _) => "Z".to_owned(),
        (_, 0) => format!("{sign}{hours:02}{minutes:02}"),
        (_, seconds) => format!("{sign}{hours:02}{minutes:02}{seconds:02}"),
    }
}

fn parse_offset(text: &str) -> Option<i32> {
    if text == "Z" {
        return Some(0);
    }
    let number = |from: usize| text.get(from..from + 2)?.parse::<u8>().ok();
    let seconds = if text.len() == 7 { number(5)? } else { 0 };
    let offset = (i32::from(number(1)?) * 60 + i32::from(number(3)?)) * 60 + i32::from(seconds);
    if offset > MAX_OFFSET { None } else { Some(if text.starts_with('-') { -offset } else { offset }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-26T00:36:17Z.
    const NOW: i64 = 1_795_653_377;

    #[test]
    fn periods_are_named_by_local_time() {
        for (interval, offset, name) in [
            (Interval::Day, 0, "2026-11-26Z"),
            (Interval::Hour, 0, "2026-11-26T00Z"),
            (Interval::Minute, 0, "2026-11-26T00-36Z"),
            (Interval::Day, 7_200, "2026-11-26+0200"),
            (Interval::Day, -3_600, "2026-11-25-0100"),
            (Interval::Hour, -12_600, "2026-11-25T21-0330"),
            (Interval::Minute, 20_700, "2026-11-26T06-21+0545"),
            (Interval::Minute, 7_230, "2026-11-26T02-36+020030"),
        ] {
            let period = Period::at(interval, NOW, offset);
            assert_eq!(period.name(interval), name);
            assert_eq!(Period::parse(interval, name), Some(period));
            assert!(period.start <= NOW && NOW < period.end(interval));
        }
    }

    #[test]
    fn other_text_is_no_period() {
        for name in [
            "",
            "2026-11-26",
            "2026-11-26z",
            "2026-11-2Z",
            "2026-13-26Z",
            "2026-02-30Z",
            "2026-11-26T00Z",
            "+026-11-26Z",
            "2026-11-26+2",
            "2026-11-26+9900",
            "2026-11-26+0000",
            "2026.11.26Z",
            "2026-11-26+02é",
            "2026-11-26Z.1",
        ] {
            assert_eq!(Period::parse(Interval::Day, name), None, "{name}");
        }
        assert_eq!(Period::parse(Interval::Hour, "2026-11-26T24Z"), None);
        assert_eq!(Period::parse(Interval::Minute, "2026-11-26T00:36Z"), None);
    }

    #[test]
    fn years_after_9999_are_clamped() {
        for now in [i64::MIN, i64::MAX] {
            let period = Period::at(Interval::Day, now, MAX_OFFSET);
            assert_eq!(Period::parse(Interval::Day, &period.name(Interval::Day)), Some(period));
        }
    }

    fn interval() -> impl Strategy<Value = Interval> {
        prop_oneof![Just(Interval::Minute), Just(Interval::Hour), Just(Interval::Day)]
    }

    proptest! {
        #[test]
        fn every_name_parses_back(interval in interval(), now in NAMEABLE.0..NAMEABLE.1, offset in -MAX_OFFSET..=MAX_OFFSET) {
            let period = Period::at(interval, now, offset);
            prop_assert!(period.start <= now && now < period.end(interval));
            prop_assert_eq!(Period::parse(interval, &period.name(interval)), Some(period));
            prop_assert_eq!(Period::at(interval, period.end(interval), offset).start, period.end(interval), "the next period begins where this one ends");
        }

        #[test]
        fn only_names_of_periods_parse(interval in interval(), text in "[0-9TZ+.é-]{0,24}") {
            if let Some(period) = Period::parse(interval, &text) {
                prop_assert_eq!(period.name(interval), text);
            }
        }
    }
}
