//! How long a tick of the counter is.

/// A moment at which the counter and both clocks were read, in ticks and nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) ticks: u64,
    /// Since the epoch of this process.
    pub(super) monotonic: u64,
    /// Since 1970.
    pub(super) wall: u64,
}

/// The length of a tick, in nanoseconds: 32 bits before the point, and 32 behind it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Rate(u64);

/// Processors count at 64 MHz at least, and at 64 GHz at most. So the nanoseconds of a window fit in 64 bits, with the bits behind the point.
const LONGEST: u64 = 1 << 36;
const SHORTEST: u64 = 1 << 26;

impl Rate {
    pub(super) const NONE: Rate = Rate(0);

    pub(super) fn from_bits(bits: u64) -> Self {
        Rate(bits)
    }

    pub(super) fn to_bits(self) -> u64 {
        self.0
    }

    /// Returns the time that some ticks take, no more of them than a window has.
    #[inline]
    pub(super) fn nanos(self, ticks: u64) -> u64 {
        (ticks * self.0) >> 32
    }

    /// Returns the rate between two samples, a millionth too low, or `None` if no counter has such a rate.
    fn between(earlier: &Sample, later: &Sample) -> Option<Rate> {
        let nanos = u128::from(later.monotonic.checked_sub(earlier.monotonic)?);
        let ticks = u128::from(later.ticks.checked_sub(earlier.ticks)?);
        let rate = u64::try_from((nanos << 32).checked_div(ticks)?).ok()?;
        (SHORTEST..=LONGEST).contains(&rate).then(|| Rate(rate - (rate >> 20)))
    }

    /// Whether both can be measured of one counter. What slews a clock by more than this, 0.2%, is not followed.
    fn agrees_with(self, other: Rate) -> bool {
        self.0.abs_diff(other.0) <= self.0 >> 9
    }
}

/// What a sample tells of the rate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Observed {
    Nothing,
    /// Measured, in agreement with the measurement before.
    Rate(Rate),
    /// The counter or the clock has jumped: while the machine was suspended, or moved to another host, for example.
    Contradiction,
}

/// Measures the rate again and again, from one sample to the next.
#[derive(Debug)]
pub(super) struct Rates {
    begin: Option<Sample>,
    last: Option<Rate>,
}

impl Rates {
    pub(super) const fn new() -> Self {
        Rates { begin: None, last: None }
    }

    /// Takes a sample, [`MEASUREMENT`](crate::limits::counter::MEASUREMENT) after the one before at the earliest.
    pub(super) fn observe(&mut self, sample: &Sample) -> Observed {
        let Some(begin) = self.begin.replace(*sample) else { return Observed::Nothing };
        let rate = Rate::between(&begin, sample);
        match (std::mem::replace(&mut self.last, rate), rate) {
            (Some(last), Some(rate)) if last.agrees_with(rate) => Observed::Rate(rate),
            (None, Some(_)) => Observed::Nothing,
            _ => Observed::Contradiction,
        }
    }
}
