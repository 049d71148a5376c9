//! The threads that write queues: they run none of the program's signal handlers, and there are not more of them than documented.

#![cfg(feature = "testing")]
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
#[path = "common/gate.rs"]
mod gate;

use std::fs;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use child::{Child, in_child};
use gate::Gate;
use logscope::OutputContext;
use logscope::sink::{self, Line, Output, Queue, Sink};
use serde_json::json;

/// How long an expected event may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn context(sink: &Sink) -> OutputContext {
    OutputContext::builder("uno").sink(sink.queued(Queue::new().bytes(4096))).build()
}

/// The signals that the calling thread blocks: signal `n` is bit `n - 1`.
fn blocked_signals() -> u64 {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap()
}

#[test]
fn writer_threads_block_all_signals_but_those_of_faults() {
    /// Notes which signals are blocked while it writes.
    #[derive(Clone, Default)]
    struct NotesSignals(Arc<Mutex<Vec<u64>>>);
    impl Output for NotesSignals {
        fn write(&self, _: Line<'_>) -> io::Result<()> {
            self.0.lock().unwrap().push(blocked_signals());
            Ok(())
        }
    }
    let _ = logscope::try_init();
    let (notes, before) = (NotesSignals::default(), blocked_signals());
    let uno = context(&sink::custom(notes.clone()));
    uno.scope(|| tracing::info!("hello"));
    assert!(uno.flush(PATIENCE).is_complete());
    assert_eq!(blocked_signals(), before, "the thread that starts a writer thread keeps its own mask");
    let blocked = notes.0.lock().unwrap()[0];
    let is_blocked = |signal: u32| blocked >> (signal - 1) & 1 == 1;
    // HUP, INT, QUIT, USR1, USR2, PIPE, ALRM, TERM, CHLD, PROF, and the first that is free for the program.
    for signal in [1, 2, 3, 10, 12, 13, 14, 15, 17, 27, 34] {
        assert!(is_blocked(signal), "signal {signal} is not blocked");
    }
    // ILL, TRAP, BUS, FPE, SEGV, SYS
    for signal in [4, 5, 7, 8, 11, 31] {
        assert!(!is_blocked(signal), "signal {signal} is blocked");
    }
}

/// Each writer thread is held up by an output of its own. One more queue waits until one of them goes on.
#[test]
fn a_queue_waits_when_all_writer_threads_are_held_up_and_that_is_reported() {
    /// As documented.
    const THREADS: usize = 1_024;
    let test = "a_queue_waits_when_all_writer_threads_are_held_up_and_that_is_reported";
    in_child(test, |_| {
        let _ = logscope::try_init();
        let log = |context: &OutputContext| context.scope(|| tracing::info!("hello"));
        let stuck: Vec<_> = (0..THREADS)
            .map(|_| {
                let gate = Gate::new();
                gate.shut();
                let context = context(&sink::custom(gate.clone()));
                log(&context);
                (gate, context)
            })
            .collect();
        stuck.iter().for_each(|(gate, _)| gate.wait_until_used());
        let (memory, lines) = sink::memory();
        let waits = context(&memory);
        log(&waits);
        let pending = waits.flush(Duration::from_millis(50)).pending;
        stuck[0].0.open();
        let written = waits.flush(PATIENCE).written;
        stuck.iter().for_each(|(gate, _)| gate.open());
        let complete = stuck.iter().all(|(_, context)| context.flush(PATIENCE).is_complete());
        json!([pending, written, lines.len(), complete])
    });
    let ended = Child::new(test).run();
    assert_eq!(ended.report, json!([1, 1, 1, true]));
    let expected =
        "1024 outputs hold up their writer threads, and there can be no more threads: other queued records wait";
    let reports = ended.fallback_lines().iter().filter(|line| line.contains(expected)).count();
    assert_eq!(reports, 1, "{}", ended.stderr);
}
