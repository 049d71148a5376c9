//! Helpers for tests of sinks: make records, and parse the lines of logs.

use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use tracing::field::Value;
use tracing::{Event, Level, Metadata};
use tracing_core::callsite::DefaultCallsite;
use tracing_core::metadata::Kind;

use super::Sink;
use crate::bytes::scripted::Scripted;
use crate::clock::{Clock, Counted, ManualClock, Origin};
use crate::delivery::{Fate, Loss};
use crate::format::with_scratch;
use crate::record::{ContextInfo, NoSpans, Record, RecordMetadata};

static CALLSITE: DefaultCallsite = DefaultCallsite::new(&METADATA);
static METADATA: Metadata<'static> = tracing_core::metadata! {
    name: "test record",
    target: "test",
    level: Level::INFO,
    fields: &["message"],
    callsite: &CALLSITE,
    kind: Kind::EVENT,
};

/// Calls `f` with record number `seq` of the context `uno`, whose id is 1. The message is `record SEQ`.
pub(crate) fn with_record<R>(seq: u64, f: impl FnOnce(&Record<'_>) -> R) -> R {
    with_record_of(&ContextInfo::new("uno".into(), 1, Vec::new()), seq, f)
}

/// Calls `f` with record number `seq` of `context`, logged `seq` milliseconds after its origin.
pub(crate) fn with_record_of<R>(context: &ContextInfo, seq: u64, f: impl FnOnce(&Record<'_>) -> R) -> R {
    let message = format!("record {seq}");
    let field = METADATA.fields().field("message").unwrap();
    let values = [(&field, Some(&message.as_str() as &dyn Value))];
    let values = METADATA.fields().value_set(&values);
    let origin = Origin::from_parts(std::time::Instant::now(), SystemTime::UNIX_EPOCH);
    f(&Record {
        event: &Event::new(&METADATA, &values),
        metadata: &RecordMetadata::new(&METADATA),
        elapsed: Duration::from_millis(seq),
        counted: Counted::Unknown,
        clock: &Clock::from(ManualClock::at(origin)),
        wall: crate::clock::Wall::Unread.into(),
        seq: Some(seq),
        context,
        spans: &NoSpans,
    })
}

/// Runs the calling test, whose path is `test`, again in a child process, and returns the output of the child. In the child, runs `body` and
/// exits.
pub(crate) fn in_child(test: &str, body: impl FnOnce()) -> Output {
    const CHILD: &str = "LOGSCOPE_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        body();
        std::process::exit(0);
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        child.env_remove(name);
    }
    child.args(["--exact", "--nocapture", test]).env(CHILD, "1").env("TERM", "xterm").output().unwrap()
}

/// Delivers record number `seq` to `sink`, which is direct.
pub(crate) fn deliver(sink: &Sink, seq: u64) -> Fate {
    send(sink, seq).unwrap()
}

/// Delivers record number `seq` to `sink`. `None` if the sink queued it.
pub(crate) fn send(sink: &Sink, seq: u64) -> Option<Fate> {
    with_record(seq, |record| with_scratch(|scratch| sink.deliver(record, scratch, None)))
}

/// Drops `count` records before they reach `sink`.
pub(crate) fn lose(sink: &Sink, count: u64) {
    with_record(0, |record| sink.count_dropped(Loss { count, ..Loss::of(record) }));
}

/// A line of a JSON log: a record with its number, or a notice with its count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ParsedLine {
    Record(u64),
    Failed(u64),
    Dropped(u64),
    /// Not a whole line, or neither a record nor a notice.
    Fragment,
}

impl ParsedLine {
    pub(crate) fn parse(line: &str) -> ParsedLine {
        let Ok(json) = serde_json::from_str::<serde_json::Value>(line) else { return ParsedLine::Fragment };
        let number = |key: &str| json["fields"][key].as_u64();
        match (json["seq"].as_u64(), number("failed"), number("dropped")) {
            (Some(seq), ..) => ParsedLine::Record(seq),
            (None, Some(count), _) => ParsedLine::Failed(count),
            (None, None, Some(count)) => ParsedLine::Dropped(count),
            _ => ParsedLine::Fragment,
        }
    }

    /// Parses the lines of a JSON log, but not the empty ones.
    pub(crate) fn parse_all(text: &str) -> Vec<ParsedLine> {
        text.lines().filter(|line| !line.is_empty()).map(ParsedLine::parse).collect()
    }
}

impl Scripted {
    /// Parses the lines of the JSON log that the writer has taken.
    pub(crate) fn lines(&self) -> Vec<ParsedLine> {
        ParsedLine::parse_all(&self.text())
    }
}
