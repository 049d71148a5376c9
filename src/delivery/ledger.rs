//! The public type for a reading of a ledger.

use std::fmt;

use crate::error::{Error, ErrorKind};

/// Counts what became of the records of a sink, a context or the process.
///
/// ```
/// let ledger = logscope::sink::null().ledger();
/// assert!(ledger.is_complete());
/// assert_eq!(ledger.to_string(), "0 accepted: 0 written, 0 dropped, 0 failed, 0 pending");
/// ```
///
/// At any moment, `accepted = written + dropped + failed + pending`, exactly. The counts are of deliveries: a record that goes to two sinks
/// counts twice. The notices in which a log says how many records are missing are not counted. The counts begin with the life of the sink,
/// the context or the process; [`since`](Ledger::since) gives the counts from a later moment on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Ledger {
    /// Deliveries that were accepted. Each is in exactly one of the counts below.
    pub accepted: u64,
    /// Deliveries that the output took. Those behind a queue are counted while it takes them ([`Batch::advance`](crate::sink::Batch::advance)).
    pub written: u64,
    /// Deliveries that were dropped before they reached the output.
    pub dropped: u64,
    /// Deliveries that the output refused.
    pub failed: u64,
    /// Deliveries whose fate is not known yet. After a close, those that it no longer waited for: an output that goes on later may still take
    /// them.
    pub pending: u64,
    /// True after a flush if an output could not pass on what it had buffered, or not in time, or cannot tell. Buffered records count as written.
    #[cfg_attr(feature = "serde", serde(default, skip_serializing_if = "std::ops::Not::not"))]
    pub unflushed: bool,
}

impl Ledger {
    /// The ledger where no record was accepted.
    pub(crate) const EMPTY: Ledger =
        Ledger { accepted: 0, written: 0, dropped: 0, failed: 0, pending: 0, unflushed: false };

    /// Returns true if no record was dropped, failed or is pending, and no flush failed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.unwritten() == 0 && !self.unflushed
    }

    /// Returns the counts since an `earlier` ledger of the same sink, context or process.
    ///
    /// ```
    /// let (sink, _lines) = logscope::sink::memory();
    /// let before = sink.ledger();
    /// // …
    /// assert!(sink.ledger().since(before).is_complete());
    /// ```
    ///
    /// With it, a program that has lost records before, and knows that, checks whether it has lost others. `pending` counts all deliveries
    /// that are pending now.
    #[must_use]
    pub fn since(self, earlier: Ledger) -> Ledger {
        let Ledger { written, dropped, failed, pending, unflushed, .. } = self;
        let written = written.saturating_sub(earlier.written);
        let dropped = dropped.saturating_sub(earlier.dropped);
        let failed = failed.saturating_sub(earlier.failed);
        Ledger { accepted: written + dropped + failed + pending, written, dropped, failed, pending, unflushed }
    }

    /// Returns this ledger if it [is complete](Ledger::is_complete), and an error if it is not.
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
    /// One lost record makes all later ledgers of the sink, the context or the process incomplete: see [`since`](Ledger::since).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Incomplete`]. The message says how many records were dropped, failed or are pending. The reasons were
    /// reported on stderr when the losses happened.
    pub fn into_result(self) -> Result<Ledger, Error> {
        if self.is_complete() {
            return Ok(self);
        }
        let Ledger { accepted, dropped, failed, pending, .. } = self;
        let mut message = format!("{} of {accepted} records are not with the operating system", self.unwritten());
        let parts = [(dropped, "dropped"), (failed, "failed"), (pending, "pending")];
        let parts: Vec<_> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, fate)| format!("{count} {fate}")).collect();
        match (parts.is_empty(), self.unflushed) {
            (true, _) => {
                message = String::from(
                    "an output could not be flushed, for the reason that was reported on stderr: what it holds back may be lost",
                )
            }
            (false, false) => message = format!("{message}: {}", parts.join(", ")),
            (false, true) => {
                message = format!("{message}: {}; and an output could not be flushed in time", parts.join(", "));
            }
        }
        Err(Error::new(ErrorKind::Incomplete, message))
    }

    /// Returns how many records were not written.
    fn unwritten(&self) -> u64 {
        self.dropped + self.failed + self.pending
    }

    /// Returns the ledger without so many of its pending records.
    pub(crate) fn without_pending(self, count: u64) -> Self {
        let count = count.min(self.pending);
        Ledger { accepted: self.accepted - count, pending: self.pending - count, ..self }
    }

    /// Returns the sum of two ledgers.
    pub(crate) fn plus(self, other: Ledger) -> Self {
        Ledger {
            accepted: self.accepted + other.accepted,
            written: self.written + other.written,
            dropped: self.dropped + other.dropped,
            failed: self.failed + other.failed,
            pending: self.pending + other.pending,
            unflushed: self.unflushed || other.unflushed,
        }
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ledger { accepted, written, dropped, failed, pending, unflushed } = self;
        write!(f, "{accepted} accepted: {written} written, {dropped} dropped, {failed} failed, {pending} pending")?;
        f.write_str(if *unflushed { ", and not all flushed" } else { "" })
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;
