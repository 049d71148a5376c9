//! Beside `tracing_subscriber::fmt`: its writers as sinks, and sinks as its writers.

#![cfg(feature = "testing")]
#![cfg(feature = "fmt")]
#![allow(clippy::unwrap_used)]

mod layers;

use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use layers::in_own_process;
use logscope::sink::{self, Line, Output, Queue, Sink};
use logscope::{Format, Level, LevelFilter, OutputContext, Record, SpanEvents, Time, configure};
use tracing::{debug, error, info, warn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::writer::MakeWriterExt as _;
use tracing_subscriber::prelude::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// Makes writers that keep each `write`, and fail or panic on demand.
#[derive(Clone, Default)]
struct Writes {
    all: Arc<Mutex<Vec<String>>>,
    fails: Arc<AtomicBool>,
    panics: Arc<AtomicBool>,
}

impl Writes {
    fn all(&self) -> Vec<String> {
        self.all.lock().unwrap().clone()
    }
}

impl io::Write for Writes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.fails.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.all.lock().unwrap().push(String::from_utf8(bytes.to_vec()).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write(b"FLUSHED").map(drop)
    }
}

impl MakeWriter<'_> for Writes {
    type Writer = Writes;

    fn make_writer(&self) -> Writes {
        assert!(!self.panics.load(Ordering::Relaxed), "scripted");
        self.clone()
    }
}

/// Logs under a subscriber that has logscope's layer alone.
fn under_logscope<R>(f: impl FnOnce() -> R) -> R {
    let _ = logscope::try_init();
    f()
}

fn plain() -> Format {
    Format::text().time(Time::None).context(false).target(false)
}

fn context_of(sink: Sink) -> OutputContext {
    OutputContext::builder("uno").verbosity(LevelFilter::TRACE).sink(sink.format(plain())).build()
}

/// Logs under a `fmt` layer that writes to `sink` as it is by default, but for colours and the time.
fn under_fmt<R>(sink: &Sink, f: impl FnOnce() -> R) -> R {
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).without_time().with_target(false);
    let subscriber = tracing_subscriber::registry().with(layer.with_writer(sink.clone()));
    tracing::subscriber::with_default(subscriber, f)
}

// Their writers as sinks.

#[test]
fn one_line_is_one_write_of_one_writer() {
    let writes = Writes::default();
    for sink in [sink::make_writer(writes.clone()), sink::make_writer(writes.clone()).queued(Queue::new())] {
        let uno = context_of(sink);
        under_logscope(|| uno.scope(|| (info!("one\ntwo"), warn!(n = 3, "three"))));
        let ledger = uno.flush(PATIENCE);
        assert_eq!((ledger.written, ledger.is_complete()), (2, true));
        assert_eq!(writes.all(), ["INFO  one\\ntwo\n", "WARN  three n=3\n", "FLUSHED", "FLUSHED"]);
        writes.all.lock().unwrap().clear();
    }
}

#[test]
fn filters_by_level_work_and_others_where_a_record_is_direct() {
    let cases = [(false, &["ERROR here\n"][..]), (true, &[])];
    for (queued, expected) in cases {
        let (by_level, by_target) = (Writes::default(), Writes::default());
        let level = sink::make_writer(by_level.clone().with_min_level(Level::WARN).with_max_level(Level::ERROR));
        let target = sink::make_writer(by_target.clone().with_filter(|metadata| metadata.target() == "here"));
        let sinks = match queued {
            true => [level.queued(Queue::new()), target.queued(Queue::new())],
            false => [level, target],
        };
        let [level, target] = sinks.map(context_of);
        under_logscope(|| {
            for uno in [&level, &target] {
                uno.scope(|| (error!(target: "here", "here"), info!("there"), debug!("there")));
            }
        });
        assert_eq!((level.flush(PATIENCE).written, target.flush(PATIENCE).written), (3, 3));
        let lines = |writes: &Writes| writes.all().into_iter().filter(|line| line != "FLUSHED").collect::<Vec<_>>();
        assert_eq!(lines(&by_level), Vec::<String>::new(), "no level is in both filters");
        assert_eq!(lines(&by_target), expected, "queued: {queued}");
    }
    let warnings = Writes::default();
    let uno = context_of(sink::make_writer(warnings.clone().with_max_level(Level::WARN)).queued(Queue::new()));
    under_logscope(|| uno.scope(|| (error!("one"), warn!("two"), info!("three"))));
    assert!(uno.flush(PATIENCE).is_complete());
    assert_eq!(warnings.all(), ["ERROR one\n", "WARN  two\n", "FLUSHED", "FLUSHED"]);
}

#[test]
fn filters_see_the_metadata_of_a_span_in_its_records() {
    let writes = Writes::default();
    let make = writes.clone().with_max_level(Level::INFO).with_filter(|metadata| metadata.target() == "here");
    let uno = context_of(sink::make_writer(make)).to_builder().span_events(SpanEvents::NEW).build();
    under_logscope(|| {
        uno.scope(|| {
            drop(tracing::info_span!(target: "here", "a"));
            drop(tracing::info_span!(target: "there", "b"));
            drop(tracing::debug_span!(target: "here", "c"));
        });
    });
    assert_eq!(writes.all(), ["INFO  a: new\n"]);
}

#[cfg(feature = "log")]
#[test]
fn a_record_of_the_log_crate_has_its_level() {
    let writes = Writes::default();
    let make =
        writes.clone().with_filter(|metadata| *metadata.level() == Level::WARN && metadata.target() == "logscope");
    let uno = context_of(sink::make_writer(make));
    under_logscope(|| uno.scope(|| (log::warn!("one"), log::info!("two"))));
    assert_eq!(writes.all(), ["WARN  one\n"]);
}

#[test]
fn a_failure_is_counted_and_noticed() {
    let test = "a_failure_is_counted_and_noticed";
    if let Some(child) = in_own_process(test, &[]) {
        let reported = child.passed().fallback_lines();
        assert!(reported.len() == 1 && reported[0].contains("cannot write to writer"), "{reported:?}");
        return;
    }
    let writes = Writes::default();
    let uno = context_of(sink::make_writer(writes.clone()));
    under_logscope(|| {
        uno.scope(|| {
            writes.fails.store(true, Ordering::Relaxed);
            info!("one");
            writes.fails.store(false, Ordering::Relaxed);
            writes.panics.store(true, Ordering::Relaxed);
            info!("two");
            writes.panics.store(false, Ordering::Relaxed);
            info!("three");
        });
    });
    let ledger = uno.ledger();
    assert_eq!((ledger.accepted, ledger.written, ledger.failed), (3, 1, 2));
    let all = writes.all();
    assert!(all.len() == 2 && all[0].ends_with("failed=2\n") && all[1].ends_with("INFO  three\n"), "{all:?}");
}

#[cfg(feature = "appender")]
#[test]
fn a_rolling_file_appender_takes_lines() {
    let folder = tempfile::tempdir().unwrap();
    let appender = tracing_appender::rolling::never(folder.path(), "uno.log");
    let uno = context_of(sink::make_writer(appender));
    under_logscope(|| uno.scope(|| (info!("one"), info!("two"))));
    assert_eq!(std::fs::read_to_string(folder.path().join("uno.log")).unwrap(), "INFO  one\nINFO  two\n");
}

// Sinks as their writers.

/// Keeps each line with its level, and the number of lines in each call.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<(Level, String)>>>);

impl Lines {
    fn taken(&self) -> Vec<(Level, String)> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Output for Lines {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        let text = str::from_utf8(line.bytes()).unwrap().to_owned();
        self.0.lock().unwrap().push((line.level(), text));
        Ok(())
    }
}

#[test]
fn one_event_of_fmt_is_one_line_with_its_level() {
    let lines = Lines::default();
    let direct = sink::custom(lines.clone()).format(Format::json());
    for sink in [direct.clone(), direct.queued(Queue::new())] {
        let before = sink.ledger();
        under_fmt(&sink, || (warn!(n = 1, "one"), debug!("two"), info!("three\nfour")));
        let ledger = sink.flush(PATIENCE).since(before);
        assert_eq!((ledger.accepted, ledger.written), (3, 3), "the sink counts them");
        let expected =
            [(Level::WARN, " WARN one n=1\n"), (Level::DEBUG, "DEBUG two\n"), (Level::INFO, " INFO three\nfour\n")];
        assert_eq!(lines.taken(), expected.map(|(level, text)| (level, text.to_owned())));
    }
}

#[test]
fn no_context_counts_what_fmt_writes() {
    let (log, memory) = sink::memory();
    let uno = context_of(log.clone());
    uno.scope(|| under_fmt(&log, || info!("one")));
    assert_eq!((uno.ledger().accepted, log.ledger().written, memory.len()), (0, 1, 1));
}

#[test]
fn a_writer_gathers_what_is_written_and_ends_the_line() {
    let lines = Lines::default();
    let sink = sink::custom(lines.clone());
    {
        let mut writer = sink.make_writer();
        writer.write_all(b"one ").unwrap();
        writer.flush().unwrap();
        assert!(lines.taken().is_empty(), "the line is not over");
        writer.write_all("two\nthree\r\x1b[31m\u{85}\u{202e}\x00\t\\".as_bytes()).unwrap();
        writer.write_all(b"\xff").unwrap();
    }
    drop(sink.make_writer());
    sink.make_writer().write_all(b"\n").unwrap();
    let expected = "one two\nthree\\r\\x1b[31m\\u{85}\\u{202e}\\x00\\t\\\u{fffd}\n";
    assert_eq!(lines.taken(), [expected, "\n"].map(|text| (Level::INFO, text.to_owned())));
}

#[test]
fn the_threshold_of_the_sink_holds() {
    let (log, memory) = sink::memory();
    under_fmt(&log.max_level(LevelFilter::WARN), || (error!("one"), info!("two")));
    assert_eq!((memory.lines(), log.ledger().accepted), (vec!["ERROR one".to_owned()], 1));
}

#[test]
fn a_line_beyond_the_bound_is_cut() {
    let test = "a_line_beyond_the_bound_is_cut";
    if let Some(child) = in_own_process(test, &[]) {
        child.passed();
        return;
    }
    configure().max_record_bytes(100).install().unwrap();
    let (log, memory) = sink::memory();
    for count in [99, 100, 1_000, 100_000] {
        log.make_writer().write_all(&vec![b'x'; count]).unwrap();
    }
    let whole = |count| "x".repeat(count);
    let lines = memory.lines();
    assert_eq!(lines[..2], [whole(99), whole(100)]);
    for line in &lines[2..] {
        assert!(line.starts_with("xxx") && line.ends_with("<cut>") && line.len() <= 140, "{line}");
    }
}

#[test]
fn notices_have_the_format_of_the_sink() {
    let test = "notices_have_the_format_of_the_sink";
    if let Some(child) = in_own_process(test, &[]) {
        child.passed();
        return;
    }
    let writes = Writes::default();
    let sink = sink::make_writer(writes.clone()).format(Format::logfmt().time(Time::None));
    under_fmt(&sink, || {
        writes.fails.store(true, Ordering::Relaxed);
        info!("one");
        writes.fails.store(false, Ordering::Relaxed);
        info!("two");
    });
    let all = writes.all();
    assert!(all.len() == 2 && all[0].starts_with("level=warn") && all[0].ends_with("failed=1\n"), "{all:?}");
    assert_eq!(all[1], " INFO two\n");
    let ledger = sink.ledger();
    assert_eq!((ledger.accepted, ledger.written, ledger.failed), (2, 1, 1));
}

/// The layer writes what the output logs, to the output that logs it. That must not wait for the output's lock.
#[test]
fn an_output_that_logs_under_fmt_gets_no_line_of_its_own() {
    let test = "an_output_that_logs_under_fmt_gets_no_line_of_its_own";
    if let Some(child) = in_own_process(test, &[]) {
        let child = child.passed();
        let reported = child.stderr();
        assert!(reported.contains("from inside"), "{reported}");
        return;
    }
    struct Logs(Arc<Mutex<usize>>);
    impl io::Write for Logs {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            *self.0.lock().unwrap() += 1;
            error!("from inside");
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let writes = Arc::new(Mutex::new(0));
    let sink = sink::writer(Logs(Arc::clone(&writes)));
    let layer = tracing_subscriber::fmt::layer().with_writer(sink.clone());
    tracing_subscriber::registry().with(layer).init();
    let (ended, has_ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        info!("from outside");
        ended.send(()).unwrap();
    });
    has_ended.recv_timeout(PATIENCE).expect("the call waits for its own lock");
    let ledger = sink.ledger();
    assert_eq!((*writes.lock().unwrap(), ledger.written, ledger.dropped), (1, 1, 1));
}

#[test]
fn a_panic_of_the_output_reaches_no_caller_of_fmt() {
    let test = "a_panic_of_the_output_reaches_no_caller_of_fmt";
    if let Some(child) = in_own_process(test, &[]) {
        child.passed();
        return;
    }
    let writes = Writes::default();
    let sink = sink::make_writer(writes.clone());
    writes.panics.store(true, Ordering::Relaxed);
    under_fmt(&sink, || info!("one"));
    assert_eq!(sink.ledger().failed, 1);

    // A writer that is dropped by a panic delivers what it has.
    writes.panics.store(false, Ordering::Relaxed);
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let mut writer = sink.make_writer();
        writer.write_all(b"half a").unwrap();
        panic!("scripted");
    }));
    assert!(unwound.is_err());
    assert_eq!(writes.all().last().unwrap(), "half a\n");
}

#[test]
fn a_records_sink_gets_the_line_as_message() {
    #[derive(Clone, Default)]
    struct Messages(Arc<Mutex<Vec<String>>>);
    impl sink::RecordOutput for Messages {
        fn write(&self, record: &Record<'_>) -> io::Result<()> {
            let record = record.to_buf();
            self.0.lock().unwrap().push(format!("{} {}", record.level, record.message));
            Ok(())
        }
    }
    let messages = Messages::default();
    under_fmt(&sink::records(messages.clone()), || warn!("one"));
    assert_eq!(*messages.0.lock().unwrap(), ["WARN  WARN one"]);
}
