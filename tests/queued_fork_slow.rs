//! A fork beside an output that stands still: it waits for that output, and the others go on meanwhile (P7).
//!
//! A binary of its own, and a process for each case: a fork affects the whole process, and keeps one thread only.

#![cfg(feature = "testing")]
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
#[path = "common/gate.rs"]
mod gate;

use std::ffi::c_int;
use std::thread;
use std::time::{Duration, Instant};

use logscope::OutputContext;
use logscope::sink::{self, Queue};
use rustix::process::{Pid, WaitOptions, waitpid};
use serde_json::json;

use child::Child;
use gate::Gate;

/// How long an expected event may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

unsafe extern "C" {
    fn fork() -> c_int;
    fn _exit(status: c_int) -> !;
}

/// Forks a child that ends at once.
fn fork_and_wait() {
    // SAFETY: the child only calls `_exit`, which POSIX allows after the fork of a process with threads.
    let pid = unsafe { fork() };
    match Pid::from_raw(pid) {
        Some(pid) => _ = waitpid(Some(pid), WaitOptions::empty()).unwrap(),
        // SAFETY: as above.
        None => unsafe { _exit(0) },
    }
}

/// Forks beside an output that stands still. Returns how long the fork took, and the longest round of a healthy context meanwhile, which logs
/// more than its queue holds, and flushes.
fn fork_beside_a_stuck_output(healthy: &OutputContext) -> (Duration, Duration) {
    let gate = Gate::new();
    gate.shut();
    let stuck = OutputContext::builder("stuck").sink(sink::custom(gate.clone()).queued(Queue::new())).build();
    stuck.scope(|| tracing::info!("hello"));
    gate.wait_until_used();
    let start = Instant::now();
    let forking = thread::spawn(fork_and_wait);
    let mut longest = Duration::ZERO;
    while !forking.is_finished() {
        let start = Instant::now();
        healthy.scope(|| (0..200).for_each(|number| tracing::info!(number, "hello")));
        assert!(healthy.flush(PATIENCE).is_complete());
        longest = longest.max(start.elapsed());
    }
    let took = start.elapsed();
    forking.join().unwrap();
    gate.open();
    assert!(stuck.flush(PATIENCE).is_complete());
    (took, longest)
}

#[test]
fn a_fork_beside_a_stuck_output_holds_up_no_healthy_one() {
    let role = "a_fork_beside_a_stuck_output_holds_up_no_healthy_one";
    child::in_child(role, |_| {
        let _ = logscope::try_init();
        let (memory, _kept) = sink::memory();
        let healthy = OutputContext::builder("healthy").sink(memory.queued(Queue::new().bytes(4096))).build();
        // On a busy machine, any of these rounds can take long for other reasons.
        let rounds: Vec<_> = (0..5).map(|_| fork_beside_a_stuck_output(&healthy)).collect();
        assert!(
            rounds.iter().any(|(took, longest)| *longest < *took / 4),
            "(the fork took, the longest round of the healthy context): {rounds:?}"
        );
        json!(null)
    });
    let _ = Child::new(role).run();
}
