//! Locks for threads and tasks beside foreign code that misbehaves: wakers and subscribers that panic, and a waker that asks while others are served.
//!
//! A binary of its own, because its subscribers panic.

#![cfg(feature = "testing")]
#![cfg(feature = "lock")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex as StdMutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use common::{DEADLINE, on_thread, poll, wait_until};
use logscope::lock::{Mutex, Semaphore};
use logscope::{Level, testing};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Layer, SubscriberExt as _};

/// Panics when it is woken, as an executor that was shut down may do.
struct PanicsWhenWoken;

impl Wake for PanicsWhenWoken {
    fn wake(self: Arc<Self>) {
        panic!("this executor is gone");
    }
}

/// Panics when its last copy is dropped.
struct PanicsWhenDropped;

impl Wake for PanicsWhenDropped {
    fn wake(self: Arc<Self>) {
        std::mem::forget(self);
    }
}

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("this executor is gone");
    }
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll_with<F: Future + ?Sized>(future: &mut Pin<Box<F>>, waker: &Waker) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(waker))
}

#[test]
fn a_guard_whose_drop_wakes_a_waker_that_panics_does_not_panic() {
    let mutex = Mutex::new(0).silent(true);
    let guard = mutex.lock();
    let mut waits = Box::pin(mutex.lock_async());
    assert!(poll_with(&mut waits, &Arc::new(PanicsWhenWoken).into()).is_pending());
    // While a thread unwinds, a drop that panics aborts the program.
    assert!(catch_unwind(AssertUnwindSafe(|| drop(guard))).is_ok());
    assert!(poll(&mut waits).is_ready());
}

#[test]
fn a_waker_that_panics_keeps_no_wake_up_from_those_behind() {
    let semaphore = Semaphore::new(2).silent(true);
    let permits = semaphore.acquire_many(2).unwrap();
    let (mut first, mut second) = (Box::pin(semaphore.acquire_async()), Box::pin(semaphore.acquire_async()));
    let count = Arc::new(Count::default());
    assert!(poll_with(&mut first, &Arc::new(PanicsWhenWoken).into()).is_pending());
    assert!(poll_with(&mut second, &Arc::clone(&count).into()).is_pending());
    let _ = catch_unwind(AssertUnwindSafe(|| drop(permits)));
    assert_eq!(count.0.load(Ordering::Relaxed), 1, "the second has a permit, and was told");
}

#[test]
fn a_waker_that_panics_keeps_nobody_waiting_for_a_semaphore_that_is_closed() {
    let semaphore = Semaphore::new(1).silent(true);
    let _permit = semaphore.acquire().unwrap();
    let (mut first, mut second) = (Box::pin(semaphore.acquire_async()), Box::pin(semaphore.acquire_async()));
    let count = Arc::new(Count::default());
    assert!(poll_with(&mut first, &Arc::new(PanicsWhenWoken).into()).is_pending());
    assert!(poll_with(&mut second, &Arc::clone(&count).into()).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| semaphore.close())).is_ok());
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
}

/// A waker is dropped where it is replaced, also by the poll in which the lock is got.
#[test]
fn a_waker_that_panics_when_it_is_dropped_takes_no_lock_with_it() {
    let semaphore = Semaphore::new(1).silent(true);
    let permit = semaphore.acquire().unwrap();
    let mut waits = Box::pin(semaphore.acquire_async());
    assert!(poll_with(&mut waits, &Arc::new(PanicsWhenDropped).into()).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| poll(&mut waits).is_pending())).is_ok());
    drop(permit);
    drop(waits);
    assert_eq!((semaphore.available(), semaphore.stats().waiting), (1, 0));

    let permit = semaphore.acquire().unwrap();
    let mut waits = Box::pin(semaphore.acquire_async());
    assert!(poll_with(&mut waits, &Arc::new(PanicsWhenDropped).into()).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(waits))).is_ok());
    drop(permit);
    assert_eq!((semaphore.available(), semaphore.stats().waiting), (1, 0));
}

/// "First come, first served", and `try_acquire` takes a permit "if one is free and nobody waits".
#[test]
fn nobody_takes_a_permit_while_those_in_line_are_served() {
    struct Asks(Arc<Semaphore>, StdMutex<Option<bool>>);
    impl Wake for Asks {
        fn wake(self: Arc<Self>) {
            *self.1.lock().unwrap() = Some(self.0.try_acquire().unwrap().is_some());
        }
    }

    let semaphore = Arc::new(Semaphore::new(2).silent(true));
    let permits = semaphore.acquire_many(2).unwrap();
    let (mut first, mut second) = (Box::pin(semaphore.acquire_async()), Box::pin(semaphore.acquire_async()));
    let asks = Arc::new(Asks(Arc::clone(&semaphore), StdMutex::new(None)));
    assert!(poll_with(&mut first, &Arc::clone(&asks).into()).is_pending());
    assert!(poll(&mut second).is_pending());
    // The first is woken while the second still waits for the other permit.
    drop(permits);
    assert_eq!(*asks.1.lock().unwrap(), Some(false), "somebody waits");
    assert!(poll(&mut second).is_ready());
}

/// A subscriber that panics at each event of a lock.
struct Panics;

impl<S: Subscriber> Layer<S> for Panics {
    fn on_event(&self, event: &Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        assert_ne!(event.metadata().target(), "logscope::lock", "this subscriber is broken");
    }
}

fn under_a_subscriber_that_panics<R>(f: impl FnOnce() -> R) -> R {
    tracing::subscriber::with_default(tracing_subscriber::registry().with(Panics), f)
}

#[test]
fn a_subscriber_that_panics_panics_neither_who_waits_nor_who_releases_nor_who_gives_up() {
    let mutex = Arc::new(Mutex::new(0));
    let guard = mutex.lock();
    let (waits_now, is_waiting) = channel();
    let waits = on_thread({
        let mutex = Arc::clone(&mutex);
        move || {
            under_a_subscriber_that_panics(|| {
                assert!(mutex.lock_timeout(Duration::from_millis(1)).is_none());
                waits_now.send(()).unwrap();
                let guard = mutex.lock();
                catch_unwind(AssertUnwindSafe(|| drop(guard))).is_ok()
            })
        }
    });
    is_waiting.recv_timeout(DEADLINE).expect("the time is over, and nobody panics");
    wait_until("the thread waits", || mutex.stats().waiting == 1);
    drop(guard);
    assert!(waits());
}

/// A task has no timer here, so this is the only record that can tell of its long wait.
#[test]
fn a_long_wait_that_a_task_gives_up_is_logged_at_info_with_the_holder() {
    testing::capture(|log| {
        let mutex = Mutex::new(0).named("cache");
        let line = line!() + 1;
        let _guard = mutex.lock();
        let begin = Instant::now();
        let mut waits = Box::pin(mutex.lock_async());
        assert!(poll(&mut waits).is_pending());
        // This waits for more than a second, which is what it is about.
        while begin.elapsed() < Duration::from_millis(1_050) {
            std::thread::park_timeout(Duration::from_millis(50));
        }
        drop(waits);
        let last = log.records().level(Level::INFO).one();
        assert!(last.message.starts_with("gave up waiting for cache after 1."), "{last:?}");
        assert!(last.message.ends_with(&format!(", held by {}:{line}", file!())), "{last:?}");
    });
}

/// To log that it still waits, a thread steps out of the line. The permits that it has collected must not go to those behind it.
#[test]
fn who_waits_for_many_permits_for_long_keeps_those_that_it_has_collected() {
    for semaphore in [Semaphore::new(2), Semaphore::new(2).silent(true)].map(Arc::new) {
        let (one, other) = (semaphore.acquire().unwrap(), semaphore.acquire().unwrap());
        let waits = on_thread({
            let semaphore = Arc::clone(&semaphore);
            // This waits for more than a second, which is what it is about.
            move || semaphore.acquire_many_timeout(2, Duration::from_millis(1_500)).unwrap().is_some()
        });
        wait_until("the thread waits", || semaphore.stats().waiting == 1);
        let behind = Arc::new(Count::default());
        let mut waits_behind = Box::pin(semaphore.acquire_async());
        assert!(poll_with(&mut waits_behind, &Arc::clone(&behind).into()).is_pending());
        drop(one);
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(1_200) {
            assert_eq!(behind.0.load(Ordering::Relaxed), 0, "the permit goes to the one that came later");
            std::thread::yield_now();
        }
        drop(other);
        assert!(waits());
    }
}
