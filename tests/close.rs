//! Closing a context: later records are refused and counted, earlier ones are written, by every sink of the contexts that share its ledger.

#![allow(clippy::unwrap_used)]

mod common;

use std::io::{self, BufWriter, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::{DEADLINE, init};
use logscope::{Format, OutputContext, sink};
use tracing::{error, info};

/// A writer whose bytes the test can read.
#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Bytes {
    fn lines(&self) -> usize {
        self.0.lock().unwrap().iter().filter(|byte| **byte == b'\n').count()
    }
}

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_context_counts_records_as_dropped() {
    init();
    let (memory, lines) = sink::memory();
    let uno = OutputContext::builder("uno").sink(memory.format(Format::json())).build();
    let louder = uno.with_field("louder", true);
    uno.scope(|| info!("before"));
    let ledger = uno.close(Duration::ZERO);
    assert_eq!((ledger.accepted, ledger.written, ledger.is_complete()), (1, 1, true));
    uno.scope(|| error!("after"));
    louder.scope(|| error!("after, derived"));
    assert_eq!(lines.len(), 1);
    let ledger = louder.ledger();
    assert_eq!((ledger.accepted, ledger.written, ledger.dropped, ledger.pending), (3, 1, 2, 0));
}

#[test]
fn closing_flushes_the_sinks_of_derived_contexts_too() {
    init();
    let (own, derived) = (Bytes::default(), Bytes::default());
    let uno = OutputContext::builder("uno").sink(sink::writer(BufWriter::new(own.clone()))).build();
    let more = uno.with_sink(sink::writer(BufWriter::new(derived.clone())));
    more.scope(|| info!("to both"));
    assert_eq!((own.lines(), derived.lines()), (0, 0), "the writers buffer the record");
    assert!(uno.close(DEADLINE).is_complete());
    assert_eq!((own.lines(), derived.lines()), (1, 1));
}

/// A writer that signals when its `write` is entered, and blocks there until the test lets it go on.
struct BlockingWriter {
    entered: Sender<()>,
    go_on: Receiver<()>,
}

impl Write for BlockingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.entered.send(()).unwrap();
        let _ = self.go_on.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_record_in_flight_is_pending() {
    init();
    let (entered, was_entered) = channel();
    let (go_on, may_go_on) = channel();
    let uno = OutputContext::builder("uno").sink(sink::writer(BlockingWriter { entered, go_on: may_go_on })).build();
    let writing = thread::spawn(uno.bind(|| info!("slow")));
    was_entered.recv_timeout(DEADLINE).unwrap();

    let start = Instant::now();
    let ledger = uno.close(Duration::from_millis(20));
    assert_eq!((ledger.accepted, ledger.written, ledger.pending), (1, 0, 1));
    assert!(!ledger.is_complete());
    assert!(start.elapsed() < DEADLINE, "`close` returned after its deadline");

    go_on.send(()).unwrap();
    writing.join().unwrap();
    let ledger = uno.flush(DEADLINE);
    assert_eq!((ledger.accepted, ledger.written, ledger.pending), (1, 1, 0));
}

#[test]
fn closing_waits_for_records_in_flight() {
    init();
    let (entered, was_entered) = channel();
    let (go_on, may_go_on) = channel();
    let uno = OutputContext::builder("uno").sink(sink::writer(BlockingWriter { entered, go_on: may_go_on })).build();
    let writing = thread::spawn(uno.bind(|| info!("slow")));
    was_entered.recv_timeout(DEADLINE).unwrap();
    let closing = {
        let uno = uno.clone();
        thread::spawn(move || uno.close(DEADLINE))
    };
    go_on.send(()).unwrap();
    assert!(closing.join().unwrap().is_complete());
    writing.join().unwrap();
}

#[test]
fn a_flush_consumes_no_unpark_token() {
    init();
    let (entered, was_entered) = channel();
    let (go_on, may_go_on) = channel();
    let uno = OutputContext::builder("uno").sink(sink::writer(BlockingWriter { entered, go_on: may_go_on })).build();
    let writing = thread::spawn(uno.bind(|| info!("slow")));
    was_entered.recv_timeout(DEADLINE).unwrap();
    thread::current().unpark();
    let _ = uno.flush(Duration::from_millis(20));
    go_on.send(()).unwrap();
    writing.join().unwrap();
    // If `flush` had consumed the token of `unpark`, this would wait for the whole deadline.
    let start = Instant::now();
    thread::park_timeout(DEADLINE);
    assert!(start.elapsed() < DEADLINE / 2);
}
