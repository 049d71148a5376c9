//! When an entry was made, on two clocks, and how old it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment, on the wall clock and on the clock of the machine's run.
///
/// An entry outlives the run of the machine that it was made in, so the wall clock alone can tell its age later. But it can be set at any time.
/// So as long as the machine runs, its own clock tells the age, which is the same in all processes and goes on while the machine sleeps. Linux and
/// Android have that; elsewhere the wall clock does it alone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Moment {
    /// Microseconds since 1970.
    pub(super) wall: u64,
    pub(super) run: Option<Run>,
}

/// A moment in a run of the machine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Run {
    /// What the kernel calls the run. No other run has the same name.
    pub(super) name: String,
    /// Microseconds since it began.
    pub(super) at: u64,
}

impl Moment {
    pub(super) fn now() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment { wall: u64::try_from(wall.as_micros()).unwrap_or(u64::MAX), run: run_now() }
    }

    /// Returns how long before `now` this was. None if nobody can tell, because the wall clock was set back.
    pub(super) fn age(&self, now: &Moment) -> Option<Duration> {
        let age = match (&self.run, &now.run) {
            (Some(then), Some(now)) if then.name == now.name => now.at.checked_sub(then.at),
            _ => now.wall.checked_sub(self.wall),
        };
        age.map(Duration::from_micros)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn run_now() -> Option<Run> {
    use rustix::time::{ClockId, clock_gettime};

    let name = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
    let time = clock_gettime(ClockId::Boottime);
    let at = Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?);
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
    is_name.then_some(Run { name, at: u64::try_from(at.as_micros()).ok()? })
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn run_now() -> Option<Run> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(wall: u64, run: &str, at: u64) -> Moment {
        Moment { wall, run: (!run.is_empty()).then(|| Run { name: run.to_owned(), at }) }
    }

    #[test]
    fn within_a_run_of_the_machine_the_wall_clock_does_not_matter() {
        let made = moment(1_000, "one", 10);
        for wall in [0, 999, 1_000, u64::MAX] {
            assert_eq!(made.age(&moment(wall, "one", 35)), Some(Duration::from_micros(25)));
        }
    }

    #[test]
    fn between_runs_the_wall_clock_tells_and_nobody_does_if_it_was_set_back() {
        for run in ["two", ""] {
            let made = moment(1_000, "one", 10);
            assert_eq!(made.age(&moment(1_400, run, 3)), Some(Duration::from_micros(400)));
            assert_eq!(made.age(&moment(999, run, 3)), None);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn linux_has_a_clock_of_its_run() {
        let (one, other) = (Moment::now(), Moment::now());
        assert_eq!(one.run.as_ref().unwrap().name, other.run.as_ref().unwrap().name);
        assert!(one.age(&other).is_some() && one.run.unwrap().at <= other.run.unwrap().at);
    }
}
