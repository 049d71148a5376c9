//! The process groups of programs that may have to be ended.
//!
//! A number that was a group's can be given to another process once the group is empty and its leader was waited for. So nothing is sent to a
//! group after that: a [`Group`] is dropped before its leader is waited for.

use std::time::Instant;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::command::course::Ending;
use crate::limits::{COMMAND_EXIT_GRACE, COMMAND_GROUPS, COMMAND_GROUPS_TICK};
use crate::process::{ForkLocal, at_exit, fork_generation};
use crate::sync::thread::sleep;
use crate::sync::{AtomicBool, Mutex, Ordering};

/// The groups that are ended when the process ends. A forked child begins with none: they are its parent's.
static GROUPS: ForkLocal<Mutex<Vec<Pid>>> = ForkLocal::new(Mutex::new(Vec::new()), |_| Mutex::new(Vec::new()));

/// A process group whose leader was not waited for.
#[derive(Debug)]
pub(in crate::command) struct Group {
    leader: Pid,
    made_in: usize,
}

impl Group {
    /// Takes charge of the group that the child `leader` leads: it is ended when the process ends.
    pub(in crate::command) fn led_by(leader: u32) -> Option<Group> {
        static INSTALLED: AtomicBool = AtomicBool::new(false);
        let leader = Pid::from_raw(i32::try_from(leader).ok()?)?;
        GROUPS.get().lock().push(leader);
        // Relaxed: the flag orders nothing. It only picks one of several threads.
        if !INSTALLED.swap(true, Ordering::Relaxed) {
            at_exit(end_all);
        }
        Some(Group { leader, made_in: fork_generation() })
    }

    /// Returns whether the leader has exited, without waiting for it: its number stays its own.
    pub(in crate::command) fn leader_has_exited(&self) -> bool {
        has_exited(self.leader)
    }

    /// Sends the signal to all processes of the group.
    pub(in crate::command) fn send(&self, ending: Ending) {
        // A forked child that unwinds has copies of its parent's values.
        if self.made_in == fork_generation() {
            send(self.leader, ending);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.made_in == fork_generation() {
            GROUPS.get().lock().retain(|leader| *leader != self.leader);
        }
    }
}

fn has_exited(leader: Pid) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    // An error says that it is no child of this process, or no longer.
    !matches!(waitid(WaitId::Pid(leader), options), Ok(None))
}

fn send(leader: Pid, ending: Ending) {
    let _already_gone = match ending {
        // One that is stopped would not notice.
        Ending::Terminate => {
            kill_process_group(leader, Signal::TERM).and_then(|()| kill_process_group(leader, Signal::CONT))
        }
        Ending::Kill => kill_process_group(leader, Signal::KILL),
    };
}

/// Ends all groups, at the exit of the process. The lock keeps other threads from waiting for a leader meanwhile.
extern "C" fn end_all() {
    let Some(groups) = GROUPS.get().try_lock_for(COMMAND_GROUPS) else { return };
    groups.iter().for_each(|leader| send(*leader, Ending::Terminate));
    let start = Instant::now();
    while !groups.iter().all(|leader| has_exited(*leader)) && start.elapsed() < COMMAND_EXIT_GRACE {
        sleep(COMMAND_GROUPS_TICK);
    }
    groups.iter().for_each(|leader| send(*leader, Ending::Kill));
}

#[cfg(all(test, not(logscope_loom)))]
mod tests {
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_group_is_ended_at_the_exit_until_its_leader_may_be_waited_for() {
        let mut leader = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        let pid = Pid::from_child(&leader);
        let is_known = || GROUPS.get().lock().contains(&pid);
        let group = Group::led_by(leader.id()).unwrap();
        assert!(is_known() && !group.leader_has_exited());
        drop(group);
        assert!(!is_known(), "the number may be another group's now");
        leader.kill().unwrap();
        leader.wait().unwrap();
    }
}
