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
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn far() -> Option<Instant> {
        Some(Instant::now() + Duration::from_secs(60))
    }

    /// Other tests have guards of their own meanwhile, so a wait can last longer than ours.
    #[test]
    fn a_wait_lasts_until_every_guard_that_has_begun_is_dropped() {
        for late in [ClosingGuard::begun as fn() -> ClosingGuard, || {
            let guard = ClosingGuard::default();
            guard.begin();
            // Counts once, however often it begins.
            guard.begin();
            guard
        }] {
            let guard = late();
            // Has not begun, and so does not count.
            drop(ClosingGuard::default());
            let is_dropped = AtomicBool::new(false);
            thread::scope(|scope| {
                let waiting = scope.spawn(|| {
                    wait_for_closing(far());
                    is_dropped.load(Ordering::Relaxed)
                });
                // Ends at the deadline, which has passed.
                wait_for_closing(Some(Instant::now()));
                is_dropped.store(true, Ordering::Relaxed);
                drop(guard);
                assert!(waiting.join().unwrap(), "it ended too early");
            });
        }
        let start = Instant::now();
        wait_for_closing(far());
        assert!(start.elapsed() < Duration::from_secs(30), "nothing is left to wait for");
    }
}
