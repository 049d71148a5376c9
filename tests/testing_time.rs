//! Contexts that follow tokio's paused time.

#![cfg(all(feature = "testing", feature = "tokio"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::time::{Duration, Instant};

use logscope::testing::{self, tokio_clock};
use logscope::{InContext as _, OutputContext};

const HOUR: Duration = Duration::from_secs(3_600);

/// About so long: tokio's paused time goes on by milliseconds.
#[track_caller]
fn assert_about(elapsed: Duration, expected: Duration) {
    assert!(elapsed >= expected && elapsed < expected + Duration::from_millis(100), "{elapsed:?}, not {expected:?}");
}

#[tokio::test(start_paused = true)]
async fn a_context_follows_paused_time_and_so_do_those_made_of_it() {
    let start = Instant::now();
    let uno = OutputContext::builder("uno").clock(tokio_clock()).build();
    assert_eq!(uno.elapsed(), Duration::ZERO);
    tokio::time::sleep(2 * HOUR).await;
    assert_about(uno.elapsed(), 2 * HOUR);
    let (child, derived) = (uno.child("child").build(), uno.to_builder().build());
    tokio::time::advance(HOUR).await;
    assert_about(uno.elapsed(), 3 * HOUR);
    assert_about(child.elapsed(), HOUR);
    assert_about(derived.elapsed(), 3 * HOUR);
    assert!(start.elapsed() < Duration::from_secs(60), "no real time has passed");
    // In tasks, and on threads outside the runtime.
    let in_task = tokio::spawn(async { OutputContext::with_current(|context| context.elapsed()) }.in_context(&uno));
    assert_about(in_task.await.unwrap(), 3 * HOUR);
    let outside = std::thread::spawn(uno.bind(|| OutputContext::with_current(|context| context.elapsed())));
    assert_about(outside.join().unwrap(), 3 * HOUR);
}

#[tokio::test(start_paused = true)]
async fn the_whole_test_counts_by_paused_time() {
    let options = testing::options().clock(tokio_clock());
    options
        .capture_async(|log| async move {
            tokio::time::sleep(HOUR).await;
            tracing::info!("an hour later");
            let first = log.records().message("an hour later").one();
            assert_about(first.elapsed.unwrap(), HOUR);
            // A context of its own, made by the code under test.
            let own = OutputContext::builder("own").sink(log.sink()).build();
            tokio::time::sleep(HOUR).await;
            assert_about(own.elapsed(), HOUR);
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn the_wall_clock_goes_on_with_paused_time() {
    let clock = tokio_clock();
    let before = clock.wall();
    tokio::time::sleep(24 * HOUR).await;
    assert_about(clock.wall().duration_since(before).unwrap(), 24 * HOUR);
}

#[test]
fn two_runtimes_have_two_times_and_a_runtime_that_is_gone_keeps_its_own() {
    let make = || tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let (fast, slow) = (make(), make());
    let context = |runtime: &tokio::runtime::Runtime| {
        runtime.block_on(async { OutputContext::builder("uno").clock(tokio_clock()).build() })
    };
    let (in_fast, in_slow) = (context(&fast), context(&slow));
    fast.block_on(async { tokio::time::sleep(HOUR).await });
    assert_about(in_fast.elapsed(), HOUR);
    // Also asked from inside the other one.
    slow.block_on(async {
        assert_about(in_fast.elapsed(), HOUR);
        assert_about(in_slow.elapsed(), Duration::ZERO);
    });
    drop(fast);
    assert_about(in_fast.elapsed(), HOUR);
}

#[test]
fn outside_a_runtime_the_panic_says_what_to_do() {
    let payload = std::panic::catch_unwind(tokio_clock).unwrap_err();
    assert!(payload.downcast_ref::<&str>().is_some_and(|text| text.contains("call it in a task")));
}
