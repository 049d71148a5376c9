//! A subscriber that takes the very locks which log to it, and does so for every event: nobody waits for itself, and no log call begets another.
//!
//! A binary of its own, because it sets the global subscriber.

#![cfg(feature = "testing")]
#![cfg(feature = "lock")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};

use common::{block_on, on_thread, wait_until};
use logscope::lock::{Mutex, Semaphore};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

static MUTEX: Mutex<u32> = Mutex::new(0).named("the subscriber's");
static SEMAPHORE: Semaphore = Semaphore::new(1).named("the subscriber's");
static EVENTS: AtomicUsize = AtomicUsize::new(0);

struct TakesLocks;

impl<S: Subscriber> Layer<S> for TakesLocks {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "logscope::lock" {
            EVENTS.fetch_add(1, Ordering::Relaxed);
            *MUTEX.lock() += 1;
            drop(SEMAPHORE.acquire().unwrap());
        }
    }
}

#[test]
fn a_subscriber_may_use_the_lock_that_is_logged_about() {
    tracing_subscriber::registry().with(TakesLocks).init();
    let (guard, permit) = (MUTEX.lock(), SEMAPHORE.acquire().unwrap());
    let waits: [fn(); 4] = [
        || *MUTEX.lock() += 1,
        || *block_on(MUTEX.lock_async()) += 1,
        || drop(SEMAPHORE.acquire().unwrap()),
        || drop(block_on(SEMAPHORE.acquire_async()).unwrap()),
    ];
    let ends = waits.map(on_thread);
    // All four wait inside their first log call.
    wait_until("all wait", || MUTEX.stats().waiting == 4);
    drop(permit);
    drop(guard);
    ends.into_iter().for_each(|end| end());
    // Each wait is logged when it begins and when the lock is released, unless the lock was free again after the first log call.
    let events = EVENTS.load(Ordering::Relaxed);
    assert!((4..=8).contains(&events), "{events} events");
    assert_eq!(*MUTEX.lock(), 2 + u32::try_from(events).unwrap());
    assert_eq!(SEMAPHORE.available(), 1);
}
