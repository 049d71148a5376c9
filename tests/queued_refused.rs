//! The system refuses all writer threads: the calls that log write what is queued, each its own queue.
//!
//! A binary of its own, because the limit belongs to the process.

#![cfg(feature = "testing")]
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
#[path = "common/refused.rs"]
mod refused;

use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use logscope::OutputContext;
use logscope::sink::{self, Queue};
use serde_json::json;

use child::Child;
use refused::Refused;

const ROUNDS: u64 = 4_000;

/// How long an expected event may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// Two threads log at the same moment, each to a queue of its own. Each finds that the other one is about to start a thread, or has failed to.
#[test]
fn two_calls_at_once_that_are_refused_a_thread_both_write_their_queues() {
    let role = "two_calls_at_once_that_are_refused_a_thread_both_write_their_queues";
    child::in_child(role, |_| {
        let _ = logscope::try_init();
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
        let refused = Refused::new();
        all.wait();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        refused.allow();
        json!(*lost.lock().unwrap())
    });
    let ended = Child::new(role).run();
    assert_eq!(ended.report, json!(null), "the round in which a record was lost");
    let refused = ended.fallback_lines().iter().filter(|line| line.contains("no writer thread can be started")).count();
    assert_eq!(refused, 1, "{:?}", ended.fallback_lines());
}
