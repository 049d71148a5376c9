//! Running a part of a test in a forked child.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

/// How long a child may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Forks, and waits until the child has run `play` and ended. A child that hangs is killed.
pub(crate) fn fork(play: impl FnOnce()) {
    unsafe extern "C" {
        fn fork() -> i32;
        fn _exit(status: i32) -> !;
    }
    // SAFETY: the child runs `play`, which is what is tested, and then ends at once.
    let Some(pid) = Pid::from_raw(unsafe { fork() }) else {
        let status = i32::from(catch_unwind(AssertUnwindSafe(play)).is_err());
        // SAFETY: it may be called at any time.
        unsafe { _exit(status) }
    };
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
