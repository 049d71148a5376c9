//! What locks log: who waits for whom, in the context of whoever waits.

#![cfg(feature = "testing")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{on_thread, poll, wait_until};
use logscope::lock::{Mutex, Semaphore};
use logscope::testing::{self, Log, Query};
use logscope::{InContext as _, Level, OutputContext, RecordBuf, Value};

/// The records about locks.
fn of_locks(log: &Log) -> Query {
    log.records().target("logscope::lock")
}

/// Asserts that so many records are there, and that all are about locks.
#[track_caller]
fn assert_of_locks(log: &Log, number: usize) {
    log.records().exactly(number);
    of_locks(log).exactly(number);
}

fn millis(record: &RecordBuf, field: &str) -> f64 {
    record.field(field).and_then(Value::as_f64).unwrap_or_else(|| panic!("no number {field} in {record:?}"))
}

/// Has another thread wait for the mutex in the context of the test, while this one holds it. Returns the line where this thread locked it.
fn wait_for(mutex: &Arc<Mutex<u32>>, log: &Log) -> u32 {
    let (guard, line) = (mutex.lock(), line!());
    let waits = on_thread(log.context().bind({
        let mutex = Arc::clone(mutex);
        move || *mutex.lock() += 1
    }));
    wait_until("the thread waits", || mutex.stats().waiting == 1);
    drop(guard);
    waits();
    line
}

#[test]
fn a_wait_is_logged_with_the_holder_and_with_what_it_took() {
    testing::capture(|log| {
        let line = wait_for(&Arc::new(Mutex::new(0).named("cache")), log);
        let place = format!("{}:{line}", file!());
        let waits = of_locks(log).level(Level::DEBUG).message_is(format!("waiting for cache, held by {place}"));
        let is_there = format!("{place}:");
        waits
            .field("lock", "cache")
            .field_matches("held_by", move |holder| holder.as_str().is_some_and(|holder| holder.starts_with(&is_there)))
            .one();
        let [_, released] = &of_locks(log).in_order(["waiting for cache", "released cache, held for "])[..] else {
            unreachable!("two were asked for")
        };
        assert!(released.message.starts_with("released cache, held for "), "{released:?}");
        assert!(
            released.message.contains(" after a wait of ") && released.message.ends_with(&format!(", held by {place}")),
            "{released:?}"
        );
        assert!(millis(released, "waited_ms") > 0.0 && millis(released, "held_ms") > 0.0, "{released:?}");
        let expected = if millis(released, "waited_ms") < 1_000.0 { Level::DEBUG } else { Level::INFO };
        assert_eq!(released.level, expected);
        assert_of_locks(log, 2);
    });
}

#[test]
fn a_lock_that_is_free_or_silent_logs_nothing() {
    testing::capture(|log| {
        let mutex = Mutex::new(0).named("free");
        drop(mutex.lock());
        drop(mutex.try_lock());
        let guard = mutex.lock_timeout(Duration::from_secs(1));
        assert!(mutex.try_lock().is_none());
        assert!(mutex.lock_timeout(Duration::ZERO).is_none());
        drop(guard);
        drop(Semaphore::new(1).named("free").acquire().unwrap());
        let semaphore = Semaphore::new(0).silent(true);
        assert!(semaphore.try_acquire().unwrap().is_none());
        wait_for(&Arc::new(Mutex::new(0).named("silent").silent(true)), log);
        log.records().none();
        wait_for(&Arc::new(Mutex::new(0).silent(true).silent(false)), log);
        assert_of_locks(log, 2);
        let semaphore = Semaphore::new(1).silent(true).silent(false);
        let _permit = semaphore.acquire().unwrap();
        assert!(semaphore.acquire_timeout(Duration::from_millis(1)).unwrap().is_none());
        assert_of_locks(log, 4);
    });
}

#[test]
fn a_wait_without_the_lock_is_logged() {
    testing::capture(|log| {
        let mutex = Mutex::new(0).named("cache");
        let semaphore = Semaphore::new(1).named("jobs");
        let (_guard, _permit) = (mutex.lock(), semaphore.acquire().unwrap());
        assert!(mutex.lock_timeout(Duration::from_millis(1)).is_none());
        let mut task = Box::pin(semaphore.acquire_async());
        assert!(poll(&mut task).is_pending());
        drop(task);
        let expected = [
            "waiting for cache, held by ",
            "gave up waiting for cache after ",
            "waiting for jobs, held by ",
            "gave up waiting for jobs after ",
        ];
        let told = of_locks(log).in_order(expected);
        assert!(told.iter().zip(expected).all(|(record, start)| record.message.starts_with(start)), "{told:?}");
        assert_of_locks(log, 4);
    });
}

#[test]
fn a_long_wait_is_logged_at_info_while_it_goes_on() {
    testing::capture(|log| {
        let mutex = Mutex::new(0);
        let name = format!("the lock of {}:{}", file!(), line!() - 1);
        let _guard = mutex.lock();
        assert!(mutex.lock_timeout(Duration::from_millis(1_200)).is_none());
        let long = of_locks(log).level(Level::INFO);
        let told = long
            .in_order([format!("still waiting for {name} after 1."), format!("gave up waiting for {name} after 1.")]);
        assert!(told[0].message.starts_with("still") && told[1].message.starts_with("gave up"), "{told:?}");
        assert!(millis(&told[0], "waited_ms") >= 1_000.0, "{told:?}");
        assert_eq!(told[0].field("lock"), Some(&Value::from(name.as_str())));
        long.exactly(2);
        assert_of_locks(log, 3);
    });
}

/// The context is that of the task, wherever it is polled.
#[test]
fn a_task_logs_to_its_own_context() {
    testing::capture(|log| {
        let own = OutputContext::builder("task").sink(log.sink()).verbosity(Level::TRACE).build();
        let mutex = Mutex::new(0).named("of a task");
        let guard = mutex.lock();
        let mut task = Box::pin(async { *mutex.lock_async().await += 1 }.in_context(&own));
        logscope::unscoped(|| assert!(poll(&mut task).is_pending()));
        drop(guard);
        assert!(poll(&mut task).is_ready());
        of_locks(log).context("task").exactly(2);
        assert_of_locks(log, 2);
        log.unclaimed().message("of a task").none();
    });
}
