//! std's mutex and condition variable, without poison, for what threads wait at.
//!
//! parking_lot keeps all threads of the process that wait for any of its locks in one table, which leads to memory of those threads. A forked
//! child has the table, and not the threads: once it starts threads of its own, which may get that memory, a wait for a lock that the
//! child has made itself can hang or crash. Of std's locks, on Linux and most other systems, the kernel alone knows who waits.

use std::fmt;
use std::sync::{self, PoisonError, TryLockError};
use std::time::Instant;

pub(crate) use std::sync::MutexGuard;

/// A mutex that a panic leaves as it is: what it guards is whole at each place where code of others runs.
#[derive(Default)]
pub(crate) struct Mutex<T>(sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Mutex(sync::Mutex::new(value))
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A condition variable whose wait takes the guard and returns it, as loom's does.
#[derive(Debug, Default)]
pub(crate) struct Condvar(sync::Condvar);

impl Condvar {
    pub(crate) const fn new() -> Self {
        Condvar(sync::Condvar::new())
    }

    /// Waits for a notification, at most until `deadline`. True if the deadline has passed.
    pub(crate) fn wait_until<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> (MutexGuard<'a, T>, bool) {
        match deadline {
            Some(deadline) => {
                let timeout = deadline.saturating_duration_since(Instant::now());
                let (guard, result) = self.0.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner);
                (guard, result.timed_out())
            }
            None => (self.0.wait(guard).unwrap_or_else(PoisonError::into_inner), false),
        }
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}
