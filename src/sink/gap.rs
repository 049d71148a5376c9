//! Records that are missing from a log and of which the log does not say so yet.
//!
//! A [`Gap`] is shared by every thread that delivers to an output. Whoever delivers next *claims* the whole count, states it
//! in the log, and either settles the claim or, when the notice could not be written either, puts the count back. What this
//! keeps, whatever the interleaving: each loss is stated exactly once or is still in the count, and an outage is told once.
//!
//! Two threads that deliver at the same moment may write their records in either order, as always, so a record of another
//! thread can stand before the notice that this thread is about to write.

use crate::sync::Ordering;
use crate::sync::model::{AtomicBool, AtomicU64};

/// The losses of one kind that are still to be stated.
#[derive(Debug)]
pub(super) struct Gap {
    /// Losses that nobody has claimed.
    count: AtomicU64,
    /// Whether the present outage has been told on the fallback. Set before a loss is counted, cleared after it is stated.
    told: AtomicBool,
}

impl Gap {
    pub(super) fn new() -> Self {
        Gap { count: AtomicU64::new(0), told: AtomicBool::new(false) }
    }

    /// True if there is something to state: what the event path asks before each record.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        // Relaxed: only a hint. A loss of this thread's own is seen, one of another thread is stated by whoever sees it.
        self.count.load(Ordering::Relaxed) != 0
    }

    /// Counts `losses`. True if they begin an outage, which is then to be told.
    #[cold]
    pub(super) fn add(&self, losses: u64) -> bool {
        // Relaxed: ordered by the count below.
        let first = !self.told.swap(true, Ordering::Relaxed);
        // Release, with the claim's Acquire: the claimer's `told = false` comes after our `told = true`. If it could come
        // before, the flag would stay set after the outage ended, and the next outage would not be told.
        self.count.fetch_add(losses, Ordering::Release);
        first
    }

    /// Takes what is to be stated, if there is anything. Dropping the claim puts it back.
    #[cold]
    pub(super) fn claim(&self) -> Option<Claim<'_>> {
        // One swap, not a load and a store: a loss counted between the two would vanish, and two claimers would both state
        // the same losses. Acquire: see `add`.
        match self.count.swap(0, Ordering::Acquire) {
            0 => None,
            count => Some(Claim { gap: self, count }),
        }
    }
}

/// Losses that this thread is about to state.
#[derive(Debug)]
#[must_use = "a claim that is dropped puts the losses back"]
pub(super) struct Claim<'a> {
    gap: &'a Gap,
    count: u64,
}

impl Claim<'_> {
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The losses were stated in the log: they are settled, and the outage is over.
    pub(super) fn stated(mut self) {
        self.count = 0;
        // Relaxed: the losses of this claim were counted after the flag was set, and the claim saw them.
        self.gap.told.store(false, Ordering::Relaxed);
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if self.count != 0 {
            // Release: passes on what the claim acquired, for the claimer that takes these losses next.
            self.gap.count.fetch_add(self.count, Ordering::Release);
        }
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests {
    use super::*;

    #[test]
    fn losses_are_claimed_once_and_put_back_unless_stated() {
        let gap = Gap::new();
        assert!(!gap.is_open());
        assert!(gap.claim().is_none());
        assert!(gap.add(2), "the first loss begins an outage");
        assert!(!gap.add(1));
        let claim = gap.claim().unwrap();
        assert_eq!(claim.count(), 3);
        assert!(gap.claim().is_none() && !gap.is_open());
        assert!(!gap.add(4), "an outage goes on while its losses are claimed");
        drop(claim);
        let claim = gap.claim().unwrap();
        assert_eq!(claim.count(), 7);
        claim.stated();
        assert!(!gap.is_open());
        assert!(gap.add(1), "a loss after the statement begins another outage");
    }
}

#[cfg(all(test, logscope_loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

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
            gap.add(1);
        }
        stated
    }

    /// Two threads on an output that has lost a record: one recovers and then fails, the other only recovers.
    fn each_loss_is_stated_once(claim: fn(&Gap) -> Option<Claim<'_>>) {
        loom::model(move || {
            let gap = Arc::new(Gap::new());
            gap.add(1);
            let other = {
                let gap = Arc::clone(&gap);
                thread::spawn(move || deliver(&gap, claim, false) + deliver(&gap, claim, true))
            };
            let mut stated = deliver(&gap, claim, false);
            stated += other.join().unwrap();
            stated += gap.count.load(Ordering::Relaxed);
            assert_eq!(stated, 2, "a loss was stated twice or not at all");
        });
    }

    /// A thread loses a record while another states what it finds: once all is stated, the next outage is told.
    fn the_next_outage_is_told(claim: fn(&Gap) -> Option<Claim<'_>>) {
        loom::model(move || {
            let gap = Arc::new(Gap::new());
            let failing = {
                let gap = Arc::clone(&gap);
                thread::spawn(move || gap.add(1))
            };
            let stated = deliver(&gap, claim, false);
            assert!(failing.join().unwrap());
            assert_eq!(stated == 1, !gap.told.load(Ordering::Relaxed), "told and stated disagree");
        });
    }

    fn claim_in_two_steps(gap: &Gap) -> Option<Claim<'_>> {
        let count = gap.count.load(Ordering::Acquire);
        gap.count.store(0, Ordering::Release);
        (count != 0).then_some(Claim { gap, count })
    }

    fn claim_relaxed(gap: &Gap) -> Option<Claim<'_>> {
        let count = gap.count.swap(0, Ordering::Relaxed);
        (count != 0).then_some(Claim { gap, count })
    }

    #[test]
    fn loom_each_loss_is_stated_once() {
        each_loss_is_stated_once(Gap::claim);
    }

    #[test]
    #[should_panic(expected = "stated twice or not at all")]
    fn loom_a_claim_in_two_steps_loses_or_repeats() {
        each_loss_is_stated_once(claim_in_two_steps);
    }

    #[test]
    fn loom_the_next_outage_is_told() {
        the_next_outage_is_told(Gap::claim);
    }

    #[test]
    #[should_panic(expected = "told and stated disagree")]
    fn loom_a_relaxed_claim_leaves_the_outage_told() {
        the_next_outage_is_told(claim_relaxed);
    }
}
