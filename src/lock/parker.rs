//! How a thread waits: with a waker that wakes the thread.

use std::mem;
use std::task::Wake;
use std::time::Instant;

use crate::sync::Arc;
use crate::sync::model::{Condvar, Mutex};

/// Not `std::thread::park`, whose one token for each thread the program may use too.
#[derive(Debug)]
pub(crate) struct Parker {
    is_woken: Mutex<bool>,
    condvar: Condvar,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Parker { is_woken: Mutex::new(false), condvar: Condvar::new() }
    }

    /// Waits until it is woken, at most until `deadline`. True if it was woken since the last call.
    pub(crate) fn wait_until(&self, deadline: Option<Instant>) -> bool {
        let mut is_woken = self.is_woken.lock();
        while !*is_woken {
            let is_late;
            (is_woken, is_late) = self.condvar.wait_until(is_woken, deadline);
            if is_late {
                break;
            }
        }
        mem::take(&mut is_woken)
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        *self.is_woken.lock() = true;
        self.condvar.notify_one();
    }
}
