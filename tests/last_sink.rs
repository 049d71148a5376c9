//! The last sink of an output is dropped while a flush is at work: the output's `Drop`, which may be the program's own code and take long, runs
//! neither on the thread that flushes nor beyond its deadline.

#![allow(clippy::unwrap_used)]

mod common;

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use common::{DEADLINE, init};
use logscope::OutputContext;
use logscope::sink::{self, Ledger, Line, Output, Queue, Sink};
use tracing::info;

/// An output whose `flush` waits until the test lets it go on. Its `Drop` waits for that too, and says on which thread it runs.
struct Waits {
    flushing: Sender<()>,
    may_flush: Mutex<Receiver<()>>,
    may_drop: Mutex<Receiver<()>>,
    dropped: Sender<ThreadId>,
}

/// The test's side of [`Waits`].
struct Waiting {
    flushing: Receiver<()>,
    may_flush: Sender<()>,
    may_drop: Sender<()>,
    dropped: Receiver<ThreadId>,
}

impl Waits {
    fn sink() -> (Sink, Waiting) {
        let (flushing, is_flushing) = channel();
        let (let_flush, may_flush) = channel();
        let (let_drop, may_drop) = channel();
        let (dropped, is_dropped) = channel();
        let output = Waits { flushing, may_flush: Mutex::new(may_flush), may_drop: Mutex::new(may_drop), dropped };
        let waiting = Waiting { flushing: is_flushing, may_flush: let_flush, may_drop: let_drop, dropped: is_dropped };
        (sink::custom(output), waiting)
    }
}

impl Output for Waits {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        Ok(())
    }

    fn flush(&self, _: Duration) -> io::Result<()> {
        self.flushing.send(()).unwrap();
        self.may_flush.lock().unwrap().recv_timeout(DEADLINE).unwrap();
        Ok(())
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        let may_drop = self.may_drop.get_mut().unwrap().recv_timeout(DEADLINE);
        let _ = self.dropped.send(thread::current().id());
        may_drop.unwrap();
    }
}

/// A context that has logged to an output through a derived context, which is gone; and a thread that flushes it, and stands in the output's
/// `flush`. Returns where the thread and the ledger arrive.
fn flush_without_sink(deadline: Duration) -> (Waiting, Receiver<(ThreadId, Ledger)>) {
    init();
    let (log, waiting) = Waits::sink();
    let context = OutputContext::builder("uno").build();
    let derived = context.with_sinks([log]);
    derived.scope(|| info!("one"));
    let (send, flushed) = channel();
    thread::spawn(move || {
        let ledger = context.flush(deadline);
        send.send((thread::current().id(), ledger)).unwrap();
    });
    waiting.flushing.recv_timeout(DEADLINE).unwrap();
    drop(derived);
    waiting.may_flush.send(()).unwrap();
    (waiting, flushed)
}

#[test]
fn a_flush_waits_for_the_drop_of_an_output_that_it_held_last() {
    let (waiting, flushed) = flush_without_sink(DEADLINE);
    // Before the flush ends: what the output writes when it is dropped is a part of the log.
    waiting.may_drop.send(()).unwrap();
    let dropped_on = waiting.dropped.recv_timeout(DEADLINE).unwrap();
    let (flushed_on, ledger) = flushed.recv_timeout(DEADLINE).unwrap();
    assert_ne!(dropped_on, flushed_on);
    assert!(ledger.is_complete() && ledger.written == 1, "{ledger}");
}

#[test]
fn a_flush_keeps_its_deadline_while_the_output_that_it_held_last_is_dropped() {
    let (waiting, flushed) = flush_without_sink(Duration::from_millis(100));
    let (_, ledger) = flushed.recv_timeout(DEADLINE).expect("the flush does not wait for the drop");
    assert_eq!((ledger.written, ledger.pending), (1, 0), "{ledger}");
    waiting.may_drop.send(()).unwrap();
    waiting.dropped.recv_timeout(DEADLINE).unwrap();
}

/// Says on which thread it is dropped.
struct SaysItsEnd(Sender<Option<String>>);

impl Output for SaysItsEnd {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SaysItsEnd {
    fn drop(&mut self) {
        let _ = self.0.send(thread::current().name().map(str::to_owned));
    }
}

#[test]
fn a_queued_output_is_dropped_on_a_thread_of_the_library_whoever_flushes_meanwhile() {
    const ROUNDS: usize = 3_000;
    init();
    let (dropped, is_dropped) = channel();
    let (context, turn) = (OutputContext::builder("uno").build(), Arc::new(Barrier::new(2)));
    let flushes = {
        let (context, turn) = (context.clone(), Arc::clone(&turn));
        thread::spawn(move || {
            for _ in 0..ROUNDS {
                turn.wait();
                let _ = context.flush(Duration::ZERO);
            }
        })
    };
    for _ in 0..ROUNDS {
        let derived = context.with_sinks([sink::custom(SaysItsEnd(dropped.clone())).queued(Queue::new())]);
        turn.wait();
        drop(derived);
    }
    flushes.join().unwrap();
    for _ in 0..ROUNDS {
        let name = is_dropped.recv_timeout(DEADLINE).unwrap();
        assert!(matches!(name.as_deref(), Some("logscope-writer" | "logscope-drop")), "{name:?}");
    }
}
