//! The records of a program that runs: one for each line that it prints, one when it starts, and one when it has ended.

use std::fmt;
use std::process::ExitStatus;
use std::time::Duration;

use tracing::{Level, event};

use super::options::Stream;

/// Logs a line that a program has printed. It is continued if the line before was too long.
pub(super) fn line(stream: Stream, level: Level, text: &str, is_continued: bool) {
    macro_rules! log {
        ($target:literal) => {
            match level {
                Level::ERROR => log!($target, ERROR),
                Level::WARN => log!($target, WARN),
                Level::INFO => log!($target, INFO),
                Level::DEBUG => log!($target, DEBUG),
                Level::TRACE => log!($target, TRACE),
            }
        };
        ($target:literal, $level:ident) => {
            // Two events: one that has no field but its message costs less.
            if is_continued {
                event!(target: $target, Level::$level, continued = true, "{text}")
            } else {
                event!(target: $target, Level::$level, "{text}")
            }
        };
    }
    match stream {
        Stream::Stdout => log!("logscope::command::stdout"),
        Stream::Stderr => log!("logscope::command::stderr"),
        Stream::Merged => log!("logscope::command::merged"),
    }
}

/// Logs that `program` has started.
pub(super) fn started(program: &Program, pid: u32) {
    let Program { name, path, arguments } = program;
    tracing::debug!(target: "logscope::command", program = %path, arguments = %arguments, pid, "{name} started");
}

/// Logs that a process which `program` has started holds its output open.
pub(super) fn left_open(program: &Program, linger: Duration) {
    tracing::warn!(
        target: "logscope::command",
        program = %program.path,
        "{} has exited, and {linger:?} later another process still holds its output open: what that prints is not logged",
        program.name,
    );
}

/// Logs that no more is captured of what `program` prints.
pub(super) fn cut(program: &Program, missing: u64) {
    tracing::warn!(
        target: "logscope::command",
        program = %program.path,
        missing,
        "{} has printed more than is captured",
        program.name,
    );
}

/// Logs how `program` has ended: at DEBUG after a success, at WARN otherwise. `timeout` is how long it was given, if it took longer.
pub(super) fn ended(program: &Program, status: ExitStatus, duration: Duration, timeout: Option<Duration>) {
    let (code, signal) = (status.code(), signal_of(status));
    // In whole microseconds: the other digits say nothing.
    let seconds = duration.as_micros() as f64 / 1e6;
    let how = How { status, timeout };
    let Program { name, path, .. } = program;
    if ExitStatus::success(&status) && timeout.is_none() {
        tracing::debug!(target: "logscope::command", program = %path, status = code, signal, seconds, "{name} {how}");
    } else {
        tracing::warn!(target: "logscope::command", program = %path, status = code, signal, seconds, "{name} {how}");
    }
}

/// What becomes of a program whose run is dropped half way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Left {
    /// It is told to end.
    Ends,
    GoesOn,
    /// It had exited, but somebody held its output open.
    HadExited,
}

/// Logs that nobody waits for `program` any more, which has run for `duration`.
pub(super) fn left(program: &Program, duration: Duration, what: Left) {
    let seconds = duration.as_micros() as f64 / 1e6;
    let Program { name, path, .. } = program;
    let what = match what {
        Left::Ends => "is told to end",
        Left::GoesOn => "goes on, and what it prints from here on is not logged",
        Left::HadExited => "had exited, and what others print on its output is not logged",
    };
    tracing::warn!(target: "logscope::command", program = %path, seconds, "the run of {name} was dropped half way: it {what}");
}

#[cfg(unix)]
fn signal_of(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal_of(_: ExitStatus) -> Option<i32> {
    None
}

/// The names of a program.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// The name of its file, for people.
    pub(super) name: String,
    /// What the command names.
    pub(super) path: String,
    pub(super) arguments: String,
}

impl Program {
    pub(super) fn of(command: &std::process::Command) -> Self {
        let path = std::path::Path::new(command.get_program());
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let mut arguments = String::new();
        for argument in command.get_args() {
            if !arguments.is_empty() {
                arguments.push(' ');
            }
            let argument = argument.to_string_lossy();
            // As a person would type it, so that it can be seen where an argument ends.
            if argument.is_empty() || argument.contains([' ', '\t', '\n', '"', '\'', '\\']) {
                arguments.push_str(&format!("{argument:?}"));
            } else {
                arguments.push_str(&argument);
            }
        }
        Program { name, path: path.display().to_string(), arguments }
    }
}

/// How a program has ended, in words behind its name.
pub(super) struct How {
    pub(super) status: ExitStatus,
    pub(super) timeout: Option<Duration>,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status;
        match self.timeout {
            Some(timeout) => write!(f, "took longer than {timeout:?} and was ended ({status})"),
            None if ExitStatus::success(&status) => f.write_str("succeeded"),
            None => write!(f, "failed ({status})"),
        }
    }
}
