//! A fork while another thread makes the first queue of the process, and with it installs the handlers of exits and forks: the child can
//! make a queue too.
//!
//! A binary of its own, because it has an `atexit` of its own, which stands for a C library that is slow. The C library has the real one in
//! a static archive, so the linker takes this one.

#![cfg(feature = "testing")]
#![cfg(all(target_os = "linux", target_env = "gnu", not(logscope_sanitizer)))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;

use std::ffi::c_int;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use logscope::OutputContext;
use logscope::sink::{self, Queue};
use logscope::testing::wait_until;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use serde_json::json;

use child::Child;

/// How long an expected event may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Tells that a thread is in `atexit`, and keeps it there.
static AT_EXIT: Mutex<Option<(Sender<()>, Receiver<()>)>> = Mutex::new(None);

// SAFETY: it has the name and the signature of the C function, and refuses every handler, as that function may.
#[unsafe(no_mangle)]
extern "C" fn atexit(_: extern "C" fn()) -> c_int {
    let latch = AT_EXIT.lock().unwrap().take();
    if let Some((reached, released)) = latch {
        reached.send(()).unwrap();
        let _ = released.recv();
    }
    1
}

/// Makes a queue and logs through it. True if the record is there when the log call returns, as in a forked child.
fn log() -> bool {
    let (memory, lines) = sink::memory();
    let uno = OutputContext::builder("uno").sink(memory.queued(Queue::new())).build();
    uno.scope(|| tracing::info!("from the child"));
    lines.len() == 1
}

#[test]
fn a_child_can_make_a_queue_while_the_parent_makes_its_first() {
    const TEST: &str = "a_child_can_make_a_queue_while_the_parent_makes_its_first";
    child::in_child(TEST, |_| {
        logscope::init();
        let (reached, is_reached) = channel();
        let (release, released) = channel();
        *AT_EXIT.lock().unwrap() = Some((reached, released));
        let first = thread::spawn(|| drop(sink::memory().0.queued(Queue::new())));
        is_reached.recv_timeout(PATIENCE).unwrap();
        let child = fork_and_wait();
        drop(release);
        first.join().unwrap();
        json!(child)
    });
    assert_eq!(Child::new(TEST).run().report, json!(0), "the exit status of the forked child; null if it hangs");
}

/// Forks a child that logs. Returns its exit status, or `None` if it does not end.
fn fork_and_wait() -> Option<i32> {
    unsafe extern "C" {
        fn fork() -> i32;
    }
    // SAFETY: the only other thread is in `atexit`, and holds no lock that the child takes: that is what the test is about.
    let pid = unsafe { fork() };
    let Some(pid) = Pid::from_raw(pid) else { std::process::exit(i32::from(!log())) };
    if let Ok((_, status)) = wait_until(PATIENCE, || waitpid(Some(pid), WaitOptions::NOHANG).unwrap()) {
        return status.exit_status();
    }
    kill_process(pid, Signal::KILL).unwrap();
    waitpid(Some(pid), WaitOptions::empty()).unwrap();
    None
}
