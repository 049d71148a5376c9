//! The numbers of a context's records, and the refusal of records once the context is closed.

use crate::sync::Ordering;
use crate::sync::model::AtomicU64;

/// Numbers the records of a context, and refuses them once it is closed.
///
/// | bits | meaning |
/// |---|---|
/// | 63 | the context is closed; a number that is taken while this bit is set belongs to no record |
/// | 0..=62 | how many numbers were taken so far, refused ones too |
///
/// Taking a number also counts one accepted delivery, the record's first; the caller has counted the record's other deliveries before.
/// So once [`close`](Counter::close) has returned, the ledger includes every delivery that will still be written, and its number of
/// pending deliveries can only fall.
pub(super) struct Counter(AtomicU64);

const CLOSED: u64 = 1 << 63;

impl Counter {
    pub(super) fn new() -> Self {
        Counter(AtomicU64::new(0))
    }

    /// Takes the number of the next record, from 1; `None` once closed.
    #[inline]
    pub(super) fn next(&self) -> Option<u64> {
        // Release, with the Acquire of `close`: if the bit is set after this number was taken, `close` reads from this
        // read-modify-write, or from a later one in the same release sequence, and so sees the deliveries that were counted as accepted
        // before it. With Relaxed, `close` could return a ledger without a delivery that is still to be written.
        let before = self.0.fetch_add(1, Ordering::Release);
        (before & CLOSED == 0).then_some((before & !CLOSED) + 1)
    }

    /// Returns how many numbers were taken, refused ones too.
    pub(super) fn taken(&self) -> u64 {
        // Relaxed: a thread that must see a number has synchronised with the thread that took it, through the ledger or through `close`.
        self.0.load(Ordering::Relaxed) & !CLOSED
    }

    /// Refuses numbers from now on.
    pub(super) fn close(&self) {
        // Acquire: see `next`. Release, with the Acquire of `is_closed`: a thread that sees the bit sees what came before the closing.
        self.0.fetch_or(CLOSED, Ordering::AcqRel);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.0.load(Ordering::Acquire) & CLOSED != 0
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;

#[cfg(all(test, logscope_loom))]
mod loom_tests;
