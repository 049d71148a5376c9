//! Leases that last for a short time, on a machine that may stand still for longer than that.

// Each test binary uses only some of these helpers.
#![allow(dead_code, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use logscope::Error;
use logscope::store::{Lease, LeaseGuard};

/// How often a test begins anew that says something only on a machine that is fast enough.
const ATTEMPTS: usize = 20;

/// Returns true if an acquisition took longer than its lease lasts. Nothing was got, and the next one may be faster.
pub(crate) fn is_too_late(error: &Error) -> bool {
    error.is_unreachable() && error.to_string().contains("too late: its TTL of")
}

/// Waits for a lease, and begins anew if it was got too late.
#[track_caller]
pub(crate) fn acquire_in_time(lease: &Lease, timeout: Duration) -> LeaseGuard {
    let start = Instant::now();
    loop {
        match lease.acquire(timeout) {
            Err(error) if is_too_late(&error) && start.elapsed() < timeout => {}
            got => return got.unwrap(),
        }
    }
}

/// Runs `attempt` until it returns true. It returns false if a lease has ended because the machine stood still, so that nothing is shown.
#[track_caller]
pub(crate) fn once_in_time(attempt: impl FnMut() -> bool) {
    let is_shown = std::iter::repeat_with(attempt).take(ATTEMPTS).any(|is_shown| is_shown);
    assert!(is_shown, "the lease has ended too early in each of {ATTEMPTS} attempts");
}
