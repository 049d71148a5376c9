//! What became of the records: exact counts that can be read at any moment.
//!
//! A direct output knows at once what became of a record, a queue only later, so a [`Ledger`] counts the two apart:
//!
//! - what was settled in the call that delivered it: one counter per fate, one addition per record;
//! - what was accepted and is settled later: a counter of the accepted, and one counter per fate.
//!
//! All counters only grow, and `accepted` is derived: the sum of the first group plus the accepted of the second. So the
//! equation `accepted = written + dropped + failed + pending` holds in every reading by construction, and what is left to
//! prove is that `pending`, a difference of counters, is never negative: see [`Ledger::outcome`].

use super::Outcome;
use crate::sync::Ordering;
use crate::sync::model::AtomicU64;

/// What became of one record at one sink.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fate {
    /// The output took it.
    Written,
    /// It was given up before it reached the output.
    Dropped,
    /// The output refused it.
    Failed,
}

/// The counters of a sink or of a context.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Settled in the call that delivered them.
    at_once: Fates,
    /// Settled some time after they were accepted.
    later: Fates,
    /// What `later` will come to.
    accepted: AtomicU64,
}

#[derive(Debug, Default)]
struct Fates {
    written: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl Fates {
    fn of(&self, fate: Fate) -> &AtomicU64 {
        match fate {
            Fate::Written => &self.written,
            Fate::Dropped => &self.dropped,
            Fate::Failed => &self.failed,
        }
    }
}

impl Ledger {
    /// Counts `n` records that were accepted and settled in the same call.
    #[inline]
    pub(crate) fn count(&self, fate: Fate, n: u64) {
        // Relaxed: each of these counters stands alone. Who must see a count has synchronised with the call in another way.
        self.at_once.of(fate).fetch_add(n, Ordering::Relaxed);
    }

    /// Counts `n` records whose fate [`resolve`](Ledger::resolve) will tell.
    #[inline]
    pub(crate) fn accept(&self, n: u64) {
        // Relaxed: ordered before its own `resolve` by whatever hands the record over (a queue), and that is all it needs.
        self.accepted.fetch_add(n, Ordering::Relaxed);
    }

    /// Tells the fate of `n` records that were accepted before, on this thread or on one that handed them over.
    pub(crate) fn resolve(&self, fate: Fate, n: u64) {
        // Release: see `outcome`.
        self.later.of(fate).fetch_add(n, Ordering::Release);
    }

    /// The counts at this moment.
    pub(crate) fn outcome(&self) -> Outcome {
        self.outcome_besides(|| 0)
    }

    /// The counts at this moment, where deliveries whose fate is told here are also counted elsewhere as accepted.
    pub(crate) fn outcome_besides(&self, accepted_elsewhere: impl FnOnce() -> u64) -> Outcome {
        // The fates first and with Acquire, the accepted last: the `accept` of every record whose `resolve` we see happened
        // before that `resolve`, so it is in the count that we read now. In the other order, or with weaker orderings, a
        // record that is accepted and settled between the two readings would make `pending` negative.
        let later = self.later.read(Ordering::Acquire);
        let accepted = self.accepted.load(Ordering::Relaxed) + accepted_elsewhere();
        let at_once = self.at_once.read(Ordering::Relaxed);
        let settled = later.written + later.dropped + later.failed;
        Outcome {
            accepted: accepted + at_once.written + at_once.dropped + at_once.failed,
            written: later.written + at_once.written,
            dropped: later.dropped + at_once.dropped,
            failed: later.failed + at_once.failed,
            pending: accepted.saturating_sub(settled),
            unflushed: false,
        }
    }
}

impl Fates {
    fn read(&self, ordering: Ordering) -> Outcome {
        Outcome {
            written: self.written.load(ordering),
            dropped: self.dropped.load(ordering),
            failed: self.failed.load(ordering),
            ..Outcome::default()
        }
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;

#[cfg(all(test, logscope_loom))]
mod loom_tests;
