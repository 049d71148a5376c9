//! A log says which levels it has where the program asks for it, and only there.

use std::time::Duration;

use logscope::sink::{self, Memory, Queue};
use logscope::{Format, LevelFilter, OutputContext};

const PATIENCE: Duration = Duration::from_secs(30);

/// Returns the numbers and the `max_level`s in a log of opening records and of others.
fn read(memory: &Memory) -> Vec<(u64, Option<String>)> {
    let json = |line: String| serde_json::from_str::<serde_json::Value>(&line).expect("each line is an object");
    let record = |line: serde_json::Value| {
        let max_level = line["fields"]["max_level"].as_str().map(str::to_owned);
        (line["seq"].as_u64().expect("each record has a number"), max_level)
    };
    memory.lines().into_iter().map(json).map(record).collect()
}

#[test]
fn each_sink_says_which_levels_it_has() {
    let _ = logscope::init();
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
    let outcome = uno.flush(PATIENCE);
    assert!(outcome.is_complete(), "{outcome}");
    assert_eq!(outcome.written, 1 + 3 + 3, "an opening record counts as a record");
    let opening = |level: &str| (2, Some(level.to_owned()));
    assert_eq!(read(&logs[0].1), [(1, None), opening("debug"), (3, None)], "the level of the context is lower");
    assert_eq!(read(&logs[1].1), [opening("warn"), (3, None)]);
    assert_eq!(read(&logs[2].1), [opening("error"), (3, None)]);
    assert_eq!(read(&logs[3].1), []);
}

#[test]
fn a_threshold_adds_no_record_unasked() {
    let _ = logscope::init();
    let (log, memory) = sink::memory();
    let uno = OutputContext::builder("uno").sink(log.format(Format::json()).max_level(LevelFilter::ERROR)).build();
    uno.scope(|| tracing::error!("first"));
    assert_eq!(read(&memory), [(1, None)]);
    assert_eq!(uno.snapshot().sinks[0].max_level.to_string(), "error");
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
