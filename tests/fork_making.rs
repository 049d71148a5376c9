//! Forks of a process whose other threads make contexts and sinks at that moment: the child can make its own.
//!
//! A binary of its own, and a process for each case: a fork affects the whole process, and keeps one thread only.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
#[path = "common/fork.rs"]
mod fork;
#[path = "common/gate.rs"]
mod gate;

use std::io::Read as _;
use std::panic::catch_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use logscope::OutputContext;
use logscope::sink::{self, Queue};
use serde_json::json;

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
        let _ = logscope::init();
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
        let _ = logscope::init();
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
            let outcome = other.flush(Duration::MAX);
            assert!(outcome.is_complete(), "{outcome}");
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
        let _ = logscope::init();
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
