//! The one import point for atomics, locks, condition variables and threads.
//!
//! Other modules import none of these from `std`, `parking_lot` or `arc_swap` themselves, so that one file shows what the crate is built on.
//! `thread_local!` is the exception: it stands beside the data that it holds.
//!
//! - [`model`] has the primitives of algorithms that loom checks: `std`'s in a normal build, `loom` under
//!   `--cfg logscope_loom`. The flag has a name of our own because `RUSTFLAGS` reaches every dependency, and several dependencies react to
//!   the bare `loom`.
//! - The root of this module has the primitives that loom never replaces: for process-wide statics, which must be constructible in a
//!   `const`, for plain counters, and for threads.
//!
//! This module imports nothing of the crate.

#[cfg(feature = "lock")]
pub(crate) use std::sync::atomic::AtomicPtr;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
#[cfg(any(test, not(unix), target_os = "openbsd", target_os = "redox"))]
pub(crate) use std::sync::mpsc;
pub(crate) use std::sync::{Arc, Once, OnceLock, Weak};
pub(crate) use std::thread;

#[cfg(feature = "log")]
pub(crate) use arc_swap::ArcSwapOption;
pub(crate) use once_cell::race::OnceBox;
pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};

/// Has this thread wait for no time, the first time that it is called. Call it before a thread takes a lock under which it may wait.
///
/// parking_lot allocates when a thread waits for the first time. The program's allocator may log, and under the lock that call could need
/// the lock, or a thread that does.
pub(crate) fn prepare_to_wait() {
    thread_local! {
        static PREPARED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    if !PREPARED.replace(true) {
        let (lock, condvar) = (Mutex::new(()), Condvar::new());
        let _ = condvar.wait_for(&mut lock.lock(), std::time::Duration::ZERO);
    }
}

/// The primitives of algorithms that a loom model checks.
pub(crate) mod model {
    #[cfg(all(logscope_loom, not(feature = "_loom")))]
    compile_error!("the models need loom: build them with `--features _loom` or `--all-features`");

    #[cfg(all(any(feature = "file", feature = "lock"), not(logscope_loom)))]
    pub(crate) use std::sync::Arc;
    #[cfg(not(logscope_loom))]
    pub(crate) use std::sync::OnceLock;
    /// An `AtomicU64` that a `const` can make, also in a model.
    #[cfg(all(feature = "lock", not(logscope_loom)))]
    pub(crate) use std::sync::atomic::AtomicU64 as StaticAtomicU64;
    #[cfg(not(logscope_loom))]
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, fence};
    #[cfg(all(feature = "store", not(logscope_loom)))]
    pub(crate) use std::thread::{ThreadId, current as current_thread};
    #[cfg(logscope_loom)]
    use std::time::Instant;

    #[cfg(not(logscope_loom))]
    pub(crate) use arc_swap::ArcSwap;
    #[cfg(logscope_loom)]
    pub(crate) use loom::sync::Arc;
    #[cfg(logscope_loom)]
    pub(crate) use loom::sync::MutexGuard;
    #[cfg(logscope_loom)]
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, fence};
    #[cfg(all(feature = "store", logscope_loom))]
    pub(crate) use loom::thread::{ThreadId, current as current_thread};
    #[cfg(not(logscope_loom))]
    pub(crate) use once_cell::race::OnceBox;
    #[cfg(all(feature = "store", not(logscope_loom)))]
    pub(crate) use once_cell::sync::OnceCell;
    #[cfg(all(feature = "store", logscope_loom))]
    pub(crate) use stand_ins::OnceCell;
    #[cfg(all(feature = "lock", logscope_loom))]
    pub(crate) use stand_ins::StaticAtomicU64;
    #[cfg(logscope_loom)]
    pub(crate) use stand_ins::{ArcSwap, Mutex, OnceBox, OnceLock};

    #[cfg(not(logscope_loom))]
    pub(crate) use locks::{Condvar, Mutex, MutexGuard};

    #[cfg(not(logscope_loom))]
    mod locks;

    /// loom has no time, so a deadline never passes.
    #[cfg(logscope_loom)]
    #[derive(Debug)]
    pub(crate) struct Condvar(std::sync::OnceLock<loom::sync::Condvar>);

    #[cfg(logscope_loom)]
    impl Condvar {
        pub(crate) const fn new() -> Self {
            Condvar(std::sync::OnceLock::new())
        }

        fn made(&self) -> &loom::sync::Condvar {
            self.0.get_or_init(loom::sync::Condvar::new)
        }

        pub(crate) fn wait_until<'a, T>(
            &self,
            guard: MutexGuard<'a, T>,
            _: Option<Instant>,
        ) -> (MutexGuard<'a, T>, bool) {
            (self.made().wait(guard).unwrap_or_else(std::sync::PoisonError::into_inner), false)
        }

        pub(crate) fn notify_one(&self) {
            self.made().notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.made().notify_all();
        }
    }

    /// Stand-ins for primitives that loom does not have, or has with other signatures. What loom cannot make in a `const` is made at its first
    /// use: a static of a modelled type compiles, and no model touches it.
    #[cfg(logscope_loom)]
    mod stand_ins {
        use std::sync::{Arc, PoisonError};

        use loom::sync::atomic::AtomicUsize;

        use super::super::Ordering;

        /// loom's atomic number.
        #[cfg(feature = "lock")]
        #[derive(Debug)]
        pub(crate) struct StaticAtomicU64 {
            made: std::sync::OnceLock<loom::sync::atomic::AtomicU64>,
            initial: u64,
        }

        #[cfg(feature = "lock")]
        impl StaticAtomicU64 {
            pub(crate) const fn new(initial: u64) -> Self {
                StaticAtomicU64 { made: std::sync::OnceLock::new(), initial }
            }
        }

        #[cfg(feature = "lock")]
        impl std::ops::Deref for StaticAtomicU64 {
            type Target = loom::sync::atomic::AtomicU64;

            fn deref(&self) -> &Self::Target {
                self.made.get_or_init(|| loom::sync::atomic::AtomicU64::new(self.initial))
            }
        }

        /// loom's mutex with the signatures of ours.
        #[derive(Debug)]
        pub(crate) struct Mutex<T> {
            made: std::sync::OnceLock<loom::sync::Mutex<T>>,
            initial: std::sync::Mutex<Option<T>>,
        }

        impl<T> Mutex<T> {
            pub(crate) const fn new(value: T) -> Self {
                Mutex { made: std::sync::OnceLock::new(), initial: std::sync::Mutex::new(Some(value)) }
            }

            pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
                self.made().lock().unwrap_or_else(PoisonError::into_inner)
            }

            pub(crate) fn try_lock(&self) -> Option<loom::sync::MutexGuard<'_, T>> {
                self.made().try_lock().ok()
            }

            fn made(&self) -> &loom::sync::Mutex<T> {
                let initial = || self.initial.lock().unwrap_or_else(PoisonError::into_inner).take();
                self.made.get_or_init(|| loom::sync::Mutex::new(initial().expect("it is taken once")))
            }
        }

        /// A cell that is set once: a number that loom follows, 1 once the cell is set, and the value, which the number guards.
        #[derive(Debug)]
        pub(crate) struct OnceLock<T> {
            is_set: std::sync::OnceLock<AtomicUsize>,
            value: std::sync::OnceLock<T>,
        }

        impl<T> OnceLock<T> {
            pub(crate) const fn new() -> Self {
                OnceLock { is_set: std::sync::OnceLock::new(), value: std::sync::OnceLock::new() }
            }

            pub(crate) fn get(&self) -> Option<&T> {
                if self.is_set().load(Ordering::Acquire) == 1 { self.value.get() } else { None }
            }

            pub(crate) fn set(&self, value: T) -> Result<(), T> {
                match self.is_set().compare_exchange(0, 1, Ordering::AcqRel, Ordering::Acquire) {
                    // No other thread runs before the value is there: loom switches threads only at its own primitives.
                    Ok(_) => self.value.set(value),
                    Err(_) => Err(value),
                }
            }

            fn is_set(&self) -> &AtomicUsize {
                self.is_set.get_or_init(|| AtomicUsize::new(0))
            }
        }

        /// The promises of `once_cell::race::OnceBox` and no more: of several threads that make a box, one sets it, and all get that one.
        #[derive(Debug)]
        pub(crate) struct OnceBox<T>(OnceLock<Box<T>>);

        impl<T> OnceBox<T> {
            pub(crate) fn new() -> Self {
                let cell = OnceLock::new();
                // Made here, and not at the first use, for which threads may race.
                let _ = cell.get();
                OnceBox(cell)
            }

            pub(crate) fn get(&self) -> Option<&T> {
                self.0.get().map(|value| &**value)
            }

            pub(crate) fn get_or_init(&self, make: impl FnOnce() -> Box<T>) -> &T {
                if self.get().is_none() {
                    let _by_another_thread = self.0.set(make());
                }
                self.get().expect("one of the threads has set it")
            }
        }

        /// The promises of `once_cell::sync::OnceCell` and no more: one at a time makes the value, the others wait, and a failure leaves the cell
        /// empty.
        #[cfg(feature = "store")]
        #[derive(Debug)]
        pub(crate) struct OnceCell<T> {
            is_being_made: Mutex<bool>,
            changed: super::Condvar,
            value: OnceLock<T>,
        }

        #[cfg(feature = "store")]
        impl<T> OnceCell<T> {
            pub(crate) fn new() -> Self {
                let value = OnceLock::new();
                // Made here, and not at the first use, for which threads may race.
                let _ = value.get();
                OnceCell { is_being_made: Mutex::new(false), changed: super::Condvar::new(), value }
            }

            pub(crate) fn get(&self) -> Option<&T> {
                self.value.get()
            }

            pub(crate) fn get_or_try_init<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
                let mut is_being_made = self.is_being_made.lock();
                while *is_being_made {
                    (is_being_made, _) = self.changed.wait_until(is_being_made, None);
                }
                if let Some(value) = self.value.get() {
                    return Ok(value);
                }
                *is_being_made = true;
                drop(is_being_made);
                let made = make().map(|value| assert!(self.value.set(value).is_ok(), "it is made once"));
                *self.is_being_made.lock() = false;
                self.changed.notify_all();
                made.map(|()| self.value.get().expect("it was just set"))
            }
        }

        /// The promises of `arc_swap::ArcSwap` and no more: a load acquires what the swap released whose value it returns.
        #[derive(Debug)]
        pub(crate) struct ArcSwap<T> {
            /// The index of the present value in `values`.
            present: AtomicUsize,
            /// All values that were ever there.
            values: std::sync::Mutex<Vec<Arc<T>>>,
        }

        impl<T> ArcSwap<T> {
            pub(crate) fn new(value: Arc<T>) -> Self {
                ArcSwap { present: AtomicUsize::new(0), values: std::sync::Mutex::new(vec![value]) }
            }

            pub(crate) fn from_pointee(value: T) -> Self {
                ArcSwap::new(Arc::new(value))
            }

            pub(crate) fn load(&self) -> Arc<T> {
                self.at(self.present.load(Ordering::Acquire))
            }

            pub(crate) fn load_full(&self) -> Arc<T> {
                self.load()
            }

            pub(crate) fn swap(&self, value: Arc<T>) -> Arc<T> {
                let index = {
                    let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
                    values.push(value);
                    values.len() - 1
                };
                self.at(self.present.swap(index, Ordering::AcqRel))
            }

            pub(crate) fn into_inner(self) -> Arc<T> {
                self.load()
            }

            fn at(&self, index: usize) -> Arc<T> {
                Arc::clone(&self.values.lock().unwrap_or_else(PoisonError::into_inner)[index])
            }
        }
    }
}
