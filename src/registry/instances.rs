//! The public registry: one live instance per key, made once by a constructor that may fail.
//!
//! Each key that is in use has a slot, which is a value of the [core](super::core): counted by leases, and gone with the last. The constructor runs
//! in the slot's cell, outside the lock of the registry. So callers for one key wait for one another there, and those for other keys do not
//! notice. A constructor that fails or panics leaves the cell empty, and the next caller runs its own.
//!
//! The last share takes the slot out, and drops the instance, also outside the lock. The key stays taken until that is over: whoever asks for it waits
//! for the thread that runs the `Drop`, and then for a slot of its own. That thread counts as the maker of the slot meanwhile, so that a `Drop` that
//! would wait for itself is told.

use std::fmt;
use std::hash::Hash;
use std::ops::Deref;

use super::core::{EntryId, Lease, Registry as Core};
use super::leaving::{Found, TakenKey};
use super::waits::Waits;
use crate::lock::Owner;
use crate::output::allocating_under_lock;
use crate::process::ForkLocal;
use crate::sync::model::{Arc, Condvar, Mutex, MutexGuard, OnceCell, ThreadId, current_thread};

/// Keeps one live instance per key, which all who ask for the key share.
///
/// The registry holds its instances weakly: one lives as long as somebody has an [`Instance`], and the last of them to be dropped removes it.
/// Clones are the same registry.
///
/// ```
/// use std::path::PathBuf;
///
/// use logscope::store::{Instance, Registry};
///
/// struct Index { path: PathBuf, text: String }
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("index.json");
/// # std::fs::write(&path, "{}")?;
/// let indexes = Registry::new();
/// let open = |path: &PathBuf| {
///     // Runs once per path, however many threads ask at once, and holds up nobody who asks for another path.
///     indexes.get_or_try_insert_with(path, || std::fs::read_to_string(path).map(|text| Index { path: path.clone(), text }))
/// };
/// let (one, other): (Instance<_, Index>, _) = (open(&path)?, open(&path)?);
/// assert!(Instance::ptr_eq(&one, &other));
///
/// drop((one, other));
/// assert!(indexes.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// - A failure is not remembered: the next caller runs its constructor. Nor is a panic.
/// - Who asks for an instance while its last user drops it gets either that very instance or a new one. There are never two: the new one is made when the
///   old one's `Drop` is over, and whoever asks meanwhile waits for that. So a `Drop` must not wait for somebody who may ask for its key.
/// - The `Hash`, `Eq`, `Clone` and `Drop` of keys run under the registry's lock, and must not use the registry.
/// - In a forked child, the instances of the parent are there as the child's memory has them; those that were being made are not.
pub struct Registry<K, V> {
    core: Core<K, (), Slot<V>>,
    workers: Arc<ForkLocal<Workers>>,
}

/// The threads that make or drop instances now.
struct Workers {
    waits: Mutex<Waits>,
    /// Tells that the key of an instance was freed.
    freed: Condvar,
}

/// A share in the instance of a key; from [`Registry::get_or_try_insert_with`].
///
/// Clones are shares in the same instance, which lives as long as one of them. It derefs to the value.
pub struct Instance<K: Clone + Eq + Hash, V> {
    share: Share<K, V>,
}

/// A share in a slot.
struct Share<K: Clone + Eq + Hash, V> {
    /// There until this is dropped.
    lease: Option<Lease<K, (), Slot<V>>>,
    workers: Arc<ForkLocal<Workers>>,
}

/// What there is for a key.
enum Place<K: Clone + Eq + Hash, V> {
    Share(Share<K, V>),
    /// Its instance is being dropped.
    Leaving(EntryId),
}

/// A place for the instance of a key. Empty while it is being made.
struct Slot<V> {
    cell: OnceCell<V>,
}

/// A constructor has asked for the instance that it makes, or a `Drop` for the one that it drops.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MakesItself;

impl<K: Clone + Eq + Hash, V> Registry<K, V> {
    /// Makes a registry without instances.
    #[must_use]
    pub fn new() -> Self {
        let workers = ForkLocal::made_here(Workers::new(), |_| Workers::new());
        Registry { core: Core::made_here(|slot| slot.cell.get().is_some()), workers: Arc::new(workers) }
    }

    /// Returns the instance of `key`. If there is none, `make` makes it.
    ///
    /// `make` runs outside the registry's lock. If several callers ask for a key at once, one of them runs its `make`, and the others wait for
    /// that; if it fails, the next one runs its own. While an instance of `key` is being dropped, all wait until its `Drop` is over.
    ///
    /// # Errors
    ///
    /// That of `make`.
    ///
    /// # Panics
    ///
    /// Panics if `make` asks for the very key that it makes the instance of, directly or through constructors of other keys of this registry, also
    /// on other threads: it would wait for itself. The same holds for the `Drop` of an instance that asks for the key of that instance. A circle that
    /// leads through several registries is not recognised, and waits for ever.
    pub fn get_or_try_insert_with<E>(&self, key: &K, make: impl FnOnce() -> Result<V, E>) -> Result<Instance<K, V>, E> {
        self.make_unless_itself(key, make).unwrap_or_else(|MakesItself| {
            panic!("the constructor or the `Drop` of a registry's instance asks for that instance, and would wait for itself")
        })
    }

    /// Returns the instance of `key`, unless nobody has one.
    ///
    /// Does not wait: one that is still being made is not there yet, and one that is being dropped is gone.
    ///
    /// ```
    /// let numbers = logscope::store::Registry::new();
    /// let made = numbers.get_or_try_insert_with(&"seven", || Ok::<_, ()>(7)).unwrap();
    /// assert_eq!(numbers.get(&"seven").as_deref(), Some(&7));
    /// drop(made);
    /// assert!(numbers.get(&"seven").is_none());
    /// ```
    #[must_use]
    pub fn get(&self, key: &K) -> Option<Instance<K, V>> {
        match self.found(allocating_under_lock(|| self.core.find_by_key(key))?) {
            Place::Share(share) => share.slot().cell.get().is_some().then(|| Instance { share }),
            Place::Leaving(_) => None,
        }
    }

    /// Returns how many instances there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.core.count(|slot| slot.cell.get().is_some())
    }

    /// Returns true if there are no instances.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// As [`get_or_try_insert_with`](Registry::get_or_try_insert_with), with an error where that panics.
    pub(crate) fn make_unless_itself<E>(
        &self,
        key: &K,
        make: impl FnOnce() -> Result<V, E>,
    ) -> Result<Result<Instance<K, V>, E>, MakesItself> {
        let share = self.share(key)?;
        if share.slot().cell.get().is_some() {
            return Ok(Ok(Instance { share }));
        }
        let (workers, thread, entry) = (self.workers.get_made(), current_thread().id(), share.lease().id());
        let _wait = workers.begin_wait(thread, entry)?;
        let made = share.slot().cell.get_or_try_init(|| {
            let _making = workers.begin_making(thread, entry);
            make()
        });
        Ok(match made {
            Ok(_) => Ok(Instance { share }),
            Err(error) => Err(error),
        })
    }

    /// Returns a share in the slot of `key`, which is a new one if the key has none. Waits while an instance of the key is being dropped.
    fn share(&self, key: &K) -> Result<Share<K, V>, MakesItself> {
        loop {
            let found = allocating_under_lock(|| self.core.find_by_key(key)).unwrap_or_else(|| {
                let (id, slot) = (self.core.new_id(), Arc::new(Slot { cell: OnceCell::new() }));
                allocating_under_lock(|| self.core.find_or_insert(id, key, &(), slot))
            });
            match self.found(found) {
                Place::Share(share) => return Ok(share),
                Place::Leaving(entry) => self.wait_until_left(key, entry)?,
            }
        }
    }

    /// Waits until the instance of `key` that was in the slot `entry` is dropped.
    fn wait_until_left(&self, key: &K, entry: EntryId) -> Result<(), MakesItself> {
        let workers = self.workers.get_made();
        let _wait = workers.begin_wait(current_thread().id(), entry)?;
        let mut waits = workers.waits.lock();
        // Under the lock: the key is freed first, and then this lock is taken to tell it.
        while self.core.is_leaving(entry, key) {
            (waits, _) = workers.freed.wait_until(waits, None);
        }
        drop(waits);
        Ok(())
    }

    fn found(&self, found: Found<K, (), Slot<V>>) -> Place<K, V> {
        match found {
            Found::Lease(lease) => Place::Share(Share { lease: Some(lease), workers: Arc::clone(&self.workers) }),
            Found::Leaving(entry) => Place::Leaving(entry),
        }
    }
}

impl Workers {
    fn new() -> Self {
        Workers { waits: Mutex::new(Waits::new()), freed: Condvar::new() }
    }

    /// Notes that `thread` waits for what happens in the slot `entry`, unless it would wait for itself.
    fn begin_wait(&self, thread: ThreadId, entry: EntryId) -> Result<Waiting<'_>, MakesItself> {
        let may_wait = self.waits.lock().begin_wait(thread, entry);
        let owner = Owner::this_process();
        if may_wait { Ok(Waiting { waits: &self.waits, thread, entry, owner }) } else { Err(MakesItself) }
    }

    /// Notes that `thread` makes or drops what is in the slot `entry`.
    fn begin_making(&self, thread: ThreadId, entry: EntryId) -> Making<'_> {
        allocating_under_lock(|| self.waits.lock().begin_making(thread, entry));
        Making { waits: &self.waits, entry, owner: Owner::this_process() }
    }
}

impl<K: Clone + Eq + Hash, V> Share<K, V> {
    fn lease(&self) -> &Lease<K, (), Slot<V>> {
        match &self.lease {
            Some(lease) => lease,
            None => unreachable!("it is there until the share is dropped"),
        }
    }

    fn slot(&self) -> &Arc<Slot<V>> {
        self.lease().value()
    }
}

impl<K: Clone + Eq + Hash, V> Clone for Share<K, V> {
    fn clone(&self) -> Self {
        Share { lease: self.lease.clone(), workers: Arc::clone(&self.workers) }
    }
}

impl<K: Clone + Eq + Hash, V> Drop for Share<K, V> {
    fn drop(&mut self) {
        let Some((slot, key)) = self.lease.take().and_then(Lease::leave) else { return };
        let workers = self.workers.get_made();
        let making = workers.begin_making(current_thread().id(), key.id());
        let _leaver = Leaver { key: Some(key), making: Some(making), workers };
        // The program's `Drop`, which may panic.
        drop(slot);
    }
}

/// Frees the key of an instance when its `Drop` is over, also by a panic.
struct Leaver<'a, K: Clone + Eq + Hash, V> {
    key: Option<TakenKey<K, (), Slot<V>>>,
    making: Option<Making<'a>>,
    workers: &'a Workers,
}

impl<K: Clone + Eq + Hash, V> Drop for Leaver<'_, K, V> {
    fn drop(&mut self) {
        // Who waits looks at the key under the lock that `making` takes after it was freed, so nobody misses it.
        self.key = None;
        self.making = None;
        self.workers.freed.notify_all();
    }
}

/// Notes the end of a wait, also if a constructor panics.
struct Waiting<'a> {
    waits: &'a Mutex<Waits>,
    thread: ThreadId,
    entry: EntryId,
    owner: Owner,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(mut waits) = lock_unless_forked(self.waits, &self.owner) {
            waits.end_wait(self.thread, self.entry);
        }
    }
}

/// In a child that was forked meanwhile, a thread of the parent may have the lock for ever. The child has a list of its own.
fn lock_unless_forked<'a>(waits: &'a Mutex<Waits>, owner: &Owner) -> Option<MutexGuard<'a, Waits>> {
    if owner.is_parent() { waits.try_lock() } else { Some(waits.lock()) }
}

/// Notes that a constructor or a `Drop` has ended, also by a panic.
struct Making<'a> {
    waits: &'a Mutex<Waits>,
    entry: EntryId,
    owner: Owner,
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        if let Some(mut waits) = lock_unless_forked(self.waits, &self.owner) {
            waits.end_making(self.entry);
        }
    }
}

impl<K: Clone + Eq + Hash, V> Default for Registry<K, V> {
    fn default() -> Self {
        Registry::new()
    }
}

impl<K, V> Clone for Registry<K, V> {
    fn clone(&self) -> Self {
        Registry { core: self.core.clone(), workers: Arc::clone(&self.workers) }
    }
}

impl<K, V> fmt::Debug for Registry<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

impl<K: Clone + Eq + Hash, V> Instance<K, V> {
    /// Returns true if both are shares in the same instance.
    #[must_use]
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        Arc::ptr_eq(this.share.slot(), other.share.slot())
    }
}

impl<K: Clone + Eq + Hash, V> Deref for Instance<K, V> {
    type Target = V;

    fn deref(&self) -> &V {
        match self.share.slot().cell.get() {
            Some(value) => value,
            None => unreachable!("an instance is made before there are shares in it"),
        }
    }
}

impl<K: Clone + Eq + Hash, V> Clone for Instance<K, V> {
    fn clone(&self) -> Self {
        Instance { share: self.share.clone() }
    }
}

impl<K: Clone + Eq + Hash, V: fmt::Debug> fmt::Debug for Instance<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;

#[cfg(all(test, logscope_loom))]
mod loom_tests;
