//! Records outside every context: which tests they are shown with, asked for and counted in.

// Clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use logscope::testing;

#[path = "common/suite.rs"]
mod suite;

use suite::scenario;

const DEADLINE: Duration = Duration::from_secs(10);

/// The message of the panic of `f`.
#[track_caller]
fn message(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it panics");
    payload.downcast_ref::<String>().expect("it is a text").clone()
}

fn log_bare() {
    std::thread::spawn(|| tracing::info!("from a bare thread")).join().unwrap();
}

#[test]
fn what_is_recorded_does_not_depend_on_what_is_shown() {
    for variable in ["LOGSCOPE_TEST", "LOGSCOPE", "RUST_LOG"] {
        let printed = scenario("quiet_", &["--test-threads=1"], &[(variable, "warn")]);
        assert!(printed.stdout.contains("1 passed; 1 failed"), "{variable}: {}", printed.stdout);
        let text = &printed.of_failed_tests()["quiet_and_strict"];
        assert!(text.contains("fails a strict test") && text.contains("from a bare thread"), "{variable}: {text}");
        let shown_as_it_came = |line: &str| line.contains("[unclaimed]") && line.ends_with("from a bare thread");
        assert!(!printed.stdout.lines().any(shown_as_it_came), "{variable}: {}", printed.stdout);
    }
}

#[test]
fn with_nocapture_such_a_record_names_its_test_where_that_is_certain() {
    let printed = scenario("quiet_", &["--test-threads=1", "--nocapture"], &[]);
    let lines: Vec<&str> = printed.stdout.lines().filter(|line| line.contains("from a bare thread")).collect();
    assert!(lines.iter().any(|line| line.contains("quiet_and_asked | 00:")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("quiet_and_strict | 00:")), "{lines:?}");
    let printed = scenario("quiet_", &["--test-threads=2", "--nocapture"], &[]);
    assert!(printed.stdout.lines().all(|line| !line.contains("quiet_and_asked |")), "{}", printed.stdout);
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn quiet_and_asked() {
    testing::capture(|log| {
        log_bare();
        log.unclaimed().message("bare thread").one();
    });
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn quiet_and_strict() {
    testing::options().strict().capture(|_| log_bare());
}

#[test]
fn what_the_thread_of_a_test_logs_is_of_that_test_and_of_no_other() {
    let printed = scenario("known_", &["--test-threads=3"], &[]);
    let shown = printed.of_failed_tests();
    assert_eq!(
        shown.keys().copied().collect::<Vec<_>>(),
        ["known_captures", "known_fails_beside"],
        "{}",
        printed.stdout
    );
    assert!(!shown["known_fails_beside"].contains("own thread"), "{shown:?}");
    let text = &shown["known_captures"];
    assert!(text.contains("on its own thread, captured") && !text.contains("without a capture"), "{text}");
    assert!(text.contains("outside every context, while known_captures ran, 1 record:\n"), "no doubt: {text}");
}

static KNOWN: std::sync::Barrier = std::sync::Barrier::new(3);

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn known_without_a_capture() {
    testing::init();
    KNOWN.wait();
    tracing::info!("on its own thread, without a capture");
    KNOWN.wait();
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn known_captures() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(testing::capture_async(|_| async {
        KNOWN.wait();
        tokio::spawn(async { tracing::info!("on its own thread, captured") }).await.unwrap();
        KNOWN.wait();
        panic!("on purpose");
    }));
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn known_fails_beside() {
    testing::capture(|_| {
        KNOWN.wait();
        KNOWN.wait();
        panic!("on purpose");
    });
}

#[test]
fn a_thread_that_is_named_as_a_test_does_not_pass_for_one() {
    // Which test a thread is of is certain for libtest's own only.
    for (test, is_certain) in
        [("named_thread_calls_init", false), ("named_in_a_pool", false), ("named_thread_is_the_tests_own", true)]
    {
        let printed = scenario(test, &["--test-threads=2"], &[]);
        let shown = printed.of_failed_tests();
        let text = shown.get(test).unwrap_or_else(|| panic!("{test} has passed"));
        assert!(text.contains("fails a strict test"), "{text}");
        assert_eq!(text.contains("can be theirs"), !is_certain, "{text}");
    }
}

/// Runs `f` on a thread whose name could be that of a test.
fn on_named_thread(f: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        std::thread::Builder::new().name("worker".to_owned()).spawn_scoped(scope, f).unwrap().join().unwrap();
    });
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn named_thread_calls_init() {
    testing::options().strict().capture(|_| {
        on_named_thread(|| {
            testing::init();
            tracing::info!("by a worker");
        });
    });
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn named_in_a_pool() {
    let (give, take) = std::sync::mpsc::channel::<Box<dyn FnOnce() + Send>>();
    let run_all = move || take.into_iter().for_each(|task| task());
    let pool = std::thread::Builder::new().name("pool_0".to_owned()).spawn(run_all).unwrap();
    give.send(Box::new(|| testing::capture(|_| ()))).unwrap();
    testing::options().strict().capture(|_| {
        give.send(Box::new(|| tracing::info!("by a pool"))).unwrap();
        drop(give);
        pool.join().unwrap();
    });
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn named_thread_is_the_tests_own() {
    testing::init();
    let [begun, logged] = ["the capture has begun", "the test has logged"].map(testing::Signal::named);
    std::thread::scope(|scope| {
        let capture = scope.spawn(|| {
            testing::options().strict().capture(|_| {
                begun.set();
                logged.wait(DEADLINE).unwrap();
            });
        });
        begun.wait(DEADLINE).unwrap();
        tracing::info!("by the test");
        logged.set();
        capture.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

#[test]
fn a_query_in_vain_says_that_an_isolated_test_had_the_records() {
    testing::capture(|log| {
        let [replaced, asked] = ["the default is replaced", "the query is over"].map(testing::Signal::named);
        let while_replaced = std::thread::scope(|scope| {
            let isolated = || {
                testing::isolated(|| {
                    let own = logscope::OutputContext::builder("of t11").sink(logscope::sink::null()).build();
                    drop(logscope::set_process_default(own));
                    replaced.set();
                    // An assertion that fails meanwhile leaves this thread to end by itself.
                    asked.wait(DEADLINE).unwrap();
                });
            };
            let isolated = std::thread::Builder::new().name("t11".to_owned()).spawn_scoped(scope, isolated).unwrap();
            replaced.wait(DEADLINE).unwrap();
            log_bare();
            let text = message(|| drop(log.unclaimed().one()));
            asked.set();
            isolated.join().unwrap();
            text
        });
        let expected = "\n  the process default is the context \"of t11\" now";
        assert!(while_replaced.contains(expected), "{while_replaced}");
        let text = message(|| drop(log.unclaimed().one()));
        assert!(text.contains("\n  the isolated test \"t11\" had another process default meanwhile"), "{text}");
        log_bare();
        log.unclaimed().message("bare").one();
    });
}
