//! With `ContextBuilder::span_events`, spans that are made and closed are records of the context in which they were made.

#![cfg(feature = "serde")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant, SystemTime};

use common::{init, on_thread};
use logscope::sink::{self, Line, Memory, Output};
use logscope::{
    Clock, ContextBuilder, Format, LevelFilter, ManualClock, OutputContext, RecordBuf, SpanEvents, TimeSource,
    Verbosity,
};
use tracing::span::Span;
use tracing::{Level, debug_span, info, info_span, warn_span};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::prelude::*;

const BOTH: fn() -> SpanEvents = || SpanEvents::NEW | SpanEvents::CLOSE;

/// Starts a context that logs to memory.
fn logged(events: SpanEvents) -> (ContextBuilder, Memory) {
    let (memory, lines) = sink::memory();
    let format = Format::json().location(true);
    (OutputContext::builder("uno").sink(memory.format(format)).span_events(events), lines)
}

fn records(memory: &Memory) -> Vec<RecordBuf> {
    memory.lines().iter().map(|line| RecordBuf::parse_json(line).unwrap()).collect()
}

/// The messages, each with the name of the innermost span.
fn told(memory: &Memory) -> Vec<String> {
    let told = |record: &RecordBuf| {
        let span = record.spans.last().map_or("-", |span| span.name.as_str());
        format!("{} {span}", record.message)
    };
    records(memory).iter().map(told).collect()
}

fn times(record: &RecordBuf) -> [&str; 2] {
    ["time.busy", "time.idle"].map(|name| record.field(name).and_then(|value| value.as_str()).unwrap_or("none"))
}

#[test]
fn a_span_has_a_record_at_its_beginning_and_at_its_end() {
    init();
    let clock = ManualClock::new();
    let (uno, lines) = logged(BOTH());
    let uno = uno.clock(&clock).build();
    let advance = |millis| clock.advance(Duration::from_millis(millis));
    let line = line!() + 2;
    uno.scope(|| {
        let outer = warn_span!(target: "builder: a", "build", unit = "core");
        let _outer = outer.enter();
        let inner = info_span!("link", n = 1, size = tracing::field::Empty);
        advance(2);
        inner.in_scope(|| advance(30));
        inner.record("size", 7);
        advance(400);
        inner.in_scope(|| inner.in_scope(|| advance(5_000)));
        advance(60_000);
        info!("done");
    });
    assert_eq!(told(&lines), ["new build", "new link", "done build", "close link", "close build"]);
    let records = records(&lines);
    let (new, close) = (&records[0], &records[4]);
    for record in [new, close] {
        assert_eq!((record.level, record.target.as_str()), (Level::WARN, "builder: a"));
        assert_eq!((record.file.as_deref(), record.line, record.name.as_deref()), (Some(file!()), Some(line), None));
        assert_eq!(record.spans[0].fields, [("unit".to_owned(), "core".into())]);
    }
    assert!(new.fields.is_empty(), "{new:?}");
    assert_eq!(times(&records[3]), ["5.03s", "60.4s"]);
    assert_eq!(times(close), ["65.4s", "0.00ns"]);
    let link = &records[3].spans;
    assert_eq!(
        (link.len(), link[1].fields.len(), records[1].spans[1].fields.len()),
        (2, 2, 1),
        "with what was recorded"
    );
    assert_eq!(records.iter().map(|record| record.seq.unwrap()).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(uno.ledger().written, 5);
}

#[test]
fn each_event_is_asked_for_alone_and_inherited() {
    init();
    for (events, expected) in [
        (SpanEvents::NONE, &[][..]),
        (SpanEvents::NEW, &["new s"][..]),
        (SpanEvents::CLOSE, &["close s"][..]),
        (BOTH(), &["new s", "close s"][..]),
    ] {
        let (uno, lines) = logged(events);
        let uno = uno.build();
        let derived = [uno.clone(), uno.with_field("n", 1_u64), uno.child("child").build()];
        derived.iter().for_each(|context| context.scope(|| drop(info_span!("s"))));
        assert_eq!(told(&lines), expected.repeat(3), "{events:?}");
        uno.to_builder().span_events(SpanEvents::NONE).build().scope(|| drop(info_span!("s")));
        assert_eq!(lines.lines().len(), 3 * expected.len());
    }
}

#[test]
fn only_spans_that_the_context_wants_have_records() {
    init();
    let (uno, lines) = logged(BOTH());
    let dial = logscope::Dial::new(LevelFilter::INFO);
    let uno = uno.verbosity(&dial).build();
    uno.scope(|| {
        drop(debug_span!("unwanted"));
        let span = info_span!("wanted at first");
        dial.set(LevelFilter::WARN);
        drop(span);
        drop(info_span!("unwanted"));
        drop(warn_span!("wanted"));
    });
    assert_eq!(told(&lines), ["new wanted at first", "new wanted", "close wanted"]);
}

#[test]
fn the_record_of_the_end_goes_where_the_span_was_made() {
    init();
    let ((uno, lines), (due, lines_of_due)) = (logged(BOTH()), logged(BOTH()));
    let (uno, due) = (uno.build(), due.build());
    let spans = uno.scope(|| ["outside", "in another", "on a thread"].map(|name| info_span!("s", name)));
    let [outside, in_another, on_a_thread] = spans;
    outside.in_scope(|| ());
    drop(outside);
    due.scope(|| drop(in_another));
    on_thread(due.bind(move || {
        let entered = on_a_thread.enter();
        drop((entered, ()));
        drop(on_a_thread);
    }))();
    assert_eq!(told(&lines), ["new s", "new s", "new s", "close s", "close s", "close s"]);
    assert!(lines_of_due.lines().is_empty());
}

#[test]
fn a_span_that_several_threads_have_entered_is_busy_until_all_have_left() {
    init();
    let clock = ManualClock::new();
    let (uno, lines) = logged(SpanEvents::CLOSE);
    let uno = uno.clock(&clock).build();
    let span = uno.scope(|| info_span!("s"));
    let advance = |millis| clock.advance(Duration::from_millis(millis));
    let here = span.clone().entered();
    advance(10);
    let there = span.clone();
    let ((enter, has_entered), (leave, may_leave)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
    let thread = std::thread::spawn(move || {
        let entered = there.entered();
        enter.send(()).unwrap();
        may_leave.recv().unwrap();
        drop(entered);
    });
    has_entered.recv().unwrap();
    advance(200);
    drop(here);
    advance(3_000);
    leave.send(()).unwrap();
    thread.join().unwrap();
    advance(40_000);
    drop(span);
    assert_eq!(records(&lines).iter().map(times).collect::<Vec<_>>(), [["3.21s", "40.0s"]]);
}

/// Counts its lines, and says when it is dropped.
struct Counting(Arc<AtomicUsize>);

impl Output for Counting {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.0.fetch_add(100, Ordering::Relaxed);
    }
}

#[test]
fn a_span_keeps_its_context_until_it_is_closed_and_no_longer() {
    init();
    for (events, while_open, in_the_end) in [(SpanEvents::CLOSE, 0, 101), (SpanEvents::NEW, 101, 101)] {
        let count = Arc::new(AtomicUsize::new(0));
        let sink = sink::custom(Counting(Arc::clone(&count)));
        let uno = OutputContext::builder("uno").sink(sink).span_events(events).build();
        let span = uno.scope(|| info_span!("s"));
        drop(uno);
        assert_eq!(count.load(Ordering::Relaxed), while_open, "{events:?}");
        drop(span);
        assert_eq!(count.load(Ordering::Relaxed), in_the_end, "{events:?}");
    }
}

#[test]
fn a_span_that_outlives_the_close_of_its_context_is_counted() {
    init();
    let (uno, lines) = logged(BOTH());
    let uno = uno.build();
    let span = uno.scope(|| info_span!("s"));
    assert!(uno.close(Duration::from_secs(30)).is_complete());
    drop(span);
    let ledger = uno.ledger();
    assert_eq!((ledger.accepted, ledger.written, ledger.dropped, told(&lines).len()), (2, 1, 1, 1));
}

/// Owns a span, which it closes when it is rendered.
struct Closes(RefCell<Option<Span>>);

impl fmt::Debug for Closes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        drop(self.0.take());
        f.write_str("closed")
    }
}

#[test]
fn a_span_may_be_closed_while_a_record_or_another_span_is_rendered() {
    init();
    let (uno, lines) = logged(BOTH());
    uno.build().scope(|| {
        info!(value = ?Closes(RefCell::new(Some(info_span!("a")))), "said");
        drop(info_span!("b", value = ?Closes(RefCell::new(Some(info_span!("c"))))));
    });
    assert_eq!(told(&lines), ["new a", "close a", "said -", "new c", "close c", "new b", "close b"]);
}

#[test]
fn a_span_may_be_closed_in_the_destructor_of_a_thread_local() {
    init();
    thread_local! {
        static SPAN: RefCell<Option<Span>> = const { RefCell::new(None) };
    }
    let (uno, lines) = logged(BOTH());
    let uno = uno.build();
    let thread = std::thread::spawn(move || {
        // The destructor runs without the scope, and after those of what the thread has used since.
        uno.scope(|| SPAN.set(Some(info_span!("s"))));
        uno.scope(|| info!("said"));
    });
    thread.join().unwrap();
    assert_eq!(told(&lines), ["new s", "said -", "close s"]);
}

#[test]
fn a_panic_closes_spans_as_any_end_does() {
    init();
    let (uno, lines) = logged(SpanEvents::CLOSE);
    let uno = uno.build();
    let panicking = || uno.scope(|| info_span!("s").in_scope(|| panic!("on purpose")));
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(panicking)).unwrap_err();
    assert_eq!(told(&lines), ["close s"]);
}

#[test]
fn text_and_logfmt_quote_the_target_of_a_span() {
    init();
    for (format, expected) in [
        (Format::text(), "\"a b\": close time.busy=0.00ns time.idle=1.50ms"),
        (Format::logfmt(), "target=\"a b\" spans=s msg=close time.busy=0.00ns time.idle=1.50ms"),
    ] {
        let (clock, (memory, lines)) = (ManualClock::new(), sink::memory());
        let uno = OutputContext::builder("uno").clock(&clock).sink(memory.format(format));
        let uno = uno.span_events(SpanEvents::CLOSE).build();
        let span = uno.scope(|| info_span!(target: "a b", "s"));
        clock.advance(Duration::from_micros(1_500));
        drop(span);
        assert!(lines.lines()[0].contains(expected), "{:?}", lines.lines());
    }
}

/// A place for what another layer writes.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_records_are_those_of_fmt_and_other_layers_do_not_see_them() {
    init();
    let written = Written::default();
    let writer = written.clone();
    let fmt = tracing_subscriber::fmt::layer().json().with_span_events(FmtSpan::NEW | FmtSpan::CLOSE);
    let subscriber =
        tracing_subscriber::registry().with(logscope::layer()).with(fmt.with_writer(move || writer.clone()));
    let (uno, lines) = logged(BOTH());
    let uno = uno.build();
    tracing::subscriber::with_default(subscriber, || {
        uno.scope(|| {
            let build = info_span!("build", unit = "core", n = 1);
            let _build = build.enter();
            warn_span!(target: "linker", "link").in_scope(|| info!("linking"));
            drop(debug_span!("not for uno"));
        });
    });
    let parse = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
    let theirs: Vec<_> = text.lines().map(parse).filter(|line| !line.to_string().contains("not for uno")).collect();
    let ours: Vec<_> = lines.lines().iter().map(|line| parse(line)).collect();
    assert_eq!((ours.len(), theirs.len(), text.lines().count()), (5, 5, 7), "{text}");
    for (ours, theirs) in ours.iter().zip(&theirs) {
        // Not `spans`: there `fmt` shows the current spans, without the one that the record is about.
        for key in ["level", "target", "span"] {
            assert_eq!(ours[key], theirs[key], "{ours}\n{theirs}");
        }
        assert_eq!(ours["fields"]["message"], theirs["fields"]["message"]);
        let names = |line: &serde_json::Value| line["fields"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(ours), names(theirs));
    }
}

#[test]
fn a_span_outside_every_scope_is_one_of_the_context_to_which_it_is_routed() {
    init();
    let (uno, lines) = logged(BOTH());
    let uno = uno.build();
    let layer = logscope::configure().route_by_span(true).layer();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let request = uno.scope(|| info_span!("request"));
        let query = request.in_scope(|| info_span!("query"));
        let explicit = info_span!(parent: &request, "explicit");
        drop(info_span!("elsewhere"));
        let warnings = uno.with_verbosity(LevelFilter::WARN);
        let quiet = warnings.scope(|| warn_span!("quiet"));
        // The context outside lets it through, but not the one to which it is routed.
        drop(info_span!(parent: &quiet, "unwanted"));
        drop((query, explicit, request, quiet));
    });
    let mut expected = ["new request", "new query", "new explicit", "new quiet"].map(str::to_owned).to_vec();
    expected.extend(["close query", "close explicit", "close request", "close quiet"].map(str::to_owned));
    assert_eq!(told(&lines), expected);
}

/// Panics while it holds the data of a span.
struct Poisons;

impl<S> tracing_subscriber::Layer<S> for Poisons
where
    S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span>,
{
    fn on_record(
        &self,
        id: &tracing::span::Id,
        _: &tracing::span::Record<'_>,
        cx: tracing_subscriber::layer::Context<'_, S>,
    ) {
        let span = cx.span(id).unwrap();
        let _data = span.extensions_mut();
        panic!("on purpose");
    }
}

#[test]
fn a_span_can_be_left_and_closed_after_another_layer_has_panicked_in_it() {
    init();
    let (uno, _lines) = logged(BOTH());
    let uno = uno.build();
    let subscriber = tracing_subscriber::registry().with(logscope::layer()).with(Poisons);
    tracing::subscriber::with_default(subscriber, || {
        let span = uno.scope(|| info_span!("s", n = tracing::field::Empty));
        let record = || span.in_scope(|| _ = span.record("n", 1));
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(record)).unwrap_err();
    });
    uno.scope(|| info!("said"));
    assert!(uno.flush(Duration::from_secs(30)).is_complete());
}

/// A clock that logs, as one does that tells of its corrections.
struct LoggingClock;

impl TimeSource for LoggingClock {
    fn now(&self) -> Instant {
        info!("corrected");
        Instant::now()
    }

    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }
}

#[test]
fn a_clock_may_log_while_spans_are_timed() {
    init();
    let (uno, lines) = logged(BOTH());
    let uno = uno.clock(Clock::custom(LoggingClock)).build();
    let (done, is_done) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        uno.scope(|| info_span!("s", word = "a word").in_scope(|| info!("said")));
        done.send(()).unwrap();
    });
    // A thread that waits for itself is not joined.
    is_done.recv_timeout(Duration::from_secs(30)).expect("the data of the span were locked while the clock was asked");
    thread.join().unwrap();
    let told = told(&lines);
    let of_span: Vec<_> = told.iter().filter(|told| !told.starts_with("corrected")).collect();
    assert_eq!(of_span, ["new s", "said s", "close s"]);
    assert!(told.iter().any(|told| told == "corrected s"), "{told:?}");
}

#[test]
fn a_sink_chooses_among_spans_by_their_targets() {
    init();
    let chosen = |directives: &str| {
        let (memory, lines) = sink::memory();
        (memory.verbosity(Verbosity::try_from(directives).unwrap()), lines)
    };
    let (only_app, app) = chosen("off,app=debug");
    let (less_noise, quiet) = chosen("info,noisy=warn");
    let uno = OutputContext::builder("uno").verbosity(LevelFilter::TRACE).span_events(BOTH());
    uno.sink(only_app.format(Format::json())).sink(less_noise.format(Format::json())).build().scope(|| {
        drop(info_span!(target: "app", "job"));
        drop(debug_span!(target: "app::part", "part"));
        drop(info_span!(target: "noisy", "chat"));
        drop(warn_span!(target: "noisy", "shout"));
        drop(debug_span!(target: "other", "detail"));
    });
    assert_eq!(told(&app), ["new job", "close job", "new part", "close part"]);
    assert_eq!(told(&quiet), ["new job", "close job", "new shout", "close shout"]);
}
