//! Completion where parts meet: calls that have not enqueued yet, forks, tasks inside outputs, other outputs, and a last sink that is dropped.

#![cfg(feature = "testing")]
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

#[path = "common/child.rs"]
mod child;
mod common;
#[cfg(not(logscope_sanitizer))]
#[path = "common/fork.rs"]
mod fork;
#[path = "common/gate.rs"]
mod gate;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use child::{Child, in_child};
use common::{DEADLINE, DebugRuns, block_on, init, on_thread, poll, wait_until};
#[cfg(not(logscope_sanitizer))]
use fork::fork;
use gate::Gate;
use logscope::sink::{Ledger, Line, Output, Queue};
use logscope::{OutputContext, sink};
use serde_json::json;
use tracing::info;

/// A call that has its number, but has not enqueued its record: its value waits, when it is rendered, until the returned sender is dropped.
fn call_before_its_queue(context: &OutputContext) -> (thread::JoinHandle<()>, Sender<()>) {
    let ((entered, is_entered), (go, gone)) = (channel(), channel::<()>());
    let (entered, gone) = (Mutex::new(entered), Mutex::new(gone));
    let value = DebugRuns(move || {
        entered.lock().unwrap().send(()).unwrap();
        let _ = gone.lock().unwrap().recv();
        "rendered"
    });
    let call = thread::spawn(context.bind(move || info!(?value, "begun before the flush")));
    is_entered.recv_timeout(DEADLINE).unwrap();
    (call, go)
}

#[test]
fn a_task_awaits_what_a_call_in_flight_enqueues_before_the_first_poll() {
    init();
    let gate = Gate::new();
    let context = OutputContext::builder("uno").sink(sink::custom(gate.clone()).queued(Queue::new())).build();
    let (call, go) = call_before_its_queue(&context);
    let mut flush = Box::pin(context.flush_async());
    gate.shut();
    drop(go);
    call.join().unwrap();
    assert!(poll(&mut flush).is_pending(), "the record is in the queue");
    gate.open();
    let ledger = on_thread(|| block_on(flush))();
    assert!(ledger.is_complete() && ledger.written == 1, "{ledger}");
}

/// Threads that log end up, at some time, between a record's number and its queue when the context is closed.
#[test]
fn a_close_returns_every_record_that_it_has_accepted() {
    init();
    for round in 0..400 {
        let context = OutputContext::builder("uno").sink(sink::null().queued(Queue::new())).build();
        let log = |context: OutputContext| {
            move || {
                while !context.is_closed() {
                    info!("a record")
                }
            }
        };
        let threads: Vec<_> = (0..2).map(|_| thread::spawn(context.bind(log(context.clone())))).collect();
        wait_until("twenty records are accepted", || context.ledger().accepted >= 20);
        let ledger = context.close(DEADLINE);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        // What is logged after the end is dropped, and counted.
        let _ = context.flush(DEADLINE);
        let last = context.ledger();
        assert_eq!(
            ledger.written, last.written,
            "round {round}: the close returned {ledger}, and then there are {last}"
        );
    }
}

#[cfg(not(logscope_sanitizer))] // ThreadSanitizer does not support forks of a process with threads.
#[test]
fn a_daemon_waits_for_its_own_calls_in_contexts_that_its_parent_made() {
    let role = "a_daemon_waits_for_its_own_calls_in_contexts_that_its_parent_made";
    in_child(role, |_| {
        init();
        let gate = Gate::new();
        let direct = sink::custom(gate.clone());
        let context = OutputContext::builder("main").sink(direct.clone()).build();
        gate.shut();
        // It stays in flight in the parent, and does not exist in the child.
        let parents_call = thread::spawn(context.bind(|| info!("of the parent")));
        gate.wait_until_used();
        fork(|| {
            let gate = Gate::new();
            let derived = context.with_sinks([sink::custom(gate.clone())]);
            assert!(context.flush(DEADLINE).is_complete(), "nothing of this process is in flight");
            gate.shut();
            let call = thread::spawn(derived.bind(|| info!("stands still")));
            gate.wait_until_used();
            let flushed = context.flush(Duration::from_millis(50));
            assert!(flushed.pending > 0, "{flushed}");
            let closed = context.close(Duration::from_millis(50));
            assert!(closed.pending > 0, "{closed}");
            gate.open();
            call.join().unwrap();
            assert!(context.flush(DEADLINE).is_complete());
        });
        gate.open();
        parents_call.join().unwrap();
        json!(context.flush(DEADLINE).is_complete())
    });
    assert_eq!(Child::new(role).run().report, json!(true));
}

/// Flushes its own context as a task, in the first write, and keeps the ledger.
#[derive(Clone, Default)]
struct FlushesAsTask {
    context: Arc<OnceLock<OutputContext>>,
    ledger: Arc<OnceLock<Ledger>>,
    go: Arc<AtomicBool>,
}

impl Output for FlushesAsTask {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        if self.ledger.get().is_none() {
            wait_until("the test lets the output go on", || self.go.load(Ordering::SeqCst));
            let _ = self.ledger.set(block_on(self.context.get().unwrap().flush_async()));
        }
        Ok(())
    }
}

#[test]
fn a_task_inside_an_output_waits_for_nothing_and_reports_what_is_pending() {
    init();
    let output = FlushesAsTask::default();
    let log = sink::custom(output.clone()).queued(Queue::new().bytes(4 << 10).patience(Duration::MAX));
    let context = OutputContext::builder("uno").sink(log).build();
    output.context.set(context.clone()).unwrap();
    // More than fits: the call waits for the output, which flushes.
    let calls = on_thread(context.bind(|| (0..1_000).for_each(|n| info!(n, "a record of some length"))));
    let mut accepted = 0;
    wait_until("the queue is full", || {
        std::mem::replace(&mut accepted, context.ledger().accepted) == context.ledger().accepted && accepted > 20
    });
    output.go.store(true, Ordering::SeqCst);
    calls();
    let ledger = *output.ledger.get().unwrap();
    assert!(!ledger.is_complete() && ledger.pending > 0, "{ledger}");
    assert!(context.flush(DEADLINE).is_complete());
}

/// A queue that several threads keep full.
struct Busy {
    context: OutputContext,
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Busy {
    fn new() -> Busy {
        struct Healthy;
        impl Output for Healthy {
            fn write(&self, _: Line<'_>) -> io::Result<()> {
                Ok(())
            }

            fn describe(&self) -> String {
                "healthy output".to_owned()
            }
        }
        let context =
            OutputContext::builder("busy").sink(sink::custom(Healthy).queued(Queue::new().bytes(4 << 10))).build();
        let stop = Arc::new(AtomicBool::new(false));
        let log = |stop: Arc<AtomicBool>| {
            context.bind(move || {
                while !stop.load(Ordering::Relaxed) {
                    info!("a record of some length, so that the queue is full")
                }
            })
        };
        let threads = (0..3).map(|_| thread::spawn(log(Arc::clone(&stop)))).collect();
        Busy { context, stop, threads }
    }

    fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(self.context.flush(DEADLINE).is_complete());
    }
}

#[test]
fn a_queue_that_stands_still_does_not_have_a_busy_one_accused() {
    let role = "a_queue_that_stands_still_does_not_have_a_busy_one_accused";
    in_child(role, |_| {
        init();
        let gate = Gate::new();
        gate.shut();
        let stuck = OutputContext::builder("stuck").sink(sink::custom(gate.clone()).queued(Queue::new())).build();
        stuck.scope(|| info!("stands still"));
        gate.wait_until_used();
        let busy = Busy::new();
        wait_until("it is busy", || busy.context.ledger().written > 100);
        let pending: Vec<_> = (0..20).map(|_| logscope::flush(Duration::from_millis(200)).pending).collect();
        gate.open();
        busy.end();
        json!(pending)
    });
    let ended = Child::new(role).run();
    // On a busy machine the busy queue may be late now and then.
    let pending = ended.report.as_array().unwrap();
    let only_stuck = pending.iter().filter(|pending| pending.as_u64() == Some(1)).count();
    assert!(only_stuck > pending.len() / 2, "pending: {pending:?}");
    let accused: Vec<_> = ended.fallback_lines().into_iter().filter(|line| line.contains("healthy output")).collect();
    assert!(accused.is_empty(), "{accused:?}");
}

/// Two outputs whose flush times out at once, without waiting: each is asked once, and not again and again until the deadline.
#[test]
fn a_flush_that_gives_up_at_once_is_not_repeated() {
    #[derive(Clone, Default)]
    struct GivesUp(Arc<AtomicUsize>);
    impl Output for GivesUp {
        fn write(&self, _: Line<'_>) -> io::Result<()> {
            Ok(())
        }

        fn flush(&self, _: Duration) -> io::Result<()> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Err(io::ErrorKind::TimedOut.into())
        }
    }
    init();
    let output = GivesUp::default();
    let sinks = [(); 2].map(|()| sink::custom(output.clone()));
    let context = OutputContext::builder("uno").sinks(sinks).build();
    context.scope(|| info!("one"));
    let ledger = on_thread(move || context.flush(Duration::MAX))();
    assert!(ledger.unflushed, "{ledger}");
    assert_eq!(output.0.load(Ordering::Relaxed), 2);
}

/// An output whose `Drop` waits until the test lets it go on.
struct DropsLate {
    dropping: Sender<()>,
    may_drop: Receiver<()>,
    flushing: Sender<()>,
    may_flush: Receiver<()>,
}

/// What a test does not share between threads, it does not need to lock.
struct Shared(Mutex<DropsLate>);

impl Output for Shared {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        Ok(())
    }

    fn flush(&self, _: Duration) -> io::Result<()> {
        let inner = self.0.lock().unwrap();
        inner.flushing.send(()).unwrap();
        inner.may_flush.recv_timeout(DEADLINE).unwrap();
        Ok(())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let inner = self.0.get_mut().unwrap();
        inner.dropping.send(()).unwrap();
        inner.may_drop.recv_timeout(DEADLINE).unwrap();
    }
}

#[test]
fn a_flush_of_the_process_does_not_wait_for_the_drop_of_a_foreign_output() {
    let role = "a_flush_of_the_process_does_not_wait_for_the_drop_of_a_foreign_output";
    in_child(role, |_| {
        init();
        let ((dropping, is_dropping), (let_drop, may_drop)) = (channel(), channel());
        let ((flushing, is_flushing), (let_flush, may_flush)) = (channel(), channel());
        let foreign = sink::custom(Shared(Mutex::new(DropsLate { dropping, may_drop, flushing, may_flush })));
        let flushed = on_thread(|| logscope::flush(Duration::MAX));
        is_flushing.recv_timeout(DEADLINE).unwrap();
        drop(foreign);
        let_flush.send(()).unwrap();
        is_dropping.recv_timeout(DEADLINE).unwrap();
        let ledger = flushed();
        let_drop.send(()).unwrap();
        json!(ledger.is_complete())
    });
    assert_eq!(Child::new(role).run().report, json!(true));
}

#[test]
fn a_task_that_flushes_does_not_keep_the_output_open() {
    init();
    let gate = Gate::new();
    let log = sink::custom(gate.clone()).queued(Queue::new());
    let flush = log.flush_async();
    drop(log);
    gate.wait_until_dropped();
    assert!(on_thread(|| block_on(flush))().is_complete());
}
