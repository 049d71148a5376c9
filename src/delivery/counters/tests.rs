//! Tests of `ledger`.

use std::thread;

use super::*;
use crate::sync::AtomicBool;

fn assert_balanced(ledger: Ledger) {
    let Ledger { accepted, written, dropped, failed, pending, .. } = ledger;
    assert_eq!(accepted, written + dropped + failed + pending, "{ledger}");
}

#[test]
fn each_fate_is_counted_apart() {
    let counters = Counters::default();
    counters.count(Fate::Written, 3);
    counters.count(Fate::Failed, 1);
    counters.accept(5);
    counters.resolve(Fate::Written, 2);
    counters.resolve(Fate::Dropped, 1);
    let ledger = counters.ledger();
    assert_eq!(ledger, Ledger { accepted: 9, written: 5, dropped: 1, failed: 1, pending: 2, unflushed: false });
    assert!(!ledger.is_complete());
    assert_balanced(ledger);
    assert_eq!(ledger.to_string(), "9 accepted: 5 written, 1 dropped, 1 failed, 2 pending");
}

#[test]
fn records_that_were_accepted_elsewhere_count_too() {
    let counters = DeferredCounters::default();
    counters.accept(2);
    counters.resolve(Fate::Written, 4);
    let ledger = counters.ledger_with(|| 3);
    assert_eq!((ledger.accepted, ledger.pending), (5, 1));
}

#[test]
fn every_reading_balances_and_grows_while_others_deliver() {
    const ROUNDS: u64 = 20_000;
    let counters = Counters::default();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let workers = [Fate::Written, Fate::Dropped].map(|fate| {
            let counters = &counters;
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    counters.accept(1);
                    counters.resolve(fate, 1);
                    counters.count(Fate::Failed, 1);
                }
            })
        });
        scope.spawn(|| {
            let mut last = 0;
            while !done.load(Ordering::Relaxed) {
                let ledger = counters.ledger();
                assert_balanced(ledger);
                assert!(ledger.accepted >= last && ledger.pending <= 2 * ROUNDS);
                last = ledger.accepted;
            }
        });
        for worker in workers {
            worker.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    let ledger = counters.ledger();
    assert_eq!((ledger.accepted, ledger.failed, ledger.pending), (4 * ROUNDS, 2 * ROUNDS, 0));
}
