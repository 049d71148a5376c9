//! The numbers of a context's records, and the end of them.

use crate::sync::Ordering;
use crate::sync::model::AtomicU64;

/// Numbers the records of a context, and refuses them once it is closed.
///
/// | bits | meaning |
/// |---|---|
/// | 63 | the context was closed; a number taken with this bit set is not a record's |
/// | 0..=62 | the numbers taken so far, refused ones too |
///
/// A number that is taken is also the count of one accepted delivery, the first of the record's; whoever takes it has counted the
/// others before. So once [`close`](Counter::close) has returned, the ledger has every delivery that will still be written, and what
/// it says is pending can only become less.
pub(super) struct Counter(AtomicU64);

const CLOSED: u64 = 1 << 63;

impl Counter {
    pub(super) fn new() -> Self {
        Counter(AtomicU64::new(0))
    }

    /// The number of the next record, from 1; `None` once closed.
    #[inline]
    pub(super) fn take(&self) -> Option<u64> {
        // Release, with the Acquire of `close`: if the bit is set after this number was taken, `close` reads from this
        // read-modify-write (or from a later one, in the same release sequence) and so sees what was counted as accepted before it.
        // With Relaxed it could report a ledger without a delivery that is still to be written.
        let before = self.0.fetch_add(1, Ordering::Release);
        (before & CLOSED == 0).then_some((before & !CLOSED) + 1)
    }

    /// How many numbers were taken, refused ones too.
    pub(super) fn taken(&self) -> u64 {
        // Relaxed: whoever must see a number has synchronised with who took it, by the ledger or by `close`.
        self.0.load(Ordering::Relaxed) & !CLOSED
    }

    /// Refuses numbers from now on.
    pub(super) fn close(&self) {
        // Acquire: see `take`. Release, for `is_closed`: who sees the bit sees what came before the closing.
        self.0.fetch_or(CLOSED, Ordering::AcqRel);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.load(Ordering::Acquire) & CLOSED != 0
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_refused_once_closed() {
        let counter = Counter::new();
        assert_eq!((counter.take(), counter.take()), (Some(1), Some(2)));
        counter.close();
        assert_eq!((counter.take(), counter.take()), (None, None));
        counter.close();
        assert!(counter.is_closed());
        assert_eq!(counter.taken(), 4);
    }
}

#[cfg(all(test, logscope_loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    /// Two threads log to two sinks each while a third closes: of what got a number, the second delivery too is in the ledger that the
    /// closer reads.
    fn a_closed_ledger_is_whole(take: fn(&Counter) -> Option<u64>) {
        loom::model(move || {
            let shared = Arc::new((Counter::new(), AtomicU64::new(0)));
            let logging: Vec<_> = (0..2)
                .map(|_| {
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || {
                        shared.1.fetch_add(1, Ordering::Relaxed);
                        take(&shared.0).is_some()
                    })
                })
                .collect();
            shared.0.close();
            let accepted = shared.1.load(Ordering::Relaxed);
            let numbered =
                logging.into_iter().filter_map(|thread| thread.join().ok()).filter(|numbered| *numbered).count();
            assert!(accepted >= numbered as u64, "a record was numbered that the closed ledger does not have");
        });
    }

    #[test]
    fn loom_a_closed_ledger_is_whole() {
        a_closed_ledger_is_whole(Counter::take);
    }

    #[test]
    #[should_panic(expected = "does not have")]
    fn loom_a_relaxed_number_hides_a_delivery() {
        a_closed_ledger_is_whole(|counter| {
            let before = counter.0.fetch_add(1, Ordering::Relaxed);
            (before & CLOSED == 0).then_some(before + 1)
        });
    }
}
