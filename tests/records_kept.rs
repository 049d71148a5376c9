//! Records that a sink keeps as they are: in memory, or in a channel. What a value logs while it is copied goes the way that it goes while it
//! is rendered.

// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

use std::fmt;

use logscope::sink::{self, Ledger, Sink};
use logscope::{Format, OutputContext, RecordBuf, Time};
use tracing::info;

/// Logs `inner` when it is shown.
struct Logs;

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        info!("inner");
        f.write_str("shown")
    }
}

/// Logs itself when it is shown.
struct Endless;

impl fmt::Debug for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        info!(value = ?Endless, "deeper");
        f.write_str("shown")
    }
}

/// Logs to a context with this sink, values that log among others.
fn log_to(sink: &Sink) -> Ledger {
    let uno = OutputContext::builder("uno").sink(sink.clone()).build();
    uno.scope(|| {
        info!(value = ?Logs, "outer");
        info!(value = ?Endless, "deep");
        info!("last");
    });
    assert_eq!(sink.ledger(), uno.ledger());
    uno.ledger()
}

/// The message in a line of text.
fn message(line: &str) -> String {
    let (_level, rest) = line.split_once("  ").unwrap();
    let fields = [" value=", " dropped="];
    let ends = fields.iter().filter_map(|field| rest.find(field)).min().unwrap_or(rest.len());
    rest[..ends].to_owned()
}

fn messages(records: impl IntoIterator<Item = RecordBuf>) -> Vec<String> {
    records.into_iter().map(|record| record.message).collect()
}

#[test]
fn what_a_value_logs_while_it_is_copied_is_logged_as_while_it_is_rendered() {
    let _ = logscope::try_init();
    let (lines, memory) = sink::memory();
    let rendered = log_to(&lines.format(Format::text().time(Time::None).context(false).target(false)));
    let expected: Vec<String> = memory.lines().iter().map(|line| message(line)).collect();
    assert_eq!(expected[..2], ["inner", "outer"]);
    assert!(rendered.written > 5 && rendered.dropped > 0 && rendered.failed == 0, "{rendered}");

    let (sink, memory) = sink::memory_records();
    assert_eq!(log_to(&sink), rendered, "in memory");
    assert_eq!(messages(memory.records()), expected);
    assert_eq!(memory.records()[1].field("value").and_then(|value| value.as_str()), Some("shown"));

    let (sink, mut records) = sink::channel(100).records();
    assert_eq!(log_to(&sink), rendered, "in a channel");
    assert_eq!(messages(std::iter::from_fn(|| records.try_next())), expected);
}
