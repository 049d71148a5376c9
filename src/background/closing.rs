//! Queues that no sink holds any more: the exit of the process waits until they are dropped.

use std::time::Instant;

use crate::process::is_forked;
use crate::sync::{AtomicBool, Condvar, Mutex, Ordering};

/// How many queues are held by no sink and are not dropped yet.
static CLOSING: Mutex<usize> = Mutex::new(0);
static QUEUE_DROPPED: Condvar = Condvar::new();

/// Part of each queue, and dropped last: counts the queue from the moment at which no sink holds it any more until it is dropped.
#[derive(Default)]
pub(super) struct ClosingGuard(AtomicBool);

impl ClosingGuard {
    /// Begins to count: no sink holds the queue any more.
    pub(super) fn begin(&self) {
        // Relaxed: only the last handle calls this, and the flag is read when nobody else is left.
        if !is_forked() && !self.0.swap(true, Ordering::Relaxed) {
            *CLOSING.lock() += 1;
        }
    }
}

impl Drop for ClosingGuard {
    fn drop(&mut self) {
        if *self.0.get_mut() && !is_forked() {
            *CLOSING.lock() -= 1;
            QUEUE_DROPPED.notify_all();
        }
    }
}

/// Waits until each queue that no sink holds is dropped, at most until `deadline`.
pub(crate) fn wait_for_closing_queues(deadline: Option<Instant>) {
    let mut closing = CLOSING.lock();
    while *closing > 0 {
        match deadline {
            Some(deadline) if QUEUE_DROPPED.wait_until(&mut closing, deadline).timed_out() => return,
            Some(_) => {}
            None => QUEUE_DROPPED.wait(&mut closing),
        }
    }
}
