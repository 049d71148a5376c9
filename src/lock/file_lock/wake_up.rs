//! Waking a task at a time to come.

use std::io;
use std::time::Instant;

use super::timer::{Due, Timer};
use crate::lock::foreign::ForeignWaker;
use crate::process::ForkLocal;

static WAKE_UPS: ForkLocal<Timer<ForeignWaker>> =
    ForkLocal::new(Timer::new("logscope-wakeup", ForeignWaker::wake), |_| {
        Timer::new("logscope-wakeup", ForeignWaker::wake)
    });

/// Has a task woken at some time, by a thread of the library, unless it is dropped before.
pub(crate) struct WakeUp(Due);

impl WakeUp {
    /// Fails if the thread cannot be started.
    pub(crate) fn at(when: Instant, waker: ForeignWaker) -> io::Result<Self> {
        WAKE_UPS.get().at(when, waker).map(WakeUp)
    }

    pub(crate) fn when(&self) -> Instant {
        self.0.when
    }
}

impl Drop for WakeUp {
    fn drop(&mut self) {
        // A waker is foreign code: it is dropped here, not under the timer's lock.
        drop(WAKE_UPS.get().cancel(self.0));
    }
}
