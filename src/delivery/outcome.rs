//! The reading of a ledger.

use std::fmt;

use crate::error::{Error, Kind};

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
                    "an output could not be flushed, for the reason that was reported on stderr: what it holds back may be lost",
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
