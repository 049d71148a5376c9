//! Running a part of a test in a forked child.

#![allow(dead_code)]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// How long a child may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

unsafe extern "C" {
    #[link_name = "fork"]
    fn fork_process() -> i32;
    /// Calls no handlers of forks.
    #[cfg(target_os = "linux")]
    #[link_name = "_Fork"]
    fn fork_process_unnoticed() -> i32;
    fn _exit(status: i32) -> !;
}

/// Forks, and waits until the child has run `play` and ended. A child that hangs is killed.
pub(crate) fn fork(play: impl FnOnce()) {
    // SAFETY: the child runs `play`, which is what is tested, and then ends at once.
    in_child(unsafe { fork_process() }, play);
}

/// As [`fork`], but the library does not learn from the C library that the child is one.
#[cfg(target_os = "linux")]
pub(crate) fn fork_unnoticed(play: impl FnOnce()) {
    // SAFETY: as above.
    in_child(unsafe { fork_process_unnoticed() }, play);
}

/// `forked` is what a fork has returned.
fn in_child(forked: i32, play: impl FnOnce()) {
    let Some(pid) = Pid::from_raw(forked) else {
        let status = i32::from(catch_unwind(AssertUnwindSafe(play)).is_err());
        // SAFETY: it may be called at any time.
        unsafe { _exit(status) }
    };
    wait_for(pid);
}

/// What a forked child panics with.
struct Forked;

/// Forks, and has the child unwind to [`to_the_end_of_a_child`]. Waits until it has ended there.
pub(crate) fn fork_and_unwind() {
    // SAFETY: the child unwinds, which is what is tested, and then ends at once.
    match Pid::from_raw(unsafe { fork_process() }) {
        Some(pid) => wait_for(pid),
        None => resume_unwind(Box::new(Forked)),
    }
}

/// Runs `work`. A child that [unwinds](fork_and_unwind) from it ends here.
pub(crate) fn to_the_end_of_a_child<T>(work: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        if payload.is::<Forked>() {
            // SAFETY: it may be called at any time.
            unsafe { _exit(0) }
        }
        resume_unwind(payload)
    })
}

fn wait_for(pid: Pid) {
    let start = Instant::now();
    loop {
        if let Some((_, status)) = waitpid(Some(pid), WaitOptions::NOHANG).unwrap() {
            assert_eq!(status.exit_status(), Some(0), "the child has failed");
            return;
        }
        if start.elapsed() > PATIENCE {
            kill_process(pid, Signal::KILL).unwrap();
            panic!("the child hangs");
        }
        thread::sleep(Duration::from_micros(200));
    }
}
