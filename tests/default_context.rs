//! The process default: swapping it while threads log loses no record and affects no scope.
//!
//! A binary of its own, because the default belongs to the process. The tests run one at a time.

#![cfg(feature = "testing")]
// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use common::{
    DEADLINE, DebugRuns, DropFlag, Log, ParsedLine, SetsWhenDropped, init, poll, tracked, unscoped_messages, yield_once,
};
use logscope::sink;
use logscope::{InContext as _, LevelFilter, OutputContext};
use tracing::info;

/// Gives the test exclusive use of the process default, and restores the default at the end.
struct ExclusiveDefault {
    before: Option<OutputContext>,
    _turn: MutexGuard<'static, ()>,
}

impl ExclusiveDefault {
    fn with_default(context: &OutputContext) -> ExclusiveDefault {
        static TURN: Mutex<()> = Mutex::new(());
        init();
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        ExclusiveDefault { before: Some(logscope::set_process_default(context.clone())), _turn: turn }
    }
}

impl Drop for ExclusiveDefault {
    fn drop(&mut self) {
        self.before.take().map(logscope::set_process_default);
    }
}

/// Changes all that belongs to the process: sets another default, and tries to install again.
fn change_the_process(default: &Log) {
    assert_eq!(logscope::try_init().unwrap_err().kind(), logscope::ErrorKind::AlreadyInstalled);
    let quiet = logscope::configure().ceiling(LevelFilter::ERROR).default_context(Log::new("refused").context);
    assert_eq!(quiet.install().unwrap_err().kind(), logscope::ErrorKind::AlreadyInstalled);
    logscope::set_process_default(default.context.clone());
}

#[test]
fn changing_the_process_default_affects_no_scope() {
    let (first, second) = (Log::new("first default"), Log::new("second default"));
    let _exclusive = ExclusiveDefault::with_default(&first.context);
    let (closure, guard, task) = (Log::new("closure"), Log::new("guard"), Log::new("task"));
    info!("before");
    let mut work = Box::pin(
        async {
            tracing::debug!("before");
            yield_once().await;
            tracing::debug!("after");
        }
        .in_context(&task.context),
    );
    assert!(poll(&mut work).is_pending());
    let scope = guard.context.enter();
    let bound = logscope::bind_current(|| tracing::trace!("bound before"));
    closure.context.scope(|| {
        tracing::trace!("before");
        change_the_process(&second);
        tracing::trace!("after");
        assert_eq!(OutputContext::current().id(), closure.context.id());
    });
    tracing::trace!("after");
    bound();
    assert!(poll(&mut work).is_ready());
    drop(scope);
    info!("after");

    first.assert_holds(&["before"]);
    second.assert_holds(&["after"]);
    closure.assert_holds(&["before", "after"]);
    guard.assert_holds(&["after", "bound before"]);
    task.assert_holds(&["before", "after"]);
}

#[test]
fn an_update_outside_every_scope_does_nothing() {
    let default = Log::new("default");
    let _exclusive = ExclusiveDefault::with_default(&default.context);
    assert!(logscope::update(|_| panic!("`update` has no scope to update, and must not call this")).is_none());
    info!("to the default");
    default.assert_holds(&["to the default"]);
    assert!(unscoped_messages("to the default").is_empty());
}

#[test]
fn swapping_the_default_while_threads_log_loses_nothing() {
    const SWAPS: u64 = 10_000;
    const THREADS: u64 = 4;
    let defaults: Vec<_> = (0..3).map(|n| Log::new(format!("default {n}"))).collect();
    let scoped = Log::new("scoped");
    let _exclusive = ExclusiveDefault::with_default(&defaults[0].context);
    let (logged, swapped, done) = (AtomicU64::new(0), AtomicU64::new(0), AtomicBool::new(false));
    // Neither side runs ahead: there are records between the swaps, and not many more records than swaps.
    let may_log = || logged.load(Ordering::Relaxed) < 4 * swapped.load(Ordering::Relaxed) + 100;

    let start = Instant::now();
    let counts: Vec<u64> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (logged, done, scoped, may_log) = (&logged, &done, &scoped, &may_log);
                scope.spawn(move || {
                    let mut count = 0;
                    while !done.load(Ordering::Relaxed) && start.elapsed() < DEADLINE {
                        if !may_log() {
                            thread::yield_now();
                            continue;
                        }
                        info!(thread, count, "unscoped");
                        count += 1;
                        logged.fetch_add(1, Ordering::Relaxed);
                        if count % 64 == 0 {
                            scoped.context.scope(|| info!("scoped"));
                        }
                    }
                    count
                })
            })
            .collect();
        for swap in 1..=SWAPS {
            let next = &defaults[swap as usize % defaults.len()].context;
            // Every other swap sets a context of its own, which only the default owns: the next swap frees it.
            let next = if swap % 2 == 0 { next.to_builder().build() } else { next.clone() };
            drop(logscope::set_process_default(next));
            swapped.store(swap, Ordering::Relaxed);
            if swap % 20 == 0 {
                let before = logged.load(Ordering::Relaxed);
                common::wait_until("records between the swaps", || logged.load(Ordering::Relaxed) > before);
            }
        }
        done.store(true, Ordering::Relaxed);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });

    let mut arrivals = HashMap::new();
    for default in &defaults {
        let messages = default.messages();
        assert!(!messages.is_empty() && messages.iter().all(|message| message == "unscoped"));
        for line in default.lines() {
            let of = |name: &str| line.fields[name].as_u64().unwrap();
            *arrivals.entry((of("thread"), of("count"))).or_insert(0) += 1;
        }
    }
    assert!(arrivals.values().all(|arrivals| *arrivals == 1), "a record arrived twice");
    for (thread, count) in (0..THREADS).zip(&counts) {
        assert!((0..*count).all(|n| arrivals.contains_key(&(thread, n))), "a record of thread {thread} is missing");
    }
    assert_eq!(arrivals.len() as u64, counts.iter().sum::<u64>(), "the logs hold a record that no thread logged");
    assert_eq!(scoped.messages().len() as u64, counts.iter().map(|count| count / 64).sum::<u64>());
}

#[test]
fn a_value_can_replace_the_default_that_it_is_logged_to() {
    let next = Log::new("next");
    let _exclusive = ExclusiveDefault::with_default(&next.context);
    let (default, lines, freed) = tracked("replaced");
    drop(logscope::set_process_default(default));
    let replaces = DebugRuns(|| {
        drop(logscope::set_process_default(next.context.clone()));
        info!("nested");
        format!("freed: {}", freed.get())
    });
    info!(value = ?replaces, "the record");
    assert!(freed.get());
    let line = ParsedLine::parse(&lines.lines()[0]);
    assert_eq!((line.message.as_str(), &line.fields["value"]), ("the record", &"freed: false".into()));
    next.assert_holds(&["nested"]);
}

#[test]
fn a_sink_can_replace_the_default_that_it_belongs_to() {
    let next = Log::new("next");
    let _exclusive = ExclusiveDefault::with_default(&next.context);
    let (freed, context) = (DropFlag::default(), next.context.clone());
    let inside = SetsWhenDropped(freed.clone());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sees = seen.clone();
    let callback = sink::callback(move |_| {
        drop(logscope::set_process_default(context.clone()));
        sees.lock().unwrap().push(inside.0.get());
    });
    drop(logscope::set_process_default(OutputContext::builder("replaced by its sink").sink(callback).build()));
    info!("the record");
    info!("the next one");
    assert_eq!(*seen.lock().unwrap(), [false], "the context was freed while its sink ran");
    assert!(freed.get());
    next.assert_holds(&["the next one"]);
}
