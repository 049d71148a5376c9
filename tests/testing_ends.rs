//! What makes a test fail at its end: records that it denies, and records outside every context. Tests that fail are run in processes of their own.

// Clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use logscope::{Level, testing};
use proptest::test_runner::TestCaseError;

#[path = "common/suite.rs"]
mod suite;

use suite::scenario;

/// The message of the panic of `f`.
#[track_caller]
fn message(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it panics");
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned())).expect("it is a text")
}

#[test]
fn a_denied_record_fails_the_test_at_its_end_and_is_shown() {
    let text = message(|| {
        testing::capture(|log| {
            log.deny(Level::WARN);
            tracing::error!(code = 7, "out of paper");
            tracing::warn!("low on paper");
            tracing::info!("printing");
        });
    });
    assert!(text.starts_with("2 records at WARN or more severe, which the test denies:\n"), "{text}");
    assert!(
        text.contains("out of paper code=7") && text.contains("low on paper") && !text.contains("printing"),
        "{text}"
    );
    // A guard, and a future.
    let text = message(|| {
        let _log = testing::options().name("guard").deny(Level::ERROR).begin();
        tracing::error!("in a guard");
    });
    assert!(text.contains("in a guard"), "{text}");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let text = message(|| {
        runtime.block_on(testing::options().deny(Level::ERROR).capture_async(|_| async {
            tracing::error!("in a future");
        }));
    });
    assert!(text.contains("in a future"), "{text}");
}

#[test]
fn what_is_excused_is_not_denied() {
    testing::options().deny(Level::ERROR).capture(|log| {
        log.excuse(log.records().message("out of paper"));
        tracing::error!("out of paper");
        tracing::warn!("a warning");
    });
    let text = message(|| {
        testing::options().deny(Level::ERROR).capture(|log| {
            log.excuse(log.records().message("out of paper"));
            tracing::error!("out of paper");
            tracing::error!("on fire");
        });
    });
    assert!(text.starts_with("1 record at ERROR") && text.contains("on fire") && !text.contains("paper"), "{text}");
    // An excuse that excuses nothing is named, with what misses it by least.
    let text = message(|| {
        testing::options().deny(Level::ERROR).capture(|log| {
            log.excuse(log.records().level(Level::ERROR).message("gave in"));
            tracing::error!("gave up");
        });
    });
    assert!(text.contains("\n  excused: level ERROR, message with \"gave in\": no such record\n"), "{text}");
    assert!(text.contains("gave up\n      not message with \"gave in\": it is \"gave up\""), "{text}");
}

#[test]
fn a_test_that_has_failed_already_fails_by_its_own_panic() {
    let text = message(|| {
        testing::options().deny(Level::ERROR).capture(|_| {
            tracing::error!("denied");
            panic!("its own");
        });
    });
    assert_eq!(text, "its own");
    // Also inside a destructor that runs while another panic unwinds.
    struct Tests;
    impl Drop for Tests {
        fn drop(&mut self) {
            testing::capture(|log| {
                tracing::info!("in a destructor");
                log.records().one();
            });
        }
    }
    let text = message(|| {
        let _tests = Tests;
        panic!("outside");
    });
    assert_eq!(text, "outside");
}

#[test]
fn records_outside_every_context_are_shown_counted_or_made_a_failure() {
    let printed = scenario("unclaimed_", &["--test-threads=1"], &[]);
    assert!(printed.stdout.contains("2 passed; 3 failed"), "{}", printed.stdout);
    let shown = printed.of_failed_tests();
    let text = &shown["unclaimed_and_strict"];
    assert!(text.contains("what is logged outside every context fails a strict test\n"), "{text}");
    assert!(text.contains("outside every context, while unclaimed_and_strict ran, 1 record:\n"), "{text}");
    assert!(text.contains("from a bare thread") && text.contains("tests/testing_ends.rs:"), "{text}");
    assert_eq!(text.matches("from a bare thread").count(), 2, "as it came, and in the reason: {text}");
    let text = &shown["unclaimed_and_failed"];
    assert!(text.contains("outside every context, while unclaimed_and_failed ran, 1 record:\n"), "{text}");
    assert!(!printed.stdout.contains("can be theirs"), "one test runs at a time: {}", printed.stdout);
    assert!(shown["unclaimed_z_all_are_strict"].contains("fails a strict test"), "{shown:?}");
}

fn log_bare() {
    std::thread::spawn(|| tracing::warn!("from a bare thread")).join().unwrap();
}

#[test]
#[ignore = "run by a test above, in a process of its own"]
fn unclaimed_and_strict() {
    testing::options().strict().capture(|_| log_bare());
}

#[test]
#[ignore = "run by a test above, in a process of its own"]
fn unclaimed_and_failed() {
    testing::capture(|_| {
        log_bare();
        panic!("for another reason");
    });
}

#[test]
#[ignore = "run by a test above, in a process of its own"]
fn unclaimed_and_counted() {
    testing::capture(|log| {
        log_bare();
        // What is meant for no test is no fault.
        logscope::unscoped(|| tracing::warn!("the daemon's own, not of a bare thread"));
        log.unclaimed().level(Level::WARN).message("bare").one();
        log.records().none();
    });
}

#[test]
#[ignore = "run by a test above, in a process of its own"]
fn unclaimed_and_adopted() {
    testing::options().strict().capture(|log| {
        assert!(log.adopt_unclaimed());
        log_bare();
        log.records().message("bare").one();
        log.unclaimed().none();
    });
}

/// Runs after the others, because it sets what holds for the whole process.
#[test]
#[ignore = "run by a test above, in a process of its own"]
fn unclaimed_z_all_are_strict() {
    testing::strict();
    testing::capture(|_| log_bare());
}

#[test]
fn while_other_tests_run_nobody_knows_whose_such_a_record_is() {
    // The two tests wait for each other, so they run at once.
    let printed = scenario("together_", &["--test-threads=2"], &[]);
    assert!(printed.stdout.contains("1 passed; 1 failed"), "{}", printed.stdout);
    let text = &printed.of_failed_tests()["together_strict"];
    assert!(text.contains("(other tests may have been running: these can be theirs"), "{text}");
}

#[test]
fn a_test_that_records_nothing_may_run_beside() {
    let printed = scenario("beside_", &["--test-threads=2"], &[]);
    assert!(printed.stdout.contains("1 passed; 1 failed"), "{}", printed.stdout);
    let text = &printed.of_failed_tests()["beside_strict"];
    assert!(text.contains("from a bare thread") && text.contains("these can be theirs"), "{text}");
}

static BESIDE: std::sync::Barrier = std::sync::Barrier::new(2);

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn beside_strict() {
    testing::options().strict().capture(|_| {
        BESIDE.wait();
        BESIDE.wait();
    });
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn beside_logs_without_a_capture() {
    BESIDE.wait();
    log_bare();
    BESIDE.wait();
}

static TOGETHER: std::sync::Barrier = std::sync::Barrier::new(2);

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn together_strict() {
    testing::options().strict().capture(|log| {
        TOGETHER.wait();
        assert!(!log.adopt_unclaimed(), "another test runs");
        TOGETHER.wait();
        TOGETHER.wait();
    });
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn together_logs() {
    testing::capture(|_| {
        TOGETHER.wait();
        TOGETHER.wait();
        log_bare();
        TOGETHER.wait();
    });
}

#[test]
fn of_many_attempts_the_last_failure_is_shown() {
    let printed = scenario("attempts_", &[], &[]);
    let shown = printed.of_failed_tests();
    assert_eq!(shown.len(), 4, "{}", printed.stdout);
    for (test, text) in &shown {
        let records: Vec<&str> = text.lines().filter(|line| line.starts_with("00:")).collect();
        assert!(records.len() == 1 && records[0].ends_with("attempt 3"), "{test}: {text}");
    }
}

/// Fails at the first and the third of four attempts.
fn attempt(number: u32) -> Result<(), String> {
    testing::case(|_| {
        tracing::info!("attempt {number}");
        if number % 2 == 1 { Err(format!("attempt {number} fails")) } else { Ok(()) }
    })
}

#[test]
#[ignore = "run by a test above, in a process of its own"]
fn attempts_that_return_errors() {
    let failed = (1..5).filter(|number| attempt(*number).is_err()).count();
    assert_eq!(failed, 0);
}

#[test]
#[ignore = "run by a test above, in a process of its own"]
fn attempts_inside_a_capture() {
    testing::capture(|_| {
        let failed = (1..5).filter(|number| attempt(*number).is_err()).count();
        assert_eq!(failed, 0);
    });
}

#[test]
#[ignore = "run by a test above, in a process of its own"]
fn attempts_that_panic() {
    for number in 1..5 {
        let panicked = catch_unwind(|| {
            testing::case(|_| {
                tracing::info!("attempt {number}");
                assert!(number % 2 == 0);
            });
        });
        if number == 3 {
            panicked.unwrap();
        }
    }
}

#[test]
#[ignore = "run by a test above, in a process of its own"]
fn attempts_that_all_succeed() {
    for number in [2, 4] {
        attempt(number).unwrap();
    }
}

#[test]
#[ignore = "run by a test above, in a process of its own"]
fn attempts_of_which_the_last_is_rejected() {
    let attempt = |number: u32, outcome: Result<(), TestCaseError>| {
        let ended = testing::case(|log| {
            log.deny(Level::ERROR);
            tracing::info!("attempt {number}");
            if number == 4 {
                tracing::error!("a rejected attempt counts for nothing");
            }
            outcome
        });
        assert_eq!(ended.is_err(), number != 2);
    };
    attempt(2, Ok(()));
    attempt(3, Err(TestCaseError::fail("it fails")));
    attempt(4, Err(TestCaseError::reject("it does not suit")));
    panic!("attempt 3 has failed");
}

#[test]
fn an_isolated_test_leaves_what_shows_the_last_failed_attempt() {
    let printed = scenario("tried_after_isolated", &[], &[]);
    let shown = printed.of_failed_tests();
    assert!(shown["tried_after_isolated"].contains("attempt 3"), "{}", printed.stdout);
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn tried_after_isolated() {
    testing::isolated(|| attempt(2).unwrap());
    assert!(attempt(3).is_ok());
}

#[test]
fn an_attempt_may_be_made_in_a_destructor_that_a_panic_runs() {
    let printed = scenario("tried_while_panicking", &[], &[]);
    assert!(printed.stdout.contains("0 passed; 1 failed"), "the process has not aborted: {printed:?}");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn tried_while_panicking() {
    struct Tries;
    impl Drop for Tries {
        fn drop(&mut self) {
            attempt(2).unwrap();
        }
    }
    let _tries = Tries;
    panic!("on purpose");
}

#[test]
fn a_query_that_fails_on_another_thread_leaves_the_log_to_the_test() {
    let printed = scenario("asked_elsewhere", &[], &[]);
    let text = &printed.of_failed_tests()["asked_elsewhere"];
    assert!(text.contains("\nthe log of asked_elsewhere (1 record):\n00:"), "{text}");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn asked_elsewhere() {
    testing::capture(|log| {
        tracing::info!("a record of this test");
        let log = log.clone();
        // What a thread of a pool prints may be lost.
        std::thread::spawn(move || log.records().none()).join().unwrap_err();
        panic!("a thread has failed");
    });
}
