//! A log says which records it has where the program asks for it, and only there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use logscope::sink::{self, Line, Memory, Output, Queue};
use logscope::{Dial, Format, LevelFilter, OutputContext, Verbosity};

const PATIENCE: Duration = Duration::from_secs(30);

/// Returns the numbers and the verbosities in a log of opening records and of others.
fn read(memory: &Memory) -> Vec<(u64, Option<String>)> {
    let json = |line: String| serde_json::from_str::<serde_json::Value>(&line).expect("each line is an object");
    let record = |line: serde_json::Value| {
        let verbosity = line["fields"]["verbosity"].as_str().map(str::to_owned);
        (line["seq"].as_u64().expect("each record has a number"), verbosity)
    };
    memory.lines().into_iter().map(json).map(record).collect()
}

#[test]
fn each_sink_says_which_levels_it_has() {
    let _ = logscope::try_init();
    let logs: [_; 4] = std::array::from_fn(|_| sink::memory());
    let [(all, _), (queued, _), (quiet, _), (off, _)] =
        logs.each_ref().map(|(log, memory)| (log.format(Format::json()), memory));
    let uno = OutputContext::builder("uno")
        .verbosity(LevelFilter::DEBUG)
        .sink(all)
        .sink(queued.max_level(LevelFilter::WARN).queued(Queue::new()))
        .sink(quiet.max_level(LevelFilter::ERROR))
        .sink(off.max_level(LevelFilter::OFF))
        .build();
    uno.scope(|| tracing::info!("before"));
    uno.write_opening_record();
    uno.scope(|| tracing::error!("after"));
    let ledger = uno.flush(PATIENCE);
    assert!(ledger.is_complete(), "{ledger}");
    assert_eq!(ledger.written, 1 + 3 + 3, "an opening record counts as a record");
    let opening = |level: &str| (2, Some(level.to_owned()));
    assert_eq!(read(&logs[0].1), [(1, None), opening("debug"), (3, None)], "the level of the context is lower");
    assert_eq!(read(&logs[1].1), [opening("warn"), (3, None)]);
    assert_eq!(read(&logs[2].1), [opening("error"), (3, None)]);
    assert_eq!(read(&logs[3].1), []);
}

#[test]
fn the_directives_of_the_context_and_the_sink_are_told() {
    let (log, memory) = sink::memory();
    let dial = Dial::new(LevelFilter::INFO);
    let log = log.format(Format::json()).verbosity(&dial);
    let uno = OutputContext::builder("uno").directives("debug,hyper=off").unwrap().sink(log).build();
    uno.write_opening_record();
    dial.set("warn,db=trace".parse::<Verbosity>().unwrap());
    uno.write_opening_record();
    let verbosity = |text: &str| Some(text.to_owned());
    assert_eq!(read(&memory), [(1, verbosity("info,hyper=off")), (2, verbosity("warn,db=debug,hyper=off"))]);
}

#[test]
fn a_threshold_adds_no_record_unasked() {
    let _ = logscope::try_init();
    let (log, memory) = sink::memory();
    let uno = OutputContext::builder("uno").sink(log.format(Format::json()).max_level(LevelFilter::ERROR)).build();
    uno.scope(|| tracing::error!("first"));
    assert_eq!(read(&memory), [(1, None)]);
    assert_eq!(uno.snapshot().sinks[0].verbosity.to_string(), "error");
}

#[test]
fn a_closed_context_drops_its_opening_record() {
    let (log, memory) = sink::memory();
    let uno = OutputContext::builder("uno").sink(log).build();
    assert!(uno.close(PATIENCE).is_complete());
    uno.write_opening_record();
    assert_eq!((uno.ledger().dropped, uno.ledger().written), (1, 0));
    assert!(memory.is_empty());
}

/// An output that writes an opening record cannot wait for itself: the record is dropped, and counted.
#[test]
fn an_opening_record_from_inside_an_output_is_dropped() {
    let (log, memory) = sink::memory();
    let uno = OutputContext::builder("uno").sink(log).build();
    let asking = uno.clone();
    let asks = sink::callback(move |_| asking.write_opening_record());
    OutputContext::builder("asks").sink(asks).build().write_opening_record();
    assert_eq!((uno.ledger().dropped, uno.ledger().accepted), (1, 1));
    assert!(memory.is_empty());
}

/// Fails to write the first line, and keeps the others.
#[derive(Default)]
struct FailsOnce {
    has_failed: AtomicBool,
    text: Mutex<String>,
}

impl Output for FailsOnce {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        if !self.has_failed.swap(true, Ordering::Relaxed) {
            return Err(io::Error::other("not yet"));
        }
        self.text.lock().unwrap().push_str(str::from_utf8(line.bytes()).unwrap());
        Ok(())
    }
}

/// The place in logscope's own sources would be taken for one in the program's.
#[test]
fn records_of_logscope_itself_have_no_place() {
    let _ = logscope::try_init();
    let log = Arc::new(FailsOnce::default());
    let sink = sink::custom(Arc::clone(&log)).format(Format::text().location(true));
    let uno = OutputContext::builder("uno").sink(sink).build();
    uno.scope(|| tracing::info!("lost"));
    uno.write_opening_record();
    uno.scope(|| tracing::info!("kept"));
    let text = log.text.lock().unwrap();
    let places: Vec<_> = text.lines().map(|line| line.contains(".rs:")).collect();
    assert_eq!(places, [false, false, true], "{text}");
}

#[test]
fn where_context_and_sink_meet_nowhere_there_is_no_opening_record() {
    let _ = logscope::try_init();
    let parsed = |text| Verbosity::try_from(text).unwrap();
    let (nowhere, none) = sink::memory();
    let (somewhere, one) = sink::memory();
    let uno = OutputContext::builder("uno").directives("off,hyper=info").unwrap();
    let sinks = [nowhere.verbosity(parsed("off,app=trace")), somewhere.verbosity(parsed("off,hyper=warn"))];
    let uno = uno.sinks(sinks).build();
    uno.write_opening_record();
    assert_eq!((none.lines().len(), one.lines().len(), uno.ledger().accepted), (0, 1, 1));
}

#[test]
fn a_log_that_shows_no_fields_has_no_opening_record() {
    let _ = logscope::try_init();
    let (raw, printed) = sink::memory();
    let (brief, watched) = sink::memory();
    let (log, lines) = sink::memory();
    let sinks = [raw.format(Format::raw()), brief.format(Format::text().fields(false)), log.format(Format::text())];
    let uno = OutputContext::builder("uno").sinks(sinks).build();
    uno.write_opening_record();
    uno.scope(|| tracing::info!("warning: unused variable"));
    assert_eq!(printed.lines(), ["warning: unused variable"]);
    assert_eq!((watched.lines().len(), lines.lines().len()), (1, 2));
    assert_eq!(uno.ledger().accepted, 4);
}
