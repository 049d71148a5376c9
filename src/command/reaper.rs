//! Waits for programs whose runs were dropped half way, so that no zombie stays, and ends those that are to be ended.
//!
//! One thread of the process does this. It is started for the first such program, and ends with the last. It looks at intervals: the exit of a
//! program that nobody waits for is in no hurry, and there is no way to wait for several children at once on all platforms.

use std::process::Child;
use std::time::Instant;

use super::course::{Course, Ending};
use super::group::Group;
use crate::limits::REAPER_TICKS;
use crate::process::{ForkLocal, start_thread};
use crate::sync::model::{Condvar, Mutex};

/// A program that nobody waits for.
pub(super) struct Orphan {
    pub(super) child: Child,
    pub(super) group: Option<Group>,
    pub(super) course: Course,
}

struct Reaper {
    state: Mutex<State>,
    has_more: Condvar,
}

struct State {
    /// Those that the thread has not taken yet.
    new: Vec<Orphan>,
    has_thread: bool,
}

impl Reaper {
    const fn new() -> Self {
        Reaper { state: Mutex::new(State { new: Vec::new(), has_thread: false }), has_more: Condvar::new() }
    }
}

/// A forked child has other children than its parent, and no thread.
static REAPER: ForkLocal<Reaper> = ForkLocal::new(Reaper::new(), |_| Reaper::new());

/// Takes charge of a program.
pub(super) fn adopt(orphan: Orphan) {
    let reaper = REAPER.get();
    let mut state = reaper.state.lock();
    state.new.push(orphan);
    if state.has_thread {
        reaper.has_more.notify_one();
        return;
    }
    state.has_thread = true;
    drop(state);
    // Without a thread, the program waits for the next one that is left here.
    if start_thread("logscope-reaper", run).is_err() {
        reaper.state.lock().has_thread = false;
    }
}

fn run() {
    let reaper = REAPER.get();
    let mut orphans: Vec<Orphan> = Vec::new();
    let mut ticks = 0;
    loop {
        let mut state = reaper.state.lock();
        if state.new.is_empty() && orphans.is_empty() {
            state.has_thread = false;
            return;
        }
        if state.new.is_empty() {
            let tick = REAPER_TICKS[ticks.min(REAPER_TICKS.len() - 1)];
            let next = orphans.iter().filter_map(|orphan| orphan.course.next()).min();
            let until_next = next.map_or(tick, |next| next.saturating_duration_since(Instant::now()));
            let until = Instant::now().checked_add(tick.min(until_next));
            (state, _) = reaper.has_more.wait_until(state, until);
            ticks += 1;
        }
        if !state.new.is_empty() {
            orphans.append(&mut state.new);
            ticks = 0;
        }
        drop(state);
        orphans.retain_mut(|orphan| !orphan.is_over());
    }
}

impl Orphan {
    /// Does what is due. True once the program was waited for.
    fn is_over(&mut self) -> bool {
        let now = Instant::now();
        while let Some(ending) = self.course.due(now) {
            if let Some(group) = &self.group {
                group.send(ending);
            }
        }
        if let Some(group) = &self.group {
            if !group.leader_has_exited() {
                return false;
            }
            if self.course.is_terminating() {
                group.send(Ending::Kill);
            }
            self.group = None;
        }
        // An error says that there is no such child any more.
        !matches!(self.child.try_wait(), Ok(None))
    }
}
