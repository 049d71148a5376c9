//! Where threads and tasks wait for log calls to end.

use std::task::Waker;

use crate::sync::model::{Condvar, Mutex};

/// Who waits for the calls of one owner, and for which.
#[derive(Debug)]
pub(super) struct Waiters {
    pub(super) sealed: Mutex<Sealed>,
    pub(super) call_ended: Condvar,
}

impl Waiters {
    pub(super) fn new() -> Self {
        let sealed = Sealed { begun: 0, seals: 0, wakers: Vec::new(), last_task: 0 };
        Waiters { sealed: Mutex::new(sealed), call_ended: Condvar::new() }
    }
}

/// The epoch that is not current.
#[derive(Debug)]
pub(super) struct Sealed {
    /// How many calls have begun in it.
    pub(super) begun: u64,
    /// How often an epoch was sealed. The current epoch is `seals % 2`.
    pub(super) seals: u64,
    /// The tasks that wait, each with its number.
    pub(super) wakers: Vec<(u64, Waker)>,
    pub(super) last_task: u64,
}
