//! The one import point for atomics, locks, condition variables and threads.
//!
//! Other modules import none of these from `std` or `parking_lot` themselves, so that one file shows what the crate is built on.
//! `thread_local!` is the exception: it stands beside the data that it holds.
//!
//! - [`model`] has the primitives of algorithms that loom checks: `std` and `parking_lot` in a normal build, `loom` under
//!   `--cfg logscope_loom`. The flag has a name of our own because `RUSTFLAGS` reaches every dependency, and several dependencies react to
//!   the bare `loom`.
//! - The root of this module has the primitives that loom never replaces: for process-wide statics, which must be constructible in a
//!   `const`, for plain counters, and for threads.
//!
//! This module imports nothing of the crate.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence};
pub(crate) use std::sync::{Arc, Once, OnceLock, Weak};
pub(crate) use std::thread;

pub(crate) use parking_lot::{Condvar, Mutex};

/// The primitives of algorithms that a loom model checks.
pub(crate) mod model {
    #[cfg(not(logscope_loom))]
    pub(crate) use std::sync::Arc;
    #[cfg(not(logscope_loom))]
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64};

    #[cfg(not(logscope_loom))]
    pub(crate) use parking_lot::{Mutex, MutexGuard};
    use std::time::Instant;

    #[cfg(logscope_loom)]
    pub(crate) use loom::sync::Arc;
    #[cfg(logscope_loom)]
    pub(crate) use loom::sync::MutexGuard;
    #[cfg(logscope_loom)]
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicU64};

    /// loom's mutex with the signatures of parking_lot's.
    #[cfg(logscope_loom)]
    #[derive(Debug)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    #[cfg(logscope_loom)]
    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Mutex(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }

        pub(crate) fn try_lock(&self) -> Option<loom::sync::MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }
    }

    /// A condition variable whose wait takes the guard and returns it: parking_lot and loom can both do that. loom has no time, so a deadline
    /// never passes there.
    #[cfg(not(logscope_loom))]
    #[derive(Debug, Default)]
    pub(crate) struct Condvar(parking_lot::Condvar);

    #[cfg(not(logscope_loom))]
    impl Condvar {
        pub(crate) fn new() -> Self {
            Condvar::default()
        }

        /// Waits for a notification, at most until `deadline`. True if the deadline has passed.
        pub(crate) fn wait_until<'a, T>(
            &self,
            mut guard: MutexGuard<'a, T>,
            deadline: Option<Instant>,
        ) -> (MutexGuard<'a, T>, bool) {
            let timed_out = match deadline {
                Some(deadline) => self.0.wait_until(&mut guard, deadline).timed_out(),
                None => {
                    self.0.wait(&mut guard);
                    false
                }
            };
            (guard, timed_out)
        }

        pub(crate) fn notify_one(&self) {
            let _ = self.0.notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }

    #[cfg(logscope_loom)]
    #[derive(Debug)]
    pub(crate) struct Condvar(loom::sync::Condvar);

    #[cfg(logscope_loom)]
    impl Condvar {
        pub(crate) fn new() -> Self {
            Condvar(loom::sync::Condvar::new())
        }

        pub(crate) fn wait_until<'a, T>(
            &self,
            guard: MutexGuard<'a, T>,
            _: Option<Instant>,
        ) -> (MutexGuard<'a, T>, bool) {
            (self.0.wait(guard).unwrap_or_else(std::sync::PoisonError::into_inner), false)
        }

        pub(crate) fn notify_one(&self) {
            self.0.notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}
