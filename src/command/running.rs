//! A program from its start to its end, but for the reading of its pipes.

use std::io;
use std::process::{ChildStdin, Command};
use std::time::{Duration, Instant};

use super::finished::Finished;
use super::live::Live;
use super::options::Options;
use super::prepare::spawn;
use super::recorder::Recorder;
use super::records::Program;

/// A program that runs, and whoever reads its pipes.
pub(super) struct Running<'a> {
    pub(super) live: Live,
    pub(super) recorder: Recorder<'a>,
    started: Instant,
    timeout: Option<Duration>,
    linger: Duration,
}

/// The pipes of a program, and what is to be written to its stdin.
pub(super) struct Pipes {
    /// Those of the streams of a [`Recorder`].
    pub(super) outputs: [Option<Output>; 2],
    pub(super) stdin: Option<ChildStdin>,
    pub(super) input: Vec<u8>,
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
        Ok((Running { live, recorder, started, timeout: options.timeout, linger: options.linger }, pipes))
    }

    /// Waits for a program that has exited, and logs how. `left_open` says whether one of its outputs is still open.
    pub(super) fn finish(mut self, left_open: bool) -> io::Result<Finished> {
        let course = self.live.course();
        let duration = course.exited().map_or_else(|| self.started.elapsed(), |exited| exited - self.started);
        let timeout = if course.was_ended() { self.timeout } else { None };
        let linger = if left_open { Some(self.linger) } else { None };
        let status = self.live.reap().map_err(|error| {
            let text = format!("cannot wait for {}: {error}", self.recorder.program_name());
            io::Error::new(error.kind(), text)
        })?;
        Ok(self.recorder.ended(status, duration, timeout, linger))
    }
}
