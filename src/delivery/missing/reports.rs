//! When an outage is reported.
//!
//! An outage is reported at its first loss. The fallback limits how many lines it writes, and stderr may not take a line. A report that was
//! refused is due again at the first loss that comes a [`FALLBACK_WINDOW`] later or more, and no limit holds for it then. So each outage that
//! lasts is reported, whatever other outputs do, and an output has at most one line in a window beyond the limits.

use std::time::Instant;

use crate::fallback::Turn;
use crate::limits::FALLBACK_WINDOW;

/// The reports of the outages of one output.
#[derive(Debug)]
pub(super) struct Reports {
    /// The number of the last outage.
    outage: u64,
    /// It is reported, or a thread is about to do so.
    pub(super) is_reported: bool,
    /// When a report was due last.
    last: Option<Instant>,
}

/// A report that is to be written now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DueReport {
    outage: u64,
    pub(crate) turn: Turn,
}

impl Reports {
    pub(super) const NONE: Reports = Reports { outage: 0, is_reported: false, last: None };

    /// Notes a loss at `now`, which `begins` an outage or belongs to the last one. Returns the report that it makes due.
    pub(super) fn due(&mut self, begins: bool, now: Instant) -> Option<DueReport> {
        let is_recent = self.last.is_some_and(|last| now.saturating_duration_since(last) < FALLBACK_WINDOW);
        let turn = match (begins, is_recent) {
            (true, false) => Turn::First,
            (true, true) => Turn::Repeated,
            (false, false) if !self.is_reported => Turn::Overdue,
            (false, _) => return None,
        };
        self.outage += u64::from(begins);
        self.is_reported = true;
        self.last = Some(now);
        Some(DueReport { outage: self.outage, turn })
    }

    /// Notes that a report could not be written.
    pub(super) fn refused(&mut self, due: DueReport) {
        // Another outage may have begun meanwhile, and been reported.
        if due.outage == self.outage {
            self.is_reported = false;
        }
    }
}
