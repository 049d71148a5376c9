//! What queued sinks do when the process exits, and before and after forks.
//!
//! | file | what |
//! |---|---|
//! | `end` | `shutdown`, and writing the queued records when the process exits |
//! | `fork` | before and after a fork |
//! | `hooks` | has the C library call the other two at exit and around forks, and sets the panic hook |
//!
//! To change how long an exit waits, change `EXIT_DEADLINE` in `limits`; a program sets its own with `Config::exit_deadline`, which is kept
//! in `process`. The rule for code that runs in a forked child is in `process` too. How forks and writer threads wait for each other is in
//! `background::fork_gate`, what a log call does after the exit has closed its queue in `background::enqueue`.
//!
//! Imports `background` and the modules before it.

mod end;
#[cfg(unix)]
mod fork;
mod hooks;

pub(crate) use end::shutdown;
pub(crate) use hooks::before_end;
pub(super) use hooks::install;
