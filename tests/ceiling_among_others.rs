//! The ceiling of a layer among others, and the report on stderr when another filter cuts below it.
//!
//! The ceiling and the global subscriber belong to the process, so each test runs in a process of its own.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used)]

mod layers;

use std::fmt;

use layers::{Written, context, in_own_process, messages, records};
use logscope::{Dial, LevelFilter, OutputContext, Verbosity, configure};
use tracing::{Level, debug, enabled, info, trace};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{EnvFilter, Layer, Registry, registry};

struct Asks;

impl fmt::Debug for Asks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", enabled!(Level::INFO), enabled!(Level::DEBUG))
    }
}

fn fmt_layer(written: &Written) -> Box<dyn Layer<Registry> + Send + Sync> {
    tracing_subscriber::fmt::layer().with_ansi(false).without_time().with_writer(written.clone()).boxed()
}

/// The other layer asks about a level above our ceiling while it renders. A filter of ours that said no to that would lose the record that
/// is being rendered.
#[test]
fn only_records_above_the_ceiling_are_left_out() {
    if let Some(child) = in_own_process("only_records_above_the_ceiling_are_left_out", &[]) {
        child.passed();
        return;
    }
    let written = Written::default();
    let ours = configure().ceiling(LevelFilter::INFO).layer().boxed();
    registry().with(vec![fmt_layer(&written), ours]).init();
    let (uno, memory) = context("uno", LevelFilter::TRACE);
    uno.scope(|| {
        for _ in 0..3 {
            let _outer = tracing::info_span!("outer", asks = ?Asks).entered();
            let _inner = tracing::debug_span!("inner", asks = ?Asks).entered();
            info!(asks = ?Asks, "wanted");
            debug!(asks = ?Asks, "above");
            trace!("above");
            info!("wanted");
            assert!(enabled!(Level::TRACE), "the other layer wants TRACE");
            info!("wanted");
        }
    });
    assert_eq!(messages(&memory), ["wanted"; 9]);
    for record in records(&memory) {
        let names = record["spans"].as_array().unwrap().iter().map(|span| span["name"].as_str().unwrap());
        assert_eq!(names.collect::<Vec<_>>(), ["outer"]);
    }
    let text = written.text();
    assert_eq!((text.matches("wanted").count(), text.matches("above").count()), (9, 6));
    assert_eq!(text.matches(":inner{").count(), 15);
}

#[test]
fn an_installed_ceiling_caps_tracing_and_log() {
    if let Some(child) = in_own_process("an_installed_ceiling_caps_tracing_and_log", &[]) {
        child.passed();
        return;
    }
    configure().ceiling(LevelFilter::INFO).install().unwrap();
    assert_eq!(LevelFilter::current(), LevelFilter::INFO);
    #[cfg(feature = "log")]
    assert_eq!(log::max_level(), log::LevelFilter::Info);
    let (uno, memory) = context("uno", LevelFilter::TRACE);
    uno.scope(|| {
        assert!(enabled!(Level::INFO) && !enabled!(Level::DEBUG));
        debug!("above");
        log::debug!("above");
        info!("wanted");
        log::info!("wanted");
    });
    assert_eq!(messages(&memory), vec!["wanted"; if cfg!(feature = "log") { 2 } else { 1 }]);
}

#[test]
fn contexts_above_the_ceiling_are_clamped_and_reported_once() {
    if let Some(child) = in_own_process("contexts_above_the_ceiling_are_clamped_and_reported_once", &[]) {
        let reported = child.passed().fallback_lines();
        assert_eq!(reported.len(), 1, "{reported:?}");
        for word in ["\"before\"", "trace", "the ceiling info", "logscope::configure().ceiling"] {
            assert!(reported[0].contains(word), "{word} is not in {}", reported[0]);
        }
        return;
    }
    let (before, memory_before) = context("before", LevelFilter::TRACE);
    registry().with(fmt_layer(&Written::default())).with(configure().ceiling(LevelFilter::INFO).layer()).init();

    let (quiet, memory_quiet) = context("quiet", LevelFilter::INFO);
    let dial = Dial::new(LevelFilter::WARN);
    let (turned, memory_turned) = context("turned", &dial);
    let (first, memory_first) = context("first", LevelFilter::TRACE);
    let directives: Verbosity = "warn,ceiling_among_others=trace,other=debug".parse().unwrap();
    let (second, memory_second) = context("second", directives);
    let derived = quiet.with_verbosity(LevelFilter::DEBUG);
    dial.set(LevelFilter::TRACE);

    assert_eq!(first.verbosity(), &Verbosity::from(LevelFilter::INFO));
    assert_eq!(second.verbosity().to_string(), "warn,other=info,ceiling_among_others=info");
    assert_eq!(derived.verbosity().max_level(), LevelFilter::INFO);
    for context in [&before, &quiet, &turned, &first, &second, &derived] {
        context.scope(|| {
            info!("wanted");
            debug!("above");
            trace!("above");
        });
    }
    for memory in [memory_before, memory_turned, memory_first, memory_second] {
        assert_eq!(messages(&memory), ["wanted"]);
    }
    assert_eq!(messages(&memory_quiet), ["wanted"; 2]);
}

/// The lines on stderr after `install` has installed the global subscriber and scopes were entered. `None` in the child process.
#[track_caller]
fn stderr_after(test: &str, install: impl FnOnce()) -> Option<Vec<String>> {
    let child = in_own_process(test, &[]);
    if child.is_none() {
        install();
        for _ in 0..3 {
            let uno = OutputContext::builder("uno").verbosity(LevelFilter::TRACE).sink(logscope::sink::null());
            uno.build().scope(|| info!("said"));
        }
    }
    child.map(|child| child.passed().fallback_lines())
}

#[test]
fn a_global_env_filter_that_caps_the_layer_is_reported_once() {
    let test = "a_global_env_filter_that_caps_the_layer_is_reported_once";
    let install = || registry().with(EnvFilter::new("warn,app=trace")).with(logscope::layer()).init();
    let Some(reported) = stderr_after(test, install) else { return };
    assert_eq!(reported.len(), 1, "{reported:?}");
    for words in ["only up to warn", "up to trace", "with_filter", "ceiling"] {
        assert!(reported[0].contains(words), "{words} is not in {}", reported[0]);
    }
}

#[test]
fn a_global_level_filter_that_caps_the_layer_is_reported_once() {
    let test = "a_global_level_filter_that_caps_the_layer_is_reported_once";
    let install = || registry().with(logscope::layer()).with(LevelFilter::OFF).init();
    let Some(reported) = stderr_after(test, install) else { return };
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert!(reported[0].contains("only up to off"), "{reported:?}");
}

#[test]
fn a_filter_of_another_layer_is_not_reported() {
    let test = "a_filter_of_another_layer_is_not_reported";
    let install = || {
        let filtered = fmt_layer(&Written::default()).with_filter(EnvFilter::new("warn"));
        registry().with(filtered).with(logscope::layer()).init();
    };
    let Some(reported) = stderr_after(test, install) else { return };
    assert!(reported.is_empty(), "{reported:?}");
}

#[test]
fn a_filter_at_the_ceiling_is_not_reported() {
    let test = "a_filter_at_the_ceiling_is_not_reported";
    let install = || {
        registry().with(EnvFilter::new("info")).with(configure().ceiling(LevelFilter::INFO).layer()).init();
        // The contexts of `stderr_after` ask for more, which has a report of its own.
        let _ = OutputContext::builder("clamped").verbosity(LevelFilter::TRACE).build();
    };
    let Some(reported) = stderr_after(test, install) else { return };
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert!(reported[0].contains("clamped"), "{reported:?}");
}

#[test]
fn without_other_layers_nothing_is_reported() {
    let Some(reported) = stderr_after("without_other_layers_nothing_is_reported", logscope::init) else {
        return;
    };
    assert!(reported.is_empty(), "{reported:?}");
}

/// While there is no global subscriber, logscope cannot ask whether one caps the layer.
#[test]
fn under_a_scoped_subscriber_nothing_is_reported() {
    let test = "under_a_scoped_subscriber_nothing_is_reported";
    let mut guard = None;
    let install = || guard = Some(registry().with(logscope::layer()).set_default());
    let Some(reported) = stderr_after(test, install) else { return };
    assert!(reported.is_empty(), "{reported:?}");
}

/// The layer is found wherever in the subscriber it is, and so a filter beside it is reported.
#[test]
fn a_filter_beside_a_nested_layer_is_reported() {
    let test = "a_filter_beside_a_nested_layer_is_reported";
    let install = || registry().with(Some(vec![logscope::layer().boxed()])).with(LevelFilter::WARN).init();
    let Some(reported) = stderr_after(test, install) else { return };
    assert_eq!(reported.len(), 1, "{reported:?}");
}
