//! The non-blocking writers of `tracing-appender` as sinks.

#![cfg(feature = "testing")]
#![cfg(feature = "appender")]
#![allow(clippy::unwrap_used)]

mod layers;

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use layers::{Written, in_own_process};
use logscope::sink::{self, Queue};
use logscope::testing::{Signal, wait_until};
use logscope::{Format, OutputContext, Time};
use tracing::{error, info};
use tracing_appender::non_blocking::NonBlockingBuilder;

const PATIENCE: Duration = Duration::from_secs(30);

fn plain() -> Format {
    Format::text().time(Time::None).context(false).target(false)
}

/// Says when it is inside a write, and stays there until it is told to go on.
struct Gate {
    inside: Sender<()>,
    goes_on: Receiver<()>,
    written: Written,
}

impl io::Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.inside.send(());
        let _ = self.goes_on.recv();
        self.written.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_a_lossy_writer_drops_is_in_the_ledger() {
    let test = "what_a_lossy_writer_drops_is_in_the_ledger";
    if let Some(child) = in_own_process(test, &[]) {
        let reported = child.passed().fallback_lines();
        assert!(reported.len() == 2 && reported[0].contains("drops lines"), "{reported:?}");
        assert!(reported[1].contains("cannot flush"), "{reported:?}");
        return;
    }
    logscope::init();
    let (inside, is_inside) = channel();
    let (go_on, goes_on) = channel();
    let written = Written::default();
    let gate = Gate { inside, goes_on, written: written.clone() };
    let (writer, guard) = NonBlockingBuilder::default().buffered_lines_limit(2).lossy(true).finish(gate);
    let sink = sink::non_blocking(writer, guard);
    let uno = OutputContext::builder("uno").sink(sink.format(plain())).build();
    uno.scope(|| info!("0"));
    is_inside.recv_timeout(PATIENCE).unwrap();
    // Two have room in the channel, and the others have not.
    uno.scope(|| (1..8).for_each(|n| info!("{n}")));
    let ledger = sink.ledger();
    assert_eq!((ledger.accepted, ledger.written, ledger.dropped, ledger.pending), (8, 3, 5, 0));
    assert_eq!(uno.ledger().written, 8, "a context does not know");
    assert_eq!(logscope::flush(PATIENCE).dropped, 5, "the process does");
    assert!(sink.ledger().into_result().is_err());
    drop(go_on);
    drop(uno);
    drop(sink);
    assert_eq!(written.lines(), ["INFO  0", "INFO  1", "INFO  2"]);
    assert_eq!(logscope::flush(PATIENCE).dropped, 5, "also when the sink is gone");
}

#[test]
fn a_flush_does_not_vouch_for_the_thread_of_the_writer() {
    let test = "a_flush_does_not_vouch_for_the_thread_of_the_writer";
    if let Some(child) = in_own_process(test, &[]) {
        let reported = child.passed().fallback_lines();
        assert!(reported.len() == 1 && reported[0].contains("cannot flush non-blocking writer"), "{reported:?}");
        return;
    }
    logscope::init();
    let (inside, is_inside) = channel();
    let (go_on, goes_on) = channel();
    let written = Written::default();
    let (writer, guard) = tracing_appender::non_blocking(Gate { inside, goes_on, written: written.clone() });
    let sink = sink::non_blocking(writer, guard).format(plain());
    sink.flush(PATIENCE).into_result().expect("nothing was written");
    let direct = OutputContext::builder("direct").sink(sink.clone()).build();
    let queued = OutputContext::builder("queued").sink(sink.queued(Queue::new())).build();
    direct.scope(|| info!("0"));
    queued.scope(|| {
        error!("1");
        error!("2");
    });
    is_inside.recv_timeout(PATIENCE).unwrap();
    let ledgers = [sink.flush(PATIENCE), queued.flush(PATIENCE), direct.close(PATIENCE), logscope::flush(PATIENCE)];
    assert!(ledgers.iter().all(|ledger| ledger.unflushed && ledger.pending == 0), "{ledgers:?}");
    assert!(written.lines().is_empty());
    drop(go_on);
    drop((direct, queued, sink));
    // The writer thread of the queue drops the sink. It ends the output's own thread, which has written all then.
    wait_until(PATIENCE, || match written.lines() {
        lines if lines.len() == 3 => Ok(()),
        lines => Err(lines),
    })
    .unwrap();
}

/// Says when it is dropped: the thread of the writer has ended.
struct SaysDropped(Written, Signal);

impl io::Write for SaysDropped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SaysDropped {
    fn drop(&mut self) {
        self.1.set();
    }
}

#[test]
fn the_guard_lives_as_long_as_the_last_view() {
    let test = "the_guard_lives_as_long_as_the_last_view";
    if let Some(child) = in_own_process(test, &[]) {
        assert!(child.passed().fallback_lines().is_empty());
        return;
    }
    logscope::init();
    let (written, has_ended) = (Written::default(), Signal::named("the thread of the writer has ended"));
    let (writer, guard) =
        NonBlockingBuilder::default().lossy(false).finish(SaysDropped(written.clone(), has_ended.clone()));
    let sink = sink::non_blocking(writer, guard).format(plain());
    let uno = OutputContext::builder("uno").sink(sink.clone()).build();
    drop(sink);
    uno.scope(|| (0..100).for_each(|n| info!("{n}")));
    assert!(!has_ended.is_set());
    drop(uno);
    // The guard has waited until all is written. The thread ends after that.
    assert_eq!(written.lines().len(), 100);
    has_ended.wait(PATIENCE).unwrap();
}
