//! A test records what it logs, wherever that happens, and nothing of other tests.

// Clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

use std::sync::Barrier;
use std::time::Duration;

use logscope::testing::{self, Log};
use logscope::{InContext as _, Level, LevelFilter, ManualClock, OutputContext, Verbosity, bind_current};

#[path = "common/suite.rs"]
mod suite;

/// The messages of a log.
fn messages(log: &Log) -> Vec<String> {
    log.records().all().into_iter().map(|record| record.message).collect()
}

#[test]
fn a_capture_has_all_levels_and_the_records_of_the_log_crate() {
    testing::capture(|log| {
        assert!(tracing::enabled!(Level::TRACE));
        tracing::trace!("trace");
        tracing::error!("error");
        log::debug!("by log");
        assert_eq!(messages(log), ["trace", "error", "by log"]);
    });
}

#[test]
fn two_tests_at_once_see_their_own_records_only() {
    let together = Barrier::new(8);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let together = &together;
            scope.spawn(move || {
                testing::options().name(format!("test {number}")).capture(|log| {
                    together.wait();
                    for step in 0..200 {
                        tracing::info!(number, step, "step");
                    }
                    assert_eq!(log.name(), format!("test {number}"));
                    log.records().exactly(200);
                    log.records().field("number", number).exactly(200);
                });
            });
        }
    });
}

#[test]
fn the_context_follows_threads_pools_and_bound_closures() {
    testing::capture(|log| {
        logscope::thread::spawn(|| tracing::info!("thread")).join().unwrap();
        std::thread::spawn(bind_current(|| tracing::info!("bound"))).join().unwrap();
        std::thread::spawn(log.context().bind(|| tracing::info!("bound to the log's"))).join().unwrap();
        logscope::thread::scope(|scope| {
            scope.spawn(|| tracing::info!("scoped"));
        });
        logscope::rayon::join(|| tracing::info!("pool"), || tracing::info!("pool"));
        assert_eq!(messages(log), ["thread", "bound", "bound to the log's", "scoped", "pool", "pool"]);
    });
}

#[test]
fn the_async_twin_follows_tasks_on_one_and_on_several_workers() {
    for workers in [1, 3] {
        let mut builder = match workers {
            1 => tokio::runtime::Builder::new_current_thread(),
            _ => tokio::runtime::Builder::new_multi_thread(),
        };
        let runtime = builder.worker_threads(workers).build().unwrap();
        let result = runtime.block_on(testing::capture_async(async |log: Log| {
            let task = async {
                tracing::info!("task");
                tokio::task::yield_now().await;
                tracing::info!("task, later");
            };
            tokio::spawn(task.in_current_context()).await.unwrap();
            logscope::tokio::spawn_blocking(|| tracing::info!("blocking")).await.unwrap();
            assert_eq!(messages(&log), ["task", "task, later", "blocking"]);
            assert_eq!(log.name(), "the_async_twin_follows_tasks_on_one_and_on_several_workers");
            7
        }));
        assert_eq!(result, 7);
        assert!(OutputContext::try_current().is_none());
    }
}

#[test]
fn a_recorded_future_can_be_spawned() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let tasks: Vec<_> = (0..4)
        .map(|number| {
            let options = testing::options().name(format!("task {number}"));
            runtime.spawn(options.capture_async(move |log| async move {
                tracing::info!(number, "before");
                tokio::task::yield_now().await;
                tracing::info!(number, "after");
                log.records().field("number", number).exactly(2);
                log.records().exactly(2);
            }))
        })
        .collect();
    tasks.into_iter().for_each(|task| runtime.block_on(task).unwrap());
}

#[test]
fn a_guard_records_until_it_is_dropped_and_its_log_can_be_read_afterwards() {
    let capture = testing::begin("by a guard");
    tracing::info!("inside");
    let log = capture.end();
    assert!(OutputContext::try_current().is_none());
    assert_eq!((log.name(), messages(&log)), ("by a guard", vec![String::from("inside")]));
}

#[test]
fn a_capture_inside_another_is_of_its_own() {
    testing::capture(|outer| {
        tracing::info!("outside");
        testing::options().name("inner").capture(|inner| {
            tracing::info!("inside");
            assert_eq!(messages(inner), ["inside"]);
        });
        tracing::info!("outside again");
        assert_eq!(messages(outer), ["outside", "outside again"]);
    });
}

#[test]
fn the_name_is_that_of_the_test() {
    testing::capture(|log| assert_eq!(log.name(), "the_name_is_that_of_the_test"));
    // Where the thread has no name, it is that of the function around.
    std::thread::spawn(|| testing::capture(|log| log.name().to_owned()))
        .join()
        .map(|name| assert_eq!(name, "the_name_is_that_of_the_test"))
        .unwrap();
}

#[test]
fn options_set_what_is_recorded_and_the_fields_of_the_context() {
    let quiet = testing::options().verbosity(LevelFilter::INFO).field("env", "uno");
    quiet.capture(|log| {
        assert!(!tracing::enabled!(Level::DEBUG));
        tracing::debug!("no");
        tracing::info!("yes");
        let record = log.records().one();
        let fields = record.context.unwrap().fields;
        assert_eq!(fields, [(String::from("env"), "uno".into())]);
    });
    // What is shown has nothing to do with what is recorded.
    testing::options().shown("off".parse::<Verbosity>().unwrap()).capture(|log| {
        tracing::trace!("recorded");
        log.records().one();
    });
}

#[test]
fn contexts_made_inside_have_the_clock_of_the_test_and_others_do_not() {
    let (clock, other_clock) = (ManualClock::new(), ManualClock::new());
    let elapsed_of = |context: &OutputContext| {
        clock.advance(Duration::from_secs(60));
        other_clock.advance(Duration::from_secs(60));
        context.elapsed()
    };
    let other = OutputContext::builder("of another clock").clock(&other_clock).build();
    testing::options().clock(&clock).capture(|log| {
        clock.advance(Duration::from_secs(5));
        tracing::info!("at five seconds");
        assert_eq!(log.records().one().elapsed, Some(Duration::from_secs(5)));
        let made = OutputContext::builder("made inside").build();
        assert_eq!(elapsed_of(&made), Duration::from_secs(60));
        // On other threads, too, and in contexts that were made inside one another.
        let deeper = made.scope(|| logscope::thread::spawn(|| OutputContext::builder("deeper").build()));
        assert_eq!(elapsed_of(&deeper.join().unwrap()), Duration::from_secs(60));
        // Not where another test, or no test, is at work.
        let bare = std::thread::spawn(|| OutputContext::builder("bare").build()).join().unwrap();
        assert!(elapsed_of(&bare) < Duration::from_secs(30));
        assert!(elapsed_of(&other.scope(|| OutputContext::builder("other").build())) < Duration::from_secs(30));
    });
    assert!(elapsed_of(&OutputContext::builder("afterwards").build()) < Duration::from_secs(30));
}

#[test]
fn a_sink_of_the_log_takes_the_records_of_contexts_of_the_program() {
    testing::capture(|log| {
        let uno = OutputContext::builder("uno").sink(log.sink()).build();
        uno.scope(|| tracing::info!("of uno"));
        OutputContext::current().child("due").build().scope(|| tracing::info!("of due"));
        log.records().context("uno").message("of uno").one();
        log.records().context("due").message("of due").one();
        log.records().exactly(2);
    });
}

#[test]
fn init_can_be_called_in_any_order_and_by_many_threads_at_once() {
    let together = Barrier::new(16);
    std::thread::scope(|scope| {
        for number in 0..16 {
            let together = &together;
            scope.spawn(move || {
                together.wait();
                match number % 3 {
                    0 => testing::init(),
                    1 => testing::try_init().unwrap(),
                    _ => testing::capture(|_| ()),
                }
            });
        }
    });
    // Code that tries to install logscope itself is told that it is there.
    assert_eq!(logscope::try_init().unwrap_err().kind(), logscope::ErrorKind::AlreadyInstalled);
}

#[test]
fn the_first_init_may_be_that_of_the_program() {
    let printed = suite::scenario("program_installs_first", &["--exact"], &[]);
    assert!(printed.succeeded, "{}", printed.stdout);
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn program_installs_first() {
    logscope::init();
    testing::capture(|log| {
        tracing::debug!("recorded");
        log.records().one();
        std::thread::spawn(|| tracing::info!("outside")).join().unwrap();
        log.unclaimed().message("outside").one();
    });
}

#[test]
fn an_inner_capture_of_the_same_test_has_a_name_of_its_own() {
    testing::capture(|log| {
        let name = log.name().to_owned();
        for _ in 0..2 {
            testing::capture(|inner| {
                assert_eq!(inner.name(), format!("{name} (inner 1)"));
                let innermost = testing::options().begin();
                assert_eq!(innermost.name(), format!("{name} (inner 2)"));
            });
        }
        testing::options().name("another").capture(|inner| assert_eq!(inner.name(), "another"));
    });
}
