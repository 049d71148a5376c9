//! `tracing::enabled!` under `install`, where logscope is the whole subscriber: it answers by the current context. (As one layer among
//! others it cannot, as the documentation of `layer()` says.)
//!
//! logscope is installed for the whole process. The tests share no context but the default one, whose verbosity is WARN.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used)]

mod layers;

use std::cell::Cell;
use std::fmt;
use std::sync::Once;

use layers::{context, in_own_process, messages, records};
use logscope::{Dial, InContext as _, LevelFilter, OutputContext, Verbosity, sink};
use tracing::{Level, debug, debug_span, enabled, event_enabled, info, info_span, span_enabled};

fn init() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        let outside = OutputContext::builder("outside").verbosity(LevelFilter::WARN).sink(sink::null()).build();
        logscope::configure().default_context(outside).install().unwrap();
    });
}

/// The most verbose level that is enabled here, for events, spans and both.
fn enabled_here() -> LevelFilter {
    macro_rules! ask {
        ($($level:ident),*) => {[$(
            (enabled!(Level::$level), event_enabled!(Level::$level), span_enabled!(Level::$level), Level::$level),
        )*]};
    }
    let mut most = LevelFilter::OFF;
    for (any, event, span, level) in ask!(ERROR, WARN, INFO, DEBUG, TRACE) {
        assert!(any == event && any == span, "{level}");
        if any {
            assert_eq!(LevelFilter::from_level(level), next(most), "a less verbose level must be enabled too");
            most = LevelFilter::from_level(level);
        }
    }
    most
}

fn next(level: LevelFilter) -> LevelFilter {
    match level.into_level() {
        None => LevelFilter::ERROR,
        Some(Level::ERROR) => LevelFilter::WARN,
        Some(Level::WARN) => LevelFilter::INFO,
        Some(Level::INFO) => LevelFilter::DEBUG,
        Some(_) => LevelFilter::TRACE,
    }
}

const LEVELS: [LevelFilter; 6] = [
    LevelFilter::OFF,
    LevelFilter::ERROR,
    LevelFilter::WARN,
    LevelFilter::INFO,
    LevelFilter::DEBUG,
    LevelFilter::TRACE,
];

fn with(verbosity: impl Into<Verbosity>) -> OutputContext {
    OutputContext::builder("uno").verbosity(verbosity).build()
}

#[test]
fn enabled_answers_by_the_current_context() {
    init();
    assert_eq!(enabled_here(), LevelFilter::WARN);
    for level in LEVELS {
        with(level).scope(|| {
            assert_eq!(enabled_here(), level);
            for inner in LEVELS {
                let _scope = with(inner).enter();
                assert_eq!(enabled_here(), inner);
            }
            assert_eq!(enabled_here(), level);
            let elsewhere = || std::thread::spawn(enabled_here).join().unwrap();
            assert_eq!(elsewhere(), LevelFilter::WARN, "a plain thread carries no context");
            assert_eq!(std::thread::spawn(logscope::bind_current(enabled_here)).join().unwrap(), level);
        });
    }
    assert_eq!(enabled_here(), LevelFilter::WARN);
}

#[test]
fn enabled_answers_by_the_context_of_the_polled_task() {
    init();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let task = |level: LevelFilter| {
            let work = async move {
                for _ in 0..3 {
                    assert_eq!(enabled_here(), level);
                    tokio::task::yield_now().await;
                }
                logscope::update(|context| context.with_verbosity(LevelFilter::ERROR));
                tokio::task::yield_now().await;
                assert_eq!(enabled_here(), LevelFilter::ERROR);
            };
            tokio::task::spawn(work.in_context(&with(level)))
        };
        for task in LEVELS.map(task) {
            task.await.unwrap();
        }
        assert_eq!(enabled_here(), LevelFilter::WARN);
    });
}

#[test]
fn enabled_follows_dials_and_directives() {
    init();
    let dial = Dial::new(LevelFilter::OFF);
    with(&dial).scope(|| {
        for level in LEVELS {
            dial.set(level);
            assert_eq!(enabled_here(), level);
        }
        dial.set("error,linker=trace".parse::<Verbosity>().unwrap());
        assert_eq!(enabled_here(), LevelFilter::ERROR);
        assert!(enabled!(target: "linker::symbols", Level::TRACE));
    });
    with("error,enabled=debug".parse::<Verbosity>().unwrap()).scope(|| {
        assert_eq!(enabled_here(), LevelFilter::DEBUG);
        assert!(!enabled!(target: "linker", Level::WARN));
    });
}

/// An event that is not enabled does not even evaluate its arguments, and a span that is not enabled is not made.
#[test]
fn disabled_events_and_spans_evaluate_nothing() {
    init();
    let (uno, memory) = context("uno", LevelFilter::INFO);
    let evaluated = Cell::new(0);
    let evaluate = || {
        evaluated.set(evaluated.get() + 1);
        1
    };
    uno.scope(|| {
        debug!(value = evaluate(), "unwanted");
        let unwanted = debug_span!("unwanted", value = evaluate());
        assert!(unwanted.is_disabled());
        unwanted.in_scope(|| info!(value = evaluate(), "wanted"));
        assert!(!info_span!("wanted", value = evaluate()).is_disabled());
    });
    assert_eq!(evaluated.get(), 2);
    assert!(records(&memory)[0].get("span").is_none());
}

#[cfg(feature = "log")]
#[test]
fn log_enabled_answers_by_the_current_context() {
    init();
    let (uno, _memory) = context("uno", "info,linker=trace".parse::<Verbosity>().unwrap());
    assert!(log::log_enabled!(log::Level::Warn) && !log::log_enabled!(log::Level::Info));
    uno.scope(|| {
        assert!(log::log_enabled!(log::Level::Info) && !log::log_enabled!(log::Level::Debug));
        assert!(log::log_enabled!(target: "linker", log::Level::Trace));
    });
}

/// A value asks and logs while it is rendered. In a process of its own, because a scoped subscriber would hide ours from the value.
#[test]
fn a_value_can_ask_while_it_is_rendered() {
    struct Asks;
    impl fmt::Debug for Asks {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let quiet = with(LevelFilter::OFF).scope(enabled_here);
            debug!("nested");
            write!(f, "{} {quiet}", enabled_here())
        }
    }

    if let Some(child) = in_own_process("a_value_can_ask_while_it_is_rendered", &[]) {
        child.passed();
        return;
    }
    init();
    let (uno, memory) = context("uno", LevelFilter::DEBUG);
    uno.scope(|| info!(value = ?Asks, "outer"));
    assert_eq!(messages(&memory), ["nested", "outer"]);
    assert_eq!(records(&memory)[1]["fields"]["value"], "debug off");
}

/// Checks the limitation that the documentation of `layer()` states: `enabled!` answers for all contexts at once.
#[test]
fn among_other_layers_enabled_answers_for_all_contexts() {
    use tracing_subscriber::prelude::*;

    let (uno, memory) = context("uno", LevelFilter::INFO);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(logscope::layer()), || {
        uno.scope(|| {
            assert_eq!(enabled_here(), LevelFilter::TRACE);
            debug!("unwanted");
            info!("wanted");
        });
    });
    assert_eq!(messages(&memory), ["wanted"]);
}
