//! The files of tests in `LOGSCOPE_TEST_DIR`: which tests they say have failed, and why.

// Clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;

use logscope::{Level, testing};
use proptest::prelude::*;

#[path = "common/suite.rs"]
mod suite;

/// Runs the tests whose names contain `scenario`. Returns their files, by name, without what all names have in common.
fn files(scenario: &str) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let printed =
            suite::scenario(scenario, &["--test-threads=2"], &[("LOGSCOPE_TEST_DIR", folder.path().to_str().unwrap())]);
        assert!(printed.stderr.is_empty(), "{}", printed.stderr);
    }
    let entries = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
    let name = |name: String| name.replace(".logscope.testing_files.", " ").replace(".log", "");
    entries
        // Of the first run.
        .filter(|entry| !entry.file_name().to_str().unwrap().starts_with("4-failed-before"))
        .map(|entry| (name(entry.file_name().into_string().unwrap()), fs::read_to_string(entry.path()).unwrap()))
        .collect()
}

#[track_caller]
fn assert_names(files: &BTreeMap<String, String>, expected: &[&str]) {
    assert_eq!(files.keys().map(String::as_str).collect::<Vec<_>>(), expected, "{files:?}");
}

#[test]
fn a_test_whose_closure_returns_an_error_has_failed() {
    let files = files("returns_");
    let expected =
        ["1-failed returns_error", "1-failed returns_error_of_future", "3-passed returns_ok", "3-passed returns_value"];
    assert_names(&files, &expected);
    for failed in &expected[..2] {
        assert!(files[*failed].contains("about to fail"), "{files:?}");
        assert!(files[*failed].ends_with("the test has returned an error\n"), "{files:?}");
    }
}

#[test]
#[ignore = "run by a test above, in a process of its own"]
fn returns_error() -> Result<(), String> {
    testing::capture(|log| {
        log.deny(Level::ERROR);
        tracing::error!("about to fail");
        Err(String::from("the reason"))
    })
}

#[test]
#[ignore = "run by a test above, in a process of its own"]
fn returns_error_of_future() -> Result<(), std::num::ParseIntError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(testing::capture_async(|_| async {
        tracing::info!("about to fail");
        "x".parse::<u32>().map(drop)
    }))
}

#[test]
#[ignore = "run by a test above, in a process of its own"]
fn returns_ok() -> Result<(), Box<dyn std::error::Error>> {
    testing::capture(|_| Ok(()))
}

#[test]
#[ignore = "run by a test above, in a process of its own"]
fn returns_value() {
    assert_eq!(testing::capture(|_| Some(7)), Some(7));
}

#[test]
fn a_file_says_why_its_test_has_failed() {
    let files = files("why_");
    assert_names(&files, &["1-failed why_assertion", "1-failed why_query", "1-failed why_thread"]);
    let text = &files["1-failed why_assertion"];
    assert!(text.contains("panicked at tests/testing_files.rs:") && text.contains("one is not two"), "{text}");
    assert!(files["1-failed why_query"].contains("expected exactly one record, found no record"), "{files:?}");
    let text = &files["1-failed why_thread"];
    assert!(text.contains("on the thread \"linker\": panicked at") && text.contains("two is not three"), "{text}");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn why_thread() {
    testing::capture(|_| {
        let linker = logscope::thread::Builder::new().name("linker".to_owned());
        linker.spawn(|| assert_eq!(2, 3, "two is not three")).unwrap().join().unwrap();
    });
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn why_assertion() {
    testing::capture(|_| assert_eq!(1, 2, "one is not two"));
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn why_query() {
    testing::capture(|log| log.records().one());
}

#[test]
fn what_no_context_claims_is_in_the_file_too() {
    let files = files("bare");
    assert!(files["1-failed bare"].contains("[unclaimed] (ThreadId("), "{files:?}");
    assert!(files["1-failed bare"].contains("from a bare thread\n"), "{files:?}");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn bare() {
    testing::capture(|_| {
        std::thread::spawn(|| tracing::info!("from a bare thread")).join().unwrap();
        panic!("on purpose");
    });
}

#[test]
fn a_test_of_many_cases_has_one_file_that_of_the_last_failure_if_there_is_one() {
    let files = files("cases_");
    assert_names(&files, &["1-failed cases_fail", "1-failed cases_panic", "3-passed cases_pass"]);
    assert!(files["3-passed cases_pass"].contains("case number="), "{files:?}");
    for name in ["1-failed cases_fail", "1-failed cases_panic"] {
        let text = &files[name];
        assert_eq!(text.matches("case number=").count(), 1, "{text}");
        assert!(text.contains("case number=500\n") && text.contains("minimal failing input"), "{text}");
    }
    assert!(files["1-failed cases_panic"].contains("too much"), "{files:?}");
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    #[ignore = "run by a test above, in a process of its own"]
    fn cases_pass(number in 0..1_000_u32) {
        testing::case(|_| {
            tracing::info!(number, "case");
            prop_assume!(number % 2 == 0);
            Ok(())
        })?;
    }

    #[test]
    #[ignore = "run by a test above, in a process of its own"]
    fn cases_fail(number in 0..1_000_u32) {
        testing::case(|_| {
            tracing::info!(number, "case");
            prop_assert!(number < 500);
            Ok(())
        })?;
    }

    #[test]
    #[ignore = "run by a test above, in a process of its own"]
    fn cases_panic(number in 0..1_000_u32) {
        testing::case(|_| {
            tracing::info!(number, "case");
            assert!(number < 500, "too much");
        });
    }
}

#[test]
fn a_panic_is_no_reason_of_a_test_before_on_the_same_thread() {
    let files = files("one_after_the_other");
    assert_names(&files, &["1-failed one_after_the_other"]);
    let text = &files["1-failed one_after_the_other"];
    assert!(text.contains("the attempt") && text.contains("the end of the test"), "{text}");
    assert!(!text.contains("another test"), "{text}");
}

/// Runs on its thread what a harness with one thread would.
#[test]
#[ignore = "run by the test above, in a process of its own"]
fn one_after_the_other() {
    let panics = |text: &'static str| drop(std::panic::catch_unwind(|| std::panic::panic_any(text)).unwrap_err());
    drop(std::panic::catch_unwind(|| testing::case::<(), _>(|_| panic!("the attempt"))).unwrap_err());
    panics("the end of the test");
    panics("another test");
}

#[test]
fn cases_of_two_functions_may_take_turns() {
    let files = files("alternating");
    assert_names(&files, &["1-failed alternating_reads", "3-passed alternating_writes"]);
    let text = &files["1-failed alternating_reads"];
    assert!(text.contains("reading round=1") && text.contains("the end of the test"), "{text}");
    assert!(files["3-passed alternating_writes"].contains("writing round=3"), "{files:?}");
}

fn alternating_reads(round: u32) -> Result<(), String> {
    testing::case(|_| {
        tracing::info!(round, "reading");
        if round == 1 { Err("on purpose".to_owned()) } else { Ok(()) }
    })
}

fn alternating_writes(round: u32) {
    testing::case(|_| tracing::info!(round, "writing"));
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn alternating() {
    // On a thread without a name, cases are named after their functions.
    let rounds = std::thread::spawn(|| {
        for round in 0..4 {
            drop(alternating_reads(round));
            alternating_writes(round);
        }
        panic!("the end of the test");
    });
    rounds.join().unwrap_err();
}

#[test]
fn what_a_case_denies_is_said_once_in_its_own_file() {
    let files = files("denied_");
    assert_names(&files, &["1-failed denied_alone", "1-failed denied_inside--inner-1-", "3-passed denied_inside"]);
    for (name, text) in &files {
        let times = usize::from(name.starts_with("1-failed"));
        assert_eq!(text.matches("1 record at ERROR or more severe, which the test denies").count(), times, "{text}");
    }
}

fn deny_in_a_case() {
    testing::case(|log| {
        log.deny(Level::ERROR);
        tracing::error!("in a case");
    });
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn denied_alone() {
    deny_in_a_case();
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn denied_inside() {
    testing::capture(|_| std::panic::catch_unwind(deny_in_a_case).is_err());
}

#[test]
fn an_attempt_that_ends_the_process_has_left_its_records() {
    let files = files("abort_in_a_case");
    assert_names(&files, &["2-unfinished abort_in_a_case"]);
    assert!(files["2-unfinished abort_in_a_case"].contains("the last words"), "{files:?}");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn abort_in_a_case() {
    testing::case(|_| tracing::info!("not the last words"));
    testing::case(|_| {
        tracing::info!("the last words");
        let abort: fn() = || std::process::abort();
        abort();
    });
}

#[test]
fn a_panic_that_no_hook_of_ours_sees_hides_no_other() {
    let files = files("another_hook");
    assert!(files["1-failed another_hook.2"].contains("the reason"), "{files:?}");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn another_hook() {
    testing::isolated(|| {
        std::panic::set_hook(Box::new(|_| ()));
        std::panic::catch_unwind(deny_in_a_case).unwrap_err();
    });
    testing::capture(|_| panic!("the reason"));
}

#[test]
fn a_panic_after_the_capture_fails_the_test_in_its_file() {
    let files = files("after_its_capture");
    assert_names(&files, &["1-failed after_its_capture_panics", "3-passed after_its_capture_passes"]);
    let text = &files["1-failed after_its_capture_panics"];
    assert!(text.contains("in the capture\n") && text.contains("one is not seven"), "{text}");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn after_its_capture_panics() {
    let number = testing::capture(|_| {
        tracing::info!("in the capture");
        7
    });
    assert_eq!(1, number, "one is not seven");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn after_its_capture_passes() {
    assert_eq!(7, testing::capture(|_| 7), "one is not seven");
}

#[test]
fn a_future_that_is_dropped_half_way_has_not_ended() {
    let files = files("dropped_half_way");
    assert_names(&files, &["2-unfinished dropped_half_way"]);
    assert!(files["2-unfinished dropped_half_way"].contains("about to wait"), "{files:?}");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn dropped_half_way() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut test = Box::pin(testing::options().deny(Level::ERROR).capture_async(|_| async {
            tracing::error!("about to wait");
            std::future::pending::<()>().await;
        }));
        let is_ready = std::future::poll_fn(|cx| std::task::Poll::Ready(test.as_mut().poll(cx).is_ready())).await;
        assert!(!is_ready);
    });
}

#[test]
fn the_log_of_the_last_failure_stays_when_the_test_passes_again() {
    let folder = tempfile::tempdir().unwrap();
    let run = |fails: &str| {
        let variables = [("LOGSCOPE_TEST_DIR", folder.path().to_str().unwrap()), ("FLAKY_FAILS", fails)];
        suite::scenario("now_and_then", &["--test-threads=2"], &variables);
        let entries = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
        let state = |name: String| name.split_once('.').unwrap().0.to_owned();
        let mut states: Vec<_> = entries.map(|entry| state(entry.file_name().into_string().unwrap())).collect();
        states.sort();
        states
    };
    assert_eq!(run("first"), ["1-failed"]);
    assert_eq!(run(""), ["3-passed", "4-failed-before"]);
    assert_eq!(run(""), ["3-passed", "4-failed-before"]);
    assert_eq!(run("second"), ["1-failed", "4-failed-before"]);
    assert_eq!(run(""), ["3-passed", "4-failed-before"]);
    let kept = folder.path().join("4-failed-before.logscope.testing_files.now_and_then.log");
    let text = fs::read_to_string(kept).unwrap();
    assert!(text.contains("second"), "the last failure: {text}");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn now_and_then() {
    testing::capture(|_| {
        let fails = std::env::var("FLAKY_FAILS").unwrap();
        assert_eq!(fails, "", "the {fails} failure");
    });
}
