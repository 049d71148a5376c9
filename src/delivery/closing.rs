//! Outputs that no sink holds any more, and their queues: the exit of the process waits until they are dropped.

use std::time::Instant;

use crate::process::{ForkLocal, is_forked};
use crate::sync::{AtomicBool, Condvar, Mutex, Ordering};

static CLOSING: ForkLocal<Closing> = ForkLocal::new(Closing::none(), |_| Closing::none());

struct Closing {
    /// How many queues and outputs are held by no sink and are not dropped yet.
    count: Mutex<usize>,
    dropped: Condvar,
}

impl Closing {
    const fn none() -> Closing {
        Closing { count: Mutex::new(0), dropped: Condvar::new() }
    }
}

/// Part of each queue, and dropped last: counts the queue from the moment at which no sink holds it any more until it is dropped. Dropped
/// after an output, it does the same for the output.
#[derive(Default)]
pub(crate) struct ClosingGuard(AtomicBool);

impl ClosingGuard {
    /// A guard that has begun to count.
    pub(super) fn begun() -> Self {
        let guard = ClosingGuard::default();
        guard.begin();
        guard
    }

    /// Begins to count: no sink holds the queue any more.
    pub(crate) fn begin(&self) {
        // Relaxed: only the last handle calls this, and the flag is read when nobody else is left.
        if !is_forked() && !self.0.swap(true, Ordering::Relaxed) {
            *CLOSING.get().count.lock() += 1;
        }
    }
}

impl Drop for ClosingGuard {
    fn drop(&mut self) {
        if *self.0.get_mut() && !is_forked() {
            let Closing { count, dropped } = CLOSING.get();
            let mut count = count.lock();
            // None, if the queue was counted before this process was forked off.
            *count = count.saturating_sub(1);
            drop(count);
            dropped.notify_all();
        }
    }
}

/// Waits until each queue and output that no sink holds is dropped, at most until `deadline`.
pub(crate) fn wait_for_closing(deadline: Option<Instant>) {
    let Closing { count, dropped } = CLOSING.get();
    let mut count = count.lock();
    while *count > 0 {
        match deadline {
            Some(deadline) if dropped.wait_until(&mut count, deadline).timed_out() => return,
            Some(_) => {}
            None => dropped.wait(&mut count),
        }
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;
