//! When a program is told to end, when it is killed, and until when its output is read: what is decided by time, without a clock.
//!
//! ```text
//!   running ── timeout, or dropped ──> terminating ── grace is over ──> killed
//!      │  SIGTERM, SIGCONT to the group   │  SIGKILL to the group         │
//!      └── exits ──────────────┬──────────┴── exits ──────────────────────┘
//!                    its output is read to the end, or until `linger` is over; while it is terminating, until it is killed
//! ```

use std::time::{Duration, Instant};

/// How far a program is on its way to its end.
#[derive(Debug)]
pub(super) struct Course {
    phase: Phase,
    grace: Duration,
    linger: Duration,
    exited: Option<Instant>,
    /// When the reading ends, unless the output ends before. Set once the program has exited, and cannot be killed any more.
    linger_until: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    Running { until: Option<Instant> },
    Terminating { until: Option<Instant> },
    Killed,
}

/// What the group of a program is sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ending {
    /// SIGTERM, and SIGCONT for one that is stopped.
    Terminate,
    /// SIGKILL.
    Kill,
}

impl Course {
    pub(super) fn new(started: Instant, timeout: Option<Duration>, grace: Duration, linger: Duration) -> Self {
        // A time that no clock can show never comes.
        let until = timeout.and_then(|timeout| started.checked_add(timeout));
        Course { phase: Phase::Running { until }, grace, linger, exited: None, linger_until: None }
    }

    /// Has the program told to end now, if it runs.
    pub(super) fn end_now(&mut self, now: Instant) {
        if let Phase::Running { until } = &mut self.phase {
            *until = Some(now);
        }
    }

    /// Returns what is to be sent at `now`; each once.
    pub(super) fn due(&mut self, now: Instant) -> Option<Ending> {
        let is_over = |until: Option<Instant>| until.is_some_and(|until| until <= now);
        match self.phase {
            Phase::Running { until } if is_over(until) && self.exited.is_none() => {
                self.phase = Phase::Terminating { until: now.checked_add(self.grace) };
                Some(Ending::Terminate)
            }
            Phase::Terminating { until } if is_over(until) => {
                self.phase = Phase::Killed;
                self.linger_until = self.exited.and_then(|_| now.checked_add(self.linger));
                Some(Ending::Kill)
            }
            _ => None,
        }
    }

    /// Notes that the program has exited.
    pub(super) fn note_exit(&mut self, now: Instant) {
        if self.exited.is_none() {
            self.exited = Some(now);
            if !self.is_terminating() {
                self.linger_until = now.checked_add(self.linger);
            }
        }
    }

    pub(super) fn exited(&self) -> Option<Instant> {
        self.exited
    }

    /// Returns whether all is done: the program has exited, and its output is at its end, or was read for long enough.
    pub(super) fn is_over(&self, now: Instant, is_open: bool) -> bool {
        self.exited.is_some() && (!is_open || self.linger_until.is_some_and(|until| until <= now))
    }

    /// Returns whether the program was told to end, and what may be left of its group was not killed.
    pub(super) fn is_terminating(&self) -> bool {
        matches!(self.phase, Phase::Terminating { .. })
    }

    /// Returns whether the program was told to end.
    pub(super) fn was_ended(&self) -> bool {
        !matches!(self.phase, Phase::Running { .. })
    }

    /// Returns when [`due`](Course::due) and [`is_over`](Course::is_over) are to be asked again.
    pub(super) fn next(&self) -> Option<Instant> {
        match self.phase {
            Phase::Terminating { until } => until,
            _ if self.exited.is_some() => self.linger_until,
            Phase::Running { until } => until,
            Phase::Killed => None,
        }
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_program_without_a_timeout_is_read_to_its_end_or_until_linger_is_over() {
        let start = Instant::now();
        let mut course = Course::new(start, None, SECOND, 2 * SECOND);
        assert_eq!((course.due(start + 100 * SECOND), course.next()), (None, None));
        assert!(!course.is_over(start, false), "it has closed its output, and runs");
        course.note_exit(start + SECOND);
        course.note_exit(start + 2 * SECOND);
        assert_eq!((course.exited(), course.next()), (Some(start + SECOND), Some(start + 3 * SECOND)));
        assert!(course.is_over(start + SECOND, false) && !course.is_over(start + 2 * SECOND, true));
        assert!(course.is_over(start + 3 * SECOND, true));
        assert!(!course.was_ended());
    }

    #[test]
    fn a_program_that_does_not_end_is_told_to_and_then_killed_once_each() {
        let start = Instant::now();
        let mut course = Course::new(start, Some(SECOND), SECOND, SECOND);
        assert_eq!((course.due(start), course.next()), (None, Some(start + SECOND)));
        assert_eq!(course.due(start + SECOND), Some(Ending::Terminate));
        assert_eq!((course.due(start + SECOND), course.next()), (None, Some(start + 2 * SECOND)));
        assert!(course.was_ended() && course.is_terminating());
        course.note_exit(start + SECOND);
        assert!(!course.is_over(start + 9 * SECOND, true), "what holds the output has the grace too");
        assert_eq!(course.due(start + 2 * SECOND), Some(Ending::Kill));
        assert_eq!((course.due(start + 9 * SECOND), course.next()), (None, Some(start + 3 * SECOND)));
        assert!(course.is_over(start + 3 * SECOND, true) && !course.is_terminating());
    }

    #[test]
    fn a_program_that_has_exited_in_time_is_not_killed() {
        let start = Instant::now();
        let mut course = Course::new(start, Some(SECOND), SECOND, 9 * SECOND);
        course.note_exit(start);
        assert_eq!((course.due(start + 5 * SECOND), course.next()), (None, Some(start + 9 * SECOND)));
        assert!(!course.was_ended());
    }

    #[test]
    fn times_without_end_never_come() {
        let start = Instant::now();
        let mut course = Course::new(start, Some(Duration::MAX), Duration::MAX, Duration::MAX);
        assert_eq!(course.next(), None);
        course.end_now(start);
        assert_eq!((course.due(start), course.next()), (Some(Ending::Terminate), None));
        course.note_exit(start);
        assert!(!course.is_over(start + 1_000_000 * SECOND, true));
    }
}
