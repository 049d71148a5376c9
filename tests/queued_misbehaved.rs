//! Outputs of a program's own that misbehave when a writer thread calls them (P2, P4, P5): they panic, log, fail to flush their buffer, or
//! block in their `Drop`. The program goes on, other outputs are not held up, and every loss is reported.
//!
//! A binary of its own, and a process for each case, because the reports on stderr belong to the process.

#![cfg(feature = "testing")]
#![cfg(feature = "file")]
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/broken.rs"]
mod broken;
#[path = "common/child.rs"]
mod child;
#[path = "common/gate.rs"]
mod gate;
#[cfg(target_os = "linux")]
#[path = "common/refused.rs"]
mod refused;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use logscope::sink::{self, Line, Output, Queue};
use logscope::{Format, OutputContext};
use serde_json::json;

use broken::{PATIENCE, assert_reported_once, context, dev_full, ledger, lines, log};
use child::{Child, expected_ledger, ledger_json};
use gate::{Gate, ParsedLine};

/// What an output logs on a writer thread goes to stderr and never back to that output, even if its context is the default.
#[test]
fn an_output_that_logs_is_not_called_again() {
    struct Logs {
        written: AtomicU32,
        may_begin: Barrier,
    }
    impl Output for Logs {
        fn write(&self, _: Line<'_>) -> io::Result<()> {
            let before = self.written.fetch_add(1, Ordering::Relaxed);
            if before == 0 {
                self.may_begin.wait();
            }
            // If its own events came back to it, this would be called again and again.
            assert!(before < 100);
            tracing::info!("from inside");
            Ok(())
        }
    }
    child::in_child("an_output_that_logs_is_not_called_again", |_| {
        let logs = Arc::new(Logs { written: AtomicU32::new(0), may_begin: Barrier::new(2) });
        let sink = sink::custom(Arc::clone(&logs)).queued(Queue::new());
        let context = context(&sink);
        logscope::set_process_default(context.clone());
        log(&context, 3);
        // All three are queued by now, so that no notice about the events from inside stands between them.
        logs.may_begin.wait();
        let ledger = ledger(&sink, &context);
        json!([ledger, logs.written.load(Ordering::Relaxed)])
    });
    let ended = Child::new("an_output_that_logs_is_not_called_again").run();
    // The events from inside are counted as dropped. A notice about them would stand before the next record.
    let expected = json!({ "accepted": 6, "written": 3, "dropped": 3, "failed": 0, "pending": 0 });
    assert_eq!(ended.report, json!([expected, 3]));
    assert_eq!(ended.stderr.lines().filter(|line| line.contains("from inside")).count(), 3, "{}", ended.stderr);
}

/// Keeps lines, and panics on the third and the fourth.
#[derive(Default)]
struct Panics {
    given: AtomicU32,
    text: Mutex<String>,
}

impl Output for Panics {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        let number = self.given.fetch_add(1, Ordering::Relaxed) + 1;
        assert!(!(3..5).contains(&number), "line {number}");
        self.text.lock().unwrap().push_str(str::from_utf8(line.bytes()).unwrap());
        Ok(())
    }
}

#[test]
fn records_of_a_panicking_output_fail() {
    child::in_child("records_of_a_panicking_output_fail", |_| {
        std::panic::set_hook(Box::new(|_| {}));
        let panics = Arc::new(Panics::default());
        let sink = sink::custom(Arc::clone(&panics)).queued(Queue::new());
        let context = context(&sink);
        log(&context, 7);
        json!([ledger(&sink, &context), panics.text.lock().unwrap().clone()])
    });
    let ended = Child::new("records_of_a_panicking_output_fail").run();
    assert_eq!(ended.report[0], expected_ledger(5, 2));
    let there = lines(ended.report[1].as_str().unwrap());
    let expected = [1, 2]
        .map(ParsedLine::Record)
        .into_iter()
        .chain([ParsedLine::Failed(2)])
        .chain([5, 6, 7].map(ParsedLine::Record));
    assert!(there.iter().copied().eq(expected), "{there:?}");
    assert_reported_once(&ended, "custom output", "it panicked (line 3)");
}

/// A record counts as written once the output has taken it. Whether the output can flush it is counted separately.
#[test]
fn a_failed_flush_is_reported_and_can_succeed_later() {
    #[derive(Clone, Default)]
    struct FailsToFlush(Arc<AtomicBool>);
    impl Output for FailsToFlush {
        fn write(&self, _: Line<'_>) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self, _: Duration) -> io::Result<()> {
            if self.0.load(Ordering::Relaxed) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }
    }
    child::in_child("a_failed_flush_is_reported_and_can_succeed_later", |_| {
        let output = FailsToFlush::default();
        let sink = sink::custom(output.clone()).queued(Queue::new());
        let uno = context(&sink);
        log(&uno, 3);
        output.0.store(true, Ordering::Relaxed);
        let ledgers = [sink.flush(PATIENCE), uno.flush(PATIENCE), logscope::flush(PATIENCE)];
        for ledger in ledgers {
            assert!(ledger.unflushed && !ledger.is_complete());
            assert_eq!((ledger.accepted, ledger.written, ledger.pending), (3, 3, 0));
            let error = ledger.into_result().unwrap_err();
            assert_eq!(error.kind(), logscope::ErrorKind::Incomplete, "{error}");
            assert_eq!(
                error.to_string(),
                "an output could not be flushed, for the reason that was reported on stderr: what it holds back may be lost"
            );
        }
        let error = sink.sync(PATIENCE).unwrap_err();
        assert_eq!(error.to_string(), "custom output cannot be synced: no storage space");
        output.0.store(false, Ordering::Relaxed);
        assert_eq!(ledger_json(uno.flush(PATIENCE).into_result().unwrap()), expected_ledger(3, 0));
        json!(null)
    });
    let ended = Child::new("a_failed_flush_is_reported_and_can_succeed_later").run();
    let reported = ended.fallback_lines();
    assert_eq!(reported.len(), 3, "{reported:?}");
    assert!(reported.iter().all(|line| line.contains("cannot flush custom output: no storage space")), "{reported:?}");
}

/// A writer that cannot flush its buffer at the end is reported although nothing asks: at the end of the process, and when its last sink is
/// dropped before.
#[test]
fn a_failed_flush_at_the_end_is_reported() {
    /// A writer that buffers, and signals its drop.
    struct Writer(BufWriter<File>, #[allow(dead_code, reason = "its drop is waited for")] Gate);
    impl Write for Writer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            self.0.flush()
        }
    }
    static KEPT: OnceLock<OutputContext> = OnceLock::new();
    let test = "a_failed_flush_at_the_end_is_reported";
    child::in_child(test, |_| {
        let gate = Gate::new();
        let uno = context(&sink::writer(Writer(BufWriter::new(dev_full()), gate.clone())).queued(Queue::new()));
        log(&uno, 3);
        if std::env::var_os("KEEP").is_some() {
            KEPT.set(uno).unwrap();
        } else {
            drop(uno);
            gate.wait_until_dropped();
        }
        json!(null)
    });
    let kept = Child::new(test).var("KEEP", "1").run();
    let dropped = Child::new(test).run();
    for ended in [kept, dropped] {
        let reported = ended.fallback_lines();
        assert!(reported.len() == 1 && reported[0].contains("cannot flush writer: No space left"), "{reported:?}");
    }
}

/// The `Drop` of an output is the program's own code and may block: here it waits for a thread that logs through another queue. It runs
/// on a writer thread that holds no lock, and the other writer threads go on.
#[test]
fn the_drop_of_an_output_can_wait_for_another_queue() {
    const ROUNDS: usize = 100;
    struct Waits {
        other: OutputContext,
        gate: Gate,
    }
    impl Output for Waits {
        fn write(&self, line: Line<'_>) -> io::Result<()> {
            self.gate.write(line)
        }
    }
    impl Drop for Waits {
        fn drop(&mut self) {
            let other = self.other.clone();
            thread::spawn(move || {
                log(&other, 1);
                assert!(other.flush(PATIENCE).is_complete());
            })
            .join()
            .unwrap();
        }
    }
    child::in_child("the_drop_of_an_output_can_wait_for_another_queue", |_| {
        let (memory, kept) = sink::memory();
        let other = context(&memory.queued(Queue::new()));
        for round in 0..ROUNDS {
            let gate = Gate::new();
            let output = Waits { other: other.clone(), gate: gate.clone() };
            let sink = sink::custom(output).queued(Queue::new()).format(Format::json());
            let uno = context(&sink);
            log(&uno, 1);
            // With and without a flush, the queue is in another state at the drop.
            assert!(round % 2 == 0 || uno.flush(PATIENCE).is_complete());
            drop((sink, uno));
            gate.wait_until_dropped();
        }
        assert!(other.flush(PATIENCE).is_complete());
        json!(kept.len())
    });
    let ended = Child::new("the_drop_of_an_output_can_wait_for_another_queue").run();
    assert_eq!((ended.report, ended.stderr.as_str()), (json!(ROUNDS), ""));
}

/// The system refuses a writer thread for a while: the calls that log write what is queued. Later a writer thread writes it again.
#[cfg(target_os = "linux")]
#[test]
#[cfg_attr(logscope_sanitizer, ignore = "a sanitizer needs more memory than the test leaves")]
fn a_refused_writer_thread_is_tried_again() {
    /// Notes on which thread each line is written.
    #[derive(Clone, Default)]
    struct Threads(Arc<Mutex<Vec<bool>>>);
    impl Output for Threads {
        fn write(&self, _: Line<'_>) -> io::Result<()> {
            self.0.lock().unwrap().push(thread::current().name() == Some("logscope-writer"));
            Ok(())
        }
    }
    child::in_child("a_refused_writer_thread_is_tried_again", |_| {
        let (first, second) = (Threads::default(), Threads::default());
        let contexts = [&first, &second].map(|output| context(&sink::custom(output.clone()).queued(Queue::new())));
        let refused = refused::Refused::new();
        for uno in &contexts {
            log(uno, 3);
            assert!(uno.flush(PATIENCE).is_complete());
        }
        refused.allow();
        for uno in &contexts {
            log(uno, 2);
            assert!(uno.flush(PATIENCE).is_complete());
        }
        json!([*first.0.lock().unwrap(), *second.0.lock().unwrap()])
    });
    let ended = Child::new("a_refused_writer_thread_is_tried_again").run();
    let expected = [false, false, false, true, true];
    assert_eq!(ended.report, json!([expected, expected]));
    let reported = ended.fallback_lines();
    assert!(reported.len() == 1 && reported[0].contains("no writer thread can be started"), "{reported:?}");
}
