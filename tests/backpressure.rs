//! Log calls that wait for a queue: how long, who wakes them, and what the log says about the records that were dropped instead.

#![cfg(feature = "testing")]
#![cfg(feature = "file")]
#![allow(clippy::unwrap_used)]

#[path = "common/child.rs"]
mod child;
mod common;
#[path = "common/gate.rs"]
mod gate;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use child::{Child, in_child};
use common::{DEADLINE, init, on_thread, wait_until};
use gate::{Gate, ParsedLine};
use logscope::sink::{Line, Output, Overflow, Queue, Sink};
use logscope::{Format, LevelFilter, OutputContext, sink};
use serde_json::json;
use tracing::{error, info};

const SMALL: usize = 4 << 10;

/// A queued output that stands still, and a context that logs to it.
fn shut(queue: Queue) -> (Gate, Sink, OutputContext) {
    init();
    let gate = Gate::new();
    gate.shut();
    let log = sink::custom(gate.clone()).format(Format::json()).queued(queue);
    let context = OutputContext::builder("uno").sink(log.clone()).build();
    (gate, log, context)
}

/// Logs on a thread of its own until the queue of `context` holds it up. The thread reports when it has logged `last` after that.
fn block_on_queue(gate: &Gate, context: &OutputContext, last: impl FnOnce() + Send + 'static) -> Receiver<()> {
    let logged = Arc::new(AtomicU64::new(0));
    let (done, is_done) = channel();
    let counting = Arc::clone(&logged);
    // One record for the batch that the writer thread stands in, and then as many as fit.
    context.scope(|| info!("the first"));
    gate.wait_until_used();
    let padding = "x".repeat(SMALL / 4);
    thread::spawn(context.bind(move || {
        for _ in 0..3 {
            info!("{padding}");
            counting.fetch_add(1, Ordering::Release);
        }
        last();
        done.send(()).unwrap();
    }));
    wait_until("the queue is full", || logged.load(Ordering::Acquire) == 3 && context.ledger().accepted == 5);
    is_done
}

fn is_over(call: &Receiver<()>) {
    call.recv_timeout(DEADLINE).expect("the call returns");
}

/// Has a log call with a message of this length wait for its queue, closes its context, and checks that the call returns and is counted.
fn close_wakes_a_call(message_len: usize) {
    let (gate, _log, context) = shut(Queue::new().bytes(SMALL).patience(Duration::MAX));
    let call = block_on_queue(&gate, &context, move || info!("{}", "x".repeat(message_len)));
    assert!(call.try_recv().is_err());
    let ledger = context.close(Duration::from_millis(20));
    assert!(!ledger.is_complete());
    is_over(&call);
    assert_eq!(context.ledger().dropped, 1);
    gate.open();
    assert_eq!(context.flush(DEADLINE).pending, 0);
}

#[test]
fn a_close_wakes_the_calls_that_wait_for_room() {
    close_wakes_a_call(SMALL / 2);
}

#[test]
fn a_close_wakes_the_call_of_a_record_that_is_longer_than_its_queue() {
    close_wakes_a_call(4 * SMALL);
}

#[test]
fn a_close_leaves_the_calls_of_other_contexts_alone() {
    let (gate, log, context) = shut(Queue::new().bytes(SMALL).patience(Duration::MAX));
    let call = block_on_queue(&gate, &context, || info!("{}", "waits".repeat(SMALL / 8)));
    let other = OutputContext::builder("other").sink(log).build();
    let other_call = {
        let (done, is_done) = channel();
        thread::spawn(other.bind(move || {
            info!("{}", "waits".repeat(SMALL / 8));
            done.send(()).unwrap();
        }));
        is_done
    };
    wait_until("the other call has begun", || other.ledger().accepted == 1);
    let _ = context.close(Duration::from_millis(20));
    is_over(&call);
    assert!(other_call.try_recv().is_err(), "its context is open");
    gate.open();
    is_over(&other_call);
    assert_eq!((other.flush(DEADLINE).written, other.ledger().dropped), (1, 0));
}

#[test]
fn a_shutdown_wakes_the_calls_that_wait_for_room() {
    let role = "a_shutdown_wakes_the_calls_that_wait_for_room";
    in_child(role, |_| {
        let (gate, _log, context) = shut(Queue::new().bytes(SMALL).patience(Duration::MAX));
        let call = block_on_queue(&gate, &context, || info!("{}", "waits".repeat(SMALL / 8)));
        let ledger = logscope::shutdown(Duration::from_millis(100));
        is_over(&call);
        json!({ "complete": ledger.is_complete(), "dropped": context.ledger().dropped })
    });
    assert_eq!(Child::new(role).run().report, json!({ "complete": false, "dropped": 1 }));
}

#[test]
fn a_call_waits_as_long_as_the_patience_and_later_calls_do_not_wait_again() {
    let patience = Duration::from_millis(300);
    let (gate, log, context) = shut(Queue::new().bytes(SMALL).patience(patience));
    // The patience counts from when the output began to stand still.
    let start = Instant::now();
    context.scope(|| info!("the first"));
    gate.wait_until_used();
    let count = 1_000;
    let log_all = || context.bind(move || (0..count).for_each(|n| info!(n, "a record")));
    on_thread(log_all())();
    let took = start.elapsed();
    assert!(took >= patience, "the first call that finds no room waits: {took:?}");
    assert!(took < patience * 100, "the later ones do not: {took:?}");
    let dropped = context.ledger().dropped;
    assert!(dropped > 900, "{dropped}");

    gate.open();
    // The output takes something again: calls wait for room again.
    assert_eq!(context.flush(DEADLINE).pending, 0);
    on_thread(log_all())();
    let ledger = context.flush(DEADLINE);
    assert_eq!((ledger.dropped, ledger.written), (dropped, 1 + 2 * count - dropped), "{ledger}");
    assert_eq!(gate.lines().iter().filter(|line| matches!(line, ParsedLine::Dropped(_))).count(), 1, "one notice");
    assert!(gate.lines().contains(&ParsedLine::Dropped(dropped)));
    drop(log);
}

/// An output that has another thread handle each line, as a network client does. That thread logs, in the context that it was given.
struct Helped(SyncSender<SyncSender<()>>);

impl Output for Helped {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        let (answer, answered) = sync_channel(0);
        self.0.send(answer).map_err(io::Error::other)?;
        answered.recv().map_err(io::Error::other)
    }
}

#[test]
fn an_output_whose_helper_logs_to_the_same_queue_does_not_stop_for_ever() {
    init();
    let (requests, inbox) = sync_channel::<SyncSender<()>>(0);
    let queue = Queue::new().bytes(SMALL).patience(Duration::from_millis(20));
    let log = sink::custom(Helped(requests)).queued(queue);
    let context = OutputContext::builder("uno").sink(log).build();
    let helper = context.bind(move || {
        for request in inbox {
            info!("{}", "the helper logs more than fits ".repeat(20));
            let _ = request.send(());
        }
    });
    thread::spawn(helper);
    on_thread(context.bind(|| (0..100).for_each(|n| info!(n, "a record"))))();
    wait_until("the output goes on", || context.ledger().written >= 30);
}

#[test]
fn a_gap_at_the_end_is_stated_when_the_queue_is_flushed() {
    for overflow in [Overflow::DropNewest, Overflow::DropOldest] {
        let (gate, log, context) = shut(Queue::new().bytes(SMALL).overflow(overflow));
        context.scope(|| info!("the first"));
        gate.wait_until_used();
        context.scope(|| (0..500).for_each(|n| info!(n, "a record")));
        gate.open();
        let ledger = log.flush(DEADLINE);
        assert!(ledger.dropped > 400, "{ledger}");
        let stated: u64 =
            gate.lines().iter().map(|line| if let ParsedLine::Dropped(count) = line { *count } else { 0 }).sum();
        assert_eq!(stated, ledger.dropped, "{overflow:?}: the log states every record that is missing");
    }
}

#[test]
fn a_gap_at_the_end_is_stated_when_the_last_sink_is_dropped() {
    let (gate, log, context) = shut(Queue::new().bytes(SMALL).overflow(Overflow::DropNewest));
    context.scope(|| info!("the first"));
    gate.wait_until_used();
    context.scope(|| (0..500).for_each(|n| info!(n, "a record")));
    let dropped = context.ledger().dropped;
    drop((log, context));
    gate.open();
    gate.wait_until_dropped();
    assert_eq!(gate.lines().last(), Some(&ParsedLine::Dropped(dropped)));
}

/// Counts the lines that it has, and those that it has synced.
#[derive(Clone, Default)]
struct Synced {
    lines: Arc<AtomicU64>,
    synced: Arc<AtomicU64>,
}

impl Output for Synced {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        self.lines.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn sync(&self, _: Duration) -> io::Result<()> {
        self.synced.store(self.lines.load(Ordering::Relaxed), Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn errors_are_synced_before_their_calls_return() {
    init();
    let views: [fn(Sink) -> Sink; 3] = [
        |log| log.sync_at(LevelFilter::ERROR),
        |log| log.queued(Queue::new().sync_at(LevelFilter::ERROR)),
        |log| log.queued(Queue::new()).sync_at(LevelFilter::ERROR),
    ];
    for view in views {
        let output = Synced::default();
        let context = OutputContext::builder("uno").sink(view(sink::custom(output.clone()))).build();
        context.scope(|| (0..3).for_each(|n| info!(n, "a record")));
        assert_eq!(output.synced.load(Ordering::Relaxed), 0);
        context.scope(|| error!("an error"));
        assert_eq!(output.synced.load(Ordering::Relaxed), 4, "the error and what came before it");
    }
}

/// An output on a storage device that stands still until the test lets it go on.
struct SyncsLate(Mutex<Receiver<()>>);

impl Output for SyncsLate {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self, _: Duration) -> io::Result<()> {
        let _ = self.0.lock().unwrap().recv_timeout(DEADLINE);
        Ok(())
    }
}

#[test]
fn an_error_that_is_not_synced_in_time_is_reported() {
    let role = "an_error_that_is_not_synced_in_time_is_reported";
    in_child(role, |_| {
        init();
        let (go, gone) = channel();
        let log = sink::custom(SyncsLate(Mutex::new(gone))).queued(Queue::new().sync_at(LevelFilter::ERROR));
        let context = OutputContext::builder("uno").sink(log).build();
        // The second call does not wait, because the first waited in vain.
        context.scope(|| (0..2).for_each(|n| error!(n, "an error")));
        drop(go);
        json!(context.flush(DEADLINE).is_complete())
    });
    let ended = Child::new(role).run();
    assert_eq!(ended.report, json!(true));
    let reports: Vec<_> = ended.fallback_lines().into_iter().filter(|line| line.contains("cannot be synced")).collect();
    assert_eq!(reports.len(), 1, "{reports:?}");
}

/// Writes to a file, and not before the test lets it.
struct Held {
    go: Mutex<Receiver<()>>,
    file: std::fs::File,
    inside: Mutex<std::sync::mpsc::Sender<()>>,
}

impl Output for Held {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        let _ = self.inside.lock().unwrap().send(());
        let _ = self.go.lock().unwrap().recv();
        io::Write::write_all(&mut &self.file, line.bytes())
    }
}

#[test]
fn a_gap_at_the_end_is_stated_when_the_process_ends() {
    let role = "a_gap_at_the_end_is_stated_when_the_process_ends";
    in_child(role, |folder| {
        init();
        let ((go, gone), (inside, entered)) = (channel(), channel());
        let file = std::fs::File::create(folder.join("uno.log")).unwrap();
        let log = sink::custom(Held { go: Mutex::new(gone), file, inside: Mutex::new(inside) }).format(Format::json());
        let queue = Queue::new().bytes(SMALL).overflow(Overflow::DropNewest);
        let context = OutputContext::builder("uno").sink(log.queued(queue)).build();
        context.scope(|| info!("the first"));
        entered.recv().unwrap();
        context.scope(|| (0..500).for_each(|n| info!(n, "a record")));
        let dropped = context.ledger().dropped;
        drop(go);
        // Nobody flushes or closes: the process exits next.
        std::mem::forget(context);
        json!(dropped)
    });
    let ended = Child::new(role).run();
    let dropped = ended.report.as_u64().unwrap();
    assert!(dropped > 400, "{dropped}");
    assert_eq!(ended.read("uno.log").lines().last().map(ParsedLine::parse), Some(ParsedLine::Dropped(dropped)));
}

/// An output that notes how long its flush may take.
#[derive(Clone, Default)]
struct NotesDeadline(Arc<Mutex<Option<Duration>>>);

impl Output for NotesDeadline {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        Ok(())
    }

    fn flush(&self, deadline: Duration) -> io::Result<()> {
        self.0.lock().unwrap().get_or_insert(deadline);
        Ok(())
    }
}

#[test]
fn a_direct_output_that_stands_still_takes_no_time_from_healthy_outputs_and_keeps_the_deadline() {
    let role = "a_direct_output_that_stands_still_takes_no_time_from_healthy_outputs_and_keeps_the_deadline";
    in_child(role, |folder| {
        init();
        // A writer holds its lock while it is inside a write, so its flush has to wait.
        let (mut reader, writer) = io::pipe().unwrap();
        let stuck = OutputContext::builder("stuck").sink(sink::writer(writer)).build();
        let call = thread::spawn(stuck.bind(|| info!("{}", "more than a pipe takes ".repeat(100_000))));
        // The call is inside the writer, and does not get out.
        io::Read::read_exact(&mut reader, &mut [0]).unwrap();
        let log = sink::file(folder.join("due.log")).open().unwrap().queued(Queue::new());
        let due = OutputContext::builder("due").sink(log.clone()).build();
        due.scope(|| (0..100).for_each(|n| info!(n, "a record")));
        let direct = NotesDeadline::default();
        let _healthy = OutputContext::builder("healthy").sink(sink::custom(direct.clone())).build();
        let start = Instant::now();
        let ledger = logscope::flush(Duration::from_millis(300));
        let took = start.elapsed();
        let written = log.ledger().written;
        drop(reader);
        call.join().unwrap();
        let has_time = direct.0.lock().unwrap().is_some_and(|deadline| !deadline.is_zero());
        json!({
            "unflushed": ledger.unflushed,
            "written": written,
            "in time": took < DEADLINE,
            "the direct one has time": has_time,
        })
    });
    let ended = Child::new(role).run();
    assert_eq!(
        ended.report,
        json!({ "unflushed": true, "written": 100, "in time": true, "the direct one has time": true })
    );
    let accused =
        |name: &str| ended.fallback_lines().iter().any(|line| line.contains("cannot flush") && line.contains(name));
    assert!(accused("writer") && !accused("due.log"), "{:?}", ended.fallback_lines());
}
