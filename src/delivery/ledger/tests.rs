//! Tests of `ledger`.

use super::*;

/// An ledger of so many records of each fate.
fn ledger(written: u64, dropped: u64, failed: u64, pending: u64) -> Ledger {
    Ledger { accepted: written + dropped + failed + pending, written, dropped, failed, pending, unflushed: false }
}

#[test]
fn since_is_the_difference_of_two_outcomes() {
    let (earlier, later) = (ledger(1, 2, 3, 40), ledger(11, 22, 33, 4));
    assert_eq!(later.since(earlier), ledger(10, 20, 30, 4), "what is pending is pending now");
    assert_eq!(earlier.since(later), ledger(0, 0, 0, 40));
    let unflushed = Ledger { unflushed: true, ..later };
    assert!(unflushed.since(earlier).unflushed && !later.since(unflushed).unflushed);
}

#[test]
fn a_sum_has_the_records_of_both() {
    let (one, other) = (ledger(1, 2, 3, 4), ledger(10, 20, 30, 40));
    assert_eq!(one.plus(other), ledger(11, 22, 33, 44));
    let unflushed = Ledger { unflushed: true, ..one };
    assert!(unflushed.plus(other).unflushed && other.plus(unflushed).unflushed);
}

#[test]
fn an_incomplete_outcome_is_an_error_that_names_each_fate_that_some_records_have() {
    assert_eq!(ledger(3, 0, 0, 0).into_result().unwrap().written, 3);
    let message = |ledger: Ledger| ledger.into_result().unwrap_err().to_string();
    for (incomplete, expected) in [
        (ledger(3, 1, 0, 0), "1 of 4 records are not with the operating system: 1 dropped"),
        (ledger(3, 0, 2, 0), "2 of 5 records are not with the operating system: 2 failed"),
        (ledger(3, 0, 0, 4), "4 of 7 records are not with the operating system: 4 pending"),
        (ledger(3, 1, 2, 4), "7 of 10 records are not with the operating system: 1 dropped, 2 failed, 4 pending"),
    ] {
        assert_eq!(message(incomplete), expected);
        let unflushed = message(Ledger { unflushed: true, ..incomplete });
        assert_eq!(unflushed, format!("{expected}; and an output could not be flushed in time"));
    }
    let unflushed = message(Ledger { unflushed: true, ..ledger(3, 0, 0, 0) });
    assert!(unflushed.starts_with("an output could not be flushed, for the reason that was reported"), "{unflushed}");
}

#[test]
fn pending_records_can_be_left_out() {
    assert_eq!(ledger(1, 2, 3, 4).without_pending(3), ledger(1, 2, 3, 1));
    assert_eq!(ledger(1, 2, 3, 4).without_pending(9), ledger(1, 2, 3, 0));
}
