//! A sink that panics, fails, logs or is dropped harms no caller. The records that it did not take are counted, and a notice says how many.

#![cfg(feature = "testing")]
// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

mod common;

use std::cell::Cell;
use std::fmt;
use std::io;
use std::panic::panic_any;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::{DebugRuns, Log, PanicsWhenDropped, ParsedLine, Worker, init, unscoped_messages, without_panic};
use logscope::sink::{self, Line, Output};
use logscope::{Format, OutputContext};
use tracing::info;

fn panics_when_rendered() -> impl fmt::Debug {
    DebugRuns(|| -> &str { panic_any(PanicsWhenDropped(2)) })
}

/// A switch that a test turns.
#[derive(Clone, Default)]
struct Switch(Arc<AtomicBool>);

impl Switch {
    fn set(&self, on: bool) {
        self.0.store(on, Ordering::Relaxed);
    }

    fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[test]
fn records_of_a_failing_sink_are_counted_and_it_recovers() {
    struct Breaks {
        broken: Switch,
        panics: bool,
        lines: sink::Memory,
    }
    impl Output for Breaks {
        fn write(&self, line: Line<'_>) -> io::Result<()> {
            match (self.broken.is_on(), self.panics) {
                (true, true) => panic_any(PanicsWhenDropped(2)),
                (true, false) => Err(io::Error::other("broken")),
                (false, _) => self.lines.write(line),
            }
        }
        fn flush(&self, _: Duration) -> io::Result<()> {
            match (self.broken.is_on(), self.panics) {
                (true, true) => panic_any(PanicsWhenDropped(2)),
                (true, false) => Err(io::Error::other("broken")),
                (false, _) => Ok(()),
            }
        }
    }
    init();
    for panics in [true, false] {
        let (broken, lines, beside) = (Switch::default(), sink::Memory::default(), sink::memory());
        let output = Breaks { broken: broken.clone(), panics, lines: lines.clone() };
        let breaks = sink::custom(output).format(Format::json());
        let context = OutputContext::builder("breaks").sink(breaks).sink(beside.0).build();
        without_panic(|| {
            let _scope = context.enter();
            info!("one");
            broken.set(true);
            info!("two");
            info!(value = ?panics_when_rendered(), "three");
            let _ = context.flush(Duration::ZERO);
            broken.set(false);
            info!("four");
        });
        let messages: Vec<_> = lines.lines().iter().map(|line| ParsedLine::parse(line)).collect();
        assert_eq!(messages.iter().map(|line| line.seq).collect::<Vec<_>>(), [Some(1), None, Some(4)]);
        assert_eq!(messages[1].fields["failed"], 2);
        assert_eq!(beside.1.len(), 4, "the other sink of the context must get every record");
        let ledger = context.ledger();
        let counts = (ledger.accepted, ledger.written, ledger.dropped, ledger.failed, ledger.pending);
        assert_eq!(counts, (8, 6, 0, 2, 0), "{ledger}");
    }
}

#[test]
fn a_sink_that_logs_is_not_called_again() {
    init();
    let calls = Arc::new(AtomicU32::new(0));
    let (counts, shared) = (calls.clone(), Arc::new(Mutex::new(None::<OutputContext>)));
    let inside = shared.clone();
    let callback = sink::callback(move |_| {
        counts.fetch_add(1, Ordering::Relaxed);
        info!("from the sink, in the scope");
        let context = inside.lock().unwrap().clone();
        if let Some(context) = context {
            context.scope(|| info!(value = ?panics_when_rendered(), "from the sink, in a scope of its own"));
        }
    });
    let context = OutputContext::builder("logs").sink(callback).build();
    *shared.lock().unwrap() = Some(context.clone());
    Worker::start().run(context.bind(|| info!("the record")));
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    let ledger = context.ledger();
    assert_eq!((ledger.accepted, ledger.written, ledger.dropped), (3, 1, 2), "{ledger}");
    shared.lock().unwrap().take();
}

#[test]
fn sinks_that_log_to_each_other_do_not_recurse() {
    init();
    let slots: [Arc<Mutex<Option<OutputContext>>>; 2] = Default::default();
    let calls = Arc::new(AtomicU32::new(0));
    let contexts = [0, 1].map(|n| {
        let (other, calls) = (slots[1 - n].clone(), calls.clone());
        let callback = sink::callback(move |line| {
            // The sink also gets the notices about the records that it drops.
            if !line.contains("the record") {
                return;
            }
            calls.fetch_add(1, Ordering::Relaxed);
            let context = other.lock().unwrap().clone();
            if let Some(context) = context {
                context.scope(|| info!("to the other"));
            }
        });
        let context = OutputContext::builder(format!("ring {n}")).sink(callback).build();
        *slots[n].lock().unwrap() = Some(context.clone());
        context
    });
    // Both sides log at once: each holds its own sink's lock while it logs to the other sink.
    let workers = contexts.each_ref().map(|context| {
        let context = context.clone();
        thread::spawn(move || {
            for _ in 0..100 {
                context.scope(|| info!("the record"));
            }
        })
    });
    common::wait_until("both threads to come through", || workers.iter().all(thread::JoinHandle::is_finished));
    assert_eq!(calls.load(Ordering::Relaxed), 200);
    for context in &contexts {
        let ledger = context.ledger();
        assert_eq!((ledger.accepted, ledger.written, ledger.dropped), (200, 100, 100), "{ledger}");
    }
    slots.iter().for_each(|slot| drop(slot.lock().unwrap().take()));
}

#[test]
fn an_output_can_log_and_panic_on_drop() {
    struct Last(OutputContext, Switch);
    impl Output for Last {
        fn write(&self, _: Line<'_>) -> io::Result<()> {
            Ok(())
        }
    }
    impl Drop for Last {
        fn drop(&mut self) {
            self.1.set(true);
            info!("from the drop of an output, in no scope");
            self.0.scope(|| info!("from the drop of an output"));
            panic_any(PanicsWhenDropped(2));
        }
    }
    init();
    let log = Log::new("log");
    let make = || {
        let dropped = Switch::default();
        (OutputContext::builder("last").sink(sink::custom(Last(log.context.clone(), dropped.clone()))).build(), dropped)
    };
    // The output is dropped by hand, at the end of a scope, at the end of a log call, and on another thread.
    let (context, dropped) = make();
    without_panic(|| drop(context));
    assert!(dropped.is_on());

    let (context, dropped) = make();
    let scope = context.enter();
    drop(context);
    without_panic(|| drop(scope));
    assert!(dropped.is_on());

    let (context, dropped) = make();
    let scope = Cell::new(Some(context.enter()));
    drop(context);
    let drops = DebugRuns(|| {
        drop(scope.take());
        "v"
    });
    without_panic(|| info!(value = ?drops, "the last record"));
    assert!(dropped.is_on());

    let (context, dropped) = make();
    thread::spawn(context.bind(|| info!("on a thread"))).join().unwrap();
    assert!(!dropped.is_on());
    thread::spawn(move || without_panic(|| drop(context))).join().unwrap();
    assert!(dropped.is_on());

    // Records that are logged inside the drop go to stderr and are counted, like all that an output logs.
    assert_eq!(log.context.ledger().dropped, 4);
    assert!(unscoped_messages("from the drop of an output").is_empty());
}
