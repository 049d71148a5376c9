//! Logs in every format, and the paths of spans that they show.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use logscope::sink::{self, Memory, RecordOutput};
use logscope::{Color, Format, LevelFilter, OutputContext, Record, RecordBuf, SpanBuf};
use serde_json::Value;
use tracing::{Dispatch, dispatcher};

/// A context with a log in every format, under one subscriber.
#[derive(Clone)]
pub(crate) struct Log {
    dispatch: Dispatch,
    pub(crate) context: OutputContext,
    memories: [Memory; 4],
    captured: Captured,
}

const FORMATS: [fn() -> Format; 4] =
    [Format::text, || Format::text().color(Color::Always), Format::logfmt, Format::json];

impl Log {
    pub(crate) fn new(dispatch: &Dispatch) -> Log {
        let captured = Captured::default();
        let logs = FORMATS.map(|format| {
            let (sink, memory) = sink::memory();
            (sink.format(format()), memory)
        });
        let context = OutputContext::builder("uno")
            .verbosity(LevelFilter::TRACE)
            .sinks(logs.iter().map(|(sink, _)| sink.clone()))
            .sink(sink::records(captured.clone()))
            .build();
        let memories = logs.map(|(_, memory)| memory);
        Log { dispatch: dispatch.clone(), context, memories, captured }
    }

    pub(crate) fn scope<R>(&self, f: impl FnOnce() -> R) -> R {
        dispatcher::with_default(&self.dispatch, || self.context.scope(f))
    }

    /// Runs `f` in the context on another thread, to its end.
    pub(crate) fn elsewhere<R: Send>(&self, f: impl FnOnce() -> R + Send) -> R {
        std::thread::scope(|scope| scope.spawn(|| self.scope(f)).join().unwrap())
    }

    /// The message and the span path of each record, after a check that all formats agree on them.
    #[track_caller]
    pub(crate) fn paths(&self) -> Vec<String> {
        let [text, color, logfmt, json] = &self.memories;
        let parsed = |memory: &Memory, parse: fn(&str) -> RecordBuf| -> Vec<String> {
            memory.lines().iter().map(|line| path_of(&parse(line))).collect()
        };
        let paths = parsed(text, |line| RecordBuf::parse_text(line).unwrap());
        assert_eq!(paths, parsed(color, |line| RecordBuf::parse_text(line).unwrap()));
        assert_eq!(paths, parsed(logfmt, |line| RecordBuf::parse_logfmt(line).unwrap()));
        assert_eq!(paths, super::records(json).iter().map(path_of_json).collect::<Vec<_>>());
        assert_eq!(paths, *self.captured.0.lock().unwrap());
        paths
    }
}

/// The span paths as a `RecordOutput` sees them, which are not cached.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<String>>>);

impl RecordOutput for Captured {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        self.0.lock().unwrap().push(path_of(&record.to_buf()));
        Ok(())
    }
}

fn path_of(record: &RecordBuf) -> String {
    let span = |span: &SpanBuf| {
        let fields = span.fields.iter().map(|(name, value)| (name.clone(), value.to_string()));
        show(&span.name, fields.collect())
    };
    joined(&record.message, record.spans.iter().map(span))
}

fn path_of_json(record: &Value) -> String {
    let spans = record["spans"].as_array().map_or(&[][..], Vec::as_slice);
    assert_eq!(record.get("span"), spans.last());
    let span = |span: &Value| {
        let fields = span.as_object().unwrap().iter().filter(|(name, _)| *name != "name");
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        show(span["name"].as_str().unwrap(), fields.map(|(name, value)| (name.clone(), text(value))).collect())
    };
    joined(record["fields"]["message"].as_str().unwrap(), spans.iter().map(span))
}

pub(crate) fn joined(message: &str, spans: impl Iterator<Item = String>) -> String {
    let path = spans.collect::<Vec<_>>().join(":");
    if path.is_empty() { message.to_owned() } else { format!("{message} in {path}") }
}

pub(crate) fn show(name: &str, fields: BTreeMap<String, String>) -> String {
    match fields.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>() {
        fields if fields.is_empty() => name.to_owned(),
        fields => format!("{name}{{{}}}", fields.join(" ")),
    }
}
