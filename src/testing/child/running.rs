//! A child that runs.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Child as Process, ExitStatus};
use std::time::Duration;

use super::ended::{EndedChild, Folder, KeptOnPanic};
use crate::sync::Arc;
use crate::testing::resources::ScratchDir;
use crate::testing::sync::{Signal, wait_until};

/// The file that says how a child ended.
pub(super) const STATUS: &str = "status";

/// Is a child that runs; from [`Child::start`](super::Child::start). It is killed when this is dropped.
#[derive(Debug)]
#[must_use = "the child is killed when this is dropped: call `wait`"]
pub struct RunningChild {
    pub(super) what: String,
    pub(super) process: Process,
    pub(super) folder: Arc<ScratchDir>,
    pub(super) timeout: Duration,
    /// Set when the process has ended, where the system can say so.
    pub(super) has_ended: Option<Signal>,
}

/// Says when a process has ended, without taking its status, for which its owner asks.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
pub(super) fn watch(process: &Process) -> Option<Signal> {
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

    use crate::sync::thread;

    let (ended, pid) = (Signal::named("the child has ended"), Pid::from_child(process));
    let sets = ended.clone();
    let watch = move || {
        // If its owner has taken the status already, there is an error, and it has ended as well.
        while matches!(
            waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT),
            Err(rustix::io::Errno::INTR)
        ) {}
        sets.set();
    };
    thread::Builder::new().name("child".to_owned()).spawn(watch).ok().map(|_| ended)
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
pub(super) fn watch(_: &Process) -> Option<Signal> {
    None
}

impl RunningChild {
    /// Returns the folder that the child was given.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the id of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Returns the process: for the ends of its pipes.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Kills the child, and waits until it is gone.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        self.process.kill()?;
        self.process.wait()
    }

    /// Waits until the child has ended, which must be with success, after it has played its role.
    ///
    /// # Panics
    ///
    /// If it ends otherwise, or not in time: the message has what it wrote.
    #[track_caller]
    pub fn wait(self) -> EndedChild {
        let what = self.what.clone();
        let ended = self.wait_for_any_end();
        if ended.report.is_none() {
            panic!(
                "{what} ended with {} and has not played its role. Is there a test of that name, and does it come to `run`, or to `in_child` with that role, before \
                 it starts a child? Say `child().test(\"module::name\")` if the name is wrong.\n{}",
                ended.status,
                ended.shown()
            );
        }
        assert!(ended.status.success(), "{what} ended with {}\n{}", ended.status, ended.shown());
        ended
    }

    /// Waits until the child has ended, with whatever status.
    ///
    /// # Panics
    ///
    /// If it does not end in time: the message has what it wrote. It is killed then.
    #[track_caller]
    pub fn wait_for_any_end(mut self) -> EndedChild {
        let (timeout, status) = (self.timeout, self.wait_for_end());
        let folder = Folder::Own(KeptOnPanic(Arc::clone(&self.folder)));
        match status {
            Some(status) => {
                let _ = fs::write(self.folder.join(STATUS), raw(status).to_string());
                EndedChild::read_from(folder, status)
            }
            None => {
                let status = self.kill().unwrap_or_default();
                panic!(
                    "{} did not end within {timeout:?}, and was killed\n{}",
                    self.what,
                    EndedChild::read_from(folder, status).shown()
                )
            }
        }
    }

    /// Waits for the end of the child. `None` if it does not end in time; it still runs then.
    ///
    /// # Panics
    ///
    /// If the system cannot tell whether it has ended.
    #[track_caller]
    pub fn wait_for_end(&mut self) -> Option<ExitStatus> {
        let process = &mut self.process;
        let mut look = || process.try_wait().expect("the system knows its children");
        match &self.has_ended {
            Some(ended) => {
                let _ = ended.wait(self.timeout);
                look()
            }
            None => wait_until(self.timeout, look).ok(),
        }
    }
}

impl Drop for RunningChild {
    fn drop(&mut self) {
        if !matches!(self.process.try_wait(), Ok(Some(_))) {
            let _ = self.kill();
        }
    }
}

/// The status as a number, which another process can make a status of.
#[cfg(unix)]
pub(super) fn raw(status: ExitStatus) -> i32 {
    std::os::unix::process::ExitStatusExt::into_raw(status)
}

#[cfg(unix)]
pub(super) fn of_raw(raw: &str) -> Option<ExitStatus> {
    raw.parse().ok().map(std::os::unix::process::ExitStatusExt::from_raw)
}

#[cfg(windows)]
pub(super) fn raw(status: ExitStatus) -> u32 {
    status.code().unwrap_or_default() as u32
}

#[cfg(windows)]
pub(super) fn of_raw(raw: &str) -> Option<ExitStatus> {
    raw.parse().ok().map(std::os::windows::process::ExitStatusExt::from_raw)
}
