//! Work that blocks, for a future that must not: it is done on a thread of its own.
//!
//! There is no pool of threads: a fetch is rare, and a thread costs less than the files that it handles. A future that is dropped leaves its
//! work to be finished. If the system starts no more threads, the task's own thread does the work: to be slow is better than to fail.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::process::start_thread;
use crate::sync::model::{Arc, Mutex};
use crate::sync::thread;

/// Does `work` on a thread, and returns what it returns. If it panics, so does the future.
pub(super) async fn offload<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    // Kept here as well: a thread that cannot be started does not give it back.
    let here = Arc::new(Mutex::new(Some(work)));
    let there = Arc::clone(&here);
    let take = move || there.lock().take();
    match try_offload("logscope-fetch", move || take().map(|work| work())).await {
        Ok(Some(done)) => done,
        _ => {
            let work = here.lock().take();
            work.expect("no thread has taken it")()
        }
    }
}

/// Does `work` on a thread of this name, and returns what it returns, or an error if the system starts no more threads. If it panics, so does the
/// future.
pub(crate) async fn try_offload<T: Send + 'static>(
    thread: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (sender, receiver) = hand_over();
    drop(start_thread(thread, move || sender.send(catch_unwind(AssertUnwindSafe(work))))?);
    let result: thread::Result<T> = receiver.await;
    result.map_err(resume_unwind).map_or_else(|never| never, Ok)
}

/// Ends after `pause`, or at once if no thread can be started to wait for that.
pub(super) async fn sleep(pause: Duration) {
    let (sender, receiver) = hand_over();
    let started = start_thread("logscope-fetch", move || {
        thread::sleep(pause);
        sender.send(());
    });
    if started.is_ok() {
        receiver.await;
    }
}

/// The two ends of a place for one value.
fn hand_over<T>() -> (Sender<T>, Receiver<T>) {
    let place = Arc::new(Mutex::new(Place { value: None, waker: None }));
    (Sender(Arc::clone(&place)), Receiver(place))
}

struct Place<T> {
    value: Option<T>,
    /// Of the task that waits.
    waker: Option<Waker>,
}

struct Sender<T>(Arc<Mutex<Place<T>>>);

struct Receiver<T>(Arc<Mutex<Place<T>>>);

impl<T> Sender<T> {
    fn send(self, value: T) {
        let waker = {
            let mut place = self.0.lock();
            place.value = Some(value);
            place.waker.take()
        };
        // Not under the lock: what it does is the executor's.
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Future for Receiver<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // Cloned before and dropped after the lock is held: both are the executor's. Under one lock with the look for the value, so that a sender
        // either comes before the look or finds the waker.
        let new = context.waker().clone();
        let mut place = self.0.lock();
        let old = place.waker.replace(new);
        let value = place.value.take();
        drop(place);
        drop(old);
        value.map_or(Poll::Pending, Poll::Ready)
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;

#[cfg(all(test, logscope_loom))]
mod loom_tests;
