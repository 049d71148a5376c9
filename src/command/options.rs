//! How a program is run: the builder, which both twins share.

use std::fmt;
use std::io;
use std::process::Command;
use std::time::Duration;

use tracing::Level;

use crate::context::OutputContext;
use crate::limits::{COMMAND_GRACE, COMMAND_LINE_BYTES, COMMAND_LINGER};

/// Names a stream of a program; see [`Run::level_by`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Stream {
    /// Its stdout. The records have the target `logscope::command::stdout`.
    Stdout,
    /// Its stderr. The records have the target `logscope::command::stderr`.
    Stderr,
    /// Both on one pipe: see [`Run::merged`]. The records have the target `logscope::command::merged`.
    Merged,
}

/// Decides what of a line is logged.
pub(super) type MessageBy<'a> = Box<dyn for<'l> FnMut(Stream, &'l str) -> &'l str + Send + 'a>;

/// Decides the level of a line.
pub(super) type LevelBy<'a> = Box<dyn FnMut(Stream, &str) -> Level + Send + 'a>;

/// Runs a program whose output becomes records; from [`OutputContext::run`] and `OutputContext::run_async`.
///
/// `C` is the command: std's, which is run by [`wait`](Run::wait), or (with the feature `tokio`) tokio's, which is run by `.await`. The
/// [module](super) has the overview.
#[must_use = "the program is not started yet: call `.wait()`, or `.await` it if the command is tokio's"]
pub struct Run<'a, C = Command> {
    pub(super) context: &'a OutputContext,
    pub(super) command: &'a mut C,
    pub(super) options: Options<'a>,
}

pub(super) struct Options<'a> {
    pub(super) is_merged: bool,
    pub(super) stdout_level: Level,
    pub(super) stderr_level: Level,
    pub(super) level_by: Option<LevelBy<'a>>,
    pub(super) message_by: Option<MessageBy<'a>>,
    pub(super) timeout: Option<Duration>,
    pub(super) kill_on_drop: bool,
    pub(super) grace: Duration,
    pub(super) linger: Duration,
    pub(super) stdin: Option<Vec<u8>>,
    pub(super) captures: bool,
    pub(super) is_colored: bool,
    pub(super) max_line_bytes: usize,
}

impl Options<'_> {
    /// Returns whether the program may have to be ended, and so is the leader of a process group of its own.
    pub(super) fn has_group(&self) -> bool {
        self.timeout.is_some() || self.kill_on_drop
    }

    /// # Errors
    ///
    /// If this platform cannot do what is asked for.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.has_group() && !super::group::HAS_GROUPS {
            let what = "logscope ends programs (`timeout`, `kill_on_drop`) on Unix only: leave these options out here";
            return Err(io::Error::new(io::ErrorKind::Unsupported, what));
        }
        Ok(())
    }
}

impl<'a, C> Run<'a, C> {
    pub(super) fn new(context: &'a OutputContext, command: &'a mut C) -> Self {
        let options = Options {
            is_merged: false,
            stdout_level: Level::INFO,
            stderr_level: Level::INFO,
            level_by: None,
            message_by: None,
            timeout: None,
            kill_on_drop: false,
            grace: COMMAND_GRACE,
            linger: COMMAND_LINGER,
            stdin: None,
            captures: false,
            is_colored: false,
            max_line_bytes: COMMAND_LINE_BYTES,
        };
        Run { context, command, options }
    }

    /// Gives the program one pipe for stdout and stderr, so that all lines are in the order in which they were printed.
    ///
    /// Which line came from which stream is not known then: the records have the target `logscope::command::merged`, and the level of stdout.
    /// A program whose stdout is a pipe often keeps back what it prints there; that order, too, is the one in which the bytes were written.
    pub fn merged(mut self) -> Self {
        self.options.is_merged = true;
        self
    }

    /// Sets the level of the lines on stdout; INFO unless set.
    pub fn stdout_level(mut self, level: Level) -> Self {
        self.options.stdout_level = level;
        self
    }

    /// Sets the level of the lines on stderr; INFO unless set.
    ///
    /// Compilers and build tools print everything there but results: progress, notes, warnings and errors. So the stream says nothing of
    /// how bad a line is. [`level_by`](Run::level_by) looks at the line itself.
    pub fn stderr_level(mut self, level: Level) -> Self {
        self.options.stderr_level = level;
        self
    }

    /// Sets the level of each line by a function of its stream and its text, in place of a level for each stream.
    ///
    /// ```
    /// # #[cfg(unix)] {
    /// use std::process::Command;
    ///
    /// use logscope::{Format, Level, OutputContext, sink};
    ///
    /// logscope::init();
    /// let (memory, lines) = sink::memory();
    /// let uno = OutputContext::builder("uno").sink(memory.format(Format::build())).build();
    /// let mut compiler = Command::new("sh");
    /// compiler.args(["-c", "echo 'a.c:1: error: no such type'; echo '    1 | int6 a;'"]);
    /// uno.run(&mut compiler)
    ///     .level_by(|_stream, line| if line.contains(" error: ") { Level::ERROR } else { Level::INFO })
    ///     .wait()?;
    /// assert!(lines.lines()[0].ends_with("ERROR: a.c:1: error: no such type"));
    /// # }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// The text is the line as it is logged, with the escape sequences that the program has printed. The function is called for the lines in
    /// the order of their records, inside the context, and may keep a state. If it panics, so does the call that runs the program.
    pub fn level_by(mut self, level: impl FnMut(Stream, &str) -> Level + Send + 'a) -> Self {
        self.options.level_by = Some(Box::new(level));
        self
    }

    /// Sets which part of each line is logged, by a function of its stream and its text; the whole line unless set.
    ///
    /// A level can say what the line says, too: of a compiler's `warning: unused variable`, logged at WARN, `Format::build` makes
    /// `WARNING: unused variable` with
    ///
    /// ```
    /// # let uno = logscope::OutputContext::builder("uno").sink(logscope::sink::null()).build();
    /// # let mut compiler = std::process::Command::new("rustc");
    /// let run = uno.run(&mut compiler).message_by(|_stream, line| line.strip_prefix("warning: ").unwrap_or(line));
    /// # drop(run);
    /// ```
    ///
    /// The function is called after that of [`level_by`](Run::level_by), which sees the whole line.
    pub fn message_by(mut self, message: impl for<'l> FnMut(Stream, &'l str) -> &'l str + Send + 'a) -> Self {
        self.options.message_by = Some(Box::new(message));
        self
    }

    /// Ends the program if it takes longer than `timeout`. Unix only.
    ///
    /// The program gets a process group of its own. What it starts belongs to that group, unless it leaves it. When the time is over, the group
    /// gets SIGTERM, and SIGCONT, so that one that is stopped can end. What is left of it when the program has exited and its output is closed,
    /// or when the [grace](Run::grace) is over, gets SIGKILL. [`Finished::timed_out`](super::Finished::timed_out) is true then. What the program prints meanwhile is logged.
    ///
    /// A group of its own does not get the Ctrl-C of the terminal. When this process ends in an ordinary way (by a return from `main` or
    /// `exit`), it gets SIGTERM, and SIGKILL once the program has exited, after half a second at the latest. If a signal ends this process, it
    /// goes on: a program that wants Ctrl-C to end its children handles SIGINT, and exits. Nor can such a group read from the terminal: a
    /// program that opens `/dev/tty` to ask for a password is stopped there, until the time is over. Have it ask for nothing
    /// (`GIT_TERMINAL_PROMPT=0`, `ssh -o BatchMode=yes`).
    ///
    /// The time is looked at between log calls. While one waits for a sink that is slow, nothing is sent.
    ///
    /// On other platforms running fails with [`ErrorKind::Unsupported`](io::ErrorKind::Unsupported), because what the program has started would
    /// go on.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// Ends the program if this run is dropped half way: a future that is cancelled, a panic in [`level_by`](Run::level_by). Unix only.
    ///
    /// The program gets a process group of its own, as with [`timeout`](Run::timeout). The group gets SIGTERM at once. A thread of logscope's
    /// waits for it: what is left when the program has exited, or when the [grace](Run::grace) is over, gets SIGKILL. The drop waits for
    /// nothing.
    ///
    /// Without this, a program whose run is dropped goes on. Its output leads nowhere then: most programs end when they print the next line.
    /// Its exit is waited for in any case, so that no zombie stays.
    pub fn kill_on_drop(mut self, kill: bool) -> Self {
        self.options.kill_on_drop = kill;
        self
    }

    /// Sets how long a program that is ended has between SIGTERM and SIGKILL; 5 seconds unless set.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.options.grace = grace;
        self
    }

    /// Sets how long the output is read after the program has exited, if another process holds it open; one second unless set.
    ///
    /// A program can start another one, a compile server for example, that has the same stdout and does not end. A process that another thread
    /// is just starting has copies of all pipes, too, for a moment: so a time of zero can find an output open that is at its end. What was
    /// printed by the end of this time is logged. Then a record says at WARN that the output is still open, and
    /// [`Finished::left_open`](super::Finished::left_open) is true.
    pub fn linger(mut self, linger: Duration) -> Self {
        self.options.linger = linger;
        self
    }

    /// Gives the program these bytes as its stdin. Without them, its stdin is empty.
    ///
    /// They are written while the output is read. A program need not read them.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.options.stdin = Some(bytes.into());
        self
    }

    /// Sets whether what the program prints is kept too: see [`Finished::stdout`](super::Finished::stdout).
    ///
    /// Of each stream 16 MiB are kept. A record at WARN, and [`Captured::missing`](super::Captured::missing), say so if there is more.
    pub fn capture(mut self, capture: bool) -> Self {
        self.options.captures = capture;
        self
    }

    /// Sets whether the program is asked for colours, which most programs print on a terminal only.
    ///
    /// It gets the environment variables `CLICOLOR_FORCE=1`, `FORCE_COLOR=1` and `CARGO_TERM_COLOR=always`, but for those that the command
    /// sets or removes itself, and none of them if `NO_COLOR` is set for it, by the command or by the environment. Programs that look at none
    /// of them need an argument of their own: `--color=always` for `rustc` and `grep`, `-fdiagnostics-color` for `gcc`. Whether the colours are
    /// shown depends on each sink: see [`Format::ansi`](crate::Format::ansi).
    pub fn colored(mut self, colored: bool) -> Self {
        self.options.is_colored = colored;
        self
    }

    /// Sets how many bytes of a line one record takes; 64 KiB unless set, and 16 at least. A longer line goes on in further records, which
    /// have the field `continued=true`.
    pub fn max_line_bytes(mut self, bytes: usize) -> Self {
        self.options.max_line_bytes = bytes;
        self
    }
}

impl<C: fmt::Debug> fmt::Debug for Run<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("context", self.context).field("command", self.command).finish_non_exhaustive()
    }
}
