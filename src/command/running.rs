//! A program from its start to its end, but for the reading of its pipes.

use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{ChildStdin, Command};
use std::time::{Duration, Instant};

use super::finished::Finished;
use super::live::Live;
use super::options::Options;
use super::prepare::spawn;
use super::recorder::Recorder;
use super::records::Program;
use crate::process::fork_generation;

/// A program that runs, and whoever reads its pipes.
pub(super) struct Running<'a> {
    pub(super) live: Live,
    pub(super) recorder: Recorder<'a>,
    started: Instant,
    timeout: Option<Duration>,
    linger: Duration,
    /// True once its end is logged, or told to the caller as an error.
    is_told: bool,
    made_in: usize,
}

/// The pipes of a program, and what is to be written to its stdin.
pub(super) struct Pipes {
    /// Those of the streams of a [`Recorder`].
    pub(super) outputs: [Option<Output>; 2],
    pub(super) stdin: Option<ChildStdin>,
    pub(super) input: Vec<u8>,
}

/// Returns whether the system says that what is waited for is no child of this process.
fn is_no_child(error: &io::Error) -> bool {
    #[cfg(unix)]
    return error.raw_os_error() == Some(rustix::io::Errno::CHILD.raw_os_error());
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}

/// The end of a pipe that is read.
#[cfg(unix)]
pub(super) type Output = std::os::fd::OwnedFd;
/// The end of a pipe that is read.
#[cfg(not(unix))]
pub(super) type Output = Box<dyn io::Read + Send>;

#[cfg(unix)]
fn output(pipe: impl Into<Output>) -> Output {
    pipe.into()
}

#[cfg(not(unix))]
fn output(pipe: impl io::Read + Send + 'static) -> Output {
    Box::new(pipe)
}

impl<'a> Running<'a> {
    /// Starts a program.
    pub(super) fn start(command: &mut Command, mut options: Options<'a>) -> io::Result<(Running<'a>, Pipes)> {
        let program = Program::of(command);
        let (mut child, merged) = spawn(command, &options)?;
        let started = Instant::now();
        let pipes = Pipes {
            outputs: match merged {
                Some(merged) => [Some(output(merged)), None],
                None => [child.stdout.take().map(output), child.stderr.take().map(output)],
            },
            stdin: child.stdin.take(),
            input: options.stdin.take().unwrap_or_default(),
        };
        let pid = child.id();
        let live = Live::new(child, &options);
        let recorder = Recorder::new(program, &mut options);
        recorder.started(pid);
        let running = Running {
            live,
            recorder,
            started,
            timeout: options.timeout,
            linger: options.linger,
            is_told: false,
            made_in: fork_generation(),
        };
        Ok((running, pipes))
    }

    /// Ends a program whose pipes cannot be read. Returns the error with the name of the program.
    pub(super) fn give_up(&mut self, error: io::Error) -> io::Error {
        self.is_told = true;
        self.live.give_up();
        io::Error::new(error.kind(), format!("cannot run {}: {error}", self.recorder.program_name()))
    }

    /// Waits for a program that has exited, and logs how. `left_open` says whether one of its outputs is still open.
    pub(super) fn finish(mut self, left_open: bool) -> io::Result<Finished> {
        self.is_told = true;
        let course = self.live.course();
        let duration = course.exited().map_or_else(|| self.started.elapsed(), |exited| exited - self.started);
        let timeout = if course.was_ended() { self.timeout } else { None };
        let linger = if left_open { Some(self.linger) } else { None };
        let status = self.live.reap().map_err(|error| {
            let why = "this process ignores SIGCHLD, or something else in it has waited for the program";
            let why = if is_no_child(&error) { format!(": {why}") } else { String::new() };
            let text = format!("cannot wait for {}: {error}{why}", self.recorder.program_name());
            io::Error::new(error.kind(), text)
        })?;
        Ok(self.recorder.ended(status, duration, timeout, linger))
    }
}

/// A run that is dropped half way has a last record, too, which says what becomes of its program.
impl Drop for Running<'_> {
    fn drop(&mut self) {
        // A forked child has a copy of the parent's run, and says nothing of it.
        if self.is_told || self.made_in != fork_generation() {
            return;
        }
        let (duration, fate) = (self.started.elapsed(), self.live.fate_on_drop());
        // First: an output that stands still must not keep the program alive.
        self.live.leave();
        // This may be the unwinding of a panic, during which that of a subscriber would abort the process.
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.recorder.left(duration, fate))) {
            // Its `Drop` may panic, too.
            mem::forget(payload);
        }
    }
}

#[cfg(all(test, target_os = "linux", not(logscope_loom)))]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::OutputContext;
    use crate::sink;

    #[test]
    fn a_program_whose_pipes_cannot_be_read_is_ended_and_waited_for() {
        let uno = OutputContext::builder("uno").sink(sink::null()).build();
        for timeout in [None, Some(Duration::from_secs(600))] {
            let mut command = Command::new("sleep");
            let mut run = uno.run(command.arg("600"));
            run.options.timeout = timeout;
            let (mut running, pipes) = Running::start(run.command, run.options).expect("it is there");
            let process = format!("/proc/{}", running.live.child().id());
            assert!(std::fs::exists(&process).expect("it can be seen"));
            drop(pipes);
            let error = running.give_up(io::Error::other("too many"));
            assert_eq!(error.to_string(), "cannot run sleep: too many");
            drop(running);
            let start = Instant::now();
            while std::fs::exists(&process).expect("it can be seen") {
                assert!(start.elapsed() < Duration::from_secs(60), "it ends");
                std::thread::yield_now();
            }
        }
    }
}
