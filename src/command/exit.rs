//! Waking up when a child exits, without waiting for it: its number stays its own.

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::process::start_thread;

/// Returns a descriptor which can be read once the child `pid` has exited. It says nothing else.
pub(super) fn watch_exit(pid: u32) -> io::Result<OwnedFd> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
    #[cfg(target_os = "linux")]
    if let Ok(process) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) {
        return Ok(process);
    }
    watch_by_thread(pid)
}

/// Returns the end of a pipe whose other end a thread closes, which waits for the child.
fn watch_by_thread(pid: Pid) -> io::Result<OwnedFd> {
    let (reader, writer) = io::pipe()?;
    start_thread("logscope-wait", move || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while matches!(waitid(WaitId::Pid(pid), options), Err(Errno::INTR) | Ok(None)) {}
        drop(writer);
    })?;
    Ok(reader.into())
}

#[cfg(all(test, not(logscope_loom)))]
mod tests {
    use std::process::{Command, Stdio};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    fn is_seen(watch: &OwnedFd, timeout: Option<&Timespec>) -> bool {
        poll(&mut [PollFd::new(watch, PollFlags::IN)], timeout).expect("it is open") == 1
    }

    #[test]
    fn both_ways_see_the_exit_and_leave_the_child_to_be_waited_for() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let pid = Pid::from_child(&child);
        let watches = [watch_exit(child.id()).unwrap(), watch_by_thread(pid).unwrap()];
        let none = Timespec { tv_sec: 0, tv_nsec: 0 };
        assert!(watches.iter().all(|watch| !is_seen(watch, Some(&none))));
        drop(child.stdin.take());
        assert!(watches.iter().all(|watch| is_seen(watch, None)));
        assert!(child.wait().unwrap().success());
    }
}
