//! One seed for every random choice of the harness, which a failure tells.

#![cfg(all(unix, feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::panic::catch_unwind;
use std::thread;
use std::time::Duration;

use logscope::testing::{EndedChild, capture, child, free_port, random, seed, wait_until};

/// What a failure tells.
const TOLD: &str = "logscope::testing: random choices were made; LOGSCOPE_TEST_SEED=0x7 makes them again\n";

fn with_seed(test: impl FnOnce()) -> EndedChild {
    child().env("LOGSCOPE_TEST_SEED", "7").run(test)
}

/// How often the child has told its seed.
fn told(ended: &EndedChild) -> usize {
    ended.stderr.matches(TOLD).count()
}

#[test]
fn the_seed_comes_from_the_environment_and_decides_the_numbers() {
    let draw = || {
        let mut random = random();
        format!("{:#x} {:?}", seed(), [random.next(), random.below(1_000), random.next()])
    };
    let first = child().env("LOGSCOPE_TEST_SEED", "0x2a").run(draw).report.unwrap();
    let second = child().env("LOGSCOPE_TEST_SEED", "42").run(draw).report.unwrap();
    let third = child().env("LOGSCOPE_TEST_SEED", "43").run(draw).report.unwrap();
    assert!(first.starts_with("0x2a [") && first == second && third[5..] != first[5..], "{first}, {second}, {third}");
    let panicked = child()
        .env("LOGSCOPE_TEST_SEED", "many")
        .run(|| catch_unwind(seed).unwrap_err().downcast_ref::<String>().unwrap().clone());
    assert!(panicked.report.as_deref().unwrap().contains("no number"), "{panicked:?}");
}

#[test]
fn a_failure_tells_the_seed_once_something_was_chosen() {
    let fail = || assert!(catch_unwind(|| panic!("this is the failure")).is_err());
    let ended = with_seed(|| {
        let _random = random();
        fail();
        // Nothing was chosen since.
        fail();
        let _asked = seed();
        fail();
    });
    assert_eq!(told(&ended), 2, "{}", ended.stderr);
    let ended = with_seed(|| {
        drop(free_port());
        fail();
    });
    assert_eq!(told(&ended), 1, "{}", ended.stderr);
    // The pauses between the looks are random; the failure is one of `Result::unwrap`.
    let ended = with_seed(|| {
        let waited = catch_unwind(|| wait_until(Duration::from_millis(5), || false).unwrap());
        assert!(waited.is_err());
    });
    assert_eq!(told(&ended), 1, "{}", ended.stderr);
    // On a thread that has chosen nothing itself, and by an error in place of a panic.
    let ended = with_seed(|| {
        thread::spawn(|| drop(free_port())).join().unwrap();
        let failed = capture(|_| Err::<(), _>("this is the failure"));
        assert!(failed.is_err());
    });
    assert_eq!(told(&ended), 1, "{}", ended.stderr);
    // Nothing was chosen at all.
    let ended = with_seed(|| {
        capture(|_| tracing::info!("a record"));
        fail();
    });
    assert!(!ended.stderr.contains("LOGSCOPE_TEST_SEED"), "{}", ended.stderr);
}
