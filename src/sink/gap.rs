//! Records that are missing from a log and of which the log does not say so yet.
//!
//! A [`Gap`] is shared by every thread that delivers to an output. Whoever delivers next *claims* all losses, states them in the
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
pub(super) struct Gap {
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
pub(super) enum Owner {
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
    pub(super) fn of(record: &'a Record<'_>) -> Self {
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

impl Gap {
    pub(super) fn new() -> Self {
        let losses = Losses { unclaimed: 0, claimed: 0, owner: Owner::Nobody };
        Gap { open: AtomicBool::new(false), losses: Mutex::new(losses) }
    }

    /// True if there is something to state: what the event path asks before each record.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        // Relaxed: only a hint. A loss of this thread's own is seen, one of another thread is stated by whoever sees it.
        self.open.load(Ordering::Relaxed)
    }

    /// Counts a loss. True if it begins an outage, which is then to be told.
    #[cold]
    pub(super) fn add(&self, loss: Loss<'_>) -> bool {
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
    pub(super) fn claim(&self) -> Option<Claim<'_>> {
        // In one hold of the lock: a loss counted between reading and zeroing would vanish, and two claimers would both state the
        // same losses.
        self.with(|losses| {
            let count = mem::take(&mut losses.unclaimed);
            losses.claimed += count;
            let owner = mem::replace(&mut losses.owner, Owner::Nobody);
            (count != 0).then_some(Claim { gap: self, count, owner })
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
pub(super) struct Claim<'a> {
    gap: &'a Gap,
    count: u64,
    owner: Owner,
}

impl Claim<'_> {
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The losses were stated in the log. If there are no others, the outage is over.
    pub(super) fn stated(mut self) {
        let count = mem::take(&mut self.count);
        self.gap.with(|losses| losses.claimed -= count);
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if self.count != 0 {
            let (count, owner) = (self.count, mem::replace(&mut self.owner, Owner::Nobody));
            self.gap.with(|losses| {
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
mod tests {
    use super::*;

    /// `count` losses of the context with this id, `seconds` after its origin.
    fn lose(gap: &Gap, count: u64, id: u64, seconds: u64) -> bool {
        let context = ContextInfo::new(format!("context {id}"), id, Vec::new());
        gap.add(Loss { count, context: &context, elapsed: Duration::from_secs(seconds) })
    }

    fn one(id: u64, seconds: u64) -> Owner {
        Owner::One { id, name: format!("context {id}"), elapsed: Duration::from_secs(seconds) }
    }

    #[test]
    fn losses_are_claimed_once_and_put_back_unless_stated() {
        let gap = Gap::new();
        assert!(!gap.is_open());
        assert!(gap.claim().is_none());
        assert!(lose(&gap, 2, 1, 0), "the first loss begins an outage");
        assert!(!lose(&gap, 1, 1, 0));
        let claim = gap.claim().unwrap();
        assert_eq!(claim.count(), 3);
        assert!(gap.claim().is_none() && !gap.is_open());
        assert!(!lose(&gap, 4, 1, 0), "an outage goes on while its losses are claimed");
        drop(claim);
        assert!(gap.is_open());
        let claim = gap.claim().unwrap();
        assert_eq!(claim.count(), 7);
        claim.stated();
        assert!(!gap.is_open());
        assert!(lose(&gap, 1, 1, 0), "a loss after the statement begins another outage");
    }

    #[test]
    fn an_outage_goes_on_until_every_loss_is_stated() {
        let gap = Gap::new();
        assert!(lose(&gap, 1, 1, 0));
        let first = gap.claim().unwrap();
        assert!(!lose(&gap, 1, 1, 0));
        let second = gap.claim().unwrap();
        first.stated();
        assert!(!lose(&gap, 1, 1, 0), "the second claim is not stated yet");
        drop(second);
        assert!(!lose(&gap, 1, 1, 0), "nor are these");
        gap.claim().unwrap().stated();
        assert!(lose(&gap, 1, 1, 0));
    }

    #[test]
    fn losses_are_those_of_one_context_or_of_several() {
        let gap = Gap::new();
        let claimed = || gap.claim().map(|claim| claim.owner().clone());
        for (id, seconds) in [(1, 5), (1, 6)] {
            lose(&gap, 1, id, seconds);
            assert_eq!(claimed(), Some(one(id, seconds)));
        }
        let claim = gap.claim().unwrap();
        lose(&gap, 1, 1, 7);
        drop(claim);
        assert_eq!(claimed(), Some(one(1, 7)), "what was lost since is newer than what is put back");
        lose(&gap, 1, 2, 8);
        assert_eq!(claimed(), Some(Owner::Several));
        lose(&gap, 1, 2, 9);
        let claim = gap.claim().unwrap();
        assert_eq!((claim.owner(), claim.count()), (&Owner::Several, 5));
        claim.stated();
        lose(&gap, 1, 2, 10);
        assert_eq!(claimed(), Some(one(2, 10)), "what is stated is forgotten");
    }
}

#[cfg(all(test, logscope_loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    /// Counts one loss of the context with this id.
    fn lose(gap: &Gap, id: u64, add: fn(&Gap, Loss<'_>) -> bool) -> bool {
        let context = ContextInfo::new(String::new(), id, Vec::new());
        add(gap, Loss { count: 1, context: &context, elapsed: Duration::ZERO })
    }

    /// One delivery: claims, states or puts back, and loses a record if the output fails. Returns what it stated.
    fn deliver(gap: &Gap, claim: impl Fn(&Gap) -> Option<Claim<'_>>, fails: bool) -> u64 {
        let mut stated = 0;
        if gap.is_open()
            && let Some(claim) = claim(gap)
            && !fails
        {
            stated = claim.count();
            claim.stated();
        }
        if fails {
            lose(gap, 1, Gap::add);
        }
        stated
    }

    /// Two threads on an output that has lost a record: one recovers and then fails, the other only recovers.
    fn each_loss_is_stated_once(claim: fn(&Gap) -> Option<Claim<'_>>) {
        loom::model(move || {
            let gap = Arc::new(Gap::new());
            lose(&gap, 1, Gap::add);
            let other = {
                let gap = Arc::clone(&gap);
                thread::spawn(move || deliver(&gap, claim, false) + deliver(&gap, claim, true))
            };
            let mut stated = deliver(&gap, claim, false);
            stated += other.join().unwrap();
            assert_eq!(gap.is_open(), gap.losses.lock().unclaimed != 0, "the hint is wrong");
            stated += gap.losses.lock().unclaimed;
            assert_eq!(stated, 2, "a loss was stated twice or not at all");
        });
    }

    /// A thread loses a record while another fails to state one: the outage goes on, or is over and begins anew once.
    fn an_outage_is_told_once(add: fn(&Gap, Loss<'_>) -> bool, fails: bool) {
        loom::model(move || {
            let gap = Arc::new(Gap::new());
            let failing = {
                let gap = Arc::clone(&gap);
                thread::spawn(move || u64::from(lose(&gap, 1, add)))
            };
            let mut told = u64::from(lose(&gap, 2, add));
            let claim = gap.claim();
            let over = claim.is_some() && !fails;
            let ours = claim.map_or(0, |claim| {
                let count = claim.count();
                if !fails {
                    claim.stated();
                }
                count
            });
            told += failing.join().unwrap();
            // The other loss is in the outage that we ended, or it came after and began the next one.
            let outages = if over && ours == 1 && told == 2 { 2 } else { 1 };
            assert_eq!(told, outages, "an outage was told twice or not at all");
            let again = lose(&gap, 1, add);
            assert_eq!(again, over && gap.losses.lock().unclaimed == 1, "what is not stated is still the same outage");
        });
    }

    fn claim_in_two_holds(gap: &Gap) -> Option<Claim<'_>> {
        let count = gap.losses.lock().unclaimed;
        gap.with(|losses| {
            losses.unclaimed = 0;
            losses.claimed += count;
        });
        (count != 0).then_some(Claim { gap, count, owner: Owner::Nobody })
    }

    fn claim_that_hints_later(gap: &Gap) -> Option<Claim<'_>> {
        let mut losses = gap.losses.lock();
        let count = mem::take(&mut losses.unclaimed);
        losses.claimed += count;
        drop(losses);
        gap.open.store(false, Ordering::Relaxed);
        (count != 0).then_some(Claim { gap, count, owner: Owner::Nobody })
    }

    fn add_in_two_holds(gap: &Gap, loss: Loss<'_>) -> bool {
        let losses = gap.losses.lock();
        let first = losses.unclaimed + losses.claimed == 0;
        drop(losses);
        gap.add(loss);
        first
    }

    /// As [`Gap::add`], but for losses that are claimed: they are taken for stated.
    fn add_without_the_claimed(gap: &Gap, loss: Loss<'_>) -> bool {
        let first = !gap.is_open();
        gap.add(loss);
        first
    }

    #[test]
    fn loom_each_loss_is_stated_once() {
        each_loss_is_stated_once(Gap::claim);
    }

    #[test]
    #[should_panic(expected = "stated twice or not at all")]
    fn loom_a_claim_in_two_holds_loses_or_repeats() {
        each_loss_is_stated_once(claim_in_two_holds);
    }

    #[test]
    #[should_panic(expected = "the hint is wrong")]
    fn loom_a_hint_that_is_given_after_the_lock_hides_a_loss() {
        each_loss_is_stated_once(claim_that_hints_later);
    }

    #[test]
    fn loom_an_outage_is_told_once() {
        an_outage_is_told_once(Gap::add, false);
        an_outage_is_told_once(Gap::add, true);
    }

    #[test]
    #[should_panic(expected = "told twice or not at all")]
    fn loom_a_loss_in_two_holds_is_told_twice() {
        an_outage_is_told_once(add_in_two_holds, true);
    }

    #[test]
    #[should_panic(expected = "told twice or not at all")]
    fn loom_a_claim_that_ends_the_outage_has_it_told_twice() {
        an_outage_is_told_once(add_without_the_claimed, true);
    }
}
