//! Tests of the order of files: they are in the order of their records while the log is open.

use std::fs;
use std::time::{Duration, Instant};

use super::*;
use crate::clock::{Clock, ManualClock, Origin};
use crate::fallback::capture_reports;

/// Returns a clock that stands at the beginning of an hour of 2026-11-26.
fn clock(hour: u64) -> Clock {
    let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_651_200 + 3_600 * hour);
    Clock::from(&ManualClock::at(Origin::from_parts(Instant::now(), wall)))
}

#[test]
fn a_log_stays_behind_its_files_when_the_clock_is_put_back_while_it_is_open() {
    let dir = tempfile::tempdir().unwrap();
    let mut roller = Roller::new(&dir.path().join("uno.log"), &Roll::hourly().size(1).clock(clock(1))).unwrap();
    let names: Vec<_> = (0..3)
        .map(|_| {
            fs::write(roller.path(), "x").unwrap();
            roller.roll.clock = clock(0);
            assert!(!roller.is_period_over());
            let (files, reports) = capture_reports(|| roller.list().unwrap());
            assert!(reports.is_empty(), "{reports:?}");
            let next = roller.next_file(&files, 1);
            roller.set_current(next);
            roller.path().file_name().unwrap().to_owned()
        })
        .collect();
    assert_eq!(names, ["uno.2026-11-26T01Z.2.log", "uno.2026-11-26T01Z.3.log", "uno.2026-11-26T01Z.4.log"]);
}
