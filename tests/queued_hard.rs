//! Queued sinks under hard conditions: wakers and errors that log or panic, outputs that block for long, sinks that come and go. Nothing is
//! lost, no thread waits for itself, and the records of a thread keep their order.
#![cfg(feature = "testing")]
#![cfg(feature = "file")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/gate.rs"]
mod gate;

use std::fmt;
use std::future::Future as _;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use logscope::sink::{self, Line, Output, Overflow, Queue, Sink};
use logscope::testing::{Signal, wait_until};
use logscope::{Format, OutputContext};

use gate::{Gate, ParsedLine};

/// How long an expected event may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn context(sink: &Sink) -> OutputContext {
    let _ = logscope::try_init();
    OutputContext::builder("uno").sink(sink.clone()).build()
}

fn log(context: &OutputContext, count: u64) {
    context.scope(|| (0..count).for_each(|_| tracing::info!("hello")));
}

/// Makes a gate that is shut, behind a queue, with one record in flight.
fn blocked() -> (Gate, Sink, OutputContext) {
    let gate = Gate::new();
    let sink = sink::custom(gate.clone()).queued(Queue::new().bytes(4096)).format(Format::json());
    let uno = context(&sink);
    gate.shut();
    log(&uno, 1);
    gate.wait_until_used();
    (gate, sink, uno)
}

/// A waker that calls a function on the thread that wakes.
struct Wakes<F>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for Wakes<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

/// Polls a flush of `sink` once, with a waker that calls `wake`.
fn flush_with(sink: &Sink, wake: impl Fn() + Send + Sync + 'static) -> Box<dyn std::any::Any> {
    let mut flush = Box::pin(sink.flush_async());
    let waker = Waker::from(Arc::new(Wakes(wake)));
    assert!(flush.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    Box::new(flush)
}

/// A waker logs to the queue that its own thread drains, and that is full and blocks.
#[test]
fn a_waker_can_log() {
    let (gate, sink, uno) = blocked();
    let has_logged = Signal::named("the waker has not waited for its own thread");
    let wake = {
        let (uno, has_logged) = (uno.clone(), has_logged.clone());
        move || {
            log(&uno, 200);
            has_logged.set();
        }
    };
    let _flush = flush_with(&sink, wake);
    gate.open();
    has_logged.wait(PATIENCE).unwrap();
    log(&uno, 1);
    let ledger = uno.flush(PATIENCE);
    assert_eq!((ledger.accepted, ledger.pending), (202, 0));
    assert_eq!(
        ledger.written + ledger.dropped,
        202,
        "records that the waker logs must be written or counted as dropped"
    );
}

/// Some wakers panic: the other waiters are woken all the same, and the queue goes on.
#[test]
fn a_waker_can_panic() {
    let (gate, sink, uno) = blocked();
    let _flushes =
        [flush_with(&sink, || panic!("a waker panics")), flush_with(&sink, || panic!("another waker panics"))];
    let waiting = thread::spawn({
        let uno = uno.clone();
        move || {
            let start = Instant::now();
            (uno.flush(PATIENCE), start.elapsed())
        }
    });
    let mut last = pin!(sink.flush_async());
    assert!(last.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    gate.open();
    let (ledger, took) = waiting.join().unwrap();
    assert!(ledger.is_complete() && took < PATIENCE, "{ledger} after {took:?}");
    wait_until(PATIENCE, || last.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready())
        .expect("the last waiter is served");
    let start = Instant::now();
    log(&uno, 100);
    assert!(uno.flush(PATIENCE).is_complete() && start.elapsed() < PATIENCE);
}

/// An error logs in its `Display`, on the writer thread.
#[test]
fn an_error_can_log() {
    static CONTEXT: OnceLock<OutputContext> = OnceLock::new();
    #[derive(Debug)]
    struct Logs;
    impl fmt::Display for Logs {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            log(CONTEXT.get().unwrap(), 200);
            f.write_str("an error that logs")
        }
    }
    impl std::error::Error for Logs {}
    struct Fails;
    impl Output for Fails {
        fn write(&self, _: Line<'_>) -> io::Result<()> {
            Err(io::Error::other(Logs))
        }
    }
    let sink = sink::custom(Fails).queued(Queue::new().bytes(4096));
    let uno = CONTEXT.get_or_init(|| context(&sink));
    log(uno, 150);
    let ledger = uno.flush(PATIENCE);
    assert_eq!((ledger.failed, ledger.pending, ledger.unflushed), (150, 0, false), "{ledger}");
}

/// Idle writer threads notice when the busy ones are blocked.
#[test]
fn idle_writer_threads_take_over_from_blocked_ones() {
    // Start some writer threads, which are idle by the time that outputs begin to block, one after the other.
    let warm: Vec<_> = (0..6).map(|_| blocked()).collect();
    for (gate, sink, uno) in warm {
        gate.open();
        drop((sink, uno));
        gate.wait_until_dropped();
    }
    let mut all = Vec::new();
    let start = Instant::now();
    for _ in 0..6 {
        all.push(blocked());
        let (memory, lines) = sink::memory();
        let healthy = context(&memory.queued(Queue::new().bytes(4096)));
        log(&healthy, 200);
        assert!(healthy.flush(PATIENCE).is_complete());
        assert_eq!(lines.len(), 200);
    }
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    for (gate, ..) in all {
        gate.open();
    }
}

/// A derived context that was dropped has left records in a queue of its own.
#[test]
fn a_flush_waits_for_records_of_dropped_contexts() {
    let (memory, _lines) = sink::memory();
    let uno = context(&memory);
    let gate = Gate::new();
    let own = sink::custom(gate.clone()).queued(Queue::new());
    gate.shut();
    log(&uno.with_sinks([own]), 3);
    let mut flush = pin!(uno.flush_async());
    assert!(flush.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending(), "three records are pending");
    assert_eq!(uno.flush(Duration::from_millis(10)).pending, 3);
    gate.open();
    assert_eq!(uno.flush(PATIENCE).into_result().unwrap().written, 3);
    let Poll::Ready(ledger) = flush.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("the flush is not woken when the records are written")
    };
    assert!(ledger.is_complete(), "{ledger}");
}

/// A thread makes a queue, logs and drops it, again and again: its records keep their order.
#[test]
fn successive_queues_of_a_file_keep_the_order() {
    const QUEUES: u64 = 4;
    const RECORDS: u64 = 2_000;
    let folder = tempfile::tempdir().unwrap();
    for file in 0..20 {
        let path = folder.path().join(format!("{file}.log"));
        for round in 0..QUEUES {
            let uno = context(&sink::file(&path).open().unwrap().queued(Queue::new()));
            uno.scope(|| (0..RECORDS).for_each(|n| tracing::info!("{}", round * RECORDS + n)));
        }
        let uno = context(&sink::file(&path).open().unwrap().queued(Queue::new()));
        assert!(uno.flush(PATIENCE).is_complete());
        let text = std::fs::read_to_string(&path).unwrap();
        let numbers = text.lines().map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap());
        assert!(numbers.eq(0..QUEUES * RECORDS), "records are out of order");
    }
}

/// A file whose sinks were dropped can be opened with other options: the queued records are written first.
#[test]
fn a_file_can_be_opened_with_other_options_once_its_sinks_are_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("uno.log");
    for round in 0..30_u64 {
        let queued = sink::file(&path).open().unwrap().queued(Queue::new());
        log(&context(&queued.format(Format::json())), 50);
        drop(queued);
        let direct = sink::file(&path).mode(0o640).open().unwrap_or_else(|error| panic!("round {round}: {error}"));
        log(&context(&direct.format(Format::json())), 1);
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let expected = (0..30).flat_map(|_| (1..=50).chain([1])).map(ParsedLine::Record);
    assert!(text.lines().map(ParsedLine::parse).eq(expected));
    // A file whose sink is still held is not free.
    let held = sink::file(&path).open().unwrap().queued(Queue::new());
    let start = Instant::now();
    let attempts = 20;
    for _ in 0..attempts {
        assert!(sink::file(&path).mode(0o640).open().unwrap_err().kind() == logscope::ErrorKind::OptionMismatch);
    }
    // Each attempt that waits for the file takes five seconds.
    assert!(start.elapsed() < attempts * Duration::from_secs(2));
    drop(held);
}

/// A writer thread drops the output, whichever thread drops its last sink.
#[test]
fn outputs_are_dropped_on_writer_threads() {
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    static ELSEWHERE: AtomicU32 = AtomicU32::new(0);
    struct ChecksItsThread;
    impl Output for ChecksItsThread {
        fn write(&self, _: Line<'_>) -> io::Result<()> {
            Ok(())
        }
    }
    impl Drop for ChecksItsThread {
        fn drop(&mut self) {
            if thread::current().name() != Some("logscope-writer") {
                ELSEWHERE.fetch_add(1, Ordering::Relaxed);
            }
            DROPPED.fetch_add(1, Ordering::Release);
        }
    }
    const OUTPUTS: usize = 2_000;
    for n in 0..OUTPUTS {
        let uno = context(&sink::custom(ChecksItsThread).queued(Queue::new().bytes(4096)));
        log(&uno, u64::from(n % 2 == 0));
        if n % 3 == 0 {
            assert!(uno.flush(PATIENCE).is_complete());
        }
    }
    wait_until(PATIENCE, || match DROPPED.load(Ordering::Acquire) {
        OUTPUTS => Ok(()),
        dropped => Err(dropped),
    })
    .expect("all outputs are dropped");
    assert_eq!(ELSEWHERE.load(Ordering::Relaxed), 0);
}

/// Derived contexts come and go while threads log: each delivery is counted for its own context, and none stays pending.
#[test]
fn records_of_short_lived_contexts_are_counted() {
    const ROUNDS: u64 = 3_000;
    let (memory, lines) = sink::memory();
    let uno = context(&memory.queued(Queue::new().overflow(Overflow::Block)));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for n in 0..ROUNDS {
                    log(&uno.with_field("n", n), 1);
                }
            });
        }
    });
    let ledger = uno.flush(PATIENCE);
    assert_eq!((ledger.written, ledger.pending), (3 * ROUNDS, 0), "{ledger}");
    assert_eq!(lines.len() as u64, 3 * ROUNDS);
}

/// An output that returns `Ok` in the middle of a line has not written that line.
#[test]
fn a_line_written_in_part_counts_as_failed() {
    struct Halves {
        go_on: Mutex<Receiver<()>>,
        begun: Sender<()>,
    }
    impl Output for Halves {
        fn write(&self, _: Line<'_>) -> io::Result<()> {
            Ok(()) // the notice
        }
        fn write_batch(&self, batch: &mut sink::Batch<'_>) -> io::Result<()> {
            self.begun.send(()).unwrap();
            self.go_on.lock().unwrap().recv().unwrap();
            let first = batch.lines().next().unwrap().bytes().len();
            batch.advance(first + first / 2);
            Ok(())
        }
    }
    let ((begun, begins), (go, go_on)) = (channel(), channel());
    let uno = context(&sink::custom(Halves { go_on: Mutex::new(go_on), begun }).queued(Queue::new()));
    log(&uno, 1);
    begins.recv().unwrap();
    // These come in one batch. One call takes a line and a half, the next one the last line.
    log(&uno, 3);
    (0..3).for_each(|_| go.send(()).unwrap());
    let ledger = uno.flush(PATIENCE);
    assert_eq!((ledger.written, ledger.failed), (3, 1), "{ledger}");
}
