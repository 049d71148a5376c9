//! A moment of one thread at which the counter and both clocks are known, and the times after it.

use super::rates::{Rate, Sample};
use crate::limits::counter::WINDOW;

/// Both times, in nanoseconds: as in [`Sample`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Times {
    pub(super) monotonic: u64,
    pub(super) wall: u64,
}

/// Tells the times after a sample by the counter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anchor {
    ticks: u64,
    times: Times,
    rate: Rate,
}

impl Anchor {
    /// Tells no time: no counter is within a window of this one before it has run for a hundred years.
    pub(super) const NONE: Anchor = Anchor { ticks: 1 << 63, times: Times { monotonic: 0, wall: 0 }, rate: Rate::NONE };

    pub(super) fn new(sample: &Sample, rate: Rate) -> Self {
        let Sample { ticks, monotonic, wall } = *sample;
        Anchor { ticks, times: Times { monotonic, wall }, rate }
    }

    /// Returns the times of the sample.
    pub(super) fn times(&self) -> Times {
        self.times
    }

    /// Returns the times at a later reading of the counter, or `None` after the window. A counter that was set back is after it, too.
    #[inline]
    pub(super) fn at(&self, ticks: u64) -> Option<Times> {
        let since = ticks.wrapping_sub(self.ticks);
        if since >= WINDOW {
            return None;
        }
        let since = self.rate.nanos(since);
        Some(Times { monotonic: self.times.monotonic + since, wall: self.times.wall + since })
    }
}
