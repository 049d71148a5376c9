//! Running std's commands: all in the calling thread with poll(2), or with a thread for each pipe.

#[cfg(all(unix, not(any(target_os = "openbsd", target_os = "redox"))))]
mod exit;
#[cfg(all(unix, not(any(target_os = "openbsd", target_os = "redox"))))]
mod poll;
#[cfg(any(test, not(all(unix, not(any(target_os = "openbsd", target_os = "redox"))))))]
mod threads;

use std::io;
use std::process::{Child, Command};
use std::time::Instant;

#[cfg(all(test, unix, not(logscope_loom)))]
mod tests;

use super::finished::Finished;
use super::live::Live;
use super::options::Run;
use super::prepare;
use super::recorder::Recorder;
use super::records::Program;

#[cfg(all(unix, not(any(target_os = "openbsd", target_os = "redox"))))]
use poll::read_all;
#[cfg(not(all(unix, not(any(target_os = "openbsd", target_os = "redox")))))]
use threads::read_all;

/// The child's ends of the pipes, and what is to be written to its stdin.
struct Pipes {
    /// Those of the streams of a [`Recorder`].
    outputs: [Option<Output>; 2],
    stdin: Option<std::process::ChildStdin>,
    input: Vec<u8>,
}

/// An end from which bytes can be read.
#[cfg(unix)]
type Output = std::os::fd::OwnedFd;
/// An end from which bytes can be read.
#[cfg(not(unix))]
type Output = Box<dyn io::Read + Send>;

#[cfg(unix)]
fn output(pipe: impl Into<Output>) -> Output {
    pipe.into()
}

#[cfg(not(unix))]
fn output(pipe: impl io::Read + Send + 'static) -> Output {
    Box::new(pipe)
}

impl Run<'_, Command> {
    /// Starts the program, logs what it prints as it comes, and waits until it has ended.
    ///
    /// All is done in this thread, inside the context: log calls that wait for a slow sink hold the program up, once its pipe is full.
    ///
    /// # Errors
    ///
    /// If the program cannot be started: the error names it, and no record is written. If this platform cannot do what the options ask for. A
    /// program that fails is no error here: see [`Finished::check`].
    ///
    /// # Panics
    ///
    /// If the function of [`level_by`](Run::level_by) panics.
    pub fn wait(self) -> io::Result<Finished> {
        let Run { context, command, mut options } = self;
        context.scope(|| {
            let program = Program::of(command);
            let (mut child, merged) = prepare::spawn(command, |command| command, &options, Command::spawn)?;
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
            let mut live = Live::new(child, pid, &options);
            let mut recorder = Recorder::new(program, &mut options);
            recorder.started(pid);
            let left_open = read_all(pipes, pid, &mut live, &mut recorder)?;
            let exited = live.course().exited().unwrap_or_else(Instant::now);
            let was_ended = live.course().was_ended();
            let status = live.reap_with(Child::wait)?;
            let timeout = if was_ended { options.timeout } else { None };
            let linger = if left_open { Some(options.linger) } else { None };
            Ok(recorder.ended(status, exited.duration_since(started), timeout, linger))
        })
    }
}
