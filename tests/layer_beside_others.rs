//! As one layer among others, logscope loses no event because of them, and they lose none because of it, whatever the logged values do.
//!
//! For each thread, tracing-subscriber has one map with the verdicts of all per-layer filters. A value whose `Debug` logs, or asks
//! `enabled!`, while a layer renders it overwrites that map. Later layers then lose the event or the next one, or get one that they do
//! not want. That happens without logscope too, as the control below shows. These tests show that logscope adds nothing to it, and is not
//! affected by it. Each test runs in a process of its own, because values can log only under the global subscriber.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used)]

mod layers;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use layers::{Written, context, in_own_process, records};
use logscope::LevelFilter;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber, enabled};
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// How often a [`Logs`] was rendered, by any layer.
static RENDERED: AtomicUsize = AtomicUsize::new(0);

/// A value that asks what is enabled while it is rendered.
struct Asks;

impl fmt::Debug for Asks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = [enabled!(Level::ERROR), enabled!(target: "noisy", Level::TRACE), enabled!(Level::DEBUG)];
        write!(f, "{}", asked.len())
    }
}

/// A value that logs while it is rendered, at one level that all layers want and one that some do not want.
struct Logs;

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        RENDERED.fetch_add(1, Ordering::Relaxed);
        tracing::error!(nested = true);
        tracing::trace!(nested = true);
        f.write_str("logs")
    }
}

/// A layer that keeps the numbers of the events and spans that it is given, in order, and the count of nested events.
#[derive(Clone, Default)]
struct CapturingLayer(Arc<Mutex<(Vec<u64>, usize)>>);

impl CapturingLayer {
    fn numbers(&self) -> Vec<u64> {
        self.0.lock().unwrap().0.clone()
    }

    fn nested(&self) -> usize {
        self.0.lock().unwrap().1
    }
}

/// Reads the number and renders nothing.
impl Visit for CapturingLayer {
    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "n" {
            self.0.lock().unwrap().0.push(value);
        }
    }

    fn record_bool(&mut self, field: &Field, _: bool) {
        self.0.lock().unwrap().1 += usize::from(field.name() == "nested");
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        // A record of the `log` crate has its number in its target.
        if let ("log.target", Some((_, number))) = (field.name(), value.rsplit_once("::")) {
            self.0.lock().unwrap().0.push(number.parse().unwrap());
        }
    }
}

impl<S: Subscriber> Layer<S> for CapturingLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut self.clone());
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        attributes.record(&mut self.clone());
    }
}

/// Logs an event, a span with an event in it, and a record of the `log` crate, for each level, target and value. Each has its own callsite.
macro_rules! log_all_kinds {
    ($events:ident: $($level:ident $target:literal $value:expr),* $(,)?) => {$({
        let n = $events.next(Level::$level, $target, false);
        tracing::event!(target: $target, Level::$level, n, value = ?$value, "logged");
        if $events.with_spans {
            let n = $events.next(Level::$level, $target, true);
            let span = tracing::span!(target: $target, Level::$level, "span", n, value = ?$value);
            span.in_scope(|| {
                let n = $events.next(Level::$level, $target, false);
                tracing::event!(target: $target, Level::$level, value = ?$value, n);
            });
        }
        if cfg!(feature = "log") {
            let n = $events.next(Level::$level, $target, false);
            log::log!(target: &format!("{}::{n}", $target), to_log(Level::$level), "{:?}", $value);
        }
    })*};
}

macro_rules! log_all_values {
    ($events:ident: $($value:expr),*) => {
        log_all_kinds!($events: $(
            ERROR "app" $value, INFO "app" $value, DEBUG "app" $value,
            TRACE "noisy" $value, WARN "app" $value, INFO "noisy" $value, TRACE "app" $value,
        )*)
    };
}

fn to_log(level: Level) -> log::Level {
    match level {
        Level::ERROR => log::Level::Error,
        Level::WARN => log::Level::Warn,
        Level::INFO => log::Level::Info,
        Level::DEBUG => log::Level::Debug,
        Level::TRACE => log::Level::Trace,
    }
}

/// The numbered events and spans that were logged: level, target, and whether it was a span.
struct LoggedEvents {
    with_spans: bool,
    all: Vec<(Level, &'static str, bool)>,
}

impl LoggedEvents {
    fn next(&mut self, level: Level, target: &'static str, is_span: bool) -> u64 {
        self.all.push((level, target, is_span));
        self.all.len() as u64 - 1
    }

    fn is_event(&self, n: u64) -> bool {
        !self.all[n as usize].2
    }

    fn wanted(&self, wants: impl Fn(u64, Level, &str) -> bool) -> Vec<u64> {
        let numbered = (0..).zip(&self.all);
        numbered.filter(|&(n, &(level, target, _))| wants(n, level, target)).map(|(n, _)| n).collect()
    }
}

/// The layers beside logscope, and what each was given.
struct Others {
    layers: Vec<BoxedLayer>,
    filtered: CapturingLayer,
    reloadable: CapturingLayer,
    all: CapturingLayer,
    handle: reload::Handle<LevelFilter, Registry>,
}

const ENV_FILTER: &str = "info,noisy=trace";

fn env_filter_wants(level: Level, target: &str) -> bool {
    level <= if target == "noisy" { Level::TRACE } else { Level::INFO }
}

/// Makes a layer with an `EnvFilter`, one with a reloadable filter, and one without a filter. They render nothing.
fn others() -> Others {
    let (filtered, reloadable, all) = (CapturingLayer::default(), CapturingLayer::default(), CapturingLayer::default());
    let (filter, handle) = reload::Layer::new(LevelFilter::WARN);
    let layers: Vec<BoxedLayer> = vec![
        filtered.clone().with_filter(EnvFilter::new(ENV_FILTER)).boxed(),
        reloadable.clone().with_filter(filter).boxed(),
        all.clone().boxed(),
    ];
    Others { layers, filtered, reloadable, all, handle }
}

/// Logs everything three times: with the reloadable filter at WARN, at TRACE, and at WARN again. Returns the numbers between which the
/// filter was at TRACE.
fn log_three_times(events: &mut LoggedEvents, handle: &reload::Handle<LevelFilter, Registry>) -> (u64, u64) {
    let mut turned = Vec::new();
    for level in [LevelFilter::TRACE, LevelFilter::WARN, LevelFilter::WARN] {
        log_all_values!(events: "plain", Asks, Logs);
        turned.push(events.all.len() as u64);
        handle.reload(level).unwrap();
    }
    (turned[0], turned[1])
}

/// The numbers of the events in a log of ours, and how many nested events it has. (A span has a number too, but no line of its own.)
fn ours(memory: &logscope::sink::Memory) -> (Vec<u64>, usize) {
    let records = records(memory);
    let nested = records.iter().filter(|record| record["fields"]["nested"] == true).count();
    let number = |record: &serde_json::Value| match record["target"].as_str().unwrap().split_once("::") {
        Some((_, number)) if record["fields"]["n"].is_null() => number.parse().ok(),
        _ => record["fields"]["n"].as_u64(),
    };
    let events = records.iter().filter(|record| record["fields"]["nested"].is_null()).filter_map(number);
    (events.collect(), nested)
}

/// How logscope gets among the layers: it is added to the subscriber, or `reload` puts it in later.
const WAYS: [&str; 2] = ["added", "put in"];

/// Installs `layers` with logscope among them, at the place and in the way that the environment says.
fn init_with_logscope(mut layers: Vec<BoxedLayer>) {
    let position: usize = std::env::var("POSITION").unwrap().parse().unwrap();
    if std::env::var("WAY").unwrap() == "added" {
        layers.insert(position, logscope::layer().boxed());
        return tracing_subscriber::registry().with(layers).init();
    }
    let (layer, handle) = reload::Layer::new(logscope::layer());
    layers.insert(position, layer.boxed());
    tracing_subscriber::registry().with(layers).init();
    handle.reload(logscope::layer()).unwrap();
}

#[test]
fn values_that_log_while_logscope_renders_them_cost_no_layer_an_event() {
    let name = "values_that_log_while_logscope_renders_them_cost_no_layer_an_event";
    for position in ["0", "1", "2", "3"] {
        for way in WAYS {
            let Some(child) = in_own_process(name, &[("POSITION", position), ("WAY", way)]) else { break };
            child.passed();
        }
    }
    if std::env::var_os("POSITION").is_none() {
        return;
    }
    let others = others();
    init_with_logscope(others.layers);

    let (trace, memory) = context("trace", LevelFilter::TRACE);
    let mut events = LoggedEvents { with_spans: true, all: Vec::new() };
    let (from, to) = trace.scope(|| log_three_times(&mut events, &others.handle));

    // Only logscope renders, so whatever goes wrong is its fault.
    assert_eq!(others.all.numbers(), events.wanted(|_, _, _| true));
    assert_eq!(others.filtered.numbers(), events.wanted(|_, level, target| env_filter_wants(level, target)));
    assert_eq!(
        others.reloadable.numbers(),
        events.wanted(|n, level, _| (from..to).contains(&n) || level <= Level::WARN)
    );
    let rendered = RENDERED.load(Ordering::Relaxed);
    assert!(rendered > 0);
    let (numbers, nested) = ours(&memory);
    assert_eq!(sorted(numbers), events.wanted(|n, _, _| events.is_event(n)));
    assert_eq!(nested, 2 * rendered);
    assert_eq!(others.all.nested(), 2 * rendered);
    // It wants the nested ERROR always, and the nested TRACE for a third of the time.
    assert!(others.reloadable.nested() > rendered && others.reloadable.nested() < 2 * rendered);
    assert_eq!(others.filtered.nested(), rendered);
    assert!(trace.ledger().is_complete());
}

/// Sorts the numbers. What a value logs stands before the record that has the value, since it is rendered in the middle of that record.
fn sorted(mut numbers: Vec<u64>) -> Vec<u64> {
    numbers.sort_unstable();
    numbers
}

/// A layer that renders, as most do.
fn fmt_layer<S>(written: &Written) -> impl Layer<S> + Send + Sync + use<S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    tracing_subscriber::fmt::layer().json().with_writer(written.clone())
}

fn numbers(written: &Written) -> BTreeSet<u64> {
    let number = |line: &String| {
        let line = layers::parse(line);
        let from_log =
            line["fields"]["log.target"].as_str().and_then(|target| target.rsplit_once("::")?.1.parse().ok());
        line["fields"]["n"].as_u64().or(from_log)
    };
    written.lines().iter().filter_map(number).collect()
}

/// logscope beside three of tracing-subscriber's own layers, which render. The child prints the events that they lost or should not have
/// got; without `POSITION`, logscope is not among the layers. (Events only: with spans, tracing-subscriber panics even without logscope:
/// "Span not found, this is a bug".)
#[test]
fn beside_rendering_layers_logscope_adds_no_loss() {
    let name = "beside_rendering_layers_logscope_adds_no_loss";
    if let Some(control) = in_own_process(name, &[]) {
        let control = outcome(control.passed().stderr());
        for position in ["0", "1", "2", "3"] {
            for way in WAYS {
                let child = in_own_process(name, &[("POSITION", position), ("WAY", way)]).unwrap();
                let beside = outcome(child.passed().stderr());
                for (layer, (control, beside)) in control.iter().zip(&beside).enumerate() {
                    let lost: Vec<_> = beside.lost.difference(&control.lost).collect();
                    let unwanted: Vec<_> = beside.unwanted.difference(&control.unwanted).collect();
                    assert!(lost.is_empty(), "layer {layer}, logscope {way} at {position}: lost {lost:?}");
                    assert!(unwanted.is_empty(), "layer {layer}, logscope {way} at {position}: unwanted {unwanted:?}");
                }
            }
        }
        return;
    }
    let written = [(); 3].map(|()| Written::default());
    let (filter, handle) = reload::Layer::new(LevelFilter::WARN);
    let layers: Vec<BoxedLayer> = vec![
        fmt_layer(&written[0]).with_filter(EnvFilter::new(ENV_FILTER)).boxed(),
        fmt_layer(&written[1]).with_filter(filter).boxed(),
        fmt_layer(&written[2]).boxed(),
    ];
    let is_control = std::env::var_os("POSITION").is_none();
    if is_control {
        tracing_subscriber::registry().with(layers).init();
    } else {
        init_with_logscope(layers);
    }

    let (trace, memory) = context("trace", LevelFilter::TRACE);
    let mut events = LoggedEvents { with_spans: false, all: Vec::new() };
    let (from, to) = trace.scope(|| log_three_times(&mut events, &handle));
    let wanted = [
        events.wanted(|_, level, target| env_filter_wants(level, target)),
        events.wanted(|n, level, _| (from..to).contains(&n) || level <= Level::WARN),
        events.wanted(|_, _, _| true),
    ];
    for (written, wanted) in written.iter().zip(wanted) {
        let (given, wanted) = (numbers(written), BTreeSet::from_iter(wanted));
        eprintln!("LOST {:?}", wanted.difference(&given).collect::<Vec<_>>());
        eprintln!("UNWANTED {:?}", given.difference(&wanted).collect::<Vec<_>>());
    }
    if !is_control {
        let (numbers, nested) = ours(&memory);
        assert_eq!(sorted(numbers), events.wanted(|_, _, _| true));
        assert_eq!(nested, 2 * RENDERED.load(Ordering::Relaxed));
    }
}

struct Outcome {
    lost: BTreeSet<u64>,
    unwanted: BTreeSet<u64>,
}

fn outcome(stderr: &str) -> Vec<Outcome> {
    let sets = |prefix: &str| {
        let lines = stderr.lines().filter_map(move |line| line.strip_prefix(prefix)).map(str::to_owned);
        lines.map(|line| serde_json::from_str(&line).unwrap()).collect::<Vec<BTreeSet<u64>>>()
    };
    let found: Vec<_> =
        sets("LOST ").into_iter().zip(sets("UNWANTED ")).map(|(lost, unwanted)| Outcome { lost, unwanted }).collect();
    assert_eq!(found.len(), 3);
    found
}
