//! The clock of leases: monotonic, and it runs while the machine is suspended, because a lease does.

use std::time::Duration;

/// Returns the time since some moment before the start of the process.
#[cfg(unix)]
pub(super) fn now() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    // Linux stops its monotonic clock while it is suspended. Darwin does not.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let id = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let id = ClockId::Monotonic;
    let time = clock_gettime(id);
    Duration::new(time.tv_sec.try_into().unwrap_or_default(), time.tv_nsec.try_into().unwrap_or_default())
}

/// The same. The performance counter of Windows, which std uses, goes on while the machine sleeps.
#[cfg(not(unix))]
pub(super) fn now() -> Duration {
    use std::time::Instant;

    use crate::sync::OnceLock;

    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use super::*;

    #[test]
    fn the_clock_counts_from_the_boot_with_the_time_of_suspension() {
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        let now = now();
        assert!((now.as_secs_f64() - uptime).abs() < 5.0, "{now:?} {uptime}");
        assert!(super::now() >= now);
    }
}
