//! Running std's commands: all in the calling thread with poll(2), or with a thread for each pipe.

#[cfg(all(unix, not(any(target_os = "openbsd", target_os = "redox"))))]
mod poll;
#[cfg(any(test, not(all(unix, not(any(target_os = "openbsd", target_os = "redox"))))))]
mod receive;
#[cfg(all(test, unix, not(logscope_loom)))]
mod tests;

use std::io;
use std::process::Command;

#[cfg(all(unix, not(any(target_os = "openbsd", target_os = "redox"))))]
use poll::read_all;
#[cfg(not(all(unix, not(any(target_os = "openbsd", target_os = "redox")))))]
use receive::read_all;

use super::finished::Finished;
use super::options::Run;
use super::running::Running;

impl Run<'_, Command> {
    /// Starts the program, logs what it prints as it comes, and waits until it has ended.
    ///
    /// All is done in this thread, inside the context: log calls that wait for a slow sink hold the program up, once its pipe is full.
    ///
    /// # Errors
    ///
    /// If the program cannot be started: the error names it, and no record is written. If its pipes cannot be read, because this process has too
    /// many open files, for example: the program is ended then. If it cannot be waited for, because this process ignores SIGCHLD. If this
    /// platform cannot do what the options ask for. A program that fails is no error here: see [`Finished::check`].
    ///
    /// # Panics
    ///
    /// If the function of [`level_by`](Run::level_by) panics.
    pub fn wait(self) -> io::Result<Finished> {
        let Run { context, command, options } = self;
        context.scope(|| {
            let (mut running, pipes) = Running::start(command, options)?;
            let left_open = read_all(&mut running, pipes).map_err(|error| running.give_up(error))?;
            running.finish(left_open)
        })
    }
}
