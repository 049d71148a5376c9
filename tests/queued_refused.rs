//! The system refuses all writer threads: the calls that log write what is queued, each its own queue.
//!
//! A binary of its own, because the limit belongs to the process.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;

use std::fs;
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use logscope::OutputContext;
use logscope::sink::{self, Queue};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

use child::Child;

const ROUNDS: u64 = 4_000;

/// How long an expected event may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// Two threads log at the same moment, each to a queue of its own. Each finds that the other one is about to start a thread, or has failed to.
#[test]
fn two_calls_at_once_that_are_refused_a_thread_both_write_their_queues() {
    let role = "two_calls_at_once_that_are_refused_a_thread_both_write_their_queues";
    child::in_child(role, |_| {
        let _ = logscope::init();
        let (both, all) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(3)));
        let lost = Arc::new(Mutex::new(None));
        let threads = [0, 1].map(|_| {
            let (both, all, lost) = (Arc::clone(&both), Arc::clone(&all), Arc::clone(&lost));
            thread::spawn(move || {
                let uno = OutputContext::builder("uno").sink(sink::null().queued(Queue::new().bytes(4 << 10))).build();
                // Before the limit and after it: a thread that starts needs memory of its own.
                all.wait();
                all.wait();
                for round in 0..ROUNDS {
                    both.wait();
                    uno.scope(|| tracing::info!("hello"));
                    let start = Instant::now();
                    while uno.ledger().pending > 0 && lost.lock().unwrap().is_none() {
                        if start.elapsed() > PATIENCE {
                            *lost.lock().unwrap() = Some(round);
                        }
                        thread::yield_now();
                    }
                    both.wait();
                    if !uno.flush(PATIENCE).is_complete() {
                        lost.lock().unwrap().get_or_insert(round);
                    }
                    // Nobody changes it between these two, so both threads end in the same round.
                    both.wait();
                    if lost.lock().unwrap().is_some() {
                        return;
                    }
                }
            })
        });
        all.wait();
        refuse_threads();
        all.wait();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        json!(*lost.lock().unwrap())
    });
    let ended = Child::new(role).run();
    assert_eq!(ended.report, json!(null), "the round in which a record was lost");
    let refused = ended.fallback_lines().iter().filter(|line| line.contains("no writer thread can be started")).count();
    assert_eq!(refused, 1, "{:?}", ended.fallback_lines());
}

/// Limits the memory of the process to what it has, fills gaps in it with threads that wait as long as the process lives, and then leaves as much
/// as calls may need, but less than the stack of a thread.
fn refuse_threads() {
    limit_memory(1 << 20);
    let (release, held) = channel::<()>();
    let held = Arc::new(Mutex::new(held));
    let hold = || {
        let held = Arc::clone(&held);
        thread::Builder::new().spawn(move || _ = held.lock().unwrap().recv())
    };
    while hold().is_ok() {}
    std::mem::forget(release);
    limit_memory(3 << 19);
}

/// Limits the memory of the process to so many bytes more than it has.
fn limit_memory(more: u64) {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    let bytes = pages.split(' ').next().unwrap().parse::<u64>().unwrap() * rustix::param::page_size() as u64;
    let limit = Rlimit { current: Some(bytes + more), ..getrlimit(Resource::As) };
    setrlimit(Resource::As, limit).unwrap();
}
