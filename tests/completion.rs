//! "Complete" means complete: a flush and a close wait for every record that was logged before, and nothing that is logged later stands in
//! for it.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used)]

mod common;
#[path = "common/gate.rs"]
mod gate;

use std::panic;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use common::{DEADLINE, DebugRuns, block_on, init, on_thread, poll, wait_until};
use gate::Gate;
use logscope::sink::{Ledger, Line, Queue};
use logscope::testing::Signal;
use logscope::{OutputContext, sink};
use tracing::info;

/// A context with two direct outputs, one of which can stand still; and a thread that stands in that one.
struct StuckCall {
    gate: Gate,
    context: OutputContext,
    call: JoinHandle<()>,
}

impl StuckCall {
    fn new() -> StuckCall {
        init();
        let gate = Gate::new();
        let context = OutputContext::builder("uno").sink(sink::custom(gate.clone())).build();
        gate.shut();
        let call = thread::spawn(context.bind(|| info!("stands still")));
        gate.wait_until_used();
        StuckCall { gate, context, call }
    }

    /// Logs other records of the same context, which are written at once.
    fn log_others(&self, count: usize) {
        let (memory, _lines) = sink::memory();
        let other = self.context.with_sinks([memory]);
        other.scope(|| (0..count).for_each(|n| info!(n, "later")));
    }

    fn end(self) {
        self.gate.open();
        self.call.join().unwrap();
    }
}

#[test]
fn a_flush_waits_for_a_call_in_flight_whatever_is_logged_meanwhile() {
    let stuck = StuckCall::new();
    let (memory, _lines) = sink::memory();
    let (stop, returned) = (Arc::default(), Arc::default());
    let logging = log_until(&stop, &returned, &stuck.context.with_sinks([memory]));
    for _ in 0..3 {
        // Long enough for records that begin and end while the flush waits.
        let before = returned.load(Ordering::Acquire);
        let ledger = stuck.context.flush(Duration::from_millis(100));
        assert!(ledger.pending >= 1 && !ledger.is_complete(), "{ledger}");
        wait_until("records are logged meanwhile", || returned.load(Ordering::Acquire) > before);
    }
    let context = stuck.context.clone();
    let flushed = on_thread(move || context.flush(DEADLINE));
    stuck.end();
    let ledger = flushed();
    assert!(ledger.is_complete(), "{ledger}");
    stop.store(true, Ordering::Relaxed);
    logging.join().unwrap();
}

#[test]
fn a_close_waits_for_a_call_in_flight_whatever_is_logged_meanwhile() {
    let stuck = StuckCall::new();
    let context = stuck.context.clone();
    let closed = on_thread(move || context.close(DEADLINE));
    wait_until("the context is closed", || stuck.context.is_closed());
    stuck.log_others(1);
    let ledger = stuck.context.close(Duration::from_millis(20));
    assert_eq!((ledger.dropped, ledger.pending), (1, 1), "{ledger}");
    stuck.end();
    let ledger = closed();
    assert_eq!((ledger.written, ledger.dropped, ledger.pending), (1, 1, 0), "{ledger}");
}

#[test]
fn a_task_awaits_the_calls_of_other_threads() {
    let stuck = StuckCall::new();
    stuck.log_others(3);
    let mut flush = Box::pin(stuck.context.flush_async());
    assert!(poll(&mut flush).is_pending(), "a call is in flight");
    stuck.log_others(3);
    assert!(poll(&mut flush).is_pending(), "later calls do not stand in for it");
    stuck.end();
    let ledger = block_on(flush);
    assert_eq!((ledger.written, ledger.pending), (7, 0), "{ledger}");
}

#[test]
fn a_record_that_is_longer_than_its_queue_is_waited_for_while_its_call_writes_it() {
    init();
    let gate = Gate::new();
    let log = sink::custom(gate.clone()).queued(Queue::new().bytes(4 << 10));
    let context = OutputContext::builder("uno").sink(log.clone()).build();
    gate.shut();
    let long = "x".repeat(8 << 10);
    let call = thread::spawn(context.bind(move || info!("{long}")));
    gate.wait_until_used();
    for ledger in [log.flush(Duration::from_millis(20)), context.flush(Duration::from_millis(20))] {
        assert_eq!((ledger.accepted, ledger.pending, ledger.is_complete()), (1, 1, false), "{ledger}");
    }
    let mut flush = Box::pin(log.flush_async());
    assert!(poll(&mut flush).is_pending(), "a call is in flight");
    let flushed = on_thread(move || log.flush(DEADLINE));
    gate.open();
    call.join().unwrap();
    for ledger in [flushed(), block_on(flush)] {
        assert_eq!((ledger.written, ledger.is_complete()), (1, true), "{ledger}");
    }
}

/// What flushes and closes return from inside a log call.
type Ledgers = Arc<Mutex<Vec<Ledger>>>;

/// Flushes and closes a context, for as long as it takes.
fn flush_and_close(context: &OutputContext, ledgers: &Ledgers) {
    let results = [context.flush(Duration::MAX), block_on(context.flush_async()), context.close(Duration::MAX)];
    ledgers.lock().unwrap().extend(results);
}

#[test]
fn a_value_that_flushes_and_closes_its_own_context_does_not_wait_for_itself() {
    init();
    let (memory, _lines) = sink::memory();
    let queued = sink::writer(Vec::new()).queued(Queue::new());
    let context = OutputContext::builder("uno").sink(memory).sink(queued).build();
    let ledgers = Ledgers::default();
    let logged = on_thread({
        let (context, ledgers) = (context.clone(), Arc::clone(&ledgers));
        move || {
            let value = DebugRuns({
                let context = context.clone();
                move || {
                    flush_and_close(&context, &ledgers);
                    ""
                }
            });
            context.scope(|| {
                info!("before");
                info!(?value, "flushes");
            });
        }
    });
    logged();
    let ledgers = ledgers.lock().unwrap();
    assert!(ledgers.len() >= 3);
    for ledger in &ledgers[..3] {
        assert_eq!((ledger.written, ledger.is_complete()), (2, true), "the records before are written: {ledger}");
    }
    let ledger = context.flush(DEADLINE);
    assert_eq!((ledger.written + ledger.dropped, ledger.pending), (4, 0), "{ledger}");
}

#[test]
fn two_values_that_flush_one_context_do_not_wait_for_one_another() {
    init();
    let (memory, _lines) = sink::memory();
    let context = OutputContext::builder("uno").sink(memory).build();
    let both = ["both are rendered", "both have flushed"].map(Signal::named);
    let calls = [(); 2].map(|()| {
        let (context, [are_rendered, have_flushed]) = (context.clone(), both.clone());
        on_thread(move || {
            let value = DebugRuns({
                let context = context.clone();
                move || {
                    are_rendered.set();
                    are_rendered.wait_for(2, DEADLINE).unwrap();
                    let ledger = context.flush(Duration::MAX);
                    assert!(ledger.pending <= 1, "{ledger}");
                    have_flushed.set();
                    have_flushed.wait_for(2, DEADLINE).unwrap();
                    ""
                }
            });
            context.scope(|| info!(?value));
        })
    });
    calls.into_iter().for_each(|call| call());
    assert_eq!(context.ledger().written, 2);
}

/// The context that the panic hook of this process flushes, and where it puts the ledgers.
static IN_HOOK: OnceLock<(OutputContext, Ledgers)> = OnceLock::new();

#[test]
fn a_panic_hook_that_closes_the_context_of_a_value_that_panics_does_not_wait_for_itself() {
    struct Panics;
    impl std::fmt::Debug for Panics {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("a panic that the hook of this test expects")
        }
    }
    init();
    let (memory, lines) = sink::memory();
    let context = OutputContext::builder("uno").sink(memory).build();
    IN_HOOK.set((context.clone(), Ledgers::default())).ok().unwrap();
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| match info.payload().downcast_ref::<&str>() {
        Some(text) if text.contains("of this test expects") => {
            let (context, ledgers) = IN_HOOK.get().unwrap();
            flush_and_close(context, ledgers);
        }
        _ => before(info),
    }));
    let logged = on_thread({
        let context = context.clone();
        move || context.scope(|| info!(value = ?Panics, "panics"))
    });
    logged();
    let ledgers = IN_HOOK.get().unwrap().1.lock().unwrap();
    assert!(ledgers.iter().all(Ledger::is_complete), "{ledgers:?}");
    assert_eq!((ledgers.len(), lines.len(), context.ledger().written), (3, 1, 1));
}

/// A thread that logs until the test ends, and counts the calls that have returned.
fn log_until(stop: &Arc<AtomicBool>, returned: &Arc<AtomicU64>, context: &OutputContext) -> JoinHandle<()> {
    let (stop, returned) = (Arc::clone(stop), Arc::clone(returned));
    thread::spawn(context.bind(move || {
        while !stop.load(Ordering::Relaxed) {
            info!("a record");
            returned.fetch_add(1, Ordering::Release);
        }
    }))
}

#[test]
fn what_a_flush_reports_includes_every_call_that_had_returned() {
    init();
    let (memory, _lines) = sink::memory();
    let direct = sink::writer(std::io::sink());
    let queued = |log: &sink::Sink| log.queued(Queue::new().bytes(4 << 10));
    let sets = [vec![direct.clone()], vec![queued(&memory)], vec![direct, queued(&sink::null())]];
    for sinks in sets {
        let deliveries = sinks.len() as u64;
        let context = OutputContext::builder("uno").sinks(sinks).build();
        let (stop, returned) = (Arc::default(), Arc::default());
        let threads = [(); 3].map(|()| log_until(&stop, &returned, &context));
        for round in 0..300 {
            let before = returned.load(Ordering::Acquire);
            let ledger = if round % 2 == 0 { context.flush(DEADLINE) } else { block_on(context.flush_async()) };
            assert!(ledger.is_complete(), "{ledger}");
            assert!(ledger.written >= before * deliveries, "{ledger} lacks some of the {before} records before");
        }
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let ledger = context.close(DEADLINE);
        assert_eq!((ledger.written, ledger.pending), (returned.load(Ordering::Acquire) * deliveries, 0));
    }
}

/// An output that another thread can hold up inside a write, once.
struct HoldsUp(Mutex<Option<Sender<Sender<()>>>>);

impl sink::Output for HoldsUp {
    fn write(&self, _: Line<'_>) -> std::io::Result<()> {
        let held = self.0.lock().unwrap().take();
        if let Some(held) = held {
            let (go, gone) = channel();
            held.send(go).unwrap();
            let _ = gone.recv();
        }
        Ok(())
    }
}

#[test]
fn any_number_of_flushes_that_time_out_forget_no_call() {
    init();
    let ((held, inside), (held_later, inside_later)) = (channel(), channel());
    let outputs = [held, held_later].map(|held| sink::custom(HoldsUp(Mutex::new(Some(held)))));
    let [first, second] = &outputs;
    let context = OutputContext::builder("uno").sink(first.clone()).build();
    let other = context.with_sinks([second.clone()]);
    let earlier = thread::spawn(context.bind(|| info!("held up")));
    let go = inside.recv_timeout(DEADLINE).unwrap();
    assert_eq!(context.flush(Duration::from_millis(5)).pending, 1);
    let later = thread::spawn(other.bind(|| info!("held up later")));
    let go_later = inside_later.recv_timeout(DEADLINE).unwrap();
    for _ in 0..4 {
        assert_eq!(context.flush(Duration::from_millis(5)).pending, 2);
        context.scope(|| info!("not held up"));
    }
    drop(go);
    earlier.join().unwrap();
    assert_eq!(context.flush(Duration::from_millis(5)).pending, 1, "the later call is in flight");
    drop(go_later);
    later.join().unwrap();
    assert!(context.flush(DEADLINE).is_complete());
}

/// Writes through a gate. Its second flush fails.
struct FailsToFlush(Gate, Arc<AtomicU64>);

impl sink::Output for FailsToFlush {
    fn write(&self, line: Line<'_>) -> std::io::Result<()> {
        self.0.write(line)
    }

    fn flush(&self, _: Duration) -> std::io::Result<()> {
        match self.1.fetch_add(1, Ordering::SeqCst) {
            1 => Err(std::io::Error::other("the second flush fails")),
            _ => Ok(()),
        }
    }
}

#[test]
fn an_error_counts_although_a_flush_has_to_flush_again_for_a_call_in_flight() {
    init();
    let (gate, flushes) = (Gate::new(), Arc::new(AtomicU64::new(0)));
    let output = FailsToFlush(gate.clone(), Arc::clone(&flushes));
    let log = sink::custom(output).queued(Queue::new().bytes(4 << 10));
    let context = OutputContext::builder("uno").sink(log.clone()).build();
    gate.shut();
    // The call waits until its queue is empty, which flushes for the first time, and then writes for itself.
    let long = "x".repeat(8 << 10);
    let call = thread::spawn(context.bind(move || info!("{long}")));
    gate.wait_until_used();
    let flushed = on_thread(move || log.flush(DEADLINE));
    wait_until("the flush that fails", || flushes.load(Ordering::SeqCst) == 2);
    gate.open();
    call.join().unwrap();
    let ledger = flushed();
    assert!(ledger.unflushed && ledger.written == 1, "{ledger}");
}
