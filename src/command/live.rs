//! A program that runs: whoever stops waiting for it half way leaves it to the reaper.

use std::io;
use std::mem;
use std::time::{Duration, Instant};

use super::course::{Course, Ending};
use super::group::Group;
use super::options::Options;
use super::reaper::{Orphan, Reap, adopt};

/// A program that was not waited for.
pub(super) struct Live<C: Reap + 'static> {
    /// `None` once it was waited for.
    child: Option<C>,
    group: Option<Group>,
    course: Course,
    kill_on_drop: bool,
}

impl<C: Reap> Live<C> {
    /// Takes charge of a child that was just started.
    pub(super) fn new(child: C, pid: u32, options: &Options<'_>) -> Self {
        Live {
            child: Some(child),
            group: if options.has_group() { Group::led_by(pid) } else { None },
            course: Course::new(Instant::now(), options.timeout, options.grace, options.linger),
            kill_on_drop: options.kill_on_drop,
        }
    }

    pub(super) fn child(&mut self) -> &mut C {
        match &mut self.child {
            Some(child) => child,
            None => unreachable!("only `reap_with`, which consumes the value, takes the child"),
        }
    }

    pub(super) fn course(&mut self) -> &mut Course {
        &mut self.course
    }

    /// Sends what is due.
    pub(super) fn send_due(&mut self, now: Instant) {
        while let Some(ending) = self.course.due(now) {
            self.send(ending);
        }
    }

    fn send(&self, ending: Ending) {
        if let Some(group) = &self.group {
            group.send(ending);
        }
    }

    /// Waits for the child with `wait`, which must not return before the child has exited. What is left of the group of a program that was
    /// ended is killed before.
    pub(super) fn reap_with<R>(mut self, wait: impl FnOnce(&mut C) -> io::Result<R>) -> io::Result<R> {
        if self.course.is_terminating() {
            self.send(Ending::Kill);
        }
        self.group = None;
        let result = wait(self.child());
        if result.is_ok() {
            self.child = None;
        }
        result
    }
}

impl<C: Reap + 'static> Drop for Live<C> {
    fn drop(&mut self) {
        let Some(child) = self.child.take() else { return };
        let now = Instant::now();
        if self.kill_on_drop {
            self.course.end_now(now);
        }
        self.send_due(now);
        let course = mem::replace(&mut self.course, Course::new(now, None, Duration::ZERO, Duration::ZERO));
        adopt(Orphan { child: Box::new(child), group: self.group.take(), course });
    }
}
