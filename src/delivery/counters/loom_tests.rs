//! Models of `ledger`.

use loom::sync::Arc;
use loom::thread;

use super::*;

/// Reads a ledger while another thread accepts and resolves a record: accepted must equal the sum of the fates and pending.
fn every_reading_balances(resolve: fn(&Counters), read: fn(&Counters) -> (u64, u64)) {
    loom::model(move || {
        let counters = Arc::new(Counters::default());
        let other = {
            let counters = Arc::clone(&counters);
            thread::spawn(move || {
                counters.accept(1);
                resolve(&counters);
            })
        };
        let (accepted, fates) = read(&counters);
        assert_eq!(accepted, fates, "the ledger does not balance");
        other.join().unwrap();
        assert_eq!(counters.ledger(), Ledger { accepted: 1, written: 1, ..Ledger::default() });
    });
}

fn read(counters: &Counters) -> (u64, u64) {
    let Ledger { accepted, written, dropped, failed, pending, .. } = counters.ledger();
    (accepted, written + dropped + failed + pending)
}

fn read_accepted_first(counters: &Counters) -> (u64, u64) {
    let accepted = counters.deferred.accepted.load(Ordering::Acquire);
    let resolved = counters.deferred.fates.written.load(Ordering::Acquire);
    (accepted, resolved + accepted.saturating_sub(resolved))
}

fn resolve(counters: &Counters) {
    counters.resolve(Fate::Written, 1);
}

fn resolve_relaxed(counters: &Counters) {
    counters.deferred.fates.written.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn loom_every_reading_balances() {
    every_reading_balances(resolve, read);
}

#[test]
#[should_panic(expected = "the ledger does not balance")]
fn loom_a_relaxed_resolve_unbalances_a_reading() {
    every_reading_balances(resolve_relaxed, read);
}

#[test]
#[should_panic(expected = "the ledger does not balance")]
fn loom_reading_accepted_first_unbalances_a_reading() {
    every_reading_balances(resolve, read_accepted_first);
}
