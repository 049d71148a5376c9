//! What a test harness may change in the logger: which clock new contexts have.
//!
//! The harness is a room at the other end of the crate, and the logger imports nothing of it. So it leaves a function here. A program without
//! tests leaves none, and a new context then has the system's clocks.

use crate::clock::Clock;
use crate::sync::OnceLock;

/// Returns the clock of the test that this thread works for.
static CLOCK_OF_TEST: OnceLock<fn() -> Option<Clock>> = OnceLock::new();

/// Has each new context ask `clock_of_test` for its clock, unless it is given one.
#[cfg(feature = "testing")]
pub(crate) fn ask_for_clocks(clock_of_test: fn() -> Option<Clock>) {
    let _ = CLOCK_OF_TEST.set(clock_of_test);
}

/// Returns the clock of a new context that is given none.
pub(crate) fn clock_under_test() -> Clock {
    CLOCK_OF_TEST.get().and_then(|clock_of_test| clock_of_test()).unwrap_or(Clock::SYSTEM)
}
