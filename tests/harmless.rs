//! A log call never panics, aborts, deadlocks or recurses its caller, whatever its values and sinks do. Records that are lost on the way are
//! counted, and a notice in the log says how many.

// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

mod common;

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::io;
use std::panic::{panic_any, resume_unwind};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::{DebugRuns, Log, PanicsWhenDropped, ParsedLine, Worker, init, panic_of, text_of, without_panic};
use logscope::sink::{self, RecordOutput};
use logscope::{Format, LevelFilter, OutputContext, Record};
use tracing::{info, info_span};

/// Its `Debug` writes something and then panics, with a payload that panics again on drop.
struct Panics;

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

/// Its `Debug` writes something and then returns an error, although the formatter has not.
struct Fails;

impl fmt::Debug for Fails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half")?;
        Err(fmt::Error)
    }
}

/// Logs values that panic or fail, in every place where a value can stand.
fn log_failing_values() {
    without_panic(|| {
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
    log.context.scope(log_failing_values);
    let mut expected = vec!["fields", "half<format error>", "an error", "in a span", "half<panicked>"];
    expected.extend(cfg!(feature = "log").then_some("half<panicked>"));
    log.assert_holds(&expected);
    let lines = log.lines();
    for (number, line) in lines.iter().take(4).enumerate() {
        assert_eq!(line.fields["whole"], number + 1, "the fields after the failing value are lost");
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
        context.scope(log_failing_values);
        let lines = memory.lines();
        assert_eq!(lines.len(), RECORDS, "{format:?}: {lines:#?}");
        assert!(lines[0].contains("half<panicked>"), "{}", lines[0]);
        assert!(context.ledger().is_complete());
    }
}

#[test]
fn values_that_panic_do_not_harm_a_record_sink() {
    struct Captures(Mutex<Vec<String>>);
    impl RecordOutput for Captures {
        fn write(&self, record: &Record<'_>) -> io::Result<()> {
            self.0.lock().unwrap().push(record.to_buf().message);
            Ok(())
        }
    }
    init();
    let context = OutputContext::builder("records").sink(sink::records(Captures(Mutex::default()))).build();
    context.scope(log_failing_values);
    let ledger = context.ledger();
    assert!(ledger.is_complete() && ledger.written == RECORDS as u64, "{ledger}");
}

#[test]
fn a_value_that_panics_while_the_thread_unwinds_is_marked() {
    struct LogsWhileUnwinding;
    impl Drop for LogsWhileUnwinding {
        fn drop(&mut self) {
            assert!(thread::panicking());
            log_failing_values();
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

/// Logs itself `branches` times whenever it is rendered.
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
fn a_value_that_logs_itself_is_cut_at_depth_four_with_a_notice() {
    init();
    for (branches, written, dropped) in [(1, 4, 1), (2, 1 + 2 + 4 + 8, 16)] {
        let log = Log::new("recursion");
        let value = LogsItself { branches, shown: Cell::new(0) };
        log.context.scope(|| info!(itself = ?value, "first"));
        assert_eq!(value.shown.get(), written, "a record that is cut must not be rendered");
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
        assert_eq!(records[written as usize - 1].message, "first", "the outermost record must be finished last");
        // Each sequence number belongs to a record, or a notice counts it as missing.
        assert_eq!(records[written as usize].seq, Some(written + dropped + 1));
        let stated: u64 = notices.iter().map(|line| line.fields["dropped"].as_u64().unwrap()).sum();
        assert_eq!(stated, dropped);
        assert!(notices.iter().all(|line| line.level == "WARN"));
        let last: Vec<_> = lines[lines.len() - 2..].iter().map(ParsedLine::is_notice).collect();
        assert!(branches > 1 || last == [true, false], "the notice must come before the next record");
        assert_eq!(log.context.ledger().written, written + 1, "notices are not counted");
    }
}

#[test]
fn recursion_over_two_contexts_is_cut_too() {
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
    // The depth counts the nested log calls that a thread is in, not those that have returned.
    left.context.scope(|| info!("after the rally"));
    assert_eq!(left.context.ledger().dropped, 1);
}

#[test]
fn a_value_can_wait_for_a_thread_that_logs_to_the_same_sink() {
    init();
    let (sink, memory) = sink::memory();
    let under_a_lock = Arc::new(Mutex::new(Vec::new()));
    let lines = under_a_lock.clone();
    let callback = sink::callback(move |line| lines.lock().unwrap().push(line.to_owned()));
    let context = OutputContext::builder("waits").sink(sink).sink(callback.format(Format::build())).build();
    let work = context.bind({
        let context = context.clone();
        move || {
            let waits = DebugRuns(|| {
                thread::spawn(context.bind(|| info!("the other thread"))).join().unwrap();
                // These need the state of sinks, too.
                let _ = (context.flush(Duration::ZERO), format!("{context:?}"), logscope::live());
                "v"
            });
            info!(value = ?waits, "the record");
        }
    });
    Worker::start().run(work);
    // The value is rendered once for each format.
    assert_eq!(memory.lines().len(), 3);
    assert_eq!(under_a_lock.lock().unwrap().len(), 3);
}

#[test]
fn a_value_can_ask_what_is_enabled() {
    init();
    let log = Log::new("log");
    let quiet = log.context.with_verbosity(LevelFilter::INFO);
    quiet.scope(|| {
        let asks = DebugRuns(|| {
            format!("{} {}", tracing::enabled!(tracing::Level::DEBUG), tracing::enabled!(tracing::Level::INFO))
        });
        info!(value = ?asks, "the record");
        tracing::debug!("not wanted");
        info!("the next one");
    });
    log.assert_holds(&["the record", "the next one"]);
    // Among other layers another one may want the event, so the answer is not this context's. The record arrives by this context's verbosity.
    let answers = if common::among_layers() { "true true" } else { "false true" };
    assert_eq!(log.lines()[0].fields["value"], answers);
}

#[test]
fn failing_values_after_close_are_counted_and_harmless() {
    init();
    let log = Log::new("log");
    log.context.scope(|| {
        info!("before");
        assert!(log.context.close(Duration::ZERO).is_complete());
        log_failing_values();
        let itself = LogsItself { branches: 1, shown: Cell::new(0) };
        info!(value = ?itself, "after");
        assert_eq!(itself.shown.get(), 0, "a dropped record must not be rendered");
    });
    let ledger = log.context.ledger();
    assert_eq!((ledger.written, ledger.dropped), (1, RECORDS as u64 + 1), "{ledger}");
    assert_eq!(log.memory.len(), 1);
}

/// Makes a span of itself, or records itself on a span, whenever it is rendered.
struct MakesSpans {
    on: Option<tracing::Span>,
}

impl fmt::Debug for MakesSpans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.on {
            Some(span) => _ = span.record("value", tracing::field::debug(self)),
            None => _ = info_span!("of itself", value = ?self, n = 1),
        }
        f.write_str("shown")
    }
}

#[test]
fn a_value_that_makes_spans_of_itself_is_cut() {
    init();
    let log = Log::new("spans");
    log.context.scope(|| {
        without_panic(|| info!(value = ?MakesSpans { on: None }, "made"));
        let span = info_span!("span", value = tracing::field::Empty);
        without_panic(|| info!(value = ?MakesSpans { on: Some(span.clone()) }, "recorded"));
        span.in_scope(|| info!("after"));
    });
    assert_eq!(log.messages(), ["made", "recorded", "after"]);
}
