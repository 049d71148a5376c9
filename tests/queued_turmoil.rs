//! Queued sinks under stress (P0, P2, P3, P5): many contexts and threads log through one small queue to an output that fails, panics, blocks
//! and recovers at random. Afterwards each line belongs to a context, each record is in the log or missing exactly once, and the ledgers and
//! the notices in the log agree on how many are missing.
//!
//! A failure message contains the seed. `TURMOIL_SEED` runs the test with that seed again.

#![cfg(feature = "testing")]
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use logscope::sink::{self, Ledger, Line, Output, Overflow, Queue};
use logscope::{Format, LevelFilter, OutputContext};
use serde_json::{Value, json};

use child::Child;

const CONTEXTS: usize = 8;
const THREADS: u64 = 3;
const RECORDS: u64 = 250;
const PATIENCE: Duration = Duration::from_secs(40);

/// xorshift64*.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }
}

/// An output that fails, panics and blocks at random.
#[derive(Clone)]
struct UnreliableOutput(Arc<Mutex<OutputState>>);

struct OutputState {
    random: Random,
    /// How many more lines fail.
    outage: u64,
    is_healthy: bool,
    text: String,
}

impl Output for UnreliableOutput {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !state.is_healthy {
            if state.outage > 0 {
                state.outage -= 1;
                return Err(io::ErrorKind::StorageFull.into());
            }
            match state.random.below(100) {
                0 => panic!("on purpose"),
                1..3 => state.outage = state.random.below(40),
                3 => {
                    let until = Instant::now() + Duration::from_millis(state.random.below(5));
                    while Instant::now() < until {
                        thread::yield_now();
                    }
                }
                _ => {}
            }
        }
        state.text.push_str(str::from_utf8(line.bytes()).unwrap());
        Ok(())
    }
}

/// The records of one context in a log.
#[derive(Default)]
struct ContextLog {
    /// By thread: the record's number within its thread, and its `seq`.
    threads: HashMap<u64, Vec<(u64, u64)>>,
    seqs: Vec<u64>,
    /// How many records the notices count as missing for this context alone.
    stated: u64,
}

/// Reads a log. Returns the records of each context, and how many records its notices count as dropped and as failed.
fn read(text: &str) -> (HashMap<u64, ContextLog>, u64, u64) {
    let (mut contexts, mut dropped, mut failed) = (HashMap::<u64, ContextLog>::new(), 0, 0);
    for line in text.lines() {
        let json: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        let (id, fields) = (json["context"]["id"].as_u64().unwrap(), &json["fields"]);
        let found = contexts.entry(id).or_default();
        let Some(seq) = json["seq"].as_u64() else {
            let [more_dropped, more_failed] = ["dropped", "failed"].map(|name| fields[name].as_u64().unwrap_or(0));
            assert_eq!(json["target"], "logscope", "{line}");
            found.stated += more_dropped + more_failed;
            (dropped, failed) = (dropped + more_dropped, failed + more_failed);
            continue;
        };
        // Each record names the context that it was logged in.
        assert_eq!(json["context"]["name"], fields["owner"], "{line}");
        found.seqs.push(seq);
        let thread = found.threads.entry(fields["thread"].as_u64().unwrap()).or_default();
        thread.push((fields["number"].as_u64().unwrap(), seq));
    }
    (contexts, dropped, failed)
}

fn missing(ledger: &Ledger) -> u64 {
    ledger.dropped + ledger.failed
}

#[track_caller]
fn assert_balanced(ledger: &Ledger) {
    let Ledger { accepted, written, dropped, failed, pending, .. } = *ledger;
    assert_eq!(accepted, written + dropped + failed + pending, "{ledger}");
}

fn turmoil(overflow: Overflow, seed: u64) -> Value {
    let state = OutputState { random: Random(seed), outage: 0, is_healthy: false, text: String::new() };
    let output = UnreliableOutput(Arc::new(Mutex::new(state)));
    let queue = Queue::new().bytes(8 << 10).overflow(overflow).flush_at(LevelFilter::ERROR);
    let sink = sink::custom(output.clone()).queued(queue).format(Format::json());
    let names: Vec<String> = (0..CONTEXTS).map(|number| format!("context {number}")).collect();
    let contexts: Vec<_> = names.iter().map(|name| OutputContext::builder(name).sink(sink.clone()).build()).collect();
    let start = Barrier::new(CONTEXTS * THREADS as usize);
    thread::scope(|scope| {
        for (context, owner) in contexts.iter().zip(&names) {
            for thread in 0..THREADS {
                let start = &start;
                let mut random = Random(seed ^ (context.id() << 8) ^ (thread + 1));
                scope.spawn(move || {
                    start.wait();
                    context.scope(|| {
                        for number in 0..RECORDS {
                            match random.below(100) {
                                0 => tracing::error!(owner, thread, number),
                                // Longer than the queue.
                                1 => tracing::info!(owner, thread, number, long = "x".repeat(9_000)),
                                _ => tracing::info!(owner, thread, number),
                            }
                            match random.below(150) {
                                0 => assert_balanced(&context.flush(Duration::from_millis(random.below(3)))),
                                1 => assert_balanced(&context.ledger()),
                                _ => {}
                            }
                        }
                    });
                });
            }
        }
    });
    // All losses are known by now. The next records bring the notices about them.
    assert_eq!(sink.flush(PATIENCE).pending, 0);
    output.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).is_healthy = true;
    for (context, owner) in contexts.iter().zip(&names) {
        context.scope(|| tracing::info!(owner, thread = THREADS, number = 0));
        assert_eq!(context.flush(PATIENCE).pending, 0);
    }

    let text = output.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).text.clone();
    let (mut found, dropped, failed) = read(&text);
    let ledger = sink.flush(PATIENCE);
    assert_balanced(&ledger);
    assert_eq!((ledger.dropped, ledger.failed), (dropped, failed), "the counts of the notices, and the ledger");
    let mut sum = 0;
    for (context, name) in contexts.iter().zip(&names) {
        let of_context = context.close(PATIENCE);
        assert_balanced(&of_context);
        let accepted = THREADS * RECORDS + 1;
        assert_eq!((of_context.accepted, of_context.pending), (accepted, 0), "{name}");
        let ContextLog { threads, mut seqs, stated } = found.remove(&context.id()).unwrap();
        assert_eq!(seqs.len() as u64, of_context.written, "{name}: the records in the log");
        seqs.sort_unstable();
        seqs.dedup();
        assert_eq!(seqs.len() as u64, of_context.written, "{name}: a record is in the log twice");
        assert!(seqs.iter().all(|seq| (1..=accepted).contains(seq)), "{name}: a sequence number that no record had");
        assert!(
            stated <= missing(&of_context),
            "{name}: the notices count {stated} missing records, the ledger {of_context}"
        );
        for records in threads.values() {
            assert!(records.is_sorted_by(|one, next| one.0 < next.0 && one.1 < next.1), "{name}: out of order");
        }
        sum += missing(&of_context);
    }
    assert_eq!(sum, missing(&ledger), "the missing records by the ledgers of the contexts, and by that of the sink");
    // What is left are notices about the losses of several contexts.
    assert!(found.keys().all(|id| *id == 0), "a line of an unknown context");
    let ledger = child::ledger_json(ledger);
    json!({ "ledger": ledger, "outages": failed > 0 })
}

/// Runs a policy several times, each with another seed.
fn play(test: &str, overflow: Overflow) {
    const ROUNDS: u64 = 3;
    child::in_child(test, |_| {
        logscope::init();
        std::panic::set_hook(Box::new(|_| {}));
        let given = std::env::var("TURMOIL_SEED").ok().map(|seed| seed.parse().unwrap());
        let first = given.unwrap_or_else(|| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            now.as_nanos() as u64 | 1
        });
        let rounds = (0..ROUNDS).map(|round| {
            let seed = first.wrapping_add(round * 2);
            let played = std::panic::catch_unwind(|| turmoil(overflow, seed));
            played.unwrap_or_else(|payload| {
                let text = payload.downcast_ref::<String>().cloned().unwrap_or_default();
                panic!("with TURMOIL_SEED={seed}: {text}")
            })
        });
        rounds.collect()
    });
    let ended = Child::new(test).run();
    let rounds = ended.report.as_array().unwrap();
    let sum = |fate: &str| rounds.iter().map(|round| round["ledger"][fate].as_u64().unwrap()).sum::<u64>();
    let (written, dropped, failed) = (sum("written"), sum("dropped"), sum("failed"));
    assert!(written > 0 && failed > 0, "no record failed, so nothing is proved: {rounds:?}");
    assert_eq!(overflow == Overflow::Block, dropped == 0, "{rounds:?}");
    // stderr gets at most ten lines a second, and the first ones may be about a queue that drops.
    let reported = ended.fallback_lines();
    let is_reported = |line: &&str| overflow != Overflow::Block || line.contains("cannot write to custom output");
    assert!(reported.iter().any(is_reported), "{}", ended.stderr);
}

#[test]
fn a_queue_that_blocks_keeps_its_promises() {
    play("a_queue_that_blocks_keeps_its_promises", Overflow::Block);
}

#[test]
fn a_queue_that_drops_the_newest_keeps_its_promises() {
    play("a_queue_that_drops_the_newest_keeps_its_promises", Overflow::DropNewest);
}

#[test]
fn a_queue_that_drops_the_oldest_keeps_its_promises() {
    play("a_queue_that_drops_the_oldest_keeps_its_promises", Overflow::DropOldest);
}
