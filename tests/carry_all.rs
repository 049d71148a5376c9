//! Threads, rayon and tokio together: two builds at once, and one inside the other.

// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

#[path = "common/carried.rs"]
mod carried;
mod common;

use std::collections::HashMap;

use carried::with_spans;
use common::{Log, init, unscoped_messages};
use logscope::tokio::JoinSetExt as _;
use logscope::{InContext as _, LevelFilter, thread};
use rayon::prelude::*;
use tokio::task::JoinSet;
use tracing::{debug, info, info_span, warn};

/// How many records of each level are logged in each place.
const RECORDS: usize = 1_000;
const THREADS: usize = 4;
const TASKS: usize = 8;
const JOBS: usize = 4;
const PLACES: usize = 1 + THREADS + TASKS + JOBS;

fn log_from(place: &str) {
    for number in 0..RECORDS {
        warn!(place, number, "routed");
        debug!(place, number, "routed");
    }
}

/// What a build does. Nothing here names a context.
fn build(runtime: &tokio::runtime::Runtime) {
    thread::scope(|s| {
        for n in 0..THREADS {
            s.spawn(move || log_from(&format!("thread {n}")));
        }
        let mut tasks = JoinSet::new();
        for n in 0..TASKS {
            let task = async move {
                for half in 0..2 {
                    // Another worker may go on from here.
                    tokio::task::yield_now().await;
                    if half == 1 {
                        log_from(&format!("task {n}"));
                    }
                }
            };
            tasks.spawn_on_in_current(task, runtime.handle());
        }
        log_from("main");
        logscope::rayon::scope(|s| (0..JOBS).for_each(|n| s.spawn(move |_| log_from(&format!("job {n}")))));
        runtime.block_on(async { while tasks.join_next().await.transpose().unwrap().is_some() {} });
    });
}

#[test]
fn of_two_builds_at_once_each_record_is_in_its_own_log() {
    init();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
    let logs = [("loud", LevelFilter::DEBUG, 2), ("quiet", LevelFilter::WARN, 1)].map(|(name, verbosity, levels)| {
        let log = Log::new(name);
        (Log { context: log.context.to_builder().verbosity(verbosity).build(), ..log }, levels)
    });
    thread::scope(|s| {
        for (log, _) in &logs {
            log.context.scope(|| s.spawn(|| build(&runtime)));
        }
    });
    let mut wanted = 0;
    for (log, levels) in &logs {
        let expected = PLACES * RECORDS * levels;
        // This checks context, `seq` and ledger of each record.
        assert_eq!(log.messages().len(), expected);
        assert_eq!(log.context.ledger().written, expected as u64);
        let mut places: HashMap<(String, String), u64> = HashMap::new();
        for line in log.lines() {
            *places.entry((line.fields["place"].as_str().unwrap().to_owned(), line.level)).or_default() += 1;
        }
        assert_eq!(places.len(), PLACES * levels);
        assert!(places.values().all(|count| *count == RECORDS as u64), "{places:?}");
        wanted += expected;
    }
    assert_eq!(wanted, 51_000);
    assert!(unscoped_messages("routed").is_empty());
}

#[test]
fn each_carries_through_the_others() {
    init();
    let (uno, foreign) = (Log::new("uno"), Log::new("foreign"));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let handle = runtime.handle();
    let _scope = foreign.context.enter();
    let span = info_span!("foreign");
    let _span = span.enter();
    uno.context.scope(|| {
        let _build = info_span!(parent: None, "build").entered();
        thread::scope(|s| {
            s.spawn(|| {
                info!("thread");
                logscope::rayon::install(&pool, || {
                    info!("thread, job");
                    let (done, is_done) = std::sync::mpsc::channel();
                    logscope::tokio::spawn_on(
                        async move {
                            info!("thread, job, task");
                            let blocking = logscope::tokio::spawn_blocking(|| {
                                info!("thread, job, task, blocking");
                                [1, 2].par_iter().in_current_context().for_each(|n| info!("… and item {n}"));
                            });
                            blocking.await.unwrap();
                            done.send(()).unwrap();
                        },
                        handle,
                    );
                    is_done.recv_timeout(common::DEADLINE).unwrap();
                    thread::spawn(|| info!("thread, job, thread")).join().unwrap();
                });
            });
        });
    });
    let expected = [
        "thread",
        "thread, job",
        "thread, job, task",
        "thread, job, task, blocking",
        "thread, job, thread",
        "… and item 1",
        "… and item 2",
    ];
    assert_eq!(with_spans(&uno.memory), expected.map(|message| format!("{message} @ build")));
    assert_eq!(uno.messages().len(), 7);
    foreign.assert_holds::<&str>(&[]);
}
