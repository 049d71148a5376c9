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

use std::fmt;

use crate::error::{Error, Kind};
use crate::sync::Ordering;
use crate::sync::model::AtomicU64;

/// What became of the records that were delivered: the reading of a ledger.
///
/// At any moment, `accepted = written + dropped + failed + pending`, exactly. A ledger counts deliveries: a record that goes
/// to two sinks counts twice. The notices in which a sink states what is missing are not counted. All counts are of the whole life of
/// the sink, the context or the process; [`since`](Outcome::since) gives those of a part of it.
///
/// ```
/// let outcome = logscope::sink::null().ledger();
/// assert!(outcome.is_complete());
/// assert_eq!(outcome.to_string(), "0 accepted: 0 written, 0 dropped, 0 failed, 0 pending");
/// ```
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Outcome {
    /// Deliveries that were taken on.
    pub accepted: u64,
    /// Deliveries that the output has taken.
    pub written: u64,
    /// Deliveries that were given up before they reached the output.
    pub dropped: u64,
    /// Deliveries that the output refused.
    pub failed: u64,
    /// Deliveries whose fate is open; after close, those that were abandoned.
    pub pending: u64,
    /// After a flush: true if an output could not pass on what it holds back, or not in time. Its records count as written.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "std::ops::Not::not"))]
    pub unflushed: bool,
}

impl Outcome {
    /// That of one who was given nothing.
    pub(crate) const NOTHING: Outcome =
        Outcome { accepted: 0, written: 0, dropped: 0, failed: 0, pending: 0, unflushed: false };

    /// True if nothing was dropped, nothing failed and nothing is pending, and every output that was flushed could be.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing() == 0 && !self.unflushed
    }

    /// What came to be since an `earlier` outcome of the same sink, context or process: a program that has lost records before, and has
    /// said so, asks whether it has lost others.
    ///
    /// ```
    /// let (sink, _lines) = logscope::sink::memory();
    /// let before = sink.ledger();
    /// // …
    /// assert!(sink.ledger().since(before).is_complete());
    /// ```
    #[must_use]
    pub fn since(self, earlier: Outcome) -> Outcome {
        let Outcome { written, dropped, failed, pending, unflushed, .. } = self;
        let written = written.saturating_sub(earlier.written);
        let dropped = dropped.saturating_sub(earlier.dropped);
        let failed = failed.saturating_sub(earlier.failed);
        Outcome { accepted: written + dropped + failed + pending, written, dropped, failed, pending, unflushed }
    }

    /// This outcome if it [is complete](Outcome::is_complete), for the `?` of a program that wants to stop otherwise. One record that was
    /// lost makes it incomplete for good: see [`since`](Outcome::since).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), logscope::Error> {
    /// let (sink, _lines) = logscope::sink::memory();
    /// sink.flush(Duration::from_secs(5)).into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`is_incomplete`](Error::is_incomplete), which says how many records are not with the operating system: dropped, failed or pending. (The
    /// reason was told on stderr when it happened.)
    pub fn into_result(self) -> Result<Outcome, Error> {
        if self.is_complete() {
            return Ok(self);
        }
        let Outcome { accepted, dropped, failed, pending, .. } = self;
        let mut message = format!("{} of {accepted} records are not with the operating system", self.missing());
        let parts = [(dropped, "dropped"), (failed, "failed"), (pending, "pending")];
        let parts: Vec<_> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, fate)| format!("{count} {fate}")).collect();
        match (parts.is_empty(), self.unflushed) {
            (true, _) => {
                message = String::from(
                    "an output could not be flushed, for the reason that was told on stderr: what it holds back may be lost",
                )
            }
            (false, false) => message = format!("{message}: {}", parts.join(", ")),
            (false, true) => {
                message = format!("{message}: {}; and an output could not be flushed in time", parts.join(", "));
            }
        }
        Err(Error::new(Kind::Incomplete, message))
    }

    fn missing(&self) -> u64 {
        self.dropped + self.failed + self.pending
    }

    /// Without what is pending, where that was accepted too late to be asked about.
    pub(crate) fn without_pending(self) -> Self {
        Outcome { accepted: self.accepted - self.pending, pending: 0, ..self }
    }

    /// This and another one together.
    pub(crate) fn plus(self, other: Outcome) -> Self {
        Outcome {
            accepted: self.accepted + other.accepted,
            written: self.written + other.written,
            dropped: self.dropped + other.dropped,
            failed: self.failed + other.failed,
            pending: self.pending + other.pending,
            unflushed: self.unflushed || other.unflushed,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { accepted, written, dropped, failed, pending, unflushed } = self;
        write!(f, "{accepted} accepted: {written} written, {dropped} dropped, {failed} failed, {pending} pending")?;
        f.write_str(if *unflushed { ", and not all flushed" } else { "" })
    }
}

/// What became of one record at one sink.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Delivery {
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
    fn of(&self, delivery: Delivery) -> &AtomicU64 {
        match delivery {
            Delivery::Written => &self.written,
            Delivery::Dropped => &self.dropped,
            Delivery::Failed => &self.failed,
        }
    }
}

impl Ledger {
    /// Counts `n` records that were accepted and settled in the same call.
    #[inline]
    pub(crate) fn count(&self, delivery: Delivery, n: u64) {
        // Relaxed: each of these counters stands alone. Who must see a count has synchronised with the call in another way.
        self.at_once.of(delivery).fetch_add(n, Ordering::Relaxed);
    }

    /// Counts `n` records whose fate [`settle`](Ledger::settle) will tell.
    #[inline]
    pub(crate) fn accept(&self, n: u64) {
        // Relaxed: ordered before its own `settle` by whatever hands the record over (a queue), and that is all it needs.
        self.accepted.fetch_add(n, Ordering::Relaxed);
    }

    /// Tells the fate of `n` records that were accepted before, on this thread or on one that handed them over.
    pub(crate) fn settle(&self, delivery: Delivery, n: u64) {
        // Release: see `outcome`.
        self.later.of(delivery).fetch_add(n, Ordering::Release);
    }

    /// The counts at this moment.
    pub(crate) fn outcome(&self) -> Outcome {
        self.outcome_besides(|| 0)
    }

    /// The counts at this moment, where deliveries whose fate is told here are also counted elsewhere as accepted.
    pub(crate) fn outcome_besides(&self, accepted_elsewhere: impl FnOnce() -> u64) -> Outcome {
        // The fates first and with Acquire, the accepted last: the `accept` of every record whose `settle` we see happened
        // before that `settle`, so it is in the count that we read now. In the other order, or with weaker orderings, a
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
mod tests {
    use std::thread;

    use super::*;
    use crate::sync::AtomicBool;

    fn assert_balanced(outcome: Outcome) {
        let Outcome { accepted, written, dropped, failed, pending, .. } = outcome;
        assert_eq!(accepted, written + dropped + failed + pending, "{outcome}");
    }

    #[test]
    fn each_fate_is_counted_apart() {
        let ledger = Ledger::default();
        ledger.count(Delivery::Written, 3);
        ledger.count(Delivery::Failed, 1);
        ledger.accept(5);
        ledger.settle(Delivery::Written, 2);
        ledger.settle(Delivery::Dropped, 1);
        let outcome = ledger.outcome();
        assert_eq!(outcome, Outcome { accepted: 9, written: 5, dropped: 1, failed: 1, pending: 2, unflushed: false });
        assert!(!outcome.is_complete());
        assert_balanced(outcome);
        assert_eq!(outcome.to_string(), "9 accepted: 5 written, 1 dropped, 1 failed, 2 pending");
    }

    #[test]
    fn the_outcome_of_a_part_is_a_difference() {
        let ledger = Ledger::default();
        ledger.count(Delivery::Failed, 3);
        ledger.accept(2);
        let before = ledger.outcome();
        assert!(!before.is_complete());
        ledger.settle(Delivery::Written, 2);
        ledger.count(Delivery::Written, 4);
        let since = ledger.outcome().since(before);
        assert_eq!(since, Outcome { accepted: 6, written: 6, ..Outcome::default() });
        assert!(since.into_result().is_ok() && ledger.outcome().into_result().is_err());
        assert_balanced(since);
    }

    #[test]
    fn every_reading_balances_and_grows_while_others_deliver() {
        const ROUNDS: u64 = 20_000;
        let ledger = Ledger::default();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let workers = [Delivery::Written, Delivery::Dropped].map(|fate| {
                let ledger = &ledger;
                scope.spawn(move || {
                    for _ in 0..ROUNDS {
                        ledger.accept(1);
                        ledger.settle(fate, 1);
                        ledger.count(Delivery::Failed, 1);
                    }
                })
            });
            scope.spawn(|| {
                let mut last = 0;
                while !done.load(Ordering::Relaxed) {
                    let outcome = ledger.outcome();
                    assert_balanced(outcome);
                    assert!(outcome.accepted >= last && outcome.pending <= 2 * ROUNDS);
                    last = outcome.accepted;
                }
            });
            for worker in workers {
                worker.join().unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
        let outcome = ledger.outcome();
        assert_eq!((outcome.accepted, outcome.failed, outcome.pending), (4 * ROUNDS, 2 * ROUNDS, 0));
    }
}

#[cfg(all(test, logscope_loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    /// A reading while another thread accepts and settles a record: its two sides must be equal.
    fn a_reading_balances(settle: fn(&Ledger), read: fn(&Ledger) -> (u64, u64)) {
        loom::model(move || {
            let ledger = Arc::new(Ledger::default());
            let other = {
                let ledger = Arc::clone(&ledger);
                thread::spawn(move || {
                    ledger.accept(1);
                    settle(&ledger);
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
        let settled = ledger.later.written.load(Ordering::Acquire);
        (accepted, settled + accepted.saturating_sub(settled))
    }

    fn settle(ledger: &Ledger) {
        ledger.settle(Delivery::Written, 1);
    }

    fn settle_relaxed(ledger: &Ledger) {
        ledger.later.written.fetch_add(1, Ordering::Relaxed);
    }

    #[test]
    fn loom_every_reading_balances() {
        a_reading_balances(settle, read);
    }

    #[test]
    #[should_panic(expected = "the ledger does not balance")]
    fn loom_a_relaxed_settle_unbalances_a_reading() {
        a_reading_balances(settle_relaxed, read);
    }

    #[test]
    #[should_panic(expected = "the ledger does not balance")]
    fn loom_reading_the_accepted_first_unbalances_it() {
        a_reading_balances(settle, read_accepted_first);
    }
}
