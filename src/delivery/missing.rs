//! The records that are missing from a log, and that no notice in the log counts yet.
//!
//! All threads that deliver to an output share one [`Missing`] for each kind of notice. The thread that delivers next *claims* all losses and
//! writes a notice that counts them. Then it confirms the claim. If the notice could not be written, the thread drops the claim, which puts
//! the losses back. This keeps three promises, at any interleaving:
//!
//! - exactly one notice counts each loss, or the loss is still to be counted;
//! - a notice names the owner of the losses that it counts, and of no others;
//! - an outage is reported once. It lasts from a loss until notices in the log count every loss. If stderr does not take the report, a later loss repeats
//!   it: see `reports`.
//!
//! Losses are rare, and each time that something happens to them a `write` follows, so a lock guards them, and the event path reads only
//! a hint. Two threads that deliver at the same moment can write their records in either order, so a record of another thread can stand
//! before the notice that this thread is about to write.
//!
//! A forked child has losses of its own, and a lock of its own, which its threads share as those of its parent do. It leaves the parent's losses
//! to the parent, which writes the notices about them. A thread that forks while it has a claim still has it in the child, where it settles
//! nothing.

use std::mem::{self, ManuallyDrop};
use std::ptr;
use std::time::{Duration, Instant};

use crate::limits::CONTEXT_FORK_GENERATIONS;
use crate::process::ForkLocal;
use crate::record::{ContextInfo, Record};
use crate::sync::Ordering;
use crate::sync::model::{AtomicBool, Mutex};

mod reports;

pub(crate) use reports::DueReport;
use reports::Reports;

/// The losses of one kind, failed or dropped, that no notice counts yet.
pub(crate) struct Missing {
    /// Whether losses can be claimed: a hint. It is written under the lock, so its last value is always the right one. A forked child starts
    /// with that of its parent, until one of its threads claims or loses something.
    has_unclaimed: AtomicBool,
    losses: ForkLocal<Mutex<Losses>, CONTEXT_FORK_GENERATIONS>,
}

#[derive(Debug)]
struct Losses {
    /// How many losses no thread has claimed.
    unclaimed: u64,
    /// How many losses threads have claimed, and are about to write notices for, or whose notices wait in a queue.
    claimed: u64,
    /// The owner of the unclaimed losses. Not dropped with this: see [`ForkLocal`].
    owner: ManuallyDrop<Owner>,
    reports: Reports,
}

/// The contexts that lost records.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Owner {
    /// There are no losses.
    Nobody,
    /// One context, or contexts that were derived from it and share its id.
    One {
        id: u64,
        name: String,
        /// The elapsed time of the last loss, by the clock of that context.
        elapsed: Duration,
    },
    /// Several contexts.
    Several,
}

/// Records that a context lost at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loss<'a> {
    pub(crate) count: u64,
    pub(crate) context: &'a ContextInfo,
    pub(crate) elapsed: Duration,
}

impl<'a> Loss<'a> {
    /// Returns the loss of `record`.
    pub(crate) fn of(record: &'a Record<'_>) -> Self {
        Loss { count: 1, context: record.context(), elapsed: record.elapsed() }
    }
}

impl Owner {
    /// Adds the context of `loss`. Returns the owner before, to be dropped outside the lock; `None` if a `name` is needed.
    fn add(&mut self, loss: Loss<'_>, name: &mut Option<String>) -> Option<Owner> {
        match self {
            Owner::Nobody => {
                let name = name.take()?;
                Some(mem::replace(self, Owner::One { id: loss.context.id(), name, elapsed: loss.elapsed }))
            }
            Owner::One { id, elapsed, .. } if *id == loss.context.id() => {
                *elapsed = loss.elapsed;
                Some(Owner::Nobody)
            }
            Owner::One { .. } | Owner::Several => Some(mem::replace(self, Owner::Several)),
        }
    }

    /// Adds the owner of `newer` losses. Returns what is left over, to be dropped outside the lock.
    fn join(&mut self, newer: Owner) -> [Owner; 2] {
        let (joined, left) = match (mem::replace(self, Owner::Nobody), newer) {
            (Owner::Nobody, owner) | (owner, Owner::Nobody) => (owner, [Owner::Nobody, Owner::Nobody]),
            (older @ Owner::One { .. }, newer @ Owner::One { .. }) if older.id() == newer.id() => {
                (newer, [older, Owner::Nobody])
            }
            (older, newer) => (Owner::Several, [older, newer]),
        };
        *self = joined;
        left
    }

    fn id(&self) -> Option<u64> {
        if let Owner::One { id, .. } = self { Some(*id) } else { None }
    }
}

impl Losses {
    const NONE: Losses =
        Losses { unclaimed: 0, claimed: 0, owner: ManuallyDrop::new(Owner::Nobody), reports: Reports::NONE };
}

impl Missing {
    pub(crate) fn new() -> Self {
        let losses = ForkLocal::made_here(Mutex::new(Losses::NONE), |_| Mutex::new(Losses::NONE));
        Missing { has_unclaimed: AtomicBool::new(false), losses }
    }

    /// True if there are losses to claim. The event path asks this before each record.
    #[inline]
    pub(crate) fn has_unclaimed(&self) -> bool {
        // Relaxed: only a hint. A thread always sees its own losses; those of another thread are claimed by the first thread that sees them.
        self.has_unclaimed.load(Ordering::Relaxed)
    }

    /// Adds a loss. If a report of the outage is due, the caller writes it. If it cannot, it tells [`refused`](Missing::refused).
    #[cold]
    pub(crate) fn add(&self, loss: Loss<'_>) -> Option<DueReport> {
        self.add_to(self.losses.get_made(), loss, Instant::now())
    }

    fn add_to(&self, losses: &Mutex<Losses>, loss: Loss<'_>, now: Instant) -> Option<DueReport> {
        let mut name = None;
        loop {
            let added = self.update(losses, |losses| {
                let replaced = losses.owner.add(loss, &mut name)?;
                // Looked at in the same hold of the lock in which the loss is added: otherwise two losses at the same moment would both
                // begin the outage.
                let begins = losses.unclaimed + losses.claimed == 0;
                losses.unclaimed += loss.count;
                Some((losses.reports.due(begins, now), replaced))
            });
            if let Some((due, _replaced)) = added {
                return due;
            }
            // Allocated outside the lock: the global allocator may log, and that record may be lost, too.
            name = Some(loss.context.name().to_owned());
        }
    }

    /// Notes that stderr did not take a report that was due.
    #[cold]
    pub(crate) fn refused(&self, due: DueReport) {
        self.update(self.losses.get_made(), |losses| losses.reports.refused(due));
    }

    /// Claims all unclaimed losses, if there are any. Dropping the claim puts them back.
    #[cold]
    pub(crate) fn claim(&self) -> Option<MissingClaim<'_>> {
        self.claim_from(self.losses.get_made())
    }

    fn claim_from<'a>(&'a self, from: &'a Mutex<Losses>) -> Option<MissingClaim<'a>> {
        // In one hold of the lock: otherwise a loss that is added between reading and zeroing would vanish, and two threads could claim
        // the same losses.
        self.update(from, |losses| {
            let count = mem::take(&mut losses.unclaimed);
            losses.claimed += count;
            let owner = mem::replace(&mut *losses.owner, Owner::Nobody);
            (count != 0).then_some(MissingClaim { missing: self, losses: from, count, owner })
        })
    }

    /// Notes that the notice about so many losses has left its queue: it is in the log, or another one will count them. See
    /// [`MissingClaim::enqueued`].
    #[cold]
    pub(crate) fn confirm_enqueued(&self, count: u64) {
        self.update(self.losses.get_made(), |losses| losses.claimed = losses.claimed.saturating_sub(count));
    }

    /// Returns how many losses no notice in the log counts yet.
    #[cold]
    pub(crate) fn count(&self) -> u64 {
        self.update(self.losses.get_made(), |losses| losses.unclaimed + losses.claimed)
    }

    /// True if the last outage counts as reported.
    #[cfg(all(test, not(logscope_loom)))]
    pub(super) fn is_reported(&self) -> bool {
        self.losses.get_made().lock().reports.is_reported
    }

    /// Ends the outage: no notice needs to count the losses.
    pub(crate) fn forget(&self) {
        if self.has_unclaimed()
            && let Some(claim) = self.claim()
        {
            claim.confirm();
        }
    }

    /// Changes the losses, and the hint with them. `change` must run no code of the program, and neither allocate nor free: the lock is held,
    /// and the global allocator may log.
    fn update<R>(&self, losses: &Mutex<Losses>, change: impl FnOnce(&mut Losses) -> R) -> R {
        let losses = &mut *losses.lock();
        let result = change(losses);
        // Relaxed: see `has_unclaimed`. Under the lock: otherwise two threads could store their hints in the wrong order, and the last value
        // would hide a loss.
        self.has_unclaimed.store(losses.unclaimed != 0, Ordering::Relaxed);
        result
    }
}

// Not in models: loom's locks cannot be taken while a panic unwinds.
#[cfg(not(logscope_loom))]
impl Drop for Missing {
    fn drop(&mut self) {
        self.forget();
    }
}

/// Losses that this thread has claimed, and is about to write a notice for.
#[must_use = "a claim that is dropped puts the losses back"]
pub(crate) struct MissingClaim<'a> {
    missing: &'a Missing,
    /// Where the losses were claimed.
    losses: &'a Mutex<Losses>,
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

    /// Confirms that a notice in the log counts the losses. If there are no others, the outage is over.
    pub(crate) fn confirm(mut self) {
        let count = mem::take(&mut self.count);
        self.settle(|losses| losses.claimed -= count);
    }

    /// Leaves the losses claimed, because their notice is in a queue: the outage lasts until it has left that. A writer thread may have called
    /// [`Missing::confirm_enqueued`] already.
    pub(crate) fn enqueued(mut self) {
        self.count = 0;
        drop(mem::replace(&mut self.owner, Owner::Nobody));
    }

    /// Changes the losses, unless this process is a forked child that has inherited the claim: the losses are the parent's.
    fn settle<R>(&self, change: impl FnOnce(&mut Losses) -> R) -> Option<R> {
        ptr::eq(self.losses, self.missing.losses.get_made()).then(|| self.missing.update(self.losses, change))
    }
}

impl Drop for MissingClaim<'_> {
    fn drop(&mut self) {
        if self.count != 0 {
            let (count, owner) = (self.count, mem::replace(&mut self.owner, Owner::Nobody));
            let _left = self.settle(|losses| {
                losses.claimed -= count;
                losses.unclaimed += count;
                // Losses that were added since the claim are newer.
                let newer = mem::replace(&mut *losses.owner, owner);
                losses.owner.join(newer)
            });
        }
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;

#[cfg(all(test, logscope_loom))]
mod loom_tests;
