//! Models of `ledger`.

use loom::sync::Arc;
use loom::thread;

use super::*;

/// Reads a ledger while another thread accepts and resolves a record: accepted must equal the sum of the fates and pending.
fn every_reading_balances(resolve: fn(&Ledger), read: fn(&Ledger) -> (u64, u64)) {
    loom::model(move || {
        let ledger = Arc::new(Ledger::default());
        let other = {
            let ledger = Arc::clone(&ledger);
            thread::spawn(move || {
                ledger.accept(1);
                resolve(&ledger);
            })
        };
        let (accepted, fates) = read(&ledger);
        assert_eq!(accepted, fates, "the ledger does not balance");
        other.join().unwrap();
        assert_eq!(ledger.outcome(), Outcome { accepted: 1, written: 1, ..Outcome::default() });
    });
}

fn read(ledger: &Ledger) -> (u64, u64) {
    let Outcome { accepted, written, dropped, failed, pending, .. } = ledger.outcome();
    (accepted, written + dropped + failed + pending)
}

fn read_accepted_first(ledger: &Ledger) -> (u64, u64) {
    let accepted = ledger.accepted.load(Ordering::Acquire);
    let resolved = ledger.deferred.written.load(Ordering::Acquire);
    (accepted, resolved + accepted.saturating_sub(resolved))
}

fn resolve(ledger: &Ledger) {
    ledger.resolve(Fate::Written, 1);
}

fn resolve_relaxed(ledger: &Ledger) {
    ledger.deferred.written.fetch_add(1, Ordering::Relaxed);
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
