//! Records and misbehaving writers for the tests of sinks.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::time::{Duration, SystemTime};

use tracing::field::Value;
use tracing::{Event, Level, Metadata};
use tracing_core::callsite::DefaultCallsite;
use tracing_core::metadata::Kind;

use super::{Delivery, Loss, Sink};
use crate::clock::{Clock, ManualClock, Origin};
use crate::format::with_scratch;
use crate::record::{ContextInfo, NoSpans, Record, RecordMetadata};
use crate::sync::{Arc, Mutex};

static CALLSITE: DefaultCallsite = DefaultCallsite::new(&METADATA);
static METADATA: Metadata<'static> = tracing_core::metadata! {
    name: "test record",
    target: "test",
    level: Level::INFO,
    fields: &["message"],
    callsite: &CALLSITE,
    kind: Kind::EVENT,
};

/// Calls `f` with the record number `seq` of the context `uno` with the id 1, whose message is `record SEQ`.
pub(super) fn with_record<R>(seq: u64, f: impl FnOnce(&Record<'_>) -> R) -> R {
    with_record_of(&ContextInfo::new("uno".into(), 1, Vec::new()), seq, f)
}

/// As [`with_record`], of another context, `seq` milliseconds after its origin.
pub(super) fn with_record_of<R>(context: &ContextInfo, seq: u64, f: impl FnOnce(&Record<'_>) -> R) -> R {
    let message = format!("record {seq}");
    let field = METADATA.fields().field("message").unwrap();
    let values = [(&field, Some(&message.as_str() as &dyn Value))];
    let values = METADATA.fields().value_set(&values);
    let origin = Origin::from_parts(std::time::Instant::now(), SystemTime::UNIX_EPOCH);
    f(&Record {
        event: &Event::new(&METADATA, &values),
        metadata: RecordMetadata::new(&METADATA),
        elapsed: Duration::from_millis(seq),
        clock: &Clock::from(ManualClock::at(origin)),
        wall: None.into(),
        seq: Some(seq),
        context,
        spans: &NoSpans,
    })
}

/// Delivers the record number `seq` to `sink`, which is direct.
pub(super) fn deliver(sink: &Sink, seq: u64) -> Delivery {
    send(sink, seq).unwrap()
}

/// Delivers the record number `seq` to `sink`; `None` if that has queued it.
pub(super) fn send(sink: &Sink, seq: u64) -> Option<Delivery> {
    with_record(seq, |record| with_scratch(|scratch| sink.deliver(record, scratch, None)))
}

/// Gives up `count` records before they reach `sink`.
pub(super) fn lose(sink: &Sink, count: u64) {
    with_record(0, |record| sink.count_dropped(Loss { count, ..Loss::of(record) }));
}

/// A line of a JSON log: a record, by its number, or a notice.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Line {
    Record(u64),
    Failed(u64),
    Dropped(u64),
    MaxLevel,
    /// Not a whole line.
    Fragment,
}

impl Line {
    pub(super) fn parse(line: &str) -> Line {
        let Ok(json) = serde_json::from_str::<serde_json::Value>(line) else { return Line::Fragment };
        let number = |key: &str| json["fields"][key].as_u64();
        match (json["seq"].as_u64(), number("failed"), number("dropped")) {
            (Some(seq), ..) => Line::Record(seq),
            (None, Some(count), _) => Line::Failed(count),
            (None, None, Some(count)) => Line::Dropped(count),
            _ => Line::MaxLevel,
        }
    }

    /// The lines of a JSON log; empty ones are left out.
    pub(super) fn parse_all(text: &str) -> Vec<Line> {
        text.lines().filter(|line| !line.is_empty()).map(Line::parse).collect()
    }
}

/// What a scripted writer does in one call of `write`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Take,
    /// Takes at most so many bytes.
    Short(usize),
    Interrupted,
    WouldBlock,
    Zero,
    Full,
    /// Takes at most so many bytes, never a whole line, and panics.
    Panic(usize),
}

/// A writer that follows a script and then takes everything. Clones are the same writer.
#[derive(Clone, Debug, Default)]
pub(super) struct Scripted(Arc<Mutex<Script>>);

#[derive(Debug, Default)]
struct Script {
    steps: VecDeque<Step>,
    taken: Vec<u8>,
    writes: usize,
}

impl Scripted {
    pub(super) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let scripted = Scripted::default();
        scripted.then(steps);
        scripted
    }

    /// Appends to the script.
    pub(super) fn then(&self, steps: impl IntoIterator<Item = Step>) {
        self.0.lock().steps.extend(steps);
    }

    /// Ends the script: from now on everything is taken.
    pub(super) fn recover(&self) {
        self.0.lock().steps.clear();
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().taken.clone()).unwrap()
    }

    pub(super) fn lines(&self) -> Vec<Line> {
        Line::parse_all(&self.text())
    }

    /// How often `write` was called.
    pub(super) fn writes(&self) -> usize {
        self.0.lock().writes
    }
}

impl io::Write for Scripted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut script = self.0.lock();
        script.writes += 1;
        let step = script.steps.pop_front().unwrap_or(Step::Take);
        let mut take = |most: usize| {
            let count = most.min(bytes.len());
            script.taken.extend_from_slice(&bytes[..count]);
            Ok(count)
        };
        match step {
            Step::Take => take(usize::MAX),
            Step::Short(most) => take(most.max(1)),
            Step::Interrupted => Err(ErrorKind::Interrupted.into()),
            Step::WouldBlock => Err(ErrorKind::WouldBlock.into()),
            Step::Zero => Ok(0),
            Step::Full => Err(ErrorKind::StorageFull.into()),
            // What a writer took in the call that panics is not known, so a line that it completes there counts as failed and is
            // in the log all the same. The scripted ones complete none.
            Step::Panic(_) if bytes.len() < 2 => Err(ErrorKind::StorageFull.into()),
            Step::Panic(most) => {
                let _ = take(most.min(bytes.len().saturating_sub(2)));
                drop(script);
                // Past the panic hook, which would print.
                std::panic::resume_unwind(Box::new("scripted"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
