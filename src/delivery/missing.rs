//! Records that are missing from a log and of which the log does not say so yet.
//!
//! A [`Missing`] is shared by every thread that delivers to an output. Whoever delivers next *claims* all losses, states them in the
//! log, and either settles the claim or, when the notice could not be written either, puts them back. What this keeps, whatever
//! the interleaving: each loss is stated exactly once or is still counted; whose losses they are is told of those that are stated,
//! and of no others; and an outage is told once, where an outage lasts from a loss until every loss is stated.
//!
//! Losses are rare and whatever happens to them is followed by a `write`, so they are counted under a lock, and only a hint is
//! read on the event path. Two threads that deliver at the same moment may write their records in either order, as always, so a
//! record of another thread can stand before the notice that this thread is about to write.

use std::mem;
use std::time::Duration;

use crate::record::{ContextInfo, Record};
use crate::sync::Ordering;
use crate::sync::model::{AtomicBool, Mutex};

/// The losses of one kind that are still to be stated.
#[derive(Debug)]
pub(crate) struct Missing {
    /// There is something to claim. Written under the lock, so that it always comes to rest at what is true.
    open: AtomicBool,
    losses: Mutex<Losses>,
}

#[derive(Debug)]
struct Losses {
    /// Nobody has claimed these.
    unclaimed: u64,
    /// Some thread is about to state these.
    claimed: u64,
    /// Whose the unclaimed ones are.
    owner: Owner,
}

/// Whose losses these are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Owner {
    /// There are none.
    Nobody,
    /// All of one context, and of those that were derived from it.
    One {
        id: u64,
        name: String,
        /// The elapsed time of the last of them, by the clock of that context.
        elapsed: Duration,
    },
    /// Of several contexts.
    Several,
}

/// What was lost, and by whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loss<'a> {
    pub(crate) count: u64,
    pub(crate) context: &'a ContextInfo,
    pub(crate) elapsed: Duration,
}

impl<'a> Loss<'a> {
    /// The loss of one record.
    pub(crate) fn of(record: &'a Record<'_>) -> Self {
        Loss { count: 1, context: record.context(), elapsed: record.elapsed() }
    }
}

impl Owner {
    /// Counts the owner of `loss` in.
    fn add(&mut self, loss: Loss<'_>) {
        match self {
            Owner::Nobody => {
                let name = loss.context.name().to_owned();
                *self = Owner::One { id: loss.context.id(), name, elapsed: loss.elapsed };
            }
            Owner::One { id, elapsed, .. } if *id == loss.context.id() => *elapsed = loss.elapsed,
            Owner::One { .. } | Owner::Several => *self = Owner::Several,
        }
    }

    /// Makes these losses those of `newer` too.
    fn join(&mut self, newer: Owner) {
        let joined = match (mem::replace(self, Owner::Nobody), newer) {
            (Owner::Nobody, owner) | (owner, Owner::Nobody) => owner,
            (Owner::One { id, .. }, Owner::One { id: newer, name, elapsed }) if id == newer => {
                Owner::One { id, name, elapsed }
            }
            _ => Owner::Several,
        };
        *self = joined;
    }
}

impl Missing {
    pub(crate) fn new() -> Self {
        let losses = Losses { unclaimed: 0, claimed: 0, owner: Owner::Nobody };
        Missing { open: AtomicBool::new(false), losses: Mutex::new(losses) }
    }

    /// True if there is something to state: what the event path asks before each record.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        // Relaxed: only a hint. A loss of this thread's own is seen, one of another thread is stated by whoever sees it.
        self.open.load(Ordering::Relaxed)
    }

    /// Counts a loss. True if it begins an outage, which is then to be told.
    #[cold]
    pub(crate) fn add(&self, loss: Loss<'_>) -> bool {
        self.with(|losses| {
            // In one hold of the lock with the count: two losses at the same moment would otherwise both begin the outage.
            let first = losses.unclaimed + losses.claimed == 0;
            losses.unclaimed += loss.count;
            losses.owner.add(loss);
            first
        })
    }

    /// Takes what is to be stated, if there is anything. Dropping the claim puts it back.
    #[cold]
    pub(crate) fn claim(&self) -> Option<MissingClaim<'_>> {
        // In one hold of the lock: a loss counted between reading and zeroing would vanish, and two claimers would both state the
        // same losses.
        self.with(|losses| {
            let count = mem::take(&mut losses.unclaimed);
            losses.claimed += count;
            let owner = mem::replace(&mut losses.owner, Owner::Nobody);
            (count != 0).then_some(MissingClaim { missing: self, count, owner })
        })
    }

    /// Changes the losses, and the hint with them. No code of the program's runs in `change`.
    fn with<R>(&self, change: impl FnOnce(&mut Losses) -> R) -> R {
        let losses = &mut *self.losses.lock();
        let result = change(losses);
        // Relaxed: see `is_open`. Under the lock: a hint that two threads wrote in the other order could stay closed over a loss.
        self.open.store(losses.unclaimed != 0, Ordering::Relaxed);
        result
    }
}

/// Losses that this thread is about to state.
#[derive(Debug)]
#[must_use = "a claim that is dropped puts the losses back"]
pub(crate) struct MissingClaim<'a> {
    missing: &'a Missing,
    count: u64,
    owner: Owner,
}

impl MissingClaim<'_> {
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The losses were stated in the log. If there are no others, the outage is over.
    pub(crate) fn stated(mut self) {
        let count = mem::take(&mut self.count);
        self.missing.with(|losses| losses.claimed -= count);
    }
}

impl Drop for MissingClaim<'_> {
    fn drop(&mut self) {
        if self.count != 0 {
            let (count, owner) = (self.count, mem::replace(&mut self.owner, Owner::Nobody));
            self.missing.with(|losses| {
                losses.claimed -= count;
                losses.unclaimed += count;
                // What was lost since is newer.
                let newer = mem::replace(&mut losses.owner, owner);
                losses.owner.join(newer);
            });
        }
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;

#[cfg(all(test, logscope_loom))]
mod loom_tests;
