//! Work that blocks, for a future that must not: it is done on a thread of its own.
//!
//! There is no pool of threads: a fetch is rare, and a thread costs less than the files that it handles. A future that is dropped leaves its
//! work to be finished.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::process::start_thread;
use crate::sync::model::{Arc, Mutex};
use crate::sync::thread;

/// Does `work` on a thread, and returns what it returns. If it panics, so does the future.
///
/// # Errors
///
/// No thread can be started.
pub(super) async fn offload<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let (sender, receiver) = hand_over();
    // Its end is not waited for: what it does is done by the time that it hands the result over.
    drop(start_thread("logscope-fetch", move || sender.send(catch_unwind(AssertUnwindSafe(work))))?);
    let result: thread::Result<T> = receiver.await;
    Ok(result.unwrap_or_else(|payload| resume_unwind(payload)))
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
