//! Waiting for a lock in a task.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use super::acquisition::{Acquisition, Step};
use super::errors::refused;
use super::guard::FileLockGuard;
use super::options::FileLock;
use super::timer::{Due, Timer};
use crate::error::Error;
use crate::lock::foreign::ForeignWaker;
use crate::process::ForkLocal;

/// Wakes the tasks that wait for locks.
pub(super) static WAKE_UPS: ForkLocal<Timer<ForeignWaker>> =
    ForkLocal::new(Timer::new("logscope-wakeup", ForeignWaker::wake), |_| {
        Timer::new("logscope-wakeup", ForeignWaker::wake)
    });

/// A task that waits for a lock. It gets the lock in its own poll, so one that is dropped never has it.
pub(super) struct Acquiring {
    acquisition: Acquisition,
    lock: FileLock,
    next: Option<Due>,
}

impl Acquiring {
    pub(super) fn new(lock: &FileLock, acquisition: Acquisition) -> Self {
        Acquiring { acquisition, lock: lock.clone(), next: None }
    }

    fn wait_until(&mut self, when: Instant, waker: ForeignWaker) -> Result<(), Error> {
        let due = WAKE_UPS.get().at(when, waker).map_err(|error| refused(&self.lock.path, error))?;
        self.next = Some(due);
        Ok(())
    }

    fn cancel(&mut self) -> Option<Due> {
        let next = self.next.take()?;
        // A waker is foreign code: it is dropped here, not under the timer's lock.
        drop(WAKE_UPS.get().cancel(next));
        Some(next)
    }
}

impl Future for Acquiring {
    type Output = Result<FileLockGuard, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Others may poll more often than they are woken.
        let when = match self.cancel() {
            Some(next) if Instant::now() < next.when => next.when,
            _ => match self.acquisition.step()? {
                Step::Got(guard) => return Poll::Ready(Ok(guard)),
                Step::Wait(pause) => Instant::now() + pause,
            },
        };
        self.wait_until(when, ForeignWaker::new(cx.waker().clone()))?;
        Poll::Pending
    }
}

impl Drop for Acquiring {
    fn drop(&mut self) {
        self.cancel();
    }
}
