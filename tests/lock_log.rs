//! What locks log: who waits for whom, in the context of whoever waits.

#![cfg(feature = "testing")]
#![cfg(feature = "lock")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Log, ParsedLine, init, on_thread, poll, unscoped_messages, wait_until};
use logscope::lock::{Mutex, Semaphore};

/// The records that are not of a span or another target: all of them.
fn records(log: &Log) -> Vec<ParsedLine> {
    log.messages();
    let lines = log.lines();
    assert!(lines.iter().all(|line| line.target == "logscope::lock"), "{lines:?}");
    lines
}

/// Has a thread wait for the mutex in the context of `log`, while this thread holds it. Returns the line where this thread locked it.
fn wait_for(mutex: &Arc<Mutex<u32>>, log: &Log) -> u32 {
    let (guard, line) = (mutex.lock(), line!());
    let waits = on_thread({
        let (mutex, context) = (Arc::clone(mutex), log.context.clone());
        move || context.scope(|| *mutex.lock() += 1)
    });
    wait_until("the thread waits", || mutex.stats().waiting == 1);
    drop(guard);
    waits();
    line
}

#[test]
fn a_wait_is_logged_with_the_holder_and_with_what_it_took() {
    init();
    let log = Log::new("waits");
    let mutex = Arc::new(Mutex::new(0).named("cache"));
    let line = wait_for(&mutex, &log);
    let records = records(&log);
    let [waits, released] = &records[..] else { panic!("{records:?}") };
    let place = format!("{}:{line}", file!());
    assert_eq!(waits.message, format!("waiting for cache, held by {place}"));
    assert_eq!((&*waits.level, &waits.fields["lock"]), ("DEBUG", &"cache".into()));
    assert!(waits.fields["held_by"].as_str().unwrap().starts_with(&format!("{place}:")), "{waits:?}");
    assert!(released.message.starts_with("released cache, held for "), "{released:?}");
    assert!(
        released.message.contains(" after a wait of ") && released.message.ends_with(&format!(", held by {place}"))
    );
    let millis = |field: &str| released.fields[field].as_f64().unwrap();
    assert!(millis("waited_ms") > 0.0 && millis("held_ms") > 0.0, "{released:?}");
    let expected = if millis("waited_ms") < 1_000.0 { "DEBUG" } else { "INFO" };
    assert_eq!(released.level, expected);
}

#[test]
fn a_lock_that_is_free_or_silent_logs_nothing() {
    init();
    let log = Log::new("nothing");
    log.context.scope(|| {
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
    });
    wait_for(&Arc::new(Mutex::new(0).named("silent").silent(true)), &log);
    assert_eq!(records(&log).len(), 0);
    wait_for(&Arc::new(Mutex::new(0).silent(true).silent(false)), &log);
    assert_eq!(records(&log).len(), 2);
    log.context.scope(|| {
        let semaphore = Semaphore::new(1).silent(true).silent(false);
        let _permit = semaphore.acquire().unwrap();
        assert!(semaphore.acquire_timeout(Duration::from_millis(1)).unwrap().is_none());
    });
    assert_eq!(records(&log).len(), 4);
}

#[test]
fn a_wait_without_the_lock_is_logged() {
    init();
    let log = Log::new("gives up");
    let mutex = Mutex::new(0).named("cache");
    let semaphore = Semaphore::new(1).named("jobs");
    log.context.scope(|| {
        let (_guard, _permit) = (mutex.lock(), semaphore.acquire().unwrap());
        assert!(mutex.lock_timeout(Duration::from_millis(1)).is_none());
        let mut task = Box::pin(semaphore.acquire_async());
        assert!(poll(&mut task).is_pending());
        drop(task);
    });
    let messages: Vec<String> = records(&log).into_iter().map(|line| line.message).collect();
    let starts = [
        "waiting for cache, held by ",
        "gave up waiting for cache after ",
        "waiting for jobs, held by ",
        "gave up waiting for jobs after ",
    ];
    assert!(
        messages.len() == 4 && messages.iter().zip(starts).all(|(message, start)| message.starts_with(start)),
        "{messages:?}"
    );
}

#[test]
fn a_long_wait_is_logged_at_info_while_it_goes_on() {
    init();
    let log = Log::new("long");
    let mutex = Mutex::new(0);
    let made = line!() - 1;
    log.context.scope(|| {
        let _guard = mutex.lock();
        assert!(mutex.lock_timeout(Duration::from_millis(1_200)).is_none());
    });
    let records = records(&log);
    let long: Vec<&ParsedLine> = records.iter().filter(|line| line.level == "INFO").collect();
    assert!(long.len() == 2 && records.len() == 3, "{records:?}");
    let name = format!("the lock of {}:{made}", file!());
    assert!(long[0].message.starts_with(&format!("still waiting for {name} after 1.")), "{long:?}");
    assert!(long[1].message.starts_with(&format!("gave up waiting for {name} after 1.")), "{long:?}");
    assert!(long[0].fields["waited_ms"].as_f64().unwrap() >= 1_000.0 && long[0].fields["lock"] == *name, "{long:?}");
}

/// The context is that of the task, wherever it is polled.
#[test]
fn a_task_logs_to_its_own_context() {
    use logscope::InContext as _;
    init();
    let log = Log::new("task");
    let mutex = Mutex::new(0).named("of a task");
    let guard = mutex.lock();
    let mut task = Box::pin(async { *mutex.lock_async().await += 1 }.in_context(&log.context));
    assert!(poll(&mut task).is_pending());
    drop(guard);
    assert!(poll(&mut task).is_ready());
    assert_eq!(records(&log).len(), 2);
    assert_eq!(unscoped_messages("of a task"), [""; 0]);
}
