//! Code of the program's that locks call: wakers and subscribers.
//!
//! It may panic. A lock is released, and a wait given up, by a `Drop`, maybe while the thread unwinds: a panic that came out of it then would
//! abort the program. And those who are to be woken next must not wait for ever because of it.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// Runs foreign code. A panic of it ends here; the program's panic hook has told of it.
pub(crate) fn run_foreign(run: impl FnOnce()) {
    // loom ends a model by a panic.
    if cfg!(logscope_loom) {
        return run();
    }
    if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
        // It may panic when it is dropped.
        mem::forget(payload);
    }
}

/// A waker that panics neither when it is woken nor when it is dropped.
pub(crate) struct ForeignWaker(Option<Waker>);

impl ForeignWaker {
    pub(crate) fn new(waker: Waker) -> Self {
        ForeignWaker(Some(waker))
    }

    pub(crate) fn wake(mut self) {
        if let Some(waker) = self.0.take() {
            run_foreign(|| waker.wake());
        }
    }
}

impl Drop for ForeignWaker {
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            run_foreign(|| drop(waker));
        }
    }
}
