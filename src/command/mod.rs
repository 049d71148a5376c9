//! Running programs that know nothing of logscope: what they print becomes records of a context.
//!
//! ```
//! # #[cfg(unix)] {
//! use std::process::Command;
//!
//! use logscope::{Format, OutputContext, sink};
//!
//! logscope::init();
//! let (memory, printed) = sink::memory();
//! let uno = OutputContext::builder("uno").sink(memory.format(Format::raw())).build();
//!
//! let mut compiler = Command::new("sh");
//! compiler.args(["-c", "echo compiling main.c; echo 'main.c:1: warning: unused' >&2; exit 1"]);
//! let finished = uno.run(&mut compiler).merged().wait()?;
//!
//! assert_eq!(finished.status.code(), Some(1));
//! assert_eq!(printed.lines()[..2], ["compiling main.c", "main.c:1: warning: unused"]);
//! # }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! [`OutputContext::run`] takes a command of std, and `OutputContext::run_async` (feature `tokio`) one of tokio. Both return a [`Run`], whose
//! methods set how the program is run. Its stdin is empty, or [bytes](Run::stdin) that it is given; its stdout and stderr are read as they come.
//! The rest of the command stays as it is: folder, arguments, environment, and what is inherited (cargo's jobserver, for example).
//!
//! # The records
//!
//! | target | level | message | fields |
//! |---|---|---|---|
//! | `logscope::command` | DEBUG | `rustc started` | `program` and `arguments` as the command names them, `pid` |
//! | `logscope::command::stdout` | INFO | a line of stdout | `continued=true` if the line before was too long, and goes on here |
//! | `logscope::command::stderr` | INFO | a line of stderr | the same |
//! | `logscope::command::merged` | INFO | a line of either, if they are [merged](Run::merged) | the same |
//! | `logscope::command` | DEBUG after a success, else WARN | `rustc succeeded`, `rustc failed (exit status: 1)` | `program`; `status`, the exit code, or `signal`, the number of the signal; `seconds`, how long it ran |
//! | `logscope::command` | WARN | `the run of rustc was dropped half way: it is told to end`, or `it goes on, …` | `program`, `seconds` |
//!
//! - **The message is the line alone**, so that [`Format::raw`](crate::Format::raw) prints what the program printed, and
//!   [`Format::build`](crate::Format::build) the same behind the time. Which stream it came from is in the target. Which program, is not in the
//!   record: where several programs run in one context, give each a [child](OutputContext::child) context, a [name](OutputContext::renamed)
//!   or a span.
//! - **Levels.** A program prints what its user should see, so its lines are at INFO, and what is said *about* the program is at DEBUG if all went
//!   well. A failure is a WARN: whether it is an error, knows the caller, who has [`Finished::check`]. Compilers and build tools print
//!   progress, notes, warnings and errors on stderr, so that stream is no sign of an error. See [`Run::stderr_level`] and [`Run::level_by`].
//! - **Directives** select them like any records: `"info,logscope::command=warn,logscope::command::stderr=info"` leaves out what was printed on
//!   stdout.
//! - **Context and spans** are those in which the program is run: the context that `run` was called on, and the spans that are
//!   entered when `wait` is called, or the future polled.
//!
//! # Lines
//!
//! A line ends with `\n` or `\r\n`, or with the stream. What follows a lone `\r` overwrites the line, as on a terminal: of a progress bar, one
//! record shows its last state. Bytes that are no UTF-8 are replaced. Escape sequences are kept: whether they are shown, removed or escaped depends
//! on each sink ([`Format::ansi`](crate::Format::ansi)). A line of more than 64 KiB ([`Run::max_line_bytes`]) goes on in further records.
//!
//! # What is promised
//!
//! - **Nothing is lost.** The pipes are read by the thread or task that runs the program, which writes the records. If a sink is slow, the
//!   program waits at its pipe. A context that is queued may drop records, and counts them.
//! - **No order of printing and reading hangs.** Both streams are read, and stdin is written, at the same time. A program that ends without reading
//!   its stdin is no failure.
//! - **Order.** The lines of one stream are in order. Those of both are nearly so, and exactly if they are [merged](Run::merged).
//! - **A run ends soon after its program**, also if another process has inherited the output: see [`Run::linger`].
//! - **No zombies.** A program whose run is dropped half way (a future that is cancelled, a panic in [`Run::level_by`]) is waited for by a thread
//!   of logscope's. [`Run::kill_on_drop`] and [`Run::timeout`] end it.
//!
//! # What a command keeps
//!
//! Running changes the command: its stdin, stdout and stderr, its process group with [`timeout`](Run::timeout) or
//! [`kill_on_drop`](Run::kill_on_drop), and its environment with [`colored`](Run::colored). The command can be run again.
//!
//! On Windows (and where poll(2) cannot wait for a child) each pipe is read by a thread, and programs are not ended: `timeout` and `kill_on_drop`
//! are errors there.

mod course;
#[cfg(all(unix, not(any(target_os = "openbsd", target_os = "redox"))))]
mod exit;
mod finished;
mod group;
mod lines;
mod live;
mod options;
mod prepare;
#[cfg(all(unix, not(any(target_os = "openbsd", target_os = "redox"))))]
mod pump;
mod reaper;
mod recorder;
mod records;
mod running;
#[cfg(feature = "tokio")]
mod task;
#[cfg(any(test, not(all(unix, not(any(target_os = "openbsd", target_os = "redox"))))))]
mod threads;
mod wait;

pub use finished::{Captured, Finished};
pub use options::{Run, Stream};
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub use task::RunFuture;

use crate::context::OutputContext;

impl OutputContext {
    /// Prepares to run `command`, whose output becomes records of this context.
    ///
    /// ```
    /// # #[cfg(unix)] {
    /// use std::process::Command;
    /// use std::time::Duration;
    ///
    /// let uno = logscope::OutputContext::builder("uno").sink(logscope::sink::null()).build();
    /// let finished = uno.run(Command::new("echo").arg("compiling")).timeout(Duration::from_secs(60)).wait()?;
    /// assert!(finished.success());
    /// assert_eq!(finished.lines, 1);
    /// # }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// The module [`command`](crate::command) describes the records, and [`Run`] the options.
    pub fn run<'a>(&'a self, command: &'a mut std::process::Command) -> Run<'a> {
        Run::new(self, command)
    }
    /// Prepares to run `command`, one of tokio's, whose output becomes records of this context.
    ///
    /// ```
    /// # #[cfg(unix)] {
    /// use std::time::Duration;
    ///
    /// use tokio::process::Command;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let uno = logscope::OutputContext::builder("uno").sink(logscope::sink::null()).build();
    /// let mut command = Command::new("echo");
    /// command.arg("compiling");
    /// let finished = uno.run_async(&mut command).timeout(Duration::from_secs(60)).kill_on_drop(true).await?;
    /// assert!(finished.success());
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// The options are those of [`run`](OutputContext::run). `kill_on_drop` of the command itself counts, too.
    #[cfg(feature = "tokio")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
    pub fn run_async<'a>(&'a self, command: &'a mut tokio::process::Command) -> Run<'a, tokio::process::Command> {
        Run::new(self, command)
    }
}
