//! Queues give the memory of a burst back when they are idle again.
//!
//! A binary of its own, because the memory belongs to the process.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use logscope::OutputContext;
use logscope::sink::{self, Queue};

/// How long an expected event may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The memory of this process that the system provides at the moment, in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Logs bursts of so many records of a bit more than 1 KB to so many queues, and waits until the memory of each burst is given back.
fn memory_is_given_back(queues: usize, kib: usize, records: usize) {
    let queue = || Queue::new().bytes(kib << 10);
    let contexts: Vec<_> =
        (0..queues).map(|_| OutputContext::builder("uno").sink(sink::null().queued(queue())).build()).collect();
    let text = "x".repeat(1_000);
    // Whatever this process needs for logging and writing at all, it has after this.
    contexts.iter().for_each(|uno| uno.scope(|| tracing::info!("the first")));
    contexts.iter().for_each(|uno| assert!(uno.flush(PATIENCE).is_complete()));
    let before = resident();
    for _ in 0..2 {
        for uno in &contexts {
            uno.scope(|| (0..records).for_each(|_| tracing::info!("{text}")));
        }
        contexts.iter().for_each(|uno| assert!(uno.flush(PATIENCE).is_complete()));
        let start = Instant::now();
        while resident() > before + 16 * queues as u64 {
            assert!(
                start.elapsed() < PATIENCE,
                "{queues} queues of {kib} KiB: {before} KiB before, {} KiB a minute after bursts of {records} records",
                resident()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn idle_queues_give_their_memory_back() {
    let _ = logscope::try_init();
    memory_is_given_back(150, 1 << 10, 250);
    // Bursts that go once around the array, and a bit more or less than that: they end at its end, or near its beginning.
    for records in [60, 64, 70, 110] {
        memory_is_given_back(400, 64, records);
    }
    for records in [200, 250, 260, 300] {
        memory_is_given_back(150, 256, records);
    }
}
