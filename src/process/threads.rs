//! Starting the library's own threads.

use std::io;

use crate::sync::thread::{Builder, JoinHandle};

/// Starts a thread that blocks all signals but those that a fault of its own raises: a handler of the program's must not run on a thread that
/// the program does not know, and could stand still there.
pub(crate) fn start_thread(name: &str, f: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    with_blocked_signals(|| Builder::new().name(name.to_owned()).spawn(f))
}

#[cfg(unix)]
fn with_blocked_signals<R>(start: impl FnOnce() -> R) -> R {
    use nix::sys::signal::{SigSet, SigmaskHow, Signal};

    let mut blocked = SigSet::all();
    for raised_by_faults in
        [Signal::SIGBUS, Signal::SIGFPE, Signal::SIGILL, Signal::SIGSEGV, Signal::SIGSYS, Signal::SIGTRAP]
    {
        blocked.remove(raised_by_faults);
    }
    // A new thread has the mask of the thread that starts it.
    let before = blocked.thread_swap_mask(SigmaskHow::SIG_SETMASK);
    let result = start();
    if let Ok(before) = before {
        let _ = before.thread_set_mask();
    }
    result
}

#[cfg(not(unix))]
fn with_blocked_signals<R>(start: impl FnOnce() -> R) -> R {
    start()
}

#[cfg(all(test, target_os = "linux", not(logscope_loom)))]
mod tests {
    use nix::sys::signal::Signal::{self, *};

    use super::*;

    /// The signals that the calling thread blocks: signal `n` is bit `n - 1`.
    fn blocked_signals() -> u64 {
        let status = std::fs::read_to_string("/proc/thread-self/status").expect("Linux has it");
        let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).expect("it is there");
        u64::from_str_radix(mask.trim(), 16).expect("it is a number")
    }

    #[test]
    fn a_thread_blocks_all_signals_but_those_of_faults_and_its_starter_keeps_its_own_mask() {
        let before = blocked_signals();
        let (send, receive) = std::sync::mpsc::channel();
        start_thread("logscope-test", move || send.send(blocked_signals()).unwrap()).unwrap().join().unwrap();
        let blocked = receive.recv().unwrap();
        assert_eq!(blocked_signals(), before);
        let is_blocked = |signal: &Signal| blocked >> (*signal as i32 - 1) & 1 == 1;
        assert!(![SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS].iter().any(is_blocked), "{blocked:x}");
        assert!([SIGHUP, SIGINT, SIGUSR1, SIGPIPE, SIGALRM, SIGTERM, SIGPROF].iter().all(is_blocked), "{blocked:x}");
    }
}
