//! Models of `counter`.

use loom::sync::Arc;
use loom::thread;

use super::*;

/// Two threads log to two sinks each while a third closes. The ledger that the third reads must include the second delivery of each
/// record that got a number.
fn a_closed_ledger_is_whole(next: fn(&Counter) -> Option<u64>) {
    loom::model(move || {
        let shared = Arc::new((Counter::new(), AtomicU64::new(0)));
        let logging: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    shared.1.fetch_add(1, Ordering::Relaxed);
                    next(&shared.0).is_some()
                })
            })
            .collect();
        shared.0.close();
        let accepted = shared.1.load(Ordering::Relaxed);
        let numbered = logging.into_iter().filter_map(|thread| thread.join().ok()).filter(|numbered| *numbered).count();
        assert!(accepted >= numbered as u64, "a record was numbered that the closed ledger does not have");
    });
}

#[test]
fn loom_a_closed_ledger_is_whole() {
    a_closed_ledger_is_whole(Counter::next);
}

#[test]
#[should_panic(expected = "does not have")]
fn loom_a_relaxed_number_hides_a_delivery() {
    a_closed_ledger_is_whole(|counter| {
        let before = counter.0.fetch_add(1, Ordering::Relaxed);
        (before & CLOSED == 0).then_some(before + 1)
    });
}
