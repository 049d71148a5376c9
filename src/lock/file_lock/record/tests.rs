#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use proptest::prelude::*;

use super::*;

fn here() -> Record {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::at(folder.path()).unwrap().unwrap();
    Record::of_this_process(identity, Mode::Shared, "unpack gcc")
}

fn since_ago(record: Record, wall: Duration, by_kernel: Duration) -> Record {
    Record {
        since: record.since.saturating_sub(wall),
        monotonic: record.monotonic.map(|monotonic| monotonic.saturating_sub(by_kernel)),
        ..record
    }
}

#[test]
fn a_record_is_read_back_and_each_line_is_needed_but_those_that_some_systems_do_not_have() {
    let record = here();
    let text = record.to_text();
    assert_eq!(Record::parse(&text), Some(record.clone()));
    for without in text.lines() {
        let rest: String = text.lines().filter(|line| *line != without).map(|line| format!("{line}\n")).collect();
        let expected = match without.split_once('=').unwrap().0 {
            "monotonic" => Some(Record { monotonic: None, ..record.clone() }),
            "started" => Some(Record { started: None, ..record.clone() }),
            _ => None,
        };
        assert_eq!(Record::parse(&rest), expected, "without {without}");
    }
}

#[test]
fn time_is_that_of_the_kernel_if_it_is_the_same_and_else_that_of_the_wall() {
    let (hour, second) = (Duration::from_secs(3600), Duration::from_secs(1));
    // The wall clock was set back by two hours, or forward, since.
    for wall in [Duration::ZERO, 2 * hour] {
        let held = since_ago(here(), wall, 12 * second).held_for();
        assert!((12 * second..hour).contains(&held), "{held:?}");
    }
    let mut elsewhere = since_ago(here(), 2 * hour, 12 * second);
    elsewhere.place.host.push('x');
    assert!((2 * hour..3 * hour).contains(&elsewhere.held_for()), "{elsewhere:?}");
    elsewhere.since += 4 * hour;
    assert_eq!(elsewhere.held_for(), Duration::ZERO, "its clock is ahead of ours");
}

#[test]
fn who_is_elsewhere_is_never_taken_for_dead() {
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let own = here();
    let mut record = Record { pid: child.id(), ..own.clone() };
    child.wait().unwrap();
    assert!(record.is_of_the_dead());
    assert!(!own.is_of_the_dead());
    let later = Record { started: own.started.map(|started| started - 1), ..own };
    assert_eq!(later.is_of_the_dead(), later.started.is_some(), "its PID is in use again");
    record.place.kernel.push('x');
    assert!(!record.is_of_the_dead());
}

proptest! {
    #[test]
    fn foreign_text_is_no_record_or_a_harmless_one(text in "(?s)((token|mode|file|pid|started|program|host|kernel|since|monotonic|purpose)=.{0,8}\n|.{0,40})*") {
        if let Some(record) = Record::parse(&text) {
            prop_assert_eq!(Record::parse(&record.to_text()), Some(record));
        }
    }

    #[test]
    fn names_of_any_kind_stay_on_their_lines(program in ".{0,400}", purpose in "(?s).{0,2000}") {
        let record = Record { program: one_line(&program, NAME_BYTES), purpose: one_line(&purpose, PURPOSE_BYTES), ..here() };
        prop_assert!(record.to_text().len() as u64 <= RECORD_BYTES);
        prop_assert_eq!(Record::parse(&record.to_text()), Some(record));
    }
}
