//! Waking up when a child exits, without waiting for it: its number stays its own.

use std::io::{self, PipeReader};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::process::start_thread;

/// A descriptor at which poll(2) sees an event once a child has exited.
pub(super) enum ExitWatch {
    /// Of the process itself.
    #[cfg(target_os = "linux")]
    Process(OwnedFd),
    /// Of a pipe whose other end a thread closes, which waits for the child.
    Thread(PipeReader),
}

impl ExitWatch {
    pub(super) fn new(pid: u32) -> io::Result<Self> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidInput)?;
        #[cfg(target_os = "linux")]
        if let Ok(process) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) {
            return Ok(ExitWatch::Process(process));
        }
        ExitWatch::by_thread(pid)
    }

    fn by_thread(pid: Pid) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        start_thread("logscope-wait", move || {
            while matches!(
                waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT),
                Err(Errno::INTR) | Ok(None)
            ) {}
            drop(writer);
        })?;
        Ok(ExitWatch::Thread(reader))
    }
}

impl AsFd for ExitWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            #[cfg(target_os = "linux")]
            ExitWatch::Process(process) => process.as_fd(),
            ExitWatch::Thread(reader) => reader.as_fd(),
        }
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests {
    use std::process::{Command, Stdio};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::*;

    fn is_seen(watch: &ExitWatch, timeout: Option<&Timespec>) -> bool {
        poll(&mut [PollFd::new(watch, PollFlags::IN)], timeout).unwrap() == 1
    }

    #[test]
    fn both_ways_see_the_exit_and_leave_the_child_to_be_waited_for() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let pid = Pid::from_child(&child);
        let watches = [ExitWatch::new(child.id()).unwrap(), ExitWatch::by_thread(pid).unwrap()];
        let none = Timespec { tv_sec: 0, tv_nsec: 0 };
        assert!(watches.iter().all(|watch| !is_seen(watch, Some(&none))));
        drop(child.stdin.take());
        assert!(watches.iter().all(|watch| is_seen(watch, None)));
        assert!(child.wait().unwrap().success());
    }
}
