//! Log calls that wait for a queue, in the less common cases: for the room of a notice, beside a slow output, and after the end of the queue. And
//! who waits for such calls.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used)]

#[path = "common/child.rs"]
mod child;
mod common;
#[path = "common/gate.rs"]
mod gate;
#[path = "common/steps.rs"]
mod steps;

use std::io;
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use child::{Child, in_child, ledger_json};
use common::{DEADLINE, init, wait_until};
use gate::Gate;
use logscope::sink::{Line, Output, Overflow, Queue};
use logscope::{Format, OutputContext, sink};
use serde_json::json;
use steps::Steps;
use tracing::info;

const SMALL: usize = 4 << 10;

/// Two queues are in front of one output. Records of one are dropped, and the next record of the other waits until there is room for the notice
/// about them.
#[test]
fn a_close_wakes_a_call_that_waits_for_the_room_of_a_notice() {
    init();
    let gate = Gate::new();
    gate.shut();
    let output = sink::custom(gate.clone()).format(Format::json());
    let log = output.queued(Queue::new().bytes(SMALL).patience(Duration::MAX));
    // Keeps the lines that the queue has.
    let (memory, lines) = sink::memory();
    let uno = OutputContext::builder("uno").sink(log.clone()).sink(memory.format(Format::json())).build();
    let record = |len: usize| {
        uno.scope(|| info!("{}", "x".repeat(len)));
        let line = lines.lines().last().unwrap().len() + 1;
        (line, 16 + line.next_multiple_of(8))
    };
    record(1);
    gate.wait_until_used();
    let mut free = SMALL;
    let mut rest = 0;
    for _ in 0..3 {
        let (line, size) = record(1_000);
        (free, rest) = (free - size, line - 1_000);
    }
    let (_, size) = record(free - 16 - 8 - rest);
    assert!(free - size < 24, "no notice is so short");
    let drops = output.queued(Queue::new().bytes(SMALL).overflow(Overflow::DropNewest));
    let other = OutputContext::builder("other").sink(drops).build();
    other.scope(|| (0..100).for_each(|n| info!(n, "a record")));
    assert!(other.ledger().dropped > 0);

    let accepted = log.ledger().accepted;
    let (done, is_done) = channel();
    thread::spawn(uno.bind(move || {
        info!("waits");
        done.send(()).unwrap();
    }));
    wait_until("the call has begun", || log.ledger().accepted == accepted + 1);
    let ledger = uno.close(Duration::from_millis(20));
    let returns = is_done.recv_timeout(Duration::from_secs(20));
    gate.open();
    assert!(returns.is_ok() && !ledger.is_complete(), "{ledger}, and the call goes on waiting");
    assert_eq!((uno.ledger().dropped, uno.flush(DEADLINE).pending), (1, 0));
}

/// Takes a line each [`Slow::PAUSE`], from when the test lets it.
struct Slow(Steps);

impl Slow {
    const PAUSE: Duration = Duration::from_millis(60);
}

impl Output for Slow {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        self.0.write(line)?;
        thread::sleep(Slow::PAUSE);
        Ok(())
    }
}

/// The calls wait longer than the patience, but in that time the output always takes something.
#[test]
fn an_output_that_takes_something_now_and_then_drops_nothing() {
    const RECORDS: u64 = 45;
    init();
    let (steps, permits) = Steps::new();
    let patience = Slow::PAUSE * 10;
    let queue = Queue::new().bytes(SMALL).patience(patience);
    let log = sink::custom(Slow(steps)).format(Format::json()).queued(queue);
    let uno = OutputContext::builder("uno").sink(log).build();
    uno.scope(|| info!("the first"));
    permits.wait_until_begun(1);
    let longest = uno.scope(|| {
        // So short that the first batch is on its way for longer than the patience, once it has begun.
        (0..15).for_each(|n| info!(n, "{}", "x".repeat(50)));
        drop(permits);
        let log = |n| {
            let start = Instant::now();
            info!(n, "{}", "x".repeat(50));
            start.elapsed()
        };
        (15..RECORDS).map(log).max().unwrap()
    });
    assert!(longest > patience, "no call has waited longer than the patience: {longest:?}");
    let ledger = uno.flush(DEADLINE);
    assert_eq!((ledger.written, ledger.dropped, ledger.pending), (RECORDS + 1, 0, 0), "{ledger}");
}

#[test]
fn calls_that_gave_up_are_reported() {
    let role = "calls_that_gave_up_are_reported";
    in_child(role, |_| {
        init();
        let gate = Gate::new();
        gate.shut();
        let queue = Queue::new().bytes(SMALL).patience(Duration::from_millis(20));
        let uno = OutputContext::builder("uno").sink(sink::custom(gate.clone()).queued(queue)).build();
        uno.scope(|| (0..500).for_each(|n| info!(n, "a record")));
        let dropped = uno.ledger().dropped;
        gate.open();
        assert!(uno.flush(DEADLINE).pending == 0);
        json!(dropped)
    });
    let ended = Child::new(role).run();
    assert!(ended.report.as_u64().unwrap() > 300, "{}", ended.report);
    let reports = ended.fallback_lines();
    assert!(
        reports.len() == 1
            && reports[0].contains("custom output")
            && reports[0].contains("its queue is full, and the output takes nothing"),
        "{reports:?}"
    );
}

/// A queue is closed, its output takes a batch and stands still again. The first call that waits in vain gives the queue up, and later ones do
/// not wait.
#[test]
fn a_call_that_waits_in_vain_for_a_closed_queue_abandons_it() {
    const LATER: u64 = 20;
    let role = "a_call_that_waits_in_vain_for_a_closed_queue_abandons_it";
    in_child(role, |_| {
        init();
        let (steps, permits) = Steps::new();
        let queue = Queue::new().overflow(Overflow::DropNewest);
        let uno = OutputContext::builder("uno").sink(sink::custom(steps).queued(queue)).build();
        let long = "x".repeat(100 << 10);
        uno.scope(|| info!("the first batch"));
        permits.wait_until_begun(1);
        // Two records make a batch.
        uno.scope(|| (0..6).for_each(|_| info!("{long}")));
        assert!(!logscope::shutdown(Duration::from_millis(20)).is_complete());
        permits.give(1);
        permits.wait_until_begun(1);
        let start = Instant::now();
        uno.scope(|| info!("waits"));
        let first = start.elapsed();
        let start = Instant::now();
        uno.scope(|| (0..LATER).for_each(|_| info!("does not wait")));
        let later = start.elapsed();
        drop(permits);
        let ledger = uno.flush(DEADLINE);
        json!([first.as_millis() as u64, later.as_millis() as u64, ledger_json(ledger)])
    });
    let ended = Child::new(role).run();
    let (first, later) = (ended.report[0].as_u64().unwrap(), ended.report[1].as_u64().unwrap());
    assert!(first >= 100 && later < LATER * 50, "the first call took {first} ms, and {LATER} later ones {later} ms");
    let expected = json!({ "accepted": 8 + LATER, "written": 7, "dropped": 1 + LATER, "failed": 0, "pending": 0 });
    assert_eq!(ended.report[2], expected);
    let reports = ended.fallback_lines();
    assert_eq!(
        reports.iter().filter(|line| line.contains("the process ends, and what was queued")).count(),
        1,
        "{reports:?}"
    );
}

/// Tells when it is flushed.
struct TellsFlush(Mutex<Sender<()>>);

impl Output for TellsFlush {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        Ok(())
    }

    fn flush(&self, _: Duration) -> io::Result<()> {
        let _ = self.0.lock().unwrap().send(());
        Ok(())
    }
}

#[test]
fn a_second_shutdown_waits_for_a_call_that_writes_for_itself() {
    let role = "a_second_shutdown_waits_for_a_call_that_writes_for_itself";
    in_child(role, |_| {
        init();
        let gate = Gate::new();
        let context = OutputContext::builder("uno").sink(sink::custom(gate.clone()).queued(Queue::new())).build();
        let (flushes, is_flushed) = channel();
        let direct = OutputContext::builder("direct").sink(sink::custom(TellsFlush(Mutex::new(flushes)))).build();
        let first = logscope::shutdown(DEADLINE);
        gate.shut();
        let call = thread::spawn(context.bind(|| info!("is written in this call")));
        gate.wait_until_used();
        let short = logscope::shutdown(Duration::from_millis(20));
        // The queue is abandoned now, but the call that writes already goes on.
        while is_flushed.try_recv().is_ok() {}
        let second = thread::spawn(|| logscope::shutdown(DEADLINE));
        // It has begun to flush all outputs.
        is_flushed.recv_timeout(DEADLINE).unwrap();
        gate.open();
        call.join().unwrap();
        let second = second.join().unwrap();
        drop(direct);
        json!({ "first": first.is_complete(), "short": short.pending, "second": [second.written, second.pending] })
    });
    assert_eq!(Child::new(role).run().report, json!({ "first": true, "short": 1, "second": [1, 0] }));
}
