//! Tests of `ledger`.

use std::thread;

use super::*;
use crate::sync::AtomicBool;

fn assert_balanced(outcome: Outcome) {
    let Outcome { accepted, written, dropped, failed, pending, .. } = outcome;
    assert_eq!(accepted, written + dropped + failed + pending, "{outcome}");
}

#[test]
fn each_fate_is_counted_apart() {
    let ledger = Ledger::default();
    ledger.count(Fate::Written, 3);
    ledger.count(Fate::Failed, 1);
    ledger.accept(5);
    ledger.resolve(Fate::Written, 2);
    ledger.resolve(Fate::Dropped, 1);
    let outcome = ledger.outcome();
    assert_eq!(outcome, Outcome { accepted: 9, written: 5, dropped: 1, failed: 1, pending: 2, unflushed: false });
    assert!(!outcome.is_complete());
    assert_balanced(outcome);
    assert_eq!(outcome.to_string(), "9 accepted: 5 written, 1 dropped, 1 failed, 2 pending");
}

#[test]
fn records_that_were_accepted_elsewhere_count_too() {
    let ledger = Ledger::default();
    ledger.accept(2);
    ledger.resolve(Fate::Written, 4);
    let outcome = ledger.outcome_with(|| 3);
    assert_eq!((outcome.accepted, outcome.pending), (5, 1));
}

#[test]
fn every_reading_balances_and_grows_while_others_deliver() {
    const ROUNDS: u64 = 20_000;
    let ledger = Ledger::default();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let workers = [Fate::Written, Fate::Dropped].map(|fate| {
            let ledger = &ledger;
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    ledger.accept(1);
                    ledger.resolve(fate, 1);
                    ledger.count(Fate::Failed, 1);
                }
            })
        });
        scope.spawn(|| {
            let mut last = 0;
            while !done.load(Ordering::Relaxed) {
                let outcome = ledger.outcome();
                assert_balanced(outcome);
                assert!(outcome.accepted >= last && outcome.pending <= 2 * ROUNDS);
                last = outcome.accepted;
            }
        });
        for worker in workers {
            worker.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    let outcome = ledger.outcome();
    assert_eq!((outcome.accepted, outcome.failed, outcome.pending), (4 * ROUNDS, 2 * ROUNDS, 0));
}
