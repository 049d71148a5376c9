//! Outputs of a program's own that misbehave when a writer thread calls them (P2, P4, P5): they panic, log, refuse to pass on what they
//! hold back, or take their time when they are dropped. The program goes on, others are not held up, and nothing is silent.
//!
//! A binary of its own, and a process for each case: what is told on stderr is the process's.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/broken.rs"]
mod broken;
#[path = "common/child.rs"]
mod child;
#[path = "common/gate.rs"]
mod gate;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use logscope::sink::{self, Output, Queue};
use logscope::{Format, OutputContext};
use serde_json::json;

use broken::{PATIENCE, assert_told_once, context, dev_full, ledger, lines, log};
use child::{Child, counts, settled};
use gate::{Gate, Line};

/// What an output logs when a writer thread calls it is said on stderr, and never comes back to it, though the context is the default.
#[test]
fn an_output_logs_while_it_writes() {
    struct Logs {
        written: AtomicU32,
        may_begin: Barrier,
    }
    impl Output for Logs {
        fn write(&self, _: &[u8]) -> io::Result<()> {
            let before = self.written.fetch_add(1, Ordering::Relaxed);
            if before == 0 {
                self.may_begin.wait();
            }
            // Far more often than it is given a record, if that comes back.
            assert!(before < 100);
            tracing::info!("from inside");
            Ok(())
        }
    }
    child::scene("an_output_logs_while_it_writes", |_| {
        let logs = Arc::new(Logs { written: AtomicU32::new(0), may_begin: Barrier::new(2) });
        let sink = sink::custom(Arc::clone(&logs)).queued(Queue::new());
        let context = context(&sink);
        logscope::set_default(context.clone());
        log(&context, 3);
        // All are queued, so that what is missing of those from inside is not stated between them.
        logs.may_begin.wait();
        let ledger = ledger(&sink, &context);
        json!([ledger, logs.written.load(Ordering::Relaxed)])
    });
    let ended = Child::new("an_output_logs_while_it_writes").run();
    // Those from inside are counted as dropped, and stated before the next record.
    let expected = json!({ "accepted": 6, "written": 3, "dropped": 3, "failed": 0, "pending": 0 });
    assert_eq!(ended.report, json!([expected, 3]));
    assert_eq!(ended.stderr.lines().filter(|line| line.contains("from inside")).count(), 3, "{}", ended.stderr);
}

/// Lines, of which the third and the fourth make it panic.
#[derive(Default)]
struct Panics {
    given: AtomicU32,
    text: Mutex<String>,
}

impl Output for Panics {
    fn write(&self, line: &[u8]) -> io::Result<()> {
        let number = self.given.fetch_add(1, Ordering::Relaxed) + 1;
        assert!(!(3..5).contains(&number), "line {number}");
        self.text.lock().unwrap().push_str(str::from_utf8(line).unwrap());
        Ok(())
    }
}

#[test]
fn an_output_panics() {
    child::scene("an_output_panics", |_| {
        std::panic::set_hook(Box::new(|_| {}));
        let panics = Arc::new(Panics::default());
        let sink = sink::custom(Arc::clone(&panics)).queued(Queue::new());
        let context = context(&sink);
        log(&context, 7);
        json!([ledger(&sink, &context), panics.text.lock().unwrap().clone()])
    });
    let ended = Child::new("an_output_panics").run();
    assert_eq!(ended.report[0], settled(5, 2));
    let there = lines(ended.report[1].as_str().unwrap());
    let expected = [1, 2].map(Line::Record).into_iter().chain([Line::Failed(2)]).chain([5, 6, 7].map(Line::Record));
    assert!(there.iter().copied().eq(expected), "{there:?}");
    assert_told_once(&ended, "custom output", "it panicked (line 3)");
}

/// What it is given is with it, and whether it can pass that on is another question.
#[test]
fn a_flush_fails() {
    #[derive(Clone, Default)]
    struct HoldsBack(Arc<AtomicBool>);
    impl Output for HoldsBack {
        fn write(&self, _: &[u8]) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self, _: Duration) -> io::Result<()> {
            if self.0.load(Ordering::Relaxed) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
        }
    }
    child::scene("a_flush_fails", |_| {
        let output = HoldsBack::default();
        let sink = sink::custom(output.clone()).queued(Queue::new());
        let uno = context(&sink);
        log(&uno, 3);
        output.0.store(true, Ordering::Relaxed);
        let outcomes = [sink.flush(PATIENCE), uno.flush(PATIENCE), logscope::flush(PATIENCE)];
        for outcome in outcomes {
            assert!(outcome.unflushed && !outcome.is_complete());
            assert_eq!((outcome.accepted, outcome.written, outcome.pending), (3, 3, 0));
            let error = outcome.into_result().unwrap_err();
            assert!(error.is_incomplete(), "{error}");
            assert_eq!(
                error.to_string(),
                "an output could not be flushed, for the reason that was told on stderr: what it holds back may be lost"
            );
        }
        let error = sink.sync(PATIENCE).unwrap_err();
        assert!(error.to_string().contains("no storage space"), "{error}");
        output.0.store(false, Ordering::Relaxed);
        assert_eq!(counts(uno.flush(PATIENCE).into_result().unwrap()), settled(3, 0));
        json!(null)
    });
    let ended = Child::new("a_flush_fails").run();
    let told = ended.told();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told.iter().all(|line| line.contains("cannot flush custom output: no storage space")), "{told:?}");
}

/// What a writer holds back, and cannot pass on at the end, is told of, although nobody asks: when the process ends, and when its last sink
/// goes before.
#[test]
fn what_is_held_back_cannot_be_passed_on_at_the_end() {
    /// A writer that holds back, and tells when it is dropped.
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
    let test = "what_is_held_back_cannot_be_passed_on_at_the_end";
    child::scene(test, |_| {
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
        let told = ended.told();
        assert!(told.len() == 1 && told[0].contains("cannot flush writer: No space left"), "{told:?}");
    }
}

/// The `Drop` of an output is the program's own, and may wait for whom it likes: here for a thread that logs through another queue. It runs
/// on a writer thread, with nothing held, and the others go on.
#[test]
fn an_output_takes_its_time_when_it_is_dropped() {
    const ROUNDS: usize = 100;
    struct Waits {
        other: OutputContext,
        gate: Gate,
    }
    impl Output for Waits {
        fn write(&self, line: &[u8]) -> io::Result<()> {
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
    child::scene("an_output_takes_its_time_when_it_is_dropped", |_| {
        let (memory, kept) = sink::memory();
        let other = context(&memory.queued(Queue::new()));
        for round in 0..ROUNDS {
            let gate = Gate::new();
            let output = Waits { other: other.clone(), gate: gate.clone() };
            let sink = sink::custom(output).queued(Queue::new()).format(Format::json());
            let uno = context(&sink);
            log(&uno, 1);
            // A flush, or none, leaves the queue in another place.
            assert!(round % 2 == 0 || uno.flush(PATIENCE).is_complete());
            drop((sink, uno));
            gate.wait_until_dropped();
        }
        assert!(other.flush(PATIENCE).is_complete());
        json!(kept.len())
    });
    let ended = Child::new("an_output_takes_its_time_when_it_is_dropped").run();
    assert_eq!((ended.report, ended.stderr.as_str()), (json!(ROUNDS), ""));
}
