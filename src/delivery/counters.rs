//! Exact counts of what became of records, readable at any moment.
//!
//! The fate of a record is known in the call that delivers it to a direct output, and later if it goes through a queue. A [`Counters`] counts
//! the two groups apart:
//!
//! - fates known in the call that delivers the record: one counter per fate, one addition per record;
//! - fates resolved after the record was accepted: one counter of accepted records, and one counter per fate.
//!
//! All counters only grow. A reading derives `accepted`: the fates of the first group plus the accepted records of the second. So the
//! equation `accepted = written + dropped + failed + pending` holds in every reading by construction. It remains to prove that `pending`, a
//! difference of counters, is never negative: see [`Counters::ledger`].
//!
//! An output may drop records after it has taken them, and count them itself. A reading moves so many from *written* to *dropped*.

use std::fmt;

use super::Ledger;
use crate::sync::model::AtomicU64;
use crate::sync::{OnceLock, Ordering};

/// The fate of one record at one sink.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// The output took the record.
    Written,
    /// The record was dropped before it reached the output.
    Dropped,
    /// The output refused the record.
    Failed,
}

/// The counters of an output.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Fates known in the call that delivered the record.
    immediate: FateCounters,
    /// Records whose fate was not known in the call.
    deferred: DeferredCounters,
    /// Returns how many records the output has taken and dropped later.
    dropped_behind: DroppedBehind,
}

/// The counters of a context, and of the records of an output that are queued: records that are accepted, and whose fate is known later.
#[derive(Debug, Default)]
pub(crate) struct DeferredCounters {
    fates: FateCounters,
    /// How many records were accepted whose fate `fates` counts, now or later.
    accepted: AtomicU64,
}

/// A count that the output keeps, if it keeps one.
#[derive(Default)]
struct DroppedBehind(OnceLock<Box<dyn Fn() -> u64 + Send + Sync>>);

impl fmt::Debug for DroppedBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DroppedBehind").field(&self.0.get().map(|count| count())).finish()
    }
}

#[derive(Debug, Default)]
struct FateCounters {
    written: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl FateCounters {
    #[inline]
    fn of(&self, fate: Fate) -> &AtomicU64 {
        match fate {
            Fate::Written => &self.written,
            Fate::Dropped => &self.dropped,
            Fate::Failed => &self.failed,
        }
    }
}

impl Counters {
    /// Counts `n` records that are accepted, and whose fate is known, in this call.
    #[inline]
    pub(crate) fn count(&self, fate: Fate, n: u64) {
        // Relaxed: each of these counters stands alone. A thread that must see a count has synchronised with this call in another way.
        self.immediate.of(fate).fetch_add(n, Ordering::Relaxed);
    }

    /// Counts `n` accepted records, whose fate [`resolve`](Counters::resolve) makes known later.
    #[inline]
    pub(crate) fn accept(&self, n: u64) {
        self.deferred.accept(n);
    }

    /// Makes the fate of `n` accepted records known. They were accepted on this thread, or on one that handed them over.
    #[inline]
    pub(crate) fn resolve(&self, fate: Fate, n: u64) {
        self.deferred.resolve(fate, n);
    }

    /// Counts those records as dropped, and not as written, that the output says it has dropped after it took them. Called once.
    #[cfg(feature = "appender")]
    pub(crate) fn count_dropped_behind(&self, count: impl Fn() -> u64 + Send + Sync + 'static) {
        let _ = self.dropped_behind.0.set(Box::new(count));
    }

    /// Returns the counts at this moment.
    pub(crate) fn ledger(&self) -> Ledger {
        let deferred = self.deferred.ledger_with(|| 0);
        let immediate = self.immediate.read(Ordering::Relaxed);
        let written = deferred.written + immediate.written;
        // Not more than were written: the output may count a record that it has not returned from taking yet.
        let behind = self.dropped_behind.0.get().map_or(0, |count| count().min(written));
        Ledger {
            accepted: deferred.accepted + immediate.written + immediate.dropped + immediate.failed,
            written: written - behind,
            dropped: deferred.dropped + immediate.dropped + behind,
            failed: deferred.failed + immediate.failed,
            ..deferred
        }
    }
}

impl DeferredCounters {
    /// Counts `n` accepted records, whose fate [`resolve`](DeferredCounters::resolve) makes known later.
    #[inline]
    pub(crate) fn accept(&self, n: u64) {
        // Relaxed: it needs to be ordered only before the `resolve` of the same records, and the queue that hands them over does that.
        self.accepted.fetch_add(n, Ordering::Relaxed);
    }

    /// Makes the fate of `n` accepted records known. They were accepted on this thread, or on one that handed them over.
    #[inline]
    pub(crate) fn resolve(&self, fate: Fate, n: u64) {
        // Release: see `ledger_with`.
        self.fates.of(fate).fetch_add(n, Ordering::Release);
    }

    /// Returns the counts at this moment, with records that were accepted elsewhere and whose fate is counted here.
    pub(crate) fn ledger_with(&self, accepted_elsewhere: impl FnOnce() -> u64) -> Ledger {
        // The fates first, with Acquire, and the accepted records after them: the `accept` of every record whose `resolve` we see happened
        // before that `resolve`, so the count that we read last includes it. In the other order, or with weaker orderings, a record that
        // is accepted and resolved between the two reads would make `pending` negative.
        let fates = self.fates.read(Ordering::Acquire);
        let accepted = self.accepted.load(Ordering::Relaxed) + accepted_elsewhere();
        let resolved = fates.written + fates.dropped + fates.failed;
        Ledger { accepted, pending: accepted.saturating_sub(resolved), ..fates }
    }
}

impl FateCounters {
    fn read(&self, ordering: Ordering) -> Ledger {
        Ledger {
            written: self.written.load(ordering),
            dropped: self.dropped.load(ordering),
            failed: self.failed.load(ordering),
            ..Ledger::default()
        }
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;

#[cfg(all(test, logscope_loom))]
mod loom_tests;
