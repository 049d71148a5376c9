//! A limit on the work of a test that a busy machine does not make fail.

use std::time::Duration;

/// Runs `work`, which may use `limit` of this thread's time on a processor. The limit is for work that would otherwise take a hundred times
/// as long.
pub(crate) fn within(limit: Duration, work: impl FnOnce()) {
    let start = cpu_time();
    work();
    let used = cpu_time() - start;
    assert!(used < limit, "this takes {used:?} of a processor, more than {limit:?}");
}

#[cfg(unix)]
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.try_into().expect("it counts up from zero")
}

/// Elsewhere the tests check only what they read.
#[cfg(not(unix))]
fn cpu_time() -> Duration {
    Duration::ZERO
}
