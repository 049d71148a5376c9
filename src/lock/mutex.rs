//! One lock for a datum that threads and tasks use.

use std::cell::UnsafeCell;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::time::Duration;

use super::core::{Core, Hold};
use super::gate::{Closed, Gate};
use super::stats::LockStats;
use crate::limits::LOCK_TURNS;
use crate::sync::Arc;

/// Protects a datum that threads and tasks use: one lock for both.
///
/// ```
/// use logscope::lock::Mutex;
///
/// static BUILDS: Mutex<u32> = Mutex::new(0).named("builds");
///
/// *BUILDS.lock() += 1;
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// *BUILDS.lock_async().await += 1;
/// # });
/// assert_eq!(*BUILDS.lock(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The [module](super) says what holds for all locks: fairness, panics, what is logged, and limits.
pub struct Mutex<T: ?Sized> {
    core: Core,
    data: UnsafeCell<T>,
}

// SAFETY: as for std's mutex. The datum goes to one thread at a time, and so it must be `Send`; it need not be `Sync`.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: see above.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    /// Makes a mutex that is free.
    ///
    /// ```
    /// static CACHE: logscope::lock::Mutex<Vec<u8>> = logscope::lock::Mutex::new(Vec::new());
    /// ```
    #[must_use]
    #[track_caller]
    pub const fn new(value: T) -> Self {
        Mutex { core: Core::new(Gate::new(1, LOCK_TURNS), Location::caller(), true), data: UnsafeCell::new(value) }
    }

    /// Names the mutex, for the log. Without a name it is called after the place where it was made.
    ///
    /// ```
    /// let cache = logscope::lock::Mutex::new(Vec::<u8>::new()).named("cache");
    /// ```
    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.core.label.name = Some(name);
        self
    }

    /// Names the mutex by a text that is made at run time.
    #[cfg(feature = "store")]
    #[must_use]
    pub(crate) fn named_by(mut self, name: impl Into<Arc<str>>) -> Self {
        self.core.label.own_name = Some(name.into());
        self
    }

    /// Has the mutex log nothing, if `silent`: for locks that an output or a subscriber takes.
    ///
    /// ```
    /// let lines = logscope::lock::Mutex::new(0_u64).silent(true);
    /// ```
    #[must_use]
    pub const fn silent(mut self, silent: bool) -> Self {
        self.core.label.is_silent = silent;
        self
    }

    /// Returns the value. Nobody holds the lock, because nobody else has the mutex.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks the mutex. The thread waits until it is free.
    ///
    /// ```
    /// let cache = logscope::lock::Mutex::new(vec![1]);
    /// cache.lock().push(2);
    /// ```
    ///
    /// In a task, use [`lock_async`](Mutex::lock_async): this call blocks the executor's thread, and on a runtime with one worker for ever if
    /// another of its tasks holds the lock.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let hold = get(self.core.acquire(1, None, Location::caller()));
        MutexGuard::new(self, hold.expect("a wait without an end ends with the lock"))
    }

    /// Locks the mutex. The task waits until it is free, and blocks no thread.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let cache = logscope::lock::Mutex::new(vec![1]);
    /// let mut guard = cache.lock_async().await;
    /// tokio::task::yield_now().await; // the lock is held over this
    /// guard.push(2);
    /// # });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// The future may be dropped at any time, as a time-out does: `tokio::time::timeout(d, cache.lock_async())`. It then loses its place in line
    /// and nothing else.
    #[inline]
    #[track_caller]
    pub fn lock_async(&self) -> impl Future<Output = MutexGuard<'_, T>> {
        let place = Location::caller();
        async move {
            let hold = match get(self.core.try_acquire(1, place)) {
                Some(hold) => hold,
                None => get(self.core.wait_async(1, place).await),
            };
            MutexGuard::new(self, hold)
        }
    }

    /// Locks the mutex if it is free, and returns `None` if it is not.
    ///
    /// ```
    /// let cache = logscope::lock::Mutex::new(1);
    /// let guard = cache.lock();
    /// assert!(cache.try_lock().is_none());
    /// ```
    #[inline]
    #[track_caller]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        get(self.core.try_acquire(1, Location::caller())).map(|hold| MutexGuard::new(self, hold))
    }

    /// Locks the mutex. The thread waits until it is free, or `timeout` is over on the monotonic clock: then the result is `None`.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let cache = logscope::lock::Mutex::new(1);
    /// let guard = cache.lock();
    /// assert!(cache.lock_timeout(Duration::from_millis(10)).is_none());
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock_timeout(&self, timeout: Duration) -> Option<MutexGuard<'_, T>> {
        get(self.core.acquire(1, Some(timeout), Location::caller())).map(|hold| MutexGuard::new(self, hold))
    }

    /// Locks the mutex as [`lock`](Mutex::lock) does. The guard owns a count of the mutex, and so can go anywhere.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// let cache = Arc::new(logscope::lock::Mutex::new(vec![1]));
    /// let mut guard = Arc::clone(&cache).lock_owned();
    /// std::thread::spawn(move || guard.push(2));
    /// # assert_eq!(*cache.lock(), [1, 2]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        let hold = get(self.core.acquire(1, None, Location::caller()));
        OwnedMutexGuard::new(self, hold.expect("a wait without an end ends with the lock"))
    }

    /// Locks the mutex as [`lock_async`](Mutex::lock_async) does. The guard owns a count of the mutex, and so can go anywhere.
    #[inline]
    #[track_caller]
    pub fn lock_owned_async(self: Arc<Self>) -> impl Future<Output = OwnedMutexGuard<T>> {
        let place = Location::caller();
        async move {
            let hold = match get(self.core.try_acquire(1, place)) {
                Some(hold) => hold,
                None => get(self.core.wait_async(1, place).await),
            };
            OwnedMutexGuard::new(self, hold)
        }
    }

    /// Locks the mutex if it is free, and returns `None` if it is not. The guard owns a count of the mutex, and so can go anywhere.
    #[inline]
    #[track_caller]
    pub fn try_lock_owned(self: Arc<Self>) -> Option<OwnedMutexGuard<T>> {
        let hold = get(self.core.try_acquire(1, Location::caller()))?;
        Some(OwnedMutexGuard::new(self, hold))
    }

    /// Locks the mutex as [`lock_timeout`](Mutex::lock_timeout) does. The guard owns a count of the mutex, and so can go anywhere.
    #[inline]
    #[track_caller]
    pub fn lock_owned_timeout(self: Arc<Self>, timeout: Duration) -> Option<OwnedMutexGuard<T>> {
        let hold = get(self.core.acquire(1, Some(timeout), Location::caller()))?;
        Some(OwnedMutexGuard::new(self, hold))
    }

    /// Returns the value. No lock is needed, because nobody else has the mutex.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }

    /// Tells how often and how long the lock was waited for and held.
    ///
    /// ```
    /// let cache = logscope::lock::Mutex::new(1);
    /// drop(cache.lock());
    /// let stats = cache.stats();
    /// assert_eq!((stats.acquired, stats.waited.count), (1, 0));
    /// ```
    #[must_use]
    pub fn stats(&self) -> LockStats {
        self.core.stats()
    }
}

/// No mutex is ever closed.
#[inline]
fn get<H>(result: Result<H, Closed>) -> H {
    match result {
        Ok(hold) => hold,
        Err(Closed) => unreachable!("nothing closes a mutex"),
    }
}

/// Releases a [`Mutex`] when it is dropped, on whatever thread.
///
/// It is `Send` if the value is, so it may be held over an `.await`.
#[must_use = "the mutex is released when the guard is dropped: bind it to a variable for as long as you need the lock"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    hold: Hold,
    /// Shared by threads only if the value can be.
    value: PhantomData<&'a mut T>,
}

/// Releases a [`Mutex`] when it is dropped, and holds a count of it.
///
/// As [`MutexGuard`], without its lifetime; from [`Mutex::lock_owned`] and its twins.
#[must_use = "the mutex is released when the guard is dropped: bind it to a variable for as long as you need the lock"]
pub struct OwnedMutexGuard<T: ?Sized> {
    mutex: Arc<Mutex<T>>,
    hold: Hold,
    /// Shared by threads only if the value can be.
    value: PhantomData<T>,
}

macro_rules! guard {
    ([$($lifetime:lifetime)?] $guard:ty, $mutex:ty) => {
        impl<$($lifetime,)? T: ?Sized> $guard {
            #[inline]
            fn new(mutex: $mutex, hold: Hold) -> Self {
                Self { mutex, hold, value: PhantomData }
            }
        }

        impl<$($lifetime,)? T: ?Sized> Deref for $guard {
            type Target = T;

            #[inline]
            fn deref(&self) -> &T {
                // SAFETY: we hold the lock, so the only references to the value come from this guard, and this one borrows it.
                unsafe { &*self.mutex.data.get() }
            }
        }

        impl<$($lifetime,)? T: ?Sized> DerefMut for $guard {
            #[inline]
            fn deref_mut(&mut self) -> &mut T {
                // SAFETY: we hold the lock, so the only references to the value come from this guard, and this one borrows it mutably.
                unsafe { &mut *self.mutex.data.get() }
            }
        }

        impl<$($lifetime,)? T: ?Sized> Drop for $guard {
            #[inline]
            fn drop(&mut self) {
                self.mutex.core.release(1, &self.hold);
            }
        }

        impl<$($lifetime,)? T: ?Sized + fmt::Debug> fmt::Debug for $guard {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<$($lifetime,)? T: ?Sized + fmt::Display> fmt::Display for $guard {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    };
}

guard!(['a] MutexGuard<'a, T>, &'a Mutex<T>);
guard!([] OwnedMutexGuard<T>, Arc<Mutex<T>>);

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Mutex");
        shown.field("name", &format_args!("{}", self.core.label));
        match self.try_lock() {
            Some(value) => shown.field("data", &&*value).finish(),
            None => shown.field("data", &format_args!("<locked>")).finish(),
        }
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Mutex::new(value)
    }
}
