//! `layer()` behind `tracing_subscriber::reload`, also after `Handle::reload` has put in another one.
//!
//! Each test runs in a process of its own: the subscriber, the process default and the first scope belong to the process.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used)]

mod layers;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use layers::{Written, context, in_own_process, messages, records};
#[cfg(target_os = "linux")]
use logscope::testing;
use logscope::{LevelFilter, OutputContext, configure};
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber, debug, enabled, error, info, trace};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer, Registry, registry, reload};

type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// A value that logs, and asks what is enabled, while it is rendered.
struct Logs;

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        error!("nested");
        trace!("nested");
        write!(f, "{}", enabled!(Level::TRACE))
    }
}

fn fmt_layer<S>(written: &Written) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    tracing_subscriber::fmt::layer().with_ansi(false).without_time().with_writer(written.clone()).boxed()
}

fn ours_up_to_info<S>() -> logscope::ScopedLayer<S> {
    configure().ceiling(LevelFilter::INFO).layer()
}

fn filtered<S>() -> impl Layer<S> + Send + Sync
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fmt_layer(&Written::default()).with_filter(LevelFilter::WARN)
}

/// Logs an event, and another one inside two spans, and checks that a context has all of it.
#[track_caller]
fn assert_logs(name: &str) {
    let (uno, memory) = context(name, LevelFilter::TRACE);
    uno.scope(|| {
        info!("before");
        let _outer = tracing::info_span!("outer", n = 1).entered();
        let inner = tracing::trace_span!("inner", m = tracing::field::Empty).entered();
        inner.record("m", 2);
        trace!(value = ?Logs, "inside");
    });
    let (nested, logged): (Vec<_>, Vec<_>) = messages(&memory).into_iter().partition(|message| message == "nested");
    assert_eq!(logged, ["before", "inside"], "{name}");
    assert!(nested.len() >= 2, "each layer that renders the value logs two events");
    let records = records(&memory);
    let inside = records.iter().find(|record| record["fields"]["message"] == "inside").unwrap();
    assert_eq!(
        inside["spans"],
        serde_json::json!([{ "name": "outer", "n": 1 }, { "name": "inner", "m": 2 }]),
        "{name}: the spans are captured"
    );
    assert!(uno.ledger().is_complete());
}

/// A subscriber with a reloadable layer, at each place beside a filtered and an unfiltered layer.
#[test]
fn a_layer_that_reload_puts_in_works_as_the_first_did() {
    let test = "a_layer_that_reload_puts_in_works_as_the_first_did";
    for position in ["0", "1", "2"] {
        let Some(child) = in_own_process(test, &[("POSITION", position)]) else { break };
        child.passed();
    }
    let Ok(position) = std::env::var("POSITION") else { return };
    let (layer, handle) = reload::Layer::new(logscope::layer());
    let written = [Written::default(), Written::default()];
    let mut layers: Vec<BoxedLayer> =
        vec![fmt_layer(&written[0]).with_filter(EnvFilter::new("error")).boxed(), fmt_layer(&written[1])];
    layers.insert(position.parse().unwrap(), layer.boxed());
    registry().with(layers).init();
    for nth in 0..3 {
        assert_logs(&format!("layer {nth}"));
        handle.reload(logscope::layer()).unwrap();
    }
    handle.modify(|layer| *layer = logscope::layer()).unwrap();
    assert_logs("modified");
    assert_eq!(written[0].lines().iter().filter(|line| !line.contains("ERROR")).count(), 0, "{}", written[0].text());
}

#[test]
fn a_layer_is_put_in_where_there_was_none() {
    if let Some(child) = in_own_process("a_layer_is_put_in_where_there_was_none", &[]) {
        child.passed();
        return;
    }
    let written = Written::default();
    let (option, to_option) = reload::Layer::new(None::<logscope::ScopedLayer<Registry>>);
    let (vec, to_vec) = reload::Layer::new(vec![fmt_layer(&written)]);
    registry().with(option.and_then(vec)).init();
    let (uno, memory) = context("uno", LevelFilter::TRACE);
    uno.scope(|| info!("nobody listens"));
    assert!(memory.is_empty());

    to_option.reload(Some(logscope::layer())).unwrap();
    assert_logs("in an option");
    to_option.reload(None).unwrap();
    uno.scope(|| info!("nobody listens"));
    assert!(memory.is_empty());
    to_vec.modify(|layers| layers.push(logscope::layer().boxed())).unwrap();
    assert_logs("in a vec");
    assert_eq!(written.lines().iter().filter(|line| line.ends_with("nobody listens")).count(), 2);
}

/// The hook that scopes call finds the layer, makes its rebuild, and is called no longer.
#[test]
fn the_first_scope_finds_the_layer_behind_reload() {
    let test = "the_first_scope_finds_the_layer_behind_reload";
    for filter in ["trace", "app=trace"] {
        let Some(child) = in_own_process(test, &[("FILTER", filter)]) else { break };
        child.passed();
    }
    let Ok(filter) = std::env::var("FILTER") else { return };
    let (layer, handle) = reload::Layer::new(logscope::layer());
    // The filter is asked first, and the second one lets nothing of the target `logscope` through.
    registry().with(Rebuilds).with(layer).with(EnvFilter::new(filter)).init();
    info!(target: "app", "a callsite that a rebuild asks about");
    OutputContext::builder("uno").build().scope(|| ());
    assert!(REBUILDS.load(Ordering::Relaxed) > 0, "the first scope has waited for a rebuild");

    // A layer that is put in makes a rebuild of its own.
    wait_for_the_first_rebuilds();
    handle.reload(logscope::layer()).unwrap();
    ASKED_AGAIN.store(false, Ordering::Relaxed);
    OutputContext::builder("due").build().scope(|| ());
    assert!(ASKED_AGAIN.load(Ordering::Relaxed), "the scope has waited for another rebuild");
}

/// Counts the questions of the rebuilding threads.
struct Rebuilds;

static REBUILDS: AtomicUsize = AtomicUsize::new(0);
static ASKED_AGAIN: AtomicBool = AtomicBool::new(false);

impl<S: Subscriber> Layer<S> for Rebuilds {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        if thread::current().name() == Some("logscope-rebuild") {
            REBUILDS.fetch_add(1, Ordering::Relaxed);
            ASKED_AGAIN.store(true, Ordering::Relaxed);
        }
        Interest::always()
    }
}

/// Waits until the thread of the first rebuilds has ended, and forgets what it asked.
#[cfg(target_os = "linux")]
fn wait_for_the_first_rebuilds() {
    let is_rebuilding = || {
        let mut tasks = std::fs::read_dir("/proc/self/task").unwrap();
        tasks.any(|task| {
            let name = std::fs::read_to_string(task.unwrap().path().join("comm"));
            name.is_ok_and(|name| name.trim_end() == "logscope-rebuil")
        })
    };
    testing::wait_until(Duration::from_secs(30), || !is_rebuilding()).expect("the rebuilding thread ends");
    ASKED_AGAIN.store(false, Ordering::Relaxed);
}

#[cfg(not(target_os = "linux"))]
fn wait_for_the_first_rebuilds() {}

#[test]
fn a_second_installation_names_the_layer_behind_reload() {
    if let Some(child) = in_own_process("a_second_installation_names_the_layer_behind_reload", &[]) {
        child.passed();
        return;
    }
    let (layer, _handle) = reload::Layer::new(logscope::layer());
    registry().with(layer).init();
    let error = logscope::try_init().unwrap_err().to_string();
    assert!(error.contains("logscope itself"), "{error}");
}

#[test]
fn a_filter_beside_a_reloadable_layer_is_reported() {
    if let Some(child) = in_own_process("a_filter_beside_a_reloadable_layer_is_reported", &[]) {
        let reported = child.passed().fallback_lines();
        assert!(reported.len() == 1 && reported[0].contains("only up to warn"), "{reported:?}");
        return;
    }
    let (layer, _handle) = reload::Layer::new(logscope::layer());
    registry().with(layer).with(LevelFilter::WARN).init();
    OutputContext::builder("uno").build().scope(|| ());
}

/// tracing-subscriber takes the hint of a layer behind `reload` for that of a filter of all layers.
#[test]
fn a_ceiling_behind_reload_holds_for_this_layer_alone() {
    if let Some(child) = in_own_process("a_ceiling_behind_reload_holds_for_this_layer_alone", &[]) {
        child.passed();
        return;
    }
    let written = Written::default();
    let (layer, handle) = reload::Layer::new(ours_up_to_info());
    registry().with(fmt_layer(&written)).with(layer).init();
    let (uno, memory) = context("uno", LevelFilter::INFO);
    for nth in 1..3 {
        uno.scope(|| {
            info!("wanted");
            debug!("above");
        });
        assert_eq!(messages(&memory), vec!["wanted"; nth]);
        assert_eq!(written.lines().len(), 2 * nth, "{}", written.text());
        handle.reload(ours_up_to_info()).unwrap();
    }
}

/// Without `reload`, the ceiling still is the hint, so that `tracing` disables what nobody wants.
#[test]
fn the_ceiling_is_the_level_of_a_process_in_which_nobody_wants_more() {
    let test = "the_ceiling_is_the_level_of_a_process_in_which_nobody_wants_more";
    for nested in ["alone", "boxed", "option", "vec", "tree"] {
        let Some(child) = in_own_process(test, &[("NESTED", nested)]) else { break };
        child.passed();
    }
    let Ok(nested) = std::env::var("NESTED") else { return };
    match nested.as_str() {
        "alone" => registry().with(ours_up_to_info()).with(filtered()).init(),
        "boxed" => registry().with(filtered()).with(ours_up_to_info().boxed()).init(),
        "option" => registry().with(Some(ours_up_to_info())).with(filtered()).init(),
        "vec" => registry().with(vec![filtered().boxed(), ours_up_to_info().boxed()]).init(),
        _ => registry().with(filtered().and_then(ours_up_to_info())).init(),
    }
    assert_eq!(LevelFilter::current(), LevelFilter::INFO);
}

/// A thread logs without end while layers are put in: nothing panics, and nothing is lost.
#[test]
fn nothing_is_lost_while_layers_are_put_in() {
    if let Some(child) = in_own_process("nothing_is_lost_while_layers_are_put_in", &[]) {
        child.passed();
        return;
    }
    let (layer, handle) = reload::Layer::new(logscope::layer());
    registry().with(fmt_layer(&Written::default()).with_filter(LevelFilter::WARN)).with(layer).init();
    let (uno, memory) = context("uno", LevelFilter::TRACE);
    let (begun, has_begun) = sync_channel(0);
    let ends = AtomicBool::new(false);
    let logged = thread::scope(|scope| {
        let logging = scope.spawn(|| {
            let _scope = uno.enter();
            let mut logged = 0;
            while !ends.load(Ordering::Relaxed) {
                debug!("said");
                logged += 1;
                if logged == 1 {
                    begun.send(()).unwrap();
                }
            }
            logged
        });
        has_begun.recv_timeout(Duration::from_secs(30)).unwrap();
        for _ in 0..50 {
            handle.reload(logscope::layer()).unwrap();
        }
        ends.store(true, Ordering::Relaxed);
        logging.join().unwrap()
    });
    assert_eq!(memory.len(), logged);
}
