//! Outputs that stand still hold up no other output (P7), however many they are.
//!
//! A binary of its own, because the writer threads belong to the process.
#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/gate.rs"]
mod gate;

use std::time::{Duration, Instant};

use logscope::sink::{self, Line, Overflow, Queue, Sink};
use logscope::{Format, OutputContext};

use gate::{Gate, ParsedLine};

/// How long an expected event may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Log calls and a flush that take less than this were not held up until an output went on. Without stuck outputs a round takes a millisecond;
/// the rest is for busy machines.
const SOON: Duration = Duration::from_secs(30);

fn context(name: &str, sink: &Sink) -> OutputContext {
    let _ = logscope::try_init();
    OutputContext::builder(name).sink(sink.format(Format::json())).build()
}

fn log(context: &OutputContext, count: u64) {
    context.scope(|| (0..count).for_each(|_| tracing::info!("hello")));
}

/// Logs more than the queue of `healthy` holds, and flushes it.
fn assert_not_held_up(healthy: &OutputContext, beside: usize) {
    let start = Instant::now();
    log(healthy, 200);
    let ledger = healthy.flush(PATIENCE);
    let took = start.elapsed();
    assert!(ledger.is_complete() && took < SOON, "beside {beside} stuck outputs: {ledger} after {took:?}");
}

/// One healthy context beside 1 to 64 outputs that stand still, from the moment at which the first of them gets stuck. Later all of them go
/// on, and nothing is lost.
#[test]
fn a_healthy_context_is_not_held_up_by_stuck_ones() {
    let (memory, kept) = sink::memory();
    let healthy = context("healthy", &memory.queued(Queue::new().bytes(4096).overflow(Overflow::Block)));
    let mut stuck = Vec::new();
    for count in [1, 2, 3, 4, 5, 8, 15, 16, 17, 32, 63, 64] {
        while stuck.len() < count {
            let gate = Gate::new();
            gate.shut();
            let due = context("due", &sink::custom(gate.clone()).queued(Queue::new().bytes(4096)));
            log(&due, 1);
            stuck.push((gate, due));
        }
        for _ in 0..3 {
            assert_not_held_up(&healthy, count);
        }
    }
    assert_eq!(kept.len(), 12 * 3 * 200);
    stuck.iter().for_each(|(gate, _)| gate.wait_until_used());
    stuck.iter().for_each(|(gate, _)| gate.open());
    for (gate, due) in stuck {
        assert!(due.flush(PATIENCE).is_complete());
        assert_eq!(gate.lines(), [ParsedLine::Record(1)]);
    }
    assert_not_held_up(&healthy, 0);
}

/// Outputs that take each record only after a while hold up nobody either: their writer threads come and go all the time.
#[test]
fn a_healthy_context_is_not_held_up_by_slow_ones() {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Condvar, Mutex};

    /// Takes [`Slow::PAUSE`] for each record, until the test ends.
    struct Slow(Arc<(AtomicBool, Mutex<()>, Condvar)>);
    impl Slow {
        const PAUSE: Duration = Duration::from_millis(200);
    }
    impl sink::Output for Slow {
        fn write(&self, _: Line<'_>) -> std::io::Result<()> {
            let (ended, lock, changed) = &*self.0;
            let end = Instant::now() + Slow::PAUSE;
            let mut guard = lock.lock().unwrap();
            while !ended.load(Ordering::Relaxed) {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                (guard, _) = changed.wait_timeout(guard, left).unwrap();
            }
            Ok(())
        }
    }
    let shared = Arc::new((AtomicBool::new(false), Mutex::new(()), Condvar::new()));
    let slow: Vec<_> =
        (0..40).map(|_| context("slow", &sink::custom(Slow(Arc::clone(&shared))).queued(Queue::new()))).collect();
    let (memory, _kept) = sink::memory();
    let healthy = context("healthy", &memory.queued(Queue::new().bytes(4096).overflow(Overflow::Block)));
    for _ in 0..10 {
        slow.iter().for_each(|slow| log(slow, 10));
        assert_not_held_up(&healthy, slow.len());
    }
    shared.0.store(true, Ordering::Relaxed);
    let guard = shared.1.lock().unwrap();
    drop(guard);
    shared.2.notify_all();
    for slow in slow {
        assert_eq!(slow.flush(PATIENCE).pending, 0);
    }
}
