//! A value that goes on without end is cut, and marked, in every format: it does not take the memory of the process.
//!
//! The test runs in a process of its own, whose memory is limited.

#![cfg(feature = "testing")]
#![cfg(all(unix, feature = "serde"))]
#![allow(clippy::unwrap_used)]

mod layers;

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use layers::in_own_process;
use logscope::sink::{self, Memory, Queue, RecordOutput};
use logscope::{
    Color, ContextInfo, Format, Layout, LayoutWriter, LevelFilter, OutputContext, Record, RecordBuf, SpanInfo, Time,
};
use rustix::process::{Resource, Rlimit, setrlimit};
use tracing::{error, info, info_span};

/// The default of `Config::max_record_bytes`.
const BOUND: usize = 1 << 20;

/// Writes without end, until it is refused.
struct Endless;

impl fmt::Debug for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        loop {
            f.write_str("on\nand \"on\" \u{1b} ")?;
        }
    }
}

impl fmt::Display for Endless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Error for Endless {}

/// An error whose source has a text without end.
#[derive(Debug)]
struct Caused;

impl fmt::Display for Caused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("caused")
    }
}

impl Error for Caused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&Endless)
    }
}

/// Writes a lot, whatever it is told.
struct Deaf;

impl fmt::Debug for Deaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for _ in 0..100_000 {
            let _ = f.write_str("on and on and on and on ");
        }
        Ok(())
    }
}

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<RecordBuf>>>);

impl RecordOutput for Captured {
    fn write(&self, record: &Record<'_>) -> std::io::Result<()> {
        assert!(record.message().to_string().len() <= BOUND + 100);
        self.0.lock().unwrap().push(record.to_buf());
        Ok(())
    }
}

/// Logs values without end in all places that a record has. Returns how many records.
fn log_without_end() -> usize {
    let long = "x".repeat(3 * BOUND);
    info!("{Endless}");
    info!(field = ?Endless, after = 1, "said");
    info!(one = ?Endless, two = %Endless, three = ?Endless, text = "short", "{Endless:?}");
    info!(deaf = ?Deaf, "said");
    info!(long, text = long.as_str(), "{long}");
    error!(error = &Endless as &(dyn Error + 'static), "failed");
    error!(error = &Caused as &(dyn Error + 'static), "failed");
    let outer = info_span!("outer", field = ?Endless, late = tracing::field::Empty);
    let _outer = outer.enter();
    outer.record("late", tracing::field::debug(Endless));
    info!("in a span");
    let spans: Vec<_> = (0..20).map(|n| info_span!("inner", n, field = ?Endless).entered()).collect();
    info!("in many spans");
    drop(spans.into_iter().rev().collect::<Vec<_>>());
    9
}

fn parsed(memory: &Memory, parse: fn(&str) -> Result<RecordBuf, logscope::Error>) -> Vec<RecordBuf> {
    memory.lines().iter().map(|line| parse(line).unwrap()).collect()
}

#[test]
fn a_value_without_end_is_cut_in_every_format() {
    let test = "a_value_without_end_is_cut_in_every_format";
    if let Some(child) = in_own_process(test, &[]) {
        child.passed();
        return;
    }
    let limit = Rlimit { current: Some(2 << 30), maximum: Some(2 << 30) };
    setrlimit(Resource::As, limit).unwrap();

    logscope::init();
    let formats = [Format::text(), Format::json(), Format::logfmt(), Format::build(), Format::text().multiline(true)];
    let logs = formats.map(|format| {
        let (sink, memory) = sink::memory();
        (sink.format(format), memory)
    });
    let (queued, queued_memory) = sink::memory();
    let captured = Captured::default();
    let uno = OutputContext::builder("uno")
        .verbosity(LevelFilter::TRACE)
        .sinks(logs.iter().map(|(sink, _)| sink.clone()))
        .sink(queued.queued(Queue::new()))
        .sink(sink::records(captured.clone()))
        .build();
    let count = uno.scope(log_without_end);
    uno.flush(Duration::from_secs(60)).into_result().unwrap();

    let [text, json, logfmt, build, multiline] = logs.map(|(_, memory)| memory);
    // Names, markers, and the path of spans come on top of the bound.
    for memory in [&text, &json, &logfmt, &build, &queued_memory] {
        let lines = memory.lines();
        assert_eq!(lines.len(), count);
        // Build shows no spans, and nothing else is long in the last two records.
        let shown = if std::ptr::eq(memory, &build) { count - 2 } else { count };
        for (number, line) in lines.iter().enumerate() {
            assert!(line.len() < BOUND + BOUND / 4 + 2_000, "{number}: {} bytes", line.len());
            assert_eq!(line.contains("<cut>"), number < shown, "{number}: {} bytes", line.len());
        }
    }
    assert!(multiline.text().len() < count * (BOUND + BOUND / 4 + 2_000));
    for records in [
        parsed(&text, RecordBuf::parse_text),
        parsed(&json, RecordBuf::parse_json),
        parsed(&logfmt, RecordBuf::parse_logfmt),
    ] {
        assert!(records[0].message.ends_with("<cut>"));
        assert!(records[0].message.starts_with("on\nand \"on\" \u{1b} on\n"));
        assert_eq!((records[1].message.as_str(), records[1].field("after")), ("said", Some(&1.into())));
        assert!(records[1].field("field").unwrap().as_str().unwrap().ends_with("<cut>"));
        assert_eq!(records[2].fields.len(), 4);
        assert!(records[3].field("deaf").unwrap().as_str().unwrap().ends_with("<cut>"));
        assert_eq!(records[6].field("error"), Some(&"caused".into()));
        assert!(records[7].spans[0].fields.iter().all(|(_, value)| value.as_str().unwrap().ends_with("<cut>")));
        assert_eq!((records[8].spans.len(), records[8].spans[20].name.as_str()), (21, "inner"));
    }
    for record in captured.0.lock().unwrap().iter() {
        let texts = record.fields.iter().filter_map(|(_, value)| value.as_str()).map(str::len);
        assert!(record.message.len() + texts.sum::<usize>() <= BOUND + 100);
    }
}

/// A bound that is set, small enough to see what is left of a record.
#[test]
fn the_bound_can_be_set() {
    let test = "the_bound_can_be_set";
    if let Some(child) = in_own_process(test, &[]) {
        child.passed();
        return;
    }
    logscope::configure().max_record_bytes(200).install().unwrap();
    let (sink, memory) = sink::memory();
    let uno = OutputContext::builder("uno").sink(sink.format(Format::json().time(Time::None))).build();
    uno.scope(|| {
        info!(target: "t", first = ?Endless, second = ?Endless, number = 7, third = "short", "said");
        info!(target: "t", "whole");
    });
    let lines = memory.lines();
    assert!(lines[0].ends_with(
        r#"<cut>","second":"<cut>","number":7,"third":"<cut>"},"target":"t","context":{"name":"uno","id":1},"seq":1}"#
    ), "{}", lines[0]);
    assert!((200..320).contains(&lines[0].len()), "{}", lines[0].len());
    assert!(lines[1].contains("\"whole\""));
}

/// Writes the message first, so that the line is full when the context and the spans follow.
struct MessageFirst;

impl Layout for MessageFirst {
    fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
        line.push_message(record);
        line.gap();
        line.push_context(record);
        line.gap();
        line.push_spans(record);
    }

    // As the default does, but by text that is refused when the line is full.
    fn span(&self, span: SpanInfo<'_>, line: &mut LayoutWriter<'_>) {
        line.push(span.name());
        span.for_each_field(|_, value| line.push_display(format_args!("{value}")));
    }

    fn context(&self, context: &ContextInfo, line: &mut LayoutWriter<'_>) {
        line.push(context.name());
        context.fields().iter().for_each(|(_, value)| line.push_display(format_args!("{value:?}")));
    }
}

/// The rendering of a span or a context is kept for other records, which have room for it.
#[test]
fn a_record_that_is_cut_cuts_nothing_of_the_next() {
    logscope::init();
    let formats = [
        Format::text(),
        Format::text().color(Color::Always),
        Format::json(),
        Format::json().flatten(true),
        Format::json().span_list(false),
        Format::logfmt(),
        Format::pretty(),
        Format::pretty().color(Color::Always),
        Format::custom(MessageFirst),
        Format::custom(MessageFirst).color(Color::Always),
    ];
    for format in formats {
        let (sink, memory) = sink::memory();
        let uno = OutputContext::builder("uno").field("machine", "a machine").sink(sink.format(format.clone())).build();
        uno.scope(|| {
            let _outer = info_span!("outer", unit = "a unit", debug = ?"a debug").entered();
            let _inner = info_span!("inner", word = "a word").entered();
            info!(endless = ?Endless, "{Endless}");
            info!("whole");
        });
        let text = memory.text();
        let (cut, whole) = text.split_at(text.rfind("whole").map(|at| text[..at].rfind('\n').unwrap() + 1).unwrap());
        assert!(cut.contains("<cut>") && !whole.contains("<cut>"), "{format:?}: {whole}");
        let values: &[_] = match format == Format::json().span_list(false) {
            true => &["a machine", "a word"],
            false => &["a machine", "a unit", "a debug", "a word"],
        };
        for value in values {
            assert!(whole.contains(value), "{format:?}: {value} in {whole}");
        }
    }
}
