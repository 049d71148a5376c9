//! The ends of a process that has queued sinks (P1): every accepted record is in the log when the process is gone, exactly once, in the
//! order of the thread that logged it, and on a line of its own.
//!
//! Each end is run by many child processes, with another number of records in each round: where an end is a race, its two sides then
//! meet at another point in each round. The children are this binary again. It has no test harness, since most children return from
//! `main`: a harness would do work of its own before that, and so give the writer threads time.
//!
//! | module | ends |
//! |---|---|
//! | [`orderly`] | a return from `main`, `exit`, panics |
//! | [`killed`] | `abort` from a panic hook, SIGTERM, SIGKILL |
//! | [`late`] | records logged after `shutdown` and by `atexit` handlers |
//! | [`slow`] | outputs that are slow, that block, or that end the process themselves |
//!
//! An argument is a part of a name: only the ends with that part in their name are run.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this binary has no test harness to print for it")]

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
