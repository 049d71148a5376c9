//! A program that runs: whoever stops waiting for it half way leaves it to the reaper.

use std::io;
use std::mem;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use super::course::{Course, Ending};
use super::group::Group;
use super::options::Options;
use super::reaper::{Orphan, adopt};
use super::records::Left;

/// A program that was not waited for.
pub(super) struct Live {
    /// `None` once it was waited for.
    child: Option<Child>,
    group: Option<Group>,
    course: Course,
    kill_on_drop: bool,
}

impl Live {
    /// Takes charge of a child that was just started.
    pub(super) fn new(child: Child, options: &Options<'_>) -> Self {
        Live {
            group: if options.has_group() { Group::led_by(child.id()) } else { None },
            child: Some(child),
            course: Course::new(Instant::now(), options.timeout, options.grace, options.linger),
            kill_on_drop: options.kill_on_drop,
        }
    }

    pub(super) fn child(&mut self) -> &mut Child {
        match &mut self.child {
            Some(child) => child,
            None => unreachable!("nothing is asked of a program that was waited for"),
        }
    }

    pub(super) fn course(&mut self) -> &mut Course {
        &mut self.course
    }

    /// Ends the program when this is dropped: its group if it has one, and else the program alone.
    pub(super) fn give_up(&mut self) {
        self.kill_on_drop = true;
        if self.group.is_none() {
            let _already_gone = self.child().kill();
        }
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

    /// Waits for the child, which has exited. What is left of the group of a program that was ended is killed before.
    pub(super) fn reap(&mut self) -> io::Result<ExitStatus> {
        if self.course.is_terminating() {
            self.send(Ending::Kill);
        }
        self.group = None;
        let status = self.child().wait()?;
        self.child = None;
        Ok(status)
    }

    /// Returns what becomes of the program when this is dropped.
    pub(super) fn fate_on_drop(&self) -> Left {
        if self.course.exited().is_some() {
            Left::HadExited
        } else if self.kill_on_drop || self.course.was_ended() {
            Left::Ends
        } else {
            Left::GoesOn
        }
    }
}

impl Live {
    /// Leaves the program to the reaper, which ends it if that was asked for. Does nothing the second time.
    pub(super) fn leave(&mut self) {
        let Some(child) = self.child.take() else { return };
        let now = Instant::now();
        if self.kill_on_drop {
            self.course.end_now(now);
        }
        self.send_due(now);
        let course = mem::replace(&mut self.course, Course::new(now, None, Duration::ZERO, Duration::ZERO));
        adopt(Orphan { child, group: self.group.take(), course });
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.leave();
    }
}
