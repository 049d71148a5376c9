//! Sixty tests, which run in parallel. Six of them fail if `LOGSCOPE_SIXTY_FAILS` is set: each tenth one, in a way of its own.
//!
//! Each record names its test, so that `tests/testing_output.rs` can tell whose it is.

use logscope::{Level, testing};
use logscope_sixty::{fails, tasks, work};
use proptest::prelude::*;

/// A test with threads and a pool.
fn on_threads(name: &str) {
    testing::capture(|log| {
        work(name);
        log.records().in_span_with("work", "whose", name).exactly(4);
        log.records().exactly(4);
    });
}

/// A test with tasks on a runtime of one thread or of several.
fn in_tasks(name: &str, threads: usize) {
    let mut builder = match threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder.build().expect("there can be threads");
    runtime.block_on(testing::capture_async(|log| async move {
        tasks(name).await;
        log.records().message("in a task").exactly(6);
    }));
}

/// Failures are made on purpose here, and kept in no file.
fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

/// A test of many cases.
fn by_cases(name: &str) {
    proptest!(config(20), |(a in 0..100_u32, b in 0..100_u32)| {
        testing::case(|log| {
            tracing::info!(a, b, "record of {name}, case");
            prop_assert_eq!(a + b, b + a);
            log.records().one();
            Ok(())
        })?;
    });
}

macro_rules! tests {
    ($($name:ident: $test:expr;)*) => {$(
        #[test]
        fn $name() {
            let test: fn(&str) = $test;
            test(stringify!($name));
        }
    )*};
}

tests! {
    t01: |name| in_tasks(name, 1);
    t02: |name| in_tasks(name, 2);
    t03: by_cases;
    t04: on_threads;
    t05: |name| in_tasks(name, 1);
    t06: |name| in_tasks(name, 2);
    t07: by_cases;
    t08: on_threads;
    t09: |name| in_tasks(name, 1);
    t11: by_cases;
    t12: on_threads;
    t13: |name| in_tasks(name, 1);
    t14: |name| in_tasks(name, 2);
    t15: by_cases;
    t16: on_threads;
    t17: |name| in_tasks(name, 1);
    t18: |name| in_tasks(name, 2);
    t19: by_cases;
    t21: |name| in_tasks(name, 1);
    t22: |name| in_tasks(name, 2);
    t23: by_cases;
    t24: on_threads;
    t25: |name| in_tasks(name, 1);
    t26: |name| in_tasks(name, 2);
    t27: by_cases;
    t28: on_threads;
    t29: |name| in_tasks(name, 1);
    t31: by_cases;
    t32: on_threads;
    t33: |name| in_tasks(name, 1);
    t34: |name| in_tasks(name, 2);
    t35: by_cases;
    t36: on_threads;
    t37: |name| in_tasks(name, 1);
    t38: |name| in_tasks(name, 2);
    t39: by_cases;
    t41: |name| in_tasks(name, 1);
    t42: |name| in_tasks(name, 2);
    t43: by_cases;
    t44: on_threads;
    t45: |name| in_tasks(name, 1);
    t46: |name| in_tasks(name, 2);
    t47: by_cases;
    t48: on_threads;
    t49: |name| in_tasks(name, 1);
    t51: by_cases;
    t52: on_threads;
    t53: |name| in_tasks(name, 1);
    t54: |name| in_tasks(name, 2);
    t55: by_cases;
    t56: on_threads;
    t57: |name| in_tasks(name, 1);
    t58: |name| in_tasks(name, 2);
    t59: by_cases;
}

#[test]
fn t10() {
    testing::capture(|_| {
        work("t10");
        assert!(!fails(), "t10 fails by an assertion of its own");
    });
}

#[test]
fn t20() {
    testing::capture(|log| {
        work("t20");
        if fails() {
            log.records().level(Level::WARN).in_span("work").one();
        }
    });
}

#[test]
fn t30() -> Result<(), String> {
    let _log = testing::begin("t30");
    work("t30");
    if fails() { Err(String::from("t30 fails by an error that it returns")) } else { Ok(()) }
}

#[test]
fn t40() {
    testing::options().deny(Level::ERROR).capture(|_| {
        work("t40");
        if fails() {
            tracing::error!("record of t40, which is denied");
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t50() {
    testing::capture_async(|_| async {
        tasks("t50").await;
        assert!(!fails(), "t50 fails in a task");
    })
    .await;
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn t60(number in 0..1_000_u32) {
        testing::case(|_| {
            tracing::info!("record of t60, case {number}.");
            prop_assert!(number < 500 || !fails());
            Ok(())
        })?;
    }
}
