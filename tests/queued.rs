//! Queued sinks (P1, P2): accepted records are written, in order; the others are counted, with a notice where they are missing; and no call
//! waits longer than documented.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/gate.rs"]
mod gate;
#[path = "common/steps.rs"]
mod steps;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use logscope::sink::{self, Ledger, Line, Output, Overflow, Queue, Sink};
use logscope::{Format, LevelFilter, OutputContext};

use gate::{Gate, ParsedLine};
use steps::Steps;

/// How long an expected event may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn context(sink: &Sink) -> OutputContext {
    let _ = logscope::try_init();
    OutputContext::builder("uno").sink(sink.clone()).build()
}

fn log(context: &OutputContext, count: u64) {
    context.scope(|| (0..count).for_each(|_| tracing::info!("hello")));
}

/// Makes a small queue in front of a gate, and a context that logs to it.
fn small(overflow: Overflow) -> (Gate, Sink, OutputContext) {
    let gate = Gate::new();
    let queue = Queue::new().bytes(4096).overflow(overflow);
    let sink = sink::custom(gate.clone()).queued(queue).format(Format::json());
    let context = context(&sink);
    (gate, sink, context)
}

#[test]
fn records_are_written_in_order() {
    const RECORDS: u64 = 50_000;
    let (memory, lines) = sink::memory();
    let sink = memory.queued(Queue::new().bytes(16 << 10)).format(Format::json());
    let uno = context(&sink);
    log(&uno, RECORDS);
    let ledger = uno.flush(PATIENCE).into_result().unwrap();
    assert_eq!((ledger.accepted, ledger.written), (RECORDS, RECORDS));
    assert_eq!(sink.ledger(), ledger);
    let seqs = lines.lines().iter().map(|line| ParsedLine::parse(line)).collect::<Vec<_>>();
    assert!(seqs.into_iter().eq((1..=RECORDS).map(ParsedLine::Record)));
}

#[test]
fn threads_keep_their_order_and_lose_nothing() {
    const THREADS: u64 = 4;
    const RECORDS: u64 = 5_000;
    let (memory, lines) = sink::memory();
    let sink = memory.queued(Queue::new().bytes(8 << 10));
    let uno = context(&sink);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let uno = &uno;
            scope.spawn(move || uno.scope(|| (0..RECORDS).for_each(|n| tracing::info!("{thread} {n}"))));
        }
    });
    assert_eq!(uno.flush(PATIENCE).into_result().unwrap().written, THREADS * RECORDS);
    let text = lines.text();
    for thread in 0..THREADS {
        let own = text.lines().filter_map(|line| line.split_once(&format!(": {thread} ")));
        assert!(own.map(|(_, n)| n.parse::<u64>().unwrap()).eq(0..RECORDS), "thread {thread}");
    }
}

#[test]
fn a_full_queue_blocks_until_there_is_room() {
    const RECORDS: u64 = 200;
    let (gate, sink, uno) = small(Overflow::Block);
    gate.shut();
    let (done, logged) = channel();
    let logging = thread::spawn({
        let uno = uno.clone();
        move || {
            log(&uno, RECORDS);
            done.send(()).unwrap();
        }
    });
    gate.wait_until_used();
    // The thread cannot finish: the queue has room for some thirty lines.
    assert!(logged.recv_timeout(Duration::from_millis(50)).is_err());
    gate.open();
    logged.recv_timeout(PATIENCE).unwrap();
    logging.join().unwrap();
    assert_eq!(sink.flush(PATIENCE).into_result().unwrap().written, RECORDS);
    assert!(gate.lines().into_iter().eq((1..=RECORDS).map(ParsedLine::Record)));
}

/// Logs one record, which the gate blocks, and then more than the queue has room for. Returns how many are in the queue.
fn overfill(gate: &Gate, sink: &Sink, uno: &OutputContext) -> u64 {
    gate.shut();
    log(uno, 1);
    gate.wait_until_used();
    log(uno, 200);
    let ledger = sink.ledger();
    assert_eq!((ledger.accepted, ledger.written, ledger.failed), (201, 0, 0));
    assert_eq!(ledger.dropped + ledger.pending, 201);
    assert_eq!(uno.ledger(), ledger);
    ledger.pending - 1
}

#[test]
fn dropped_newest_records_have_a_notice_where_they_are_missing() {
    let (gate, sink, uno) = small(Overflow::DropNewest);
    let queued = overfill(&gate, &sink, &uno);
    gate.open();
    assert_eq!(uno.flush(PATIENCE).pending, 0);
    log(&uno, 2);
    let ledger = uno.flush(PATIENCE);
    assert_eq!((ledger.accepted, ledger.dropped, ledger.pending), (203, 200 - queued, 0));
    assert_eq!(sink.ledger(), ledger);
    let expected = (1..=queued + 1).map(ParsedLine::Record).chain([
        ParsedLine::Dropped(200 - queued),
        ParsedLine::Record(202),
        ParsedLine::Record(203),
    ]);
    assert!(gate.lines().into_iter().eq(expected), "{:?}", gate.lines());
}

#[test]
fn dropped_oldest_records_have_a_notice_where_they_are_missing() {
    let (gate, sink, uno) = small(Overflow::DropOldest);
    let queued = overfill(&gate, &sink, &uno);
    gate.open();
    let ledger = uno.flush(PATIENCE);
    assert_eq!((ledger.accepted, ledger.dropped, ledger.pending), (201, 200 - queued, 0));
    assert_eq!(sink.ledger(), ledger);
    let first = [ParsedLine::Record(1), ParsedLine::Dropped(200 - queued)];
    let expected = first.into_iter().chain((202 - queued..=201).map(ParsedLine::Record));
    assert!(gate.lines().into_iter().eq(expected), "{:?}", gate.lines());
    // A loss has one notice only.
    log(&uno, 1);
    assert_eq!(uno.flush(PATIENCE).pending, 0);
    assert_eq!(gate.lines().last(), Some(&ParsedLine::Record(202)));
}

#[test]
fn records_are_counted_while_the_output_takes_their_batch() {
    let (steps, permits) = Steps::new();
    let sink = sink::custom(steps).queued(Queue::new());
    let uno = context(&sink);
    let due = OutputContext::builder("due").sink(sink.clone()).build();
    log(&uno, 1);
    permits.wait_until_begun(1);
    // One batch.
    log(&uno, 2);
    log(&due, 2);
    permits.give(4);
    // The last of them is the fifth line.
    permits.wait_until_begun(4);
    let counts = |ledger: Ledger| (ledger.written, ledger.pending);
    assert_eq!([sink.ledger(), uno.ledger(), due.ledger()].map(counts), [(4, 1), (3, 0), (1, 1)]);
    drop(permits);
    assert_eq!(counts(sink.flush(PATIENCE)), (5, 0));
}

/// Contexts that share a queue each count their own losses. The notice about both belongs to neither.
#[test]
fn each_context_counts_its_own_losses() {
    let (gate, sink, uno) = small(Overflow::DropOldest);
    let due = OutputContext::builder("due").sink(sink.clone()).build();
    gate.shut();
    log(&uno, 1);
    gate.wait_until_used();
    log(&uno, 3);
    log(&due, 200);
    gate.open();
    let (of_uno, of_due) = (uno.flush(PATIENCE), due.flush(PATIENCE));
    assert_eq!((of_uno.written, of_uno.dropped), (1, 3));
    assert_eq!(of_due.written + of_due.dropped, 200);
    assert_eq!(sink.ledger().dropped, of_uno.dropped + of_due.dropped);
    let notice = gate.text().lines().nth(1).unwrap().to_owned();
    assert!(notice.contains(r#""context":{"name":"logscope","id":0"#), "{notice}");
}

#[test]
fn a_flush_reports_pending_records_at_its_deadline() {
    let (gate, sink, uno) = small(Overflow::Block);
    gate.shut();
    log(&uno, 3);
    gate.wait_until_used();
    let start = Instant::now();
    let ledger = uno.flush(Duration::from_millis(30));
    assert!(start.elapsed() >= Duration::from_millis(30));
    assert_eq!((ledger.accepted, ledger.pending, ledger.unflushed), (3, 3, true));
    let error = ledger.into_result().unwrap_err();
    assert_eq!(error.kind(), logscope::ErrorKind::Incomplete);
    assert_eq!(
        error.to_string(),
        "3 of 3 records are not with the operating system: 3 pending; and an output could not be flushed in time"
    );
    let error = sink.sync(Duration::from_millis(1)).unwrap_err();
    assert!(
        error.kind() == logscope::ErrorKind::Incomplete && error.to_string().contains("3 records are pending"),
        "{error}"
    );
    gate.open();
    assert_eq!(uno.flush(PATIENCE).into_result().unwrap().written, 3);
    assert!(sink.sync(PATIENCE).unwrap_err().to_string().contains("not on a storage device"));
}

/// A flush neither waits for nor counts records that are logged after it has begun.
#[test]
fn a_flush_ends_while_other_threads_keep_logging() {
    let (memory, lines) = sink::memory();
    let uno = context(&memory.queued(Queue::new()));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                log(&uno, 1);
            }
        });
        for n in 1..=30 {
            uno.scope(|| tracing::info!("marked {n}"));
            assert!(uno.flush(PATIENCE).is_complete());
            assert!(lines.text().contains(&format!("marked {n}\n")));
        }
        stop.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_task_can_flush() {
    let (gate, sink, uno) = small(Overflow::Block);
    gate.shut();
    log(&uno, 3);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let (of_sink, of_context) = (sink.flush_async(), uno.flush_async());
        let early = tokio::time::timeout(Duration::from_millis(30), sink.flush_async()).await;
        assert!(early.is_err(), "the timeout must cancel the flush");
        gate.open();
        assert_eq!(of_sink.await.into_result().unwrap().written, 3);
        assert_eq!(of_context.await.into_result().unwrap().written, 3);
    });
}

#[test]
fn flush_at_flushes_errors_at_once() {
    let (memory, lines) = sink::memory();
    let uno = context(&memory.queued(Queue::new().flush_at(LevelFilter::ERROR)));
    for n in 1..=50 {
        uno.scope(|| {
            tracing::info!("fine");
            tracing::error!("broken");
        });
        assert_eq!(lines.len(), 2 * n);
    }
}

/// With `flush_at`, an error for which there is no room waits for room, whatever the policy for other records.
#[test]
fn an_error_with_flush_at_waits_for_room() {
    let gate = Gate::new();
    let queue = Queue::new().bytes(4096).overflow(Overflow::DropNewest).flush_at(LevelFilter::ERROR);
    let sink = sink::custom(gate.clone()).queued(queue).format(Format::json());
    let uno = context(&sink);
    overfill(&gate, &sink, &uno);
    let (begins, begun) = channel();
    let failing = thread::spawn({
        let uno = uno.clone();
        move || {
            begins.send(()).unwrap();
            uno.scope(|| tracing::error!("broken"));
            uno.ledger()
        }
    });
    begun.recv().unwrap();
    gate.open();
    let ledger = failing.join().unwrap();
    assert_eq!(ledger.pending, 0, "the error must be flushed when its call returns: {ledger}");
    assert_eq!(gate.lines().last(), Some(&ParsedLine::Record(202)));
}

/// A blocked output holds up the first error only.
#[test]
fn an_error_with_flush_at_waits_for_a_limited_time() {
    let gate = Gate::new();
    let sink = sink::custom(gate.clone()).queued(Queue::new().flush_at(LevelFilter::ERROR)).format(Format::json());
    let uno = context(&sink);
    gate.shut();
    let fail = || uno.scope(|| tracing::error!("broken"));
    let start = Instant::now();
    fail();
    assert!(start.elapsed() >= Duration::from_secs(1));
    let start = Instant::now();
    (0..20).for_each(|_| fail());
    assert!(start.elapsed() < Duration::from_secs(10));
    gate.open();
    assert_eq!(uno.flush(PATIENCE).into_result().unwrap().written, 21);
}

/// Dropping the last handle waits for nothing. A writer thread writes what is queued, and then drops the output.
#[test]
fn records_queued_at_the_drop_of_the_last_handle_are_written() {
    let (gate, sink, uno) = small(Overflow::Block);
    gate.shut();
    log(&uno, 5);
    drop((sink, uno));
    assert_eq!(gate.lines(), []);
    gate.open();
    gate.wait_until_dropped();
    assert_eq!(gate.lines(), [1, 2, 3, 4, 5].map(ParsedLine::Record));
}

#[test]
fn a_record_longer_than_the_queue_bypasses_it_or_is_dropped() {
    let long = "x".repeat(5_000);
    let (gate, _sink, uno) = small(Overflow::Block);
    log(&uno, 2);
    uno.scope(|| tracing::info!("{long}"));
    assert!(
        gate.lines().into_iter().eq((1..=3).map(ParsedLine::Record)),
        "the long record must be written when the call returns"
    );
    for overflow in [Overflow::DropNewest, Overflow::DropOldest] {
        let (gate, _sink, uno) = small(overflow);
        log(&uno, 1);
        uno.scope(|| tracing::info!("{long}"));
        log(&uno, 1);
        assert_eq!(uno.flush(PATIENCE).dropped, 1);
        assert_eq!(gate.lines(), [ParsedLine::Record(1), ParsedLine::Dropped(1), ParsedLine::Record(3)]);
    }
}

/// A queued view with a threshold writes the records that it wants, and nothing of its own.
#[test]
fn a_threshold_adds_no_record() {
    let (gate, sink, _) = small(Overflow::Block);
    let quiet = context(&sink.max_level(LevelFilter::WARN));
    quiet.scope(|| {
        tracing::info!("not wanted");
        tracing::warn!("careful");
    });
    assert!(quiet.flush(PATIENCE).is_complete());
    assert_eq!(gate.lines(), [ParsedLine::Record(1)]);
}

#[test]
fn views_with_equal_options_share_a_queue() {
    let gate = Gate::new();
    let direct = sink::custom(gate.clone());
    let queue = Queue::new().bytes(4096).overflow(Overflow::DropNewest);
    let (one, two) = (direct.queued(queue.clone()), direct.format(Format::json()).queued(queue));
    gate.shut();
    log(&context(&one), 1);
    gate.wait_until_used();
    log(&context(&one), 200);
    let before = two.ledger().dropped;
    log(&context(&two), 1);
    assert_eq!(two.ledger().dropped, before + 1, "both views must share the full queue");
    gate.open();
    assert_eq!(one.flush(PATIENCE).pending, 0);
}

#[test]
fn a_queue_does_not_apply_to_a_record_output() {
    struct Refuses;
    impl sink::RecordOutput for Refuses {
        fn write(&self, _: &logscope::Record<'_>) -> std::io::Result<()> {
            Err(std::io::ErrorKind::Other.into())
        }
    }
    let sink = sink::records(Refuses).queued(Queue::new());
    log(&context(&sink), 1);
    assert_eq!(sink.ledger().failed, 1);
}

/// The ledger of the process includes outputs that are closed.
#[test]
fn the_ledger_of_the_process_includes_closed_outputs() {
    let before = logscope::flush(PATIENCE);
    let (memory, _lines) = sink::memory();
    let uno = context(&memory.queued(Queue::new()));
    log(&uno, 1_000);
    drop((memory, uno));
    let since = logscope::flush(PATIENCE).since(before);
    assert!(since.written >= 1_000, "at least these records must be included (other tests log too): {since}");
}

/// Blocked outputs do not keep others from being written.
#[test]
fn blocked_outputs_hold_up_no_other_output() {
    let stuck: Vec<_> = (0..6).map(|_| small(Overflow::Block)).collect();
    for (gate, _, uno) in &stuck {
        gate.shut();
        log(uno, 1);
    }
    let (memory, lines) = sink::memory();
    let uno = context(&memory.queued(Queue::new()));
    for n in 1..=10 {
        log(&uno, 1);
        assert!(uno.flush(PATIENCE).is_complete());
        assert_eq!(lines.len(), n);
    }
    for (gate, _, uno) in &stuck {
        gate.open();
        assert!(uno.flush(PATIENCE).is_complete());
    }
}

#[test]
fn thousands_of_queues_share_a_few_writer_threads() {
    const CONTEXTS: usize = 3_000;
    let contexts: Vec<_> = (0..CONTEXTS)
        .map(|_| {
            let (memory, lines) = sink::memory();
            (context(&memory.queued(Queue::new())), lines)
        })
        .collect();
    for round in 1..=3 {
        for (context, _) in &contexts {
            log(context, 5);
        }
        #[cfg(target_os = "linux")]
        {
            let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
            let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
            let writers = names.filter(|name| name.trim_end() == "logscope-writer").count();
            assert!((1..=16).contains(&writers), "{writers} writer threads");
        }
        for (context, lines) in &contexts {
            assert!(context.flush(PATIENCE).is_complete());
            assert_eq!(lines.len(), 5 * round);
        }
    }
}

/// An event that an output logs on a writer thread goes to the fallback, as it does on a thread that logs.
#[test]
fn an_output_that_logs_is_not_called_again() {
    struct Logs;
    impl Output for Logs {
        fn write(&self, _: Line<'_>) -> std::io::Result<()> {
            tracing::info!("from inside the output");
            Ok(())
        }
    }
    let sink = sink::custom(Logs).queued(Queue::new());
    let uno = context(&sink);
    let before = logscope::set_process_default(uno.clone());
    log(&uno, 3);
    let ledger = uno.flush(PATIENCE);
    logscope::set_process_default(before);
    assert_eq!((ledger.written, ledger.pending), (3, 0));
}
