//! Forks of a process whose other threads make contexts and sinks at that moment: the child can make its own. A child that goes on with threads of
//! its own, as daemons do: sinks that its parent made work as in the parent.
//!
//! A binary of its own, and a process for each case: a fork affects the whole process, and keeps one thread only.

#![cfg(feature = "testing")]
#![cfg(feature = "file")]
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
#[path = "common/fork.rs"]
mod fork;
#[path = "common/gate.rs"]
mod gate;

use std::io::{self, Read as _};
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use logscope::sink::{self, Line, Output, Queue};
use logscope::testing::run_together;
use logscope::{Format, OutputContext};
use serde_json::{Value, json};

use child::Child;
use fork::fork;
use gate::Gate;

/// How long an expected event may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes contexts and sinks, logs, and drops them.
fn make(folder: &Path, queued: bool) {
    let file = sink::file(folder.join(format!("{}.log", std::process::id()))).open().unwrap();
    let file = if queued { file.queued(Queue::new()) } else { file };
    let (memory, lines) = sink::memory();
    let uno = OutputContext::builder("uno").sink(file).sink(memory).sink(sink::null()).build();
    let due = uno.with_field("n", 1);
    due.scope(|| tracing::info!("hello"));
    assert_eq!(lines.len(), 1);
    assert!(logscope::live().iter().any(|context| context.id() == due.id()));
}

fn children_make_contexts_and_sinks(test: &str, queued: bool, forks: u32) {
    child::in_child(test, |folder| {
        let _ = logscope::try_init();
        make(folder, queued);
        let ends = AtomicBool::new(false);
        let other = folder.join("other");
        std::fs::create_dir(&other).unwrap();
        thread::scope(|scope| {
            let making = || {
                while !ends.load(Ordering::Relaxed) {
                    make(&other, queued);
                }
            };
            scope.spawn(making);
            let result = catch_unwind(|| {
                for _ in 0..forks {
                    fork(|| {
                        (0..3).for_each(|_| make(folder, queued));
                        fork(|| make(folder, queued));
                    });
                }
            });
            ends.store(true, Ordering::Relaxed);
            result.unwrap();
        });
        json!(null)
    });
    let _ = Child::new(test).run();
}

#[test]
fn children_of_a_process_with_direct_sinks_make_contexts_and_sinks() {
    children_make_contexts_and_sinks("children_of_a_process_with_direct_sinks_make_contexts_and_sinks", false, 300);
}

#[test]
fn children_of_a_process_with_queued_sinks_make_contexts_and_sinks() {
    children_make_contexts_and_sinks("children_of_a_process_with_queued_sinks_make_contexts_and_sinks", true, 60);
}

/// A call of the parent's other thread is in flight at the fork. In the child nobody ends it.
#[test]
fn a_child_does_not_wait_for_the_calls_of_its_parent() {
    let test = "a_child_does_not_wait_for_the_calls_of_its_parent";
    child::in_child(test, |_| {
        let _ = logscope::try_init();
        let (gate, (memory, lines)) = (Gate::new(), sink::memory());
        let uno = OutputContext::builder("uno").sink(sink::custom(gate.clone())).build();
        gate.shut();
        let call = thread::spawn(uno.bind(|| tracing::info!("in flight at the fork")));
        gate.wait_until_used();
        // A wait that has given up has marked the call, so that its end wakes somebody.
        assert_eq!(uno.flush(Duration::from_millis(5)).pending, 1);
        let other = uno.with_sinks([memory]);
        fork(|| {
            other.scope(|| tracing::info!("in the child"));
            assert_eq!(lines.len(), 1);
            let ledger = other.flush(Duration::MAX);
            assert!(ledger.is_complete(), "{ledger}");
        });
        gate.open();
        call.join().unwrap();
        json!(uno.flush(PATIENCE).is_complete())
    });
    assert_eq!(Child::new(test).run().report, json!(true));
}

/// Another thread of the parent is in the middle of a write to stdout at the fork. In the child nobody ends it.
#[test]
fn a_child_does_not_wait_for_a_write_of_its_parent_to_a_stream() {
    let test = "a_child_does_not_wait_for_a_write_of_its_parent_to_a_stream";
    child::in_child(test, |folder| {
        let _ = logscope::try_init();
        let (mut reader, writer) = std::io::pipe().unwrap();
        let before = rustix::io::dup(rustix::stdio::stdout()).unwrap();
        rustix::stdio::dup2_stdout(writer).unwrap();
        let uno = OutputContext::builder("uno").sink(sink::stdout()).build();
        // More than a pipe takes.
        let call = thread::spawn(uno.bind(|| tracing::info!("{}", "x".repeat(300_000))));
        reader.read_exact(&mut [0]).unwrap();
        fork(|| {
            let own = std::fs::File::create(folder.join("child")).unwrap();
            rustix::stdio::dup2_stdout(own).unwrap();
            uno.scope(|| tracing::info!("in the child"));
        });
        let draining = thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
        call.join().unwrap();
        rustix::stdio::dup2_stdout(before).unwrap();
        draining.join().unwrap().unwrap();
        json!(null)
    });
    let text = Child::new(test).run().read("child");
    assert!(text.ends_with("in the child\n") && text.lines().count() == 1, "{text}");
}

/// An output that a test breaks and repairs. It adds up the records that notices count as failed.
#[derive(Clone, Default)]
struct Breaks(Arc<(AtomicBool, AtomicU64)>);

impl Output for Breaks {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        if self.0.0.load(Ordering::Relaxed) {
            return Err(io::Error::other("broken"));
        }
        let line: Value = serde_json::from_slice(line.bytes()).unwrap();
        self.0.1.fetch_add(line["fields"]["failed"].as_u64().unwrap_or(0), Ordering::Relaxed);
        Ok(())
    }

    fn describe(&self) -> String {
        "the daemon's log".to_owned()
    }
}

/// Four threads log at once, while the output is broken or works.
fn log_from_four_threads(context: &OutputContext, output: &Breaks, broken: bool) {
    output.0.0.store(broken, Ordering::Relaxed);
    run_together(4, |_| context.scope(|| (0..100).for_each(|n| tracing::info!(n))));
}

#[test]
fn notices_of_a_child_with_threads_count_each_failed_record_and_its_outages_are_reported() {
    let test = "notices_of_a_child_with_threads_count_each_failed_record_and_its_outages_are_reported";
    child::in_child(test, |_| {
        let _ = logscope::try_init();
        let output = Breaks::default();
        let sink = sink::custom(output.clone()).format(Format::json());
        fork(|| {
            let uno = OutputContext::builder("uno").sink(sink.clone()).build();
            for broken in [true, false].repeat(40) {
                log_from_four_threads(&uno, &output, broken);
            }
            uno.scope(|| tracing::info!("the notices are written"));
            assert_eq!(output.0.1.load(Ordering::Relaxed), sink.ledger().failed, "the notices are wrong");
            tracing::error!("all is counted");
            // An output that had an outage in the last second has to share the limit of reports with others.
            thread::sleep(Duration::from_millis(1_100));
            output.0.0.store(true, Ordering::Relaxed);
            let lost = sink::fallback_lost();
            uno.scope(|| tracing::info!("lost"));
            assert_eq!(sink::fallback_lost(), lost);
        });
        json!(null)
    });
    let ended = Child::new(test).run();
    let (_, last) = ended.stderr.split_once("all is counted").unwrap();
    assert_eq!(last.matches("cannot write to the daemon's log: broken").count(), 1, "{}", ended.stderr);
}
