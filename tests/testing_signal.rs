//! Signals: one type for threads and tasks, set once or many times, with deadlines, and wakers that misbehave.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use logscope::testing::Signal;
use logscope::{Error, ErrorKind};

const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn a_signal_that_was_set_before_is_not_waited_for() {
    let signal = Signal::new();
    signal.set();
    signal.wait(Duration::ZERO).unwrap();
    signal.wait(Duration::MAX).unwrap();
    assert!(signal.is_set());
}

#[test]
fn threads_and_tasks_wait_for_the_same_signal() {
    let (signal, waiting) = (Signal::new(), Signal::new());
    let thread = thread::spawn({
        let (signal, waiting) = (signal.clone(), waiting.clone());
        move || {
            waiting.set();
            signal.wait(DEADLINE)
        }
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let (signal, waiting) = (signal.clone(), waiting.clone());
            runtime.spawn(async move {
                waiting.set();
                signal.wait_async(DEADLINE).await
            })
        })
        .collect();
    waiting.wait_for(11, DEADLINE).unwrap();
    signal.set();
    thread.join().unwrap().unwrap();
    tasks.into_iter().for_each(|task| runtime.block_on(task).unwrap().unwrap());
}

#[test]
fn a_signal_is_set_many_times_and_each_waits_for_its_number() {
    let signal = Signal::new();
    thread::scope(|threads| {
        for times in 1..=5 {
            let signal = &signal;
            threads.spawn(move || {
                signal.wait_for(times, DEADLINE).unwrap();
                assert!(signal.count() >= times);
            });
        }
        (0..5).for_each(|_| signal.set());
    });
    assert_eq!(signal.count(), 5);
    assert!(signal.wait_for(6, Duration::ZERO).is_err());
}

fn says(error: &Error, parts: &[&str]) {
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let text = error.to_string();
    parts.iter().for_each(|part| assert!(text.contains(part), "{part:?} is not in {text:?}"));
}

#[test]
fn a_signal_that_does_not_come_is_named_with_the_place_that_waited() {
    let named = Signal::named("the server is up");
    let start = Instant::now();
    let line = line!() + 1;
    let error = named.wait(Duration::from_millis(20)).unwrap_err();
    says(
        &error,
        &[&format!("{}:{line}:", file!()), "the signal \"the server is up\" was not set within 20ms", "set 0 times"],
    );
    assert!(start.elapsed() >= Duration::from_millis(20));
    let unnamed = Signal::new();
    unnamed.set();
    says(
        &unnamed.wait_for(3, Duration::ZERO).unwrap_err(),
        &["made at tests/testing_signal.rs", "3 times", "set 1 times"],
    );

    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let start = Instant::now();
    let error = runtime.block_on(named.wait_async(Duration::from_millis(20))).unwrap_err();
    says(&error, &[file!(), "within 20ms"]);
    assert!(start.elapsed() >= Duration::from_millis(20));
}

/// Polls once.
fn poll<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

struct Runs<F>(F, AtomicUsize);

impl<F: Fn() + Send + Sync + 'static> Wake for Runs<F> {
    fn wake(self: Arc<Self>) {
        self.1.fetch_add(1, Ordering::Relaxed);
        (self.0)();
    }
}

fn waker<F: Fn() + Send + Sync + 'static>(f: F) -> (Arc<Runs<F>>, Waker) {
    let runs = Arc::new(Runs(f, AtomicUsize::new(0)));
    (Arc::clone(&runs), Waker::from(runs))
}

/// A waker is foreign code: it may panic, and it may come back to the signal.
#[test]
fn wakers_may_panic_and_may_use_the_signal() {
    let signal = Signal::new();
    let (panicked, panics) = waker(|| panic!("this is the waker's panic"));
    let (set, sets) = waker({
        let signal = signal.clone();
        move || {
            assert!(signal.is_set());
            signal.set();
        }
    });
    let (plain, wakes) = waker(|| ());
    let mut first = pin!(signal.wait_async(DEADLINE));
    let mut second = pin!(signal.wait_async(DEADLINE));
    let mut third = pin!(signal.wait_async(DEADLINE));
    assert!(poll(first.as_mut(), &panics).is_pending());
    assert!(poll(second.as_mut(), &sets).is_pending());
    assert!(poll(third.as_mut(), &wakes).is_pending());
    catch_unwind(AssertUnwindSafe(|| signal.set())).expect("the waker's panic stays inside");
    let count = |runs: &AtomicUsize| runs.load(Ordering::Relaxed);
    assert_eq!([count(&panicked.1), count(&set.1), count(&plain.1)], [1, 1, 1]);
    assert_eq!(signal.count(), 2);
    assert!(poll(first.as_mut(), &panics).is_ready() && poll(second.as_mut(), &sets).is_ready());
}

#[test]
fn a_future_that_is_dropped_leaves_nothing_behind_and_a_new_waker_replaces_the_old_one() {
    let signal = Signal::new();
    let (old, old_waker) = waker(|| ());
    let (new, new_waker) = waker(|| ());
    {
        let mut dropped = pin!(signal.wait_async(DEADLINE));
        assert!(poll(dropped.as_mut(), &old_waker).is_pending());
    }
    assert_eq!(Arc::strong_count(&old), 2, "the signal holds the waker of a future that is gone");
    let mut kept = pin!(signal.wait_async(DEADLINE));
    assert!(poll(kept.as_mut(), &old_waker).is_pending());
    assert!(poll(kept.as_mut(), &new_waker).is_pending());
    assert_eq!(Arc::strong_count(&old), 2);
    signal.set();
    assert_eq!((old.1.load(Ordering::Relaxed), new.1.load(Ordering::Relaxed)), (0, 1));
}

/// The deadline of a task is counted from the call, and needs no runtime.
#[test]
fn a_task_is_woken_at_its_deadline_without_a_runtime() {
    let (woken, wakes) = (Signal::new(), Signal::new());
    let (_, waker) = waker({
        let woken = woken.clone();
        move || woken.set()
    });
    let mut wait = pin!(wakes.wait_async(Duration::from_millis(10)));
    if poll(wait.as_mut(), &waker).is_pending() {
        woken.wait(DEADLINE).unwrap();
        let Poll::Ready(result) = poll(wait.as_mut(), &waker) else { panic!("it was woken before its time") };
        assert!(result.unwrap_err().is_timeout());
    }
}
