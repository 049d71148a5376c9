//! Installing: the verbosity from the environment, reasons for refusal, and what a refused installation leaves unchanged.
//!
//! Each test runs in a process of its own, because an installation is for the whole process.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used)]

mod layers;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use layers::{Child, Written, context, in_own_process, messages};
use logscope::testing::run_together;
use logscope::{Error, LevelFilter, OutputContext, Verbosity, configure, sink};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber, debug, error, info, trace, warn};
use tracing_subscriber::prelude::*;
use tracing_subscriber::reload;

/// Logs one event of each level, from two targets, in the default context.
fn log_everything() {
    macro_rules! log_each {
        ($target:expr) => {
            error!(target: $target, "said");
            warn!(target: $target, "said");
            info!(target: $target, "said");
            debug!(target: $target, "said");
            trace!(target: $target, "said");
        };
    }
    log_each!("app");
    log_each!("linker");
}

/// The levels that reached stderr from `target`.
fn levels(child: &Child, target: &str) -> Vec<String> {
    let ends = format!(" default {target}: said");
    let stderr = child.stderr();
    let lines = stderr.lines().filter_map(|line| line.strip_suffix(&ends));
    lines.map(|line| line.split_whitespace().nth(1).unwrap().to_owned()).collect()
}

const ALL: [&str; 5] = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"];

/// Runs `init` and logs everything under these environment variables. Returns the finished child, or `None` in the child.
fn initialised(test: &str, variables: &[(&str, &str)]) -> Option<Child> {
    let child = in_own_process(test, variables);
    if child.is_none() {
        logscope::init();
        log_everything();
    }
    child.map(Child::passed)
}

#[test]
fn the_default_verbosity_is_info() {
    let test = "the_default_verbosity_is_info";
    for variables in [&[][..], &[("LOGSCOPE", "")], &[("RUST_LOG", " ")], &[("LOGSCOPE", " "), ("RUST_LOG", "")]] {
        let Some(child) = initialised(test, variables) else { return };
        assert_eq!(levels(&child, "app"), ALL[..3]);
        assert_eq!(levels(&child, "linker"), ALL[..3]);
        assert!(child.fallback_lines().is_empty());
    }
}

#[test]
fn logscope_takes_precedence_over_rust_log() {
    let test = "logscope_takes_precedence_over_rust_log";
    type Case = (&'static [(&'static str, &'static str)], &'static [&'static str], &'static [&'static str]);
    let cases: [Case; 6] = [
        (&[("LOGSCOPE", "debug")], &ALL[..4], &ALL[..4]),
        (&[("RUST_LOG", "error")], &ALL[..1], &ALL[..1]),
        (&[("LOGSCOPE", "warn,linker=trace"), ("RUST_LOG", "debug")], &ALL[..2], &ALL),
        (&[("LOGSCOPE", ""), ("RUST_LOG", "linker=debug")], &[], &ALL[..4]),
        (&[("LOGSCOPE", "off,"), ("RUST_LOG", "what[is]this=")], &[], &[]),
        (&[("LOGSCOPE", " 4 , linker = OFF ")], &ALL[..4], &[]),
    ];
    for (variables, app, linker) in cases {
        let Some(child) = initialised(test, variables) else { return };
        assert_eq!(levels(&child, "app"), app, "{variables:?}");
        assert_eq!(levels(&child, "linker"), linker, "{variables:?}");
        assert!(child.fallback_lines().is_empty(), "{:?}", child.fallback_lines());
    }
}

/// What stands in a variable may be mistyped, or meant for other libraries. The process logs all the same.
#[test]
fn of_a_bad_variable_the_known_directives_are_used_and_the_others_named() {
    let test = "of_a_bad_variable_the_known_directives_are_used_and_the_others_named";
    let cases = [
        ("debug,linker=warn,app[request]=trace", &ALL[..4], &ALL[..2], Some("directive 3 (\"app[request]=trace\")")),
        ("linker=error,inof", &ALL[..3], &ALL[..1], Some("directive 2 (\"inof\")")),
        ("info,linker=loud", &ALL[..3], &ALL[..3], Some("\"loud\" is not a level")),
        ("what[is]this=", &ALL[..3], &ALL[..3], Some("so the default is used")),
        ("debug,", &ALL[..4], &ALL[..4], None),
    ];
    for variable in ["LOGSCOPE", "RUST_LOG"] {
        for (value, app, linker, named) in cases {
            let Some(child) = initialised(test, &[(variable, value)]) else { return };
            assert_eq!((levels(&child, "app"), levels(&child, "linker")), (owned(app), owned(linker)), "{value}");
            let reported = child.fallback_lines();
            assert_eq!(reported.len(), usize::from(named.is_some()), "{value}: {reported:?}");
            for line in reported {
                assert!(line.starts_with(variable) && named.is_some_and(|part| line.contains(part)), "{value}: {line}");
            }
        }
    }
}

fn owned(levels: &[&str]) -> Vec<String> {
    levels.iter().map(|level| (*level).to_owned()).collect()
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_unicode_is_not_ignored() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let test = "a_variable_that_is_not_unicode_is_not_ignored";
    for variable in ["LOGSCOPE", "RUST_LOG"] {
        let garbled = OsStr::from_bytes(b"debug\xff");
        let Some(child) = layers::in_own_process_with(test, |command| command.env(variable, garbled)) else {
            logscope::init();
            log_everything();
            return;
        };
        let child = child.passed();
        assert_eq!(levels(&child, "app"), ALL[..3]);
        let reported = child.fallback_lines();
        assert!(reported.len() == 1 && reported[0].starts_with(&format!("{variable} is not Unicode")), "{reported:?}");
    }
}

/// A program's own contexts can have what the process default has.
#[test]
fn from_env_returns_what_init_uses() {
    let test = "from_env_returns_what_init_uses";
    let cases = [
        ("LOGSCOPE", "debug,linker=warn", Some("debug,linker=warn"), 0),
        ("RUST_LOG", "linker=trace,inof", Some("info,linker=trace"), 1),
        ("RUST_LOG", "what[is]this=", None, 1),
        ("RUST_LOG", " ", None, 0),
    ];
    for (variable, value, expected, mistakes) in cases {
        if let Some(child) = in_own_process(test, &[(variable, value), ("EXPECTED", expected.unwrap_or_default())]) {
            let child = child.passed();
            let reported = child.fallback_lines();
            assert_eq!(reported.len(), mistakes, "{value}: {reported:?}");
            continue;
        }
        // The child: its mistakes are told once, whoever asks first.
        let before = Verbosity::from_env();
        logscope::init();
        let expected = Some(std::env::var("EXPECTED").unwrap()).filter(|text| !text.is_empty());
        assert_eq!(before.as_ref().map(Verbosity::to_string), expected);
        assert_eq!(OutputContext::current().verbosity(), &before.clone().unwrap_or_default());
        assert_eq!(Verbosity::from_env(), before);
        return;
    }
}

/// A program, or a test, may make many layers. The first gives the built-in default its verbosity; the others find it there.
#[test]
fn a_second_layer_leaves_the_built_in_default_alone() {
    let test = "a_second_layer_leaves_the_built_in_default_alone";
    if let Some(child) = in_own_process(test, &[("LOGSCOPE", "debug,inof[x]")]) {
        assert_eq!(child.passed().fallback_lines().len(), 1, "the environment is read once");
        return;
    }
    let layer = || tracing_subscriber::registry().with(logscope::layer());
    let first = (layer(), OutputContext::current());
    let second = (layer(), OutputContext::current());
    assert_eq!(first.1.verbosity(), &LevelFilter::DEBUG.into());
    assert_eq!((first.1.id(), first.1.origin()), (second.1.id(), second.1.origin()));
}

/// However the layer gets into a subscriber, its configuration has no effect before.
#[test]
fn a_layer_sets_nothing_before_it_is_in_a_subscriber() {
    let test = "a_layer_sets_nothing_before_it_is_in_a_subscriber";
    for way in ["alone", "boxed", "option", "vec", "tree", "reload", "put in"] {
        let Some(child) = in_own_process(test, &[("WAY", way)]) else { break };
        child.passed();
    }
    let Ok(way) = std::env::var("WAY") else { return };
    let (uno, memory) = context("uno", LevelFilter::TRACE);
    let configured = || configure().ceiling(LevelFilter::INFO).default_context(uno.clone()).max_record_bytes(400);
    let unused: logscope::ScopedLayer<tracing_subscriber::Registry> = configured().layer();
    drop(unused);
    let layer = configured().layer();
    assert_ne!(OutputContext::current().name(), "uno");
    assert_eq!(context("due", LevelFilter::TRACE).0.verbosity().max_level(), LevelFilter::TRACE);

    let registry = tracing_subscriber::registry();
    match way.as_str() {
        "alone" => registry.with(layer).init(),
        "boxed" => registry.with(layer.boxed()).init(),
        "option" => registry.with(Some(layer)).init(),
        "vec" => registry.with(vec![layer]).init(),
        "tree" => registry.with(LevelFilter::TRACE.and_then(layer)).init(),
        "reload" => registry.with(reload::Layer::new(layer).0).init(),
        _ => {
            let (none, handle) = reload::Layer::new(None::<logscope::ScopedLayer<tracing_subscriber::Registry>>);
            registry.with(none).init();
            handle.reload(Some(layer)).unwrap();
            assert!(memory.is_empty());
            // The first event that the layer gets.
            info!("first");
            assert_eq!(messages(&memory), ["first"]);
            memory.clear();
        }
    }
    assert_eq!(OutputContext::current().name(), "uno");
    assert_eq!(context("due", LevelFilter::TRACE).0.verbosity().max_level(), LevelFilter::INFO);
    info!("{}", "x".repeat(1_000));
    assert!(memory.text().contains("<cut>"), "{}", memory.text());
}

/// Who reads the environment: each row is a configuration, and the levels that unscoped events then have under `LOGSCOPE=debug,`.
#[test]
fn configure_reads_the_environment_unless_a_verbosity_is_given() {
    let test = "configure_reads_the_environment_unless_a_verbosity_is_given";
    let stderr = || OutputContext::builder("default").sink(sink::stderr());
    type Case = (&'static str, fn(logscope::Config) -> logscope::Config, usize);
    let cases: [Case; 6] = [
        ("as it is", |configure| configure, 4),
        ("without env", |configure| configure.env(false), 3),
        ("verbosity", |configure| configure.verbosity(LevelFilter::WARN), 2),
        ("verbosity and env", |configure| configure.verbosity(LevelFilter::WARN).env(true), 2),
        ("given default", |configure| configure, 3),
        ("given default, verbosity", |configure| configure.verbosity(LevelFilter::TRACE), 5),
    ];
    for way in ["install", "layer", "set_process_default"] {
        for (name, prepare, expected) in cases {
            let variables = [("LOGSCOPE", "debug,"), ("CASE", name), ("WAY", way)];
            let Some(child) = in_own_process(test, &variables) else {
                if std::env::var("WAY").unwrap() != way || std::env::var("CASE").unwrap() != name {
                    continue;
                }
                let mut configure = prepare(configure());
                if name.starts_with("given default") {
                    configure = configure.default_context(stderr().build());
                }
                match way {
                    "install" => configure.install().unwrap(),
                    "layer" => tracing_subscriber::registry().with(configure.layer()).init(),
                    _ => {
                        drop(logscope::set_process_default(stderr().verbosity(LevelFilter::ERROR).build()));
                        configure.install().unwrap();
                    }
                }
                log_everything();
                return;
            };
            // A default that the program has set keeps its verbosity, unless another default is given.
            let expected = if way == "set_process_default" && !name.starts_with("given") { 1 } else { expected };
            assert_eq!(levels(&child.passed(), "app"), ALL[..expected], "{way}, {name}");
        }
    }
}

#[test]
fn the_clock_of_the_built_in_default_starts_at_init() {
    if let Some(child) = in_own_process("the_clock_of_the_built_in_default_starts_at_init", &[]) {
        child.passed();
        return;
    }
    logscope::init();
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(5) {
        std::hint::spin_loop();
    }
    let since_init = start.elapsed();
    assert!(OutputContext::current().elapsed() >= since_init);
}

#[test]
fn a_refused_install_sets_nothing() {
    if let Some(child) = in_own_process("a_refused_install_sets_nothing", &[]) {
        child.passed();
        return;
    }
    logscope::init();
    configure().max_record_bytes(100).install().unwrap_err();
    let (memory, lines) = sink::memory();
    let uno = OutputContext::builder("uno").sink(memory).build();
    let long = "x".repeat(1_000);
    uno.scope(|| info!("{long}"));
    assert!(lines.text().ends_with(&format!("{long}\n")));
}

fn assert_mentions(error: &Error, words: &[&str]) {
    for word in words {
        assert!(error.to_string().contains(word), "{word:?} is not in {:?}", error.to_string());
    }
}

/// Checks that installing fails, by `init` and by `configure`, with an error that contains these words, and leaves the default context alone.
#[track_caller]
fn assert_refused(words: &[&str]) {
    let before = OutputContext::current().id();
    let unused = OutputContext::builder("unused").sink(sink::null()).build();
    for error in [logscope::try_init(), configure().default_context(unused).install()].map(Result::unwrap_err) {
        assert!(error.kind() == logscope::ErrorKind::AlreadyInstalled, "{error:?}");
        assert_mentions(&error, words);
    }
    assert_eq!(OutputContext::current().id(), before);
}

#[test]
fn a_second_install_is_refused() {
    if let Some(child) = in_own_process("a_second_install_is_refused", &[]) {
        child.passed();
        return;
    }
    let (uno, memory) = context("uno", LevelFilter::INFO);
    configure().default_context(uno).install().unwrap();
    assert_refused(&["installed already", "logscope itself", "set_process_default"]);
    info!("still to the first");
    assert_eq!(messages(&memory), ["still to the first"]);
}

#[test]
fn install_is_refused_over_a_registry_with_its_layer() {
    if let Some(child) = in_own_process("install_is_refused_over_a_registry_with_its_layer", &[]) {
        child.passed();
        return;
    }
    tracing_subscriber::registry().with(logscope::layer()).init();
    assert_refused(&["installed already", "logscope itself"]);
}

#[test]
fn install_is_refused_over_a_registry_without_its_layer() {
    if let Some(child) = in_own_process("install_is_refused_over_a_registry_without_its_layer", &[]) {
        child.passed();
        return;
    }
    tracing_subscriber::registry().with(LevelFilter::INFO).init();
    assert_refused(&["installed already", "registry without logscope's layer", ".with(logscope::layer())"]);
}

#[test]
fn install_is_refused_over_the_subscriber_of_fmt() {
    if let Some(child) = in_own_process("install_is_refused_over_the_subscriber_of_fmt", &[]) {
        child.passed();
        return;
    }
    let written = Written::default();
    tracing_subscriber::fmt().with_writer(written.clone()).init();
    assert_refused(&["installed already", "tracing_subscriber::fmt().init()", ".with(logscope::layer())"]);
    info!("still to fmt");
    assert_eq!(written.lines().len(), 1);
}

/// A subscriber that is not built on a registry.
struct Bare;

static GIVEN: AtomicUsize = AtomicUsize::new(0);

impl Subscriber for Bare {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {
        GIVEN.fetch_add(1, Ordering::Relaxed);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn install_is_refused_over_a_subscriber_without_registry() {
    if let Some(child) = in_own_process("install_is_refused_over_a_subscriber_without_registry", &[]) {
        child.passed();
        return;
    }
    tracing::subscriber::set_global_default(Bare).unwrap();
    assert_refused(&["installed already", "not built on tracing-subscriber's registry"]);
    info!("still to it");
    assert_eq!(GIVEN.load(Ordering::Relaxed), 1);
}

/// A scoped subscriber on the installing thread is not the global one: it neither prevents an installation nor hides one.
#[test]
fn install_ignores_a_scoped_subscriber() {
    if let Some(child) = in_own_process("install_ignores_a_scoped_subscriber", &[]) {
        child.passed();
        return;
    }
    let (uno, memory) = context("uno", LevelFilter::INFO);
    let fmt = || tracing_subscriber::fmt().with_writer(std::io::sink).finish();
    tracing::subscriber::with_default(fmt(), || {
        configure().default_context(uno).install().unwrap();
        info!("to fmt");
    });
    info!("to the default");
    assert_eq!(messages(&memory), ["to the default"]);
    tracing::subscriber::with_default(fmt(), || assert_refused(&["logscope itself"]));
    tracing::subscriber::with_default(tracing::subscriber::NoSubscriber::new(), || {
        assert_refused(&["logscope itself"]);
    });
}

#[cfg(feature = "log")]
#[test]
fn install_is_refused_over_a_logger_of_the_log_crate() {
    struct Logger;
    impl log::Log for Logger {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }
        fn log(&self, _: &log::Record<'_>) {
            GIVEN.fetch_add(1, Ordering::Relaxed);
        }
        fn flush(&self) {}
    }

    if let Some(child) = in_own_process("install_is_refused_over_a_logger_of_the_log_crate", &[]) {
        child.passed();
        return;
    }
    log::set_boxed_logger(Box::new(Logger)).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    assert_refused(&["`log` logger is installed already", "remove it", "without its feature `log`"]);
    log::trace!("still to it");
    assert_eq!(GIVEN.load(Ordering::Relaxed), 1);
    // Nothing was installed in part.
    assert!(!tracing::enabled!(tracing::Level::ERROR));
    tracing::subscriber::set_global_default(Bare).expect("the place of the subscriber is free");
}

#[test]
fn one_of_several_concurrent_installs_succeeds() {
    if let Some(child) = in_own_process("one_of_several_concurrent_installs_succeeds", &[]) {
        child.passed();
        return;
    }
    let logs: Vec<_> = (0..8).map(|n| context(&n.to_string(), LevelFilter::INFO)).collect();
    let results = run_together(logs.len(), |number| {
        let context = &logs[number].0;
        let result = configure().default_context(context.clone()).install();
        // Once refused, a thread finds the other one's installation.
        context.scope(|| info!("own"));
        result
    });
    info!("said");
    for (result, (_, memory)) in results.iter().zip(&logs) {
        assert_eq!(memory.len(), 1 + usize::from(result.is_ok()));
        assert!(result.as_ref().err().is_none_or(|error| error.kind() == logscope::ErrorKind::AlreadyInstalled));
    }
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
}

#[test]
fn install_uses_the_configured_ceiling_and_default() {
    if let Some(child) = in_own_process("install_uses_the_configured_ceiling_and_default", &[("LOGSCOPE", "trace")]) {
        child.passed();
        return;
    }
    let (uno, memory) = context("uno", LevelFilter::DEBUG);
    configure().ceiling(LevelFilter::INFO).default_context(uno).install().unwrap();
    log_everything();
    assert_eq!(OutputContext::current().name(), "uno");
    // The environment is for the built-in default: this one keeps its verbosity.
    assert_eq!(memory.len(), 6);
}
