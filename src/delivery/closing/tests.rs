//! Tests of `closing`. Other tests have guards of their own meanwhile, so a wait can last longer than it would for ours alone.

use std::time::Duration;

use super::*;

fn far() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(15))
}

/// True if a wait lasts until its deadline.
fn has_to_wait() -> bool {
    let deadline = Instant::now() + Duration::from_millis(5);
    wait_for_closing(Some(deadline));
    Instant::now() >= deadline
}

#[test]
fn a_wait_lasts_until_every_guard_that_has_begun_is_dropped() {
    let guards: [fn() -> ClosingGuard; 2] = [ClosingGuard::begun, || {
        let guard = ClosingGuard::default();
        guard.begin();
        // Counts once, however often it begins.
        guard.begin();
        guard
    }];
    for begin in guards {
        let guard = begin();
        assert!(has_to_wait());
        // Has not begun, and so does not count.
        drop(ClosingGuard::default());
        assert!(has_to_wait());
        drop(guard);
        let deadline = far();
        wait_for_closing(deadline);
        assert!(Instant::now() < deadline.unwrap(), "nothing is left to wait for");
    }
}
