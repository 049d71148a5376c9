//! A log call never panics, aborts, deadlocks or recurses its caller, whatever the values and the sinks do, and what is lost on
//! the way is counted and stated.

// clippy's own exception for tests does not reach their helpers.
#![allow(clippy::unwrap_used)]

mod common;

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::{panic_any, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::{Line, Log, Worker, init, outside, panic_of, text_of, unharmed};
use logscope::sink::{self, Output, RecordOutput};
use logscope::{Format, LevelFilter, OutputContext, Record};
use tracing::{info, info_span};

/// Panics when it is shown, after it has shown something, with a payload that panics again when it is dropped.
struct Panics;

/// Panics when it is dropped, with a payload like itself: twice, so that dropping what a catch caught panics too.
struct PanicsWhenDropped(u32);

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        if let Some(left) = self.0.checked_sub(1) {
            panic_any(PanicsWhenDropped(left));
        }
    }
}

impl fmt::Debug for Panics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half")?;
        panic_any(PanicsWhenDropped(2))
    }
}

impl fmt::Display for Panics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Error for Panics {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        panic_any(PanicsWhenDropped(2))
    }
}

/// Returns an error when it is shown, though its writer has not.
struct Fails;

impl fmt::Debug for Fails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half")?;
        Err(fmt::Error)
    }
}

/// Shows what `f` returns.
struct Runs<F>(F);

impl<F: Fn() -> R, R: fmt::Display> fmt::Debug for Runs<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", (self.0)())
    }
}

/// Logs the values that fail in every place where a value can stand.
fn log_what_fails() {
    unharmed(|| {
        info!(panics = ?Panics, fails = ?Fails, whole = 1, "fields");
        info!(panics = %Panics, whole = 2, "{Fails:?} is lost after it");
        info!(error = &Panics as &(dyn Error + 'static), whole = 3, "an error");
        let span = info_span!("span", panics = ?Panics, fails = ?Fails, later = tracing::field::Empty);
        span.record("later", tracing::field::debug(Panics));
        span.in_scope(|| info!(whole = 4, "in a span"));
        info!("{Panics} {}", "never shown");
        #[cfg(feature = "log")]
        log::info!("{Panics:?} through the log crate");
    });
}

const RECORDS: usize = 5 + cfg!(feature = "log") as usize;

#[test]
fn values_that_panic_or_fail_are_marked_and_the_record_is_whole() {
    init();
    let log = Log::new("log");
    log.context.scope(log_what_fails);
    let mut expected = vec!["fields", "half<format error>", "an error", "in a span", "half<panicked>"];
    expected.extend(cfg!(feature = "log").then_some("half<panicked>"));
    log.assert_holds(&expected);
    let lines = log.lines();
    for (number, line) in lines.iter().take(4).enumerate() {
        assert_eq!(line.fields["whole"], number + 1, "what stands after the value is lost");
    }
    assert_eq!(lines[0].fields["panics"], "half<panicked>");
    assert_eq!(lines[0].fields["fails"], "half<format error>");
    assert_eq!(lines[1].fields["panics"], "half<panicked>");
    assert_eq!(lines[2].fields["error"], "half<panicked>");
    let span: serde_json::Value = serde_json::from_str(&log.memory.lines()[3]).unwrap();
    assert_eq!(span["span"]["panics"], "half<panicked>");
    assert_eq!(span["span"]["later"], "half<panicked>");
}

#[test]
fn values_that_panic_or_fail_are_one_line_in_every_format() {
    init();
    for format in [Format::text(), Format::build(), Format::json(), Format::logfmt(), Format::text().multiline(true)] {
        let (sink, memory) = sink::memory();
        let context = OutputContext::builder("formats").sink(sink.format(format.clone())).build();
        context.scope(log_what_fails);
        let lines = memory.lines();
        assert_eq!(lines.len(), RECORDS, "{format:?}: {lines:#?}");
        assert!(lines[0].contains("half<panicked>"), "{}", lines[0]);
        assert!(context.ledger().is_complete());
    }
}

#[test]
fn values_that_panic_harm_no_record_sink() {
    struct Captures(Mutex<Vec<String>>);
    impl RecordOutput for Captures {
        fn write(&self, record: &Record<'_>) -> io::Result<()> {
            self.0.lock().unwrap().push(record.to_buf().message);
            Ok(())
        }
    }
    init();
    let context = OutputContext::builder("records").sink(sink::records(Captures(Mutex::default()))).build();
    context.scope(log_what_fails);
    let ledger = context.ledger();
    assert!(ledger.is_complete() && ledger.written == RECORDS as u64, "{ledger}");
}

#[test]
fn a_value_that_panics_while_the_thread_unwinds_is_marked() {
    struct LogsWhileUnwinding;
    impl Drop for LogsWhileUnwinding {
        fn drop(&mut self) {
            assert!(thread::panicking());
            log_what_fails();
        }
    }
    init();
    let log = Log::new("log");
    let payload = panic_of(|| {
        log.context.scope(|| {
            let _logs = LogsWhileUnwinding;
            resume_unwind(Box::new("the first panic"))
        })
    });
    assert_eq!(text_of(&*payload), "the first panic");
    assert_eq!(log.messages().len(), RECORDS);
}

/// Logs itself, `branches` times, whenever it is shown.
struct LogsItself {
    branches: u32,
    shown: Cell<u64>,
}

impl fmt::Debug for LogsItself {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shown.set(self.shown.get() + 1);
        for _ in 0..self.branches {
            info!(itself = ?self, "again");
        }
        f.write_str("shown")
    }
}

#[test]
fn a_value_that_logs_itself_is_cut_at_depth_four_and_the_cut_is_stated() {
    init();
    for (branches, written, dropped) in [(1, 4, 1), (2, 1 + 2 + 4 + 8, 16)] {
        let log = Log::new("recursion");
        let value = LogsItself { branches, shown: Cell::new(0) };
        log.context.scope(|| info!(itself = ?value, "first"));
        assert_eq!(value.shown.get(), written, "what is cut is not rendered");
        for ledger in [log.context.ledger(), log.context.sinks()[0].ledger()] {
            let counts = (ledger.accepted, ledger.written, ledger.dropped, ledger.failed, ledger.pending);
            assert_eq!(counts, (written + dropped, written, dropped, 0, 0), "{ledger}");
        }

        log.context.scope(|| info!("next"));
        let lines = log.lines();
        let records: Vec<_> = lines.iter().filter(|line| !line.is_notice()).collect();
        let notices: Vec<_> = lines.iter().filter(|line| line.is_notice()).collect();
        assert_eq!(records.len() as u64, written + 1);
        assert!(records[..written as usize].iter().all(|line| line.fields["itself"] == "shown"));
        assert_eq!(records[written as usize - 1].message, "first", "the outermost is finished last");
        // Each number is a record's or is stated as missing.
        assert_eq!(records[written as usize].seq, Some(written + dropped + 1));
        let stated: u64 = notices.iter().map(|line| line.fields["dropped"].as_u64().unwrap()).sum();
        assert_eq!(stated, dropped);
        assert!(notices.iter().all(|line| line.level == "WARN"));
        let last: Vec<_> = lines[lines.len() - 2..].iter().map(Line::is_notice).collect();
        assert!(branches > 1 || last == [true, false], "the gap is stated before what comes after it");
        assert_eq!(log.context.ledger().written, written + 1, "notices are not counted");
    }
}

#[test]
fn two_values_that_log_each_other_in_two_contexts_are_cut_too() {
    /// Logs itself in the context that is not current.
    struct PingPong<'a>([&'a OutputContext; 2], Cell<usize>);
    impl fmt::Debug for PingPong<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.1.set(self.1.get() + 1);
            self.0[self.1.get() % 2].scope(|| info!(value = ?self, "rally"));
            f.write_str("ball")
        }
    }
    init();
    let (left, right) = (Log::new("left"), Log::new("right"));
    let ball = PingPong([&left.context, &right.context], Cell::new(0));
    left.context.scope(|| info!(value = ?ball, "serve"));
    assert_eq!(ball.1.get(), 4);
    let counts = [&left, &right].map(|log| {
        let ledger = log.context.ledger();
        (ledger.written, ledger.dropped, log.lines().len())
    });
    assert_eq!(counts, [(2, 1, 2), (2, 0, 2)]);
    // The depth is what a thread is in the middle of, not what has been.
    left.context.scope(|| info!("after the rally"));
    assert_eq!(left.context.ledger().dropped, 1);
}

#[test]
fn a_value_may_wait_for_other_threads_that_log_to_the_same_sink() {
    init();
    let (sink, memory) = sink::memory();
    let under_a_lock = Arc::new(Mutex::new(Vec::new()));
    let lines = under_a_lock.clone();
    let callback = sink::callback(move |line| lines.lock().unwrap().push(line.to_owned()));
    let context = OutputContext::builder("waits").sink(sink).sink(callback.format(Format::build())).build();
    let work = context.bind({
        let context = context.clone();
        move || {
            let waits = Runs(|| {
                thread::spawn(context.bind(|| info!("the other thread"))).join().unwrap();
                // It asks for what only sinks know, too.
                let _ = (context.flush(Duration::ZERO), format!("{context:?}"), logscope::live());
                "v"
            });
            info!(value = ?waits, "the record");
        }
    });
    Worker::start().run(work);
    // Rendered once for each format.
    assert_eq!(memory.lines().len(), 3);
    assert_eq!(under_a_lock.lock().unwrap().len(), 3);
}

#[test]
fn a_value_may_ask_what_is_enabled() {
    init();
    let log = Log::new("log");
    let quiet = log.context.with_verbosity(LevelFilter::INFO);
    quiet.scope(|| {
        let asks = Runs(|| {
            format!("{} {}", tracing::enabled!(tracing::Level::DEBUG), tracing::enabled!(tracing::Level::INFO))
        });
        info!(value = ?asks, "the record");
        tracing::debug!("not wanted");
        info!("the next one");
    });
    log.assert_holds(&["the record", "the next one"]);
    // Among other layers something else may want it, so the answer is not this context's; what arrives is.
    let answers = if common::among_layers() { "true true" } else { "false true" };
    assert_eq!(log.lines()[0].fields["value"], answers);
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
fn sinks_that_panic_or_fail_are_counted_told_and_tried_again() {
    struct Breaks {
        broken: Switch,
        panics: bool,
        lines: sink::Memory,
    }
    impl Output for Breaks {
        fn write(&self, line: &[u8]) -> io::Result<()> {
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
        unharmed(|| {
            let _scope = context.enter();
            info!("one");
            broken.set(true);
            info!("two");
            info!(value = ?Panics, "three");
            let _ = context.flush(Duration::ZERO);
            broken.set(false);
            info!("four");
        });
        let messages: Vec<_> = lines.lines().iter().map(|line| Line::parse(line)).collect();
        assert_eq!(messages.iter().map(|line| line.seq).collect::<Vec<_>>(), [Some(1), None, Some(4)]);
        assert_eq!(messages[1].fields["failed"], 2);
        assert_eq!(beside.1.len(), 4, "the other sink of the context is not concerned");
        let ledger = context.ledger();
        let counts = (ledger.accepted, ledger.written, ledger.dropped, ledger.failed, ledger.pending);
        assert_eq!(counts, (8, 6, 0, 2, 0), "{ledger}");
    }
}

#[test]
fn a_sink_that_logs_is_not_called_again_and_holds_nobody_up() {
    init();
    let calls = Arc::new(AtomicU32::new(0));
    let (counts, shared) = (calls.clone(), Arc::new(Mutex::new(None::<OutputContext>)));
    let inside = shared.clone();
    let callback = sink::callback(move |_| {
        counts.fetch_add(1, Ordering::Relaxed);
        info!("from the sink, in the scope");
        let context = inside.lock().unwrap().clone();
        if let Some(context) = context {
            context.scope(|| info!(value = ?Panics, "from the sink, in a scope of its own"));
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
fn sinks_that_log_to_one_another_do_not_go_round() {
    init();
    let slots: [Arc<Mutex<Option<OutputContext>>>; 2] = Default::default();
    let calls = Arc::new(AtomicU32::new(0));
    let contexts = [0, 1].map(|n| {
        let (other, calls) = (slots[1 - n].clone(), calls.clone());
        let callback = sink::callback(move |line| {
            // The sink is also given the notices about what it drops.
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
    // At once from both sides: each holds its own sink's lock while it logs to the other's.
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
fn an_output_may_log_and_panic_when_it_is_dropped() {
    struct Last(OutputContext, Switch);
    impl Output for Last {
        fn write(&self, _: &[u8]) -> io::Result<()> {
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
    // By hand, at the end of a scope, at the end of a log call, and on another thread.
    let (context, dropped) = make();
    unharmed(|| drop(context));
    assert!(dropped.is_on());

    let (context, dropped) = make();
    let scope = context.enter();
    drop(context);
    unharmed(|| drop(scope));
    assert!(dropped.is_on());

    let (context, dropped) = make();
    let scope = Cell::new(Some(context.enter()));
    drop(context);
    let drops = Runs(|| {
        drop(scope.take());
        "v"
    });
    unharmed(|| info!(value = ?drops, "the last record"));
    assert!(dropped.is_on());

    let (context, dropped) = make();
    thread::spawn(context.bind(|| info!("on a thread"))).join().unwrap();
    assert!(!dropped.is_on());
    thread::spawn(move || unharmed(|| drop(context))).join().unwrap();
    assert!(dropped.is_on());

    // What is logged in there goes to stderr, as all that an output logs, and is counted.
    assert_eq!(log.context.ledger().dropped, 4);
    assert!(outside("from the drop of an output").is_empty());
}

#[test]
fn what_comes_after_close_is_counted_and_harms_nobody() {
    init();
    let log = Log::new("log");
    log.context.scope(|| {
        info!("before");
        assert!(log.context.close(Duration::ZERO).is_complete());
        log_what_fails();
        let itself = LogsItself { branches: 1, shown: Cell::new(0) };
        info!(value = ?itself, "after");
        assert_eq!(itself.shown.get(), 0, "what is dropped is not rendered");
    });
    let ledger = log.context.ledger();
    assert_eq!((ledger.written, ledger.dropped), (1, RECORDS as u64 + 1), "{ledger}");
    assert_eq!(log.memory.len(), 1);
}
