//! Events that reach the process default while other contexts are alive are counted, and no others.
//!
//! The counts and the rules are those of a process, so each test runs in a child of its own.

#![cfg(feature = "testing")]
#![cfg(feature = "log")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
#[cfg(unix)]
#[path = "common/fork.rs"]
mod fork;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use child::{Child, in_child};
use logscope::{Dial, InContext as _, LevelFilter, OutputContext, Unclaimed, UnclaimedReport, sink, unclaimed};
use serde_json::Value;
use tracing_subscriber::Layer;
use tracing_subscriber::prelude::*;

fn context(name: &str) -> OutputContext {
    OutputContext::builder(name).sink(sink::null()).build()
}

fn main_context() -> OutputContext {
    context("main")
}

/// Target and count of each entry.
fn counts(report: &UnclaimedReport) -> Vec<(&str, u64)> {
    report.entries.iter().map(|entry| (&*entry.target, entry.count)).collect()
}

/// Runs `play` in a child.
fn alone(role: &str, play: impl FnOnce()) {
    in_child(role, |_| {
        play();
        Value::Bool(true)
    });
    Child::new(role).run();
}

#[test]
fn threads_of_one_name_have_one_entry() {
    alone("threads_of_one_name_have_one_entry", || {
        logscope::configure().default_context(main_context()).install().unwrap();
        let _uno = context("uno");
        for name in ["worker", "linker", "worker", "worker"] {
            let log = || tracing::info!(target: "app", "lost");
            thread::Builder::new().name(name.to_owned()).spawn(log).unwrap().join().unwrap();
        }
        let entries: Vec<_> =
            unclaimed().entries.into_iter().map(|entry| (entry.thread.unwrap(), entry.count)).collect();
        assert_eq!(entries, [("worker".to_owned(), 3), ("linker".to_owned(), 1)]);
        assert_eq!(unclaimed().total, 4);
    });
}

#[test]
fn what_is_forgotten_is_counted_by_place_and_thread() {
    alone("what_is_forgotten_is_counted_by_place_and_thread", || {
        logscope::configure().default_context(main_context()).install().unwrap();
        tracing::info!("nobody else is there");
        assert_eq!((unclaimed().total, unclaimed().to_string()), (0, "0 unclaimed events".to_owned()));
        let uno = context("uno");
        let log = || {
            for _ in 0..3 {
                tracing::info!(target: "app", "lost");
            }
            tracing::debug!(target: "app", "not let through");
            log::warn!(target: "old", "lost too");
        };
        let spawn = |name: &str| thread::Builder::new().name(name.to_owned()).spawn(log).unwrap().join().unwrap();
        uno.scope(|| {
            tracing::info!("claimed");
            spawn("worker\n1");
            spawn("worker 2");
        });
        let report = unclaimed();
        assert_eq!((report.total, report.unlisted), (8, 0));
        assert_eq!(counts(&report), [("app", 3), ("app", 3), ("old", 1), ("old", 1)]);
        let threads: Vec<_> = report.entries.iter().map(|entry| entry.thread.as_deref().unwrap()).collect();
        assert_eq!(threads, ["worker\n1", "worker 2", "worker\n1", "worker 2"]);
        assert!(report.entries.iter().all(|entry| entry.file.as_deref() == Some(file!()) && entry.line.is_some()));
        let text = report.to_string();
        assert!(
            text.starts_with("8 unclaimed events\n  3 × INFO app at ") && text.contains("in thread worker\\n1\n"),
            "{text}"
        );

        // In the default on purpose, or in a span of its own context, or with nobody else there.
        logscope::unscoped(|| tracing::info!("on purpose"));
        OutputContext::current().scope(|| tracing::info!("in the default's own scope"));
        drop(uno);
        tracing::info!("nobody else is there");
        assert_eq!(unclaimed(), report);
    });
}

#[test]
fn contexts_are_others_while_they_live_and_families_count_once() {
    alone("contexts_are_others_while_they_live_and_families_count_once", || {
        logscope::configure().default_context(main_context()).install().unwrap();
        let total = || {
            tracing::info!("anywhere");
            unclaimed().total
        };
        let derived = OutputContext::current().with_verbosity(LevelFilter::DEBUG);
        assert_eq!(total(), 0, "derived from the default");
        let uno = context("uno");
        let louder = uno.with_verbosity(LevelFilter::DEBUG);
        drop(uno);
        assert_eq!(total(), 1);
        drop(louder);
        assert_eq!(total(), 1);
        // A queue holds what it needs of a context that is gone.
        drop(OutputContext::builder("queued").sink(sink::null().queued(sink::Queue::default())).build());
        assert_eq!(total(), 1);
        let child = derived.child("child").build();
        assert_eq!(total(), 2);
        drop(child);
        let before = logscope::set_process_default(context("new"));
        assert_eq!(total(), 3, "the one that was the default is another now");
        drop((before, derived));
        assert_eq!(total(), 3);
    });
}

#[test]
fn the_longest_prefix_decides_what_counts() {
    alone("the_longest_prefix_decides_what_counts", || {
        let config = logscope::configure().default_context(main_context()).unclaimed(Unclaimed::Ignore);
        let config = config.unclaimed_for("app", Unclaimed::Count).unclaimed_for("app::daemon", Unclaimed::Ignore);
        config.install().unwrap();
        let _uno = context("uno");
        tracing::info!(target: "hyper", "ignored");
        tracing::info!(target: "app::daemon::x", "ignored");
        tracing::info!(target: "app::build", "counted");
        log::info!(target: "app::daemon", "ignored");
        assert_eq!(counts(&unclaimed()), [("app::build", 1)]);
    });
}

#[test]
fn the_default_takes_only_the_targets_that_it_is_told_to_take() {
    alone("the_default_takes_only_the_targets_that_it_is_told_to_take", || {
        let (memory, lines) = sink::memory();
        let main = || OutputContext::builder("main").sink(memory.clone()).build();
        logscope::configure().default_context(main()).default_targets(["daemon"]).install().unwrap();
        let log = || {
            tracing::info!(target: "daemon::x", "taken");
            tracing::info!(target: "app", "refused");
            log::info!(target: "daemon", "taken");
            log::info!(target: "app", "refused");
        };
        let asks = || {
            (tracing::enabled!(target: "app", tracing::Level::INFO), log::log_enabled!(target: "app", log::Level::Info))
        };
        log();
        assert_eq!(asks(), (false, false));
        assert_eq!((lines.lines().len(), counts(&unclaimed())), (2, vec![("app", 1), ("app", 1)]));
        logscope::set_process_default(main());
        log();
        assert_eq!((lines.lines().len(), unclaimed().total), (4, 4), "whoever the default is");
        logscope::unscoped(|| {
            log();
            assert_eq!(asks(), (true, true));
        });
        OutputContext::current().scope(|| {
            log();
            assert_eq!(asks(), (true, true));
        });
        assert_eq!((lines.lines().len(), unclaimed().total), (12, 4));
        assert!(lines.lines().iter().take(4).all(|line| line.contains("taken")));
        tracing::info_span!(target: "app", "span").in_scope(|| assert!(!tracing::Span::current().is_none()));
        assert!(tracing::span_enabled!(target: "app", tracing::Level::INFO), "as the span above");
        assert!(!tracing::event_enabled!(target: "app", tracing::Level::INFO));
    });
}

/// Another layer.
struct CountEvents(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> Layer<S> for CountEvents {
    fn on_event(&self, _: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn other_layers_get_what_the_default_refuses() {
    alone("other_layers_get_what_the_default_refuses", || {
        let (memory, lines) = sink::memory();
        let seen = Arc::new(AtomicUsize::new(0));
        let others = Arc::clone(&seen);
        let main = OutputContext::builder("main").sink(memory).build();
        let layer = logscope::configure().default_context(main).default_targets(["daemon"]).layer();
        tracing_subscriber::registry().with(layer).with(CountEvents(others)).init();
        tracing::info!(target: "app", "said");
        log::info!(target: "app::old", "said");
        assert_eq!((lines.lines().len(), seen.load(Ordering::SeqCst)), (0, 2));
        assert_eq!(counts(&unclaimed()), [("app", 1), ("app::old", 1)]);
    });
}

#[test]
fn an_event_that_its_span_routes_is_claimed() {
    alone("an_event_that_its_span_routes_is_claimed", || {
        logscope::configure().default_context(main_context()).route_by_span(true).install().unwrap();
        let uno = context("uno");
        let span = uno.scope(|| tracing::info_span!("of uno"));
        span.in_scope(|| tracing::info!("claimed"));
        assert_eq!(unclaimed().total, 0);
        tracing::info!(target: "app", "forgotten");
        drop(uno.clone());
        let future = async { tracing::info!("claimed") }.in_context(&uno);
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future);
        assert_eq!(counts(&unclaimed()), [("app", 1)]);
    });
}

#[test]
fn destructors_of_thread_locals_are_counted() {
    struct Logs;
    impl Drop for Logs {
        fn drop(&mut self) {
            tracing::info!(target: "app", "at the end");
        }
    }
    thread_local!(static LOGS: RefCell<Option<Logs>> = const { RefCell::new(None) });
    alone("destructors_of_thread_locals_are_counted", || {
        logscope::configure().default_context(main_context()).install().unwrap();
        let _uno = context("uno");
        thread::spawn(|| LOGS.with(|logs| *logs.borrow_mut() = Some(Logs))).join().unwrap();
        assert_eq!(unclaimed().total, 1);
    });
}

#[cfg(unix)]
#[test]
fn a_forked_child_starts_at_zero() {
    alone("a_forked_child_starts_at_zero", || {
        logscope::configure().default_context(main_context()).install().unwrap();
        let _uno = context("uno");
        let log = || tracing::info!(target: "app", "forgotten");
        log();
        fork::fork(|| {
            assert_eq!(unclaimed().total, 0);
            log();
            log();
            assert_eq!(counts(&unclaimed()), [("app", 2)]);
        });
        log();
        assert_eq!(counts(&unclaimed()), [("app", 2)]);
    });
}

#[cfg(unix)]
#[test]
fn a_child_can_count_whatever_other_threads_did_at_the_fork() {
    alone("a_child_can_count_whatever_other_threads_did_at_the_fork", || {
        logscope::configure().default_context(main_context()).install().unwrap();
        let _uno = context("uno");
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    // Many places, so that slots are being filled at the forks.
                    for line in (0..).take_while(|_| !stop.load(Ordering::Relaxed)) {
                        log_at("app", line);
                    }
                });
            }
            for _ in 0..50 {
                fork::fork(|| {
                    (0..10).for_each(|line| log_at("app", line));
                    assert_eq!((unclaimed().total, unclaimed().entries.len()), (10, 10));
                });
            }
            stop.store(true, Ordering::Relaxed);
        });
    });
}

/// Logs by `log`, in a file that has this line.
fn log_at(target: &str, line: u32) {
    let mut record = log::Record::builder();
    record.level(log::Level::Info).target(target).file(Some("src/many.rs")).line(Some(line));
    log::logger().log(&record.args(format_args!("forgotten")).build());
}

#[test]
fn what_has_no_entry_is_counted_all_the_same() {
    alone("what_has_no_entry_is_counted_all_the_same", || {
        logscope::configure().default_context(main_context()).install().unwrap();
        let _uno = context("uno");
        // More threads than have an entry in a place.
        for _ in 0..20 {
            thread::spawn(|| tracing::info!(target: "threads", "forgotten")).join().unwrap();
        }
        let report = unclaimed();
        assert_eq!((report.total, report.unlisted, report.entries.len()), (20, 0, 17));
        assert_eq!((report.entries[0].count, report.entries[0].thread.as_deref()), (4, None));
        assert!(
            report.to_string().contains("4 × INFO threads at ") && report.to_string().contains(" in other threads")
        );
        for round in 1..=2 {
            (0..5_000).for_each(|line| log_at("app", line));
            let report = unclaimed();
            assert_eq!(report.total, 20 + round * 5_000);
            let entries: Vec<_> = report.entries.iter().filter(|entry| entry.target == "app").collect();
            assert!(entries.len() < 1_024 && entries.iter().all(|entry| entry.count == round));
            assert_eq!(report.unlisted, round * (5_000 - entries.len() as u64));
            assert!(report.to_string().ends_with(&format!("{} × elsewhere", report.unlisted)), "{report}");
        }
        let (before, long) = (unclaimed(), "a".repeat(10_000));
        log_at(&long, 1);
        assert_eq!((unclaimed().total, unclaimed().unlisted), (before.total + 1, before.unlisted + 1));
    });
}

#[test]
fn a_default_without_sinks_hides_nothing() {
    alone("a_default_without_sinks_hides_nothing", || {
        logscope::configure().default_context(OutputContext::builder("main").build()).install().unwrap();
        let uno = context("uno");
        uno.scope(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
            let task = runtime.spawn(async { tracing::info!(target: "app", "forgotten") });
            runtime.block_on(task).unwrap();
            assert_eq!(counts(&unclaimed()), [("app", 1)]);
            let task = runtime.spawn(async { tracing::info!(target: "app", "carried") }.in_current_context());
            runtime.block_on(task).unwrap();
            assert_eq!(counts(&unclaimed()), [("app", 1)]);
        });
    });
}

#[test]
fn an_event_counts_as_soon_as_the_default_lets_it_through() {
    alone("an_event_counts_as_soon_as_the_default_lets_it_through", || {
        let dial = Dial::new(LevelFilter::INFO);
        let (memory, lines) = sink::memory();
        let main = OutputContext::builder("main").verbosity(&dial).sink(memory.queued(sink::Queue::new())).build();
        logscope::configure().default_context(main.clone()).install().unwrap();
        let _uno = context("uno");
        let log = || tracing::debug!(target: "app", "forgotten");
        log();
        assert_eq!(unclaimed().total, 0);
        dial.set(LevelFilter::DEBUG);
        log();
        dial.set(LevelFilter::INFO);
        log();
        assert_eq!(unclaimed().total, 1);
        let ledger = main.flush(std::time::Duration::from_secs(60));
        assert_eq!(
            (ledger.accepted, lines.lines().len()),
            (1, 1),
            "what is counted is what is in the log, behind its queue too"
        );
    });
}

#[cfg(feature = "serde")]
#[test]
fn a_report_can_be_kept_as_data() {
    alone("a_report_can_be_kept_as_data", || {
        logscope::configure().default_context(main_context()).install().unwrap();
        let _uno = context("uno");
        log_at("app", 7);
        let report = unclaimed();
        let json = serde_json::to_value(&report).unwrap();
        let entry = serde_json::json!({
            "target": "app", "level": "info", "file": "src/many.rs", "line": 7, "thread": report.entries[0].thread, "count": 1
        });
        assert_eq!(json, serde_json::json!({ "total": 1, "entries": [entry], "unlisted": 0 }));
        assert_eq!(serde_json::from_value::<UnclaimedReport>(json).unwrap(), report);
    });
}
