//! Of the clock that goes by the processor's counter.

/// For how many ticks a thread tells the time by the counter before it reads the clocks anew: 8 to 17 ms, since processors count at 2 to 4 GHz.
pub(crate) const WINDOW: u64 = 1 << 25;

/// Over how many nanoseconds the length of a tick is measured, at least.
pub(crate) const MEASUREMENT: u64 = 100_000_000;

/// How many ticks it may take to read the counter and both clocks, so that they count as read at once: about twice what it takes. What came in
/// between would be an error of the clock.
pub(crate) const READING: u64 = 320;

/// How often they are read if that takes longer, before the system's clocks are taken alone.
pub(crate) const ATTEMPTS: usize = 4;
