//! The ends of a process that has queued sinks (P1): whatever was accepted is in the log when the process is gone, exactly once, in the
//! order of the thread that logged it, and on lines of its own.
//!
//! Each end is played by child processes, many times over, with as many records as the number of the round says: where an end is a race,
//! the two sides meet somewhere else in each round. The children are this program again. It has no test harness, since most of
//! them return from `main`, and a harness would give the writer threads time before it does so itself.
//!
//! | module | ends |
//! |---|---|
//! | [`orderly`] | a return from `main`, `exit`, panics |
//! | [`killed`] | `abort` from a panic hook, SIGTERM, SIGKILL |
//! | [`late`] | what is logged after `shutdown`, and by `atexit` handlers |
//! | [`slow`] | outputs that are slow, that stand still, or that end the process themselves |
//!
//! An argument is a part of a name: only what has it is played.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it has no harness that would")]

#[cfg(unix)]
#[path = "../common/child.rs"]
mod child;
#[cfg(unix)]
mod killed;
#[cfg(unix)]
mod late;
#[cfg(unix)]
mod log;
#[cfg(unix)]
mod orderly;
#[cfg(unix)]
mod run;
#[cfg(unix)]
mod slow;

#[cfg(unix)]
fn main() -> std::process::ExitCode {
    let ends: Vec<_> = [orderly::ENDS, killed::ENDS, late::ENDS, slow::ENDS].concat();
    run::main(&ends)
}

#[cfg(not(unix))]
fn main() {}
