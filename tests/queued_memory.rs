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

#[test]
fn idle_queues_give_their_memory_back() {
    const QUEUES: usize = 150;
    let _ = logscope::init();
    let contexts: Vec<_> =
        (0..QUEUES).map(|_| OutputContext::builder("uno").sink(sink::null().queued(Queue::new())).build()).collect();
    let burst = || {
        let text = "x".repeat(1_000);
        for uno in &contexts {
            uno.scope(|| (0..250).for_each(|_| tracing::info!("{text}")));
        }
        contexts.iter().for_each(|uno| assert!(uno.flush(PATIENCE).is_complete()));
    };
    let before = resident();
    for _ in 0..2 {
        burst();
        let start = Instant::now();
        // A burst takes 250 KiB of each queue.
        while resident() > before + 16 * QUEUES as u64 {
            assert!(start.elapsed() < PATIENCE, "{} KiB before, {} KiB a minute after a burst", before, resident());
            thread::sleep(Duration::from_millis(10));
        }
    }
}
