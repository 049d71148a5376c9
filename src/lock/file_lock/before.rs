//! Waiting in a task for something that has no time-out of its own.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use super::wake_up::WakeUp;
use crate::lock::foreign::ForeignWaker;

/// Waits for `future`, until `deadline` at most. Returns `None` if the time is over first.
///
/// If no thread can be started that would wake the task at the deadline, it waits for the future alone.
pub(crate) async fn before<F: Future>(deadline: Option<Instant>, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut wake_up: Option<WakeUp> = None;
    poll_fn(|context| {
        if let Poll::Ready(output) = future.as_mut().poll(context) {
            return Poll::Ready(Some(output));
        }
        match deadline {
            Some(deadline) if deadline <= Instant::now() => Poll::Ready(None),
            Some(deadline) => {
                // The one before is cancelled first.
                wake_up.take();
                wake_up = WakeUp::at(deadline, ForeignWaker::new(context.waker().clone())).ok();
                Poll::Pending
            }
            None => Poll::Pending,
        }
    })
    .await
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;
