//! A global subscriber that takes file locks which log, for every event: its log calls come to an end.
//!
//! A binary of its own, because it sets the global subscriber: a log call inside of one reaches no other.

#![cfg(feature = "lock")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::on_thread;
use logscope::lock::FileLock;
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

static EVENTS: AtomicUsize = AtomicUsize::new(0);

struct Locks(FileLock);

impl<S: Subscriber> Layer<S> for Locks {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "logscope::lock" && EVENTS.fetch_add(1, Ordering::Relaxed) < 100 {
            self.0.acquire(Duration::from_secs(20)).unwrap().release().unwrap();
        }
    }
}

#[test]
fn a_subscriber_that_takes_locks_which_log_does_not_log_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let own = FileLock::new(folder.path().join("own"));
    tracing_subscriber::registry().with(Locks(own)).init();
    let lock = FileLock::new(folder.path().join("lock"));
    on_thread(move || lock.try_acquire().unwrap().unwrap().release().unwrap())();
    assert_eq!(EVENTS.load(Ordering::Relaxed), 2, "got, released");
}
