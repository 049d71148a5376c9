//! What a forked child measures of its locks, where its parent has measured nothing. A binary of its own, because it forks.

#![cfg(all(unix, feature = "lock"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/fork.rs"]
mod fork;

use std::time::{Duration, Instant};

use logscope::lock::Mutex;

#[test]
fn a_child_measures_how_long_its_locks_are_held() {
    const HELD: Duration = Duration::from_millis(2);
    // A process that has a queue notices its forks.
    let _queued = logscope::sink::null().queued(logscope::sink::Queue::new());
    let mutex = Mutex::new(());
    fork::fork(|| {
        // The first of all is measured.
        let guard = mutex.lock();
        let begun = Instant::now();
        while begun.elapsed() < HELD {
            std::hint::spin_loop();
        }
        drop(guard);
        let held = mutex.stats().held;
        assert!(held.count == 1 && held.longest >= HELD, "{held:?}");
    });
}
