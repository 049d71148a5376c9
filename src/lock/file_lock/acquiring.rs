//! Waiting for a lock in a task.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use super::acquisition::{Acquisition, Step};
use super::errors::refused;
use super::guard::FileLockGuard;
use super::options::FileLock;
use super::wake_up::WakeUp;
use crate::error::Error;
use crate::lock::foreign::ForeignWaker;

/// A task that waits for a lock. It gets the lock in its own poll, so one that is dropped never has it.
pub(super) struct Acquiring {
    acquisition: Acquisition,
    lock: FileLock,
    next: Option<WakeUp>,
}

impl Acquiring {
    pub(super) fn new(lock: &FileLock, acquisition: Acquisition) -> Self {
        Acquiring { acquisition, lock: lock.clone(), next: None }
    }
}

impl Future for Acquiring {
    type Output = Result<FileLockGuard, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Others may poll more often than they are woken.
        let when = match self.next.take() {
            Some(next) if Instant::now() < next.when() => next.when(),
            _ => match self.acquisition.step()? {
                Step::Got(guard) => return Poll::Ready(Ok(guard)),
                Step::Wait(pause) => Instant::now() + pause,
            },
        };
        let waker = ForeignWaker::new(cx.waker().clone());
        self.next = Some(WakeUp::at(when, waker).map_err(|error| refused(&self.lock.path, error))?);
        Poll::Pending
    }
}
