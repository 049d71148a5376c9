//! Outputs that fail side by side (P5, P7): stderr has the reason of each outage, whatever other outputs do, and a flood of reports is cut.
//!
//! A binary of its own, and a process for each case: the limits of reports on stderr belong to the process.

#![cfg(feature = "testing")]
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
#[path = "common/steps.rs"]
mod steps;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use logscope::sink::{self, Line, Output, Overflow, Queue};
use logscope::{LevelFilter, OutputContext};
use serde_json::json;
use tracing::{error, info};

use child::Child;
use steps::Steps;

/// How long an expected event may take on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// An output that fails and works in turn.
#[derive(Default)]
struct Flaps(AtomicU64);

impl Output for Flaps {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        // A record that fails, a notice, and the record that it precedes.
        if self.0.fetch_add(1, Ordering::Relaxed).is_multiple_of(3) { Err(io::Error::other("flaps")) } else { Ok(()) }
    }

    fn describe(&self) -> String {
        "the flapping log".to_owned()
    }
}

/// An output that never works.
struct Full(String);

impl Output for Full {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        Err(io::Error::from_raw_os_error(28))
    }

    fn describe(&self) -> String {
        self.0.clone()
    }
}

/// An output that cannot be synced.
struct Unsynced;

impl Output for Unsynced {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self, _: Duration) -> io::Result<()> {
        Err(io::Error::other("bad sector"))
    }

    fn describe(&self) -> String {
        "the audit log".to_owned()
    }
}

fn context_of(output: impl Output) -> OutputContext {
    OutputContext::builder("uno").sink(sink::custom(output).sync_at(LevelFilter::ERROR)).build()
}

/// Has another output fail so often that the limit of reports is reached.
fn flood(flapping: &OutputContext) {
    let lost = sink::fallback_lost();
    flapping.scope(|| (0..60).for_each(|n| info!(n)));
    assert!(sink::fallback_lost() > lost, "the limit is reached");
}

#[test]
fn an_output_that_fails_again_and_again_does_not_hide_the_failure_of_another() {
    let test = "an_output_that_fails_again_and_again_does_not_hide_the_failure_of_another";
    child::in_child(test, |_| {
        let _ = logscope::try_init();
        flood(&context_of(Flaps::default()));
        context_of(Full("the full log".to_owned())).scope(|| (0..10).for_each(|n| info!(n)));
        context_of(Unsynced).scope(|| (0..10).for_each(|n| error!(n)));
        json!(null)
    });
    let ended = Child::new(test).run();
    let reports = |start: &str| ended.fallback_lines().iter().filter(|line| line.contains(start)).count();
    assert_eq!(reports("cannot write to the full log: No space left on device"), 1, "{}", ended.stderr);
    assert_eq!(reports("the audit log cannot be synced: bad sector"), 1, "{}", ended.stderr);
}

#[test]
fn drops_are_one_outage_until_the_log_has_their_notices() {
    let test = "drops_are_one_outage_until_the_log_has_their_notices";
    child::in_child(test, |_| {
        let _ = logscope::try_init();
        let (steps, permits) = Steps::new();
        let text = steps.text();
        let sink = sink::custom(steps).queued(Queue::new().bytes(4096).overflow(Overflow::DropNewest));
        let uno = OutputContext::builder("uno").sink(sink.clone()).build();
        let log = |count| uno.scope(|| (0..count).for_each(|n| info!(n)));
        log(1);
        permits.wait_until_begun(1);
        // How many lines the writer thread has drained and the output has not taken. It waits with the first of them.
        let mut drained = 1;
        for notices in [0, 1, 1, 1] {
            let before = sink.ledger().dropped;
            log(200);
            let dropped = sink.ledger().dropped - before;
            assert!(dropped > 0, "the queue has room for fewer");
            permits.give(drained);
            permits.wait_until_begun(drained);
            // The queue is empty now, and so has room for a notice.
            drained = notices + 200 - dropped;
        }
        drop(permits);
        assert_eq!(sink.flush(DEADLINE).pending, 0);
        let notices: u64 = text.lock().unwrap().lines().filter_map(dropped_in).sum();
        json!([notices, sink.ledger().dropped])
    });
    let ended = Child::new(test).run();
    assert_eq!(ended.report[0], ended.report[1], "the notices count every loss");
    let reports = ended.fallback_lines().iter().filter(|line| line.contains("its queue is full")).count();
    assert_eq!(reports, 1, "{}", ended.stderr);
}

/// Returns the count of a drop notice.
fn dropped_in(line: &str) -> Option<u64> {
    line.rsplit_once("dropped=")?.1.split_whitespace().next()?.parse().ok()
}

#[test]
fn each_of_many_outages_that_last_is_reported_once_and_a_flood_is_cut() {
    const OUTPUTS: usize = 30;
    let test = "each_of_many_outages_that_last_is_reported_once_and_a_flood_is_cut";
    child::in_child(test, |_| {
        let _ = logscope::try_init();
        let flapping = context_of(Flaps::default());
        let full: Vec<_> = (0..OUTPUTS).map(|n| context_of(Full(format!("full log {n}!")))).collect();
        let start = Instant::now();
        let log = || {
            flapping.scope(|| (0..60).for_each(|n| info!(n)));
            full.iter().for_each(|context| context.scope(|| info!("lost")));
        };
        log();
        // The limits are lines a second. The outages last longer than that.
        while start.elapsed() < Duration::from_millis(1_500) {
            thread::sleep(Duration::from_millis(10));
            log();
        }
        json!(start.elapsed().as_secs())
    });
    let ended = Child::new(test).run();
    let lines = ended.fallback_lines();
    let reports = |start: &str| lines.iter().filter(|line| line.contains(start)).count() as u64;
    for n in 0..OUTPUTS {
        let start = format!("cannot write to full log {n}!: No space left on device");
        assert_eq!(reports(&start), 1, "{start}\n{}", ended.stderr);
    }
    let windows = ended.report.as_u64().unwrap() + 2;
    assert!(reports("cannot write to the flapping log") <= 11 * windows, "{}", ended.stderr);
}
