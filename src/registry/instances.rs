//! The public registry: one live instance per key, made once by a constructor that may fail.
//!
//! Each key that is in use has a slot, which is a value of the [core](super::core): counted by leases, and gone with the last. The constructor runs
//! in the slot's cell, outside the lock of the registry. So callers for one key wait for one another there, and those for other keys do not
//! notice. A constructor that fails or panics leaves the cell empty, and the next caller runs its own.

use std::fmt;
use std::hash::Hash;
use std::ops::Deref;

use super::core::{Acquired, EntryId, Lease, Registry as Core};
use super::waits::Waits;
use crate::output::allocating_under_lock;
use crate::process::ForkLocal;
use crate::sync::model::{Arc, Mutex, OnceCell, ThreadId, current_thread};

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
/// - An instance that is dropped by its last user while somebody asks for it is either that very instance or one new. There are never two that
///   can be asked for. The old one's `Drop` may still run while the new one is made.
/// - The `Hash`, `Eq`, `Clone` and `Drop` of keys run under the registry's lock, and must not use the registry.
/// - In a forked child, the instances of the parent are there as the child's memory has them; those that were being made are not.
pub struct Registry<K, V> {
    core: Core<K, (), Slot<V>>,
    waits: Arc<ForkLocal<Mutex<Waits>>>,
}

/// A share in the instance of a key; from [`Registry::get_or_try_insert_with`].
///
/// Clones are shares in the same instance, which lives as long as one of them. It derefs to the value.
pub struct Instance<K: Clone + Eq + Hash, V> {
    lease: Lease<K, (), Slot<V>>,
}

/// A place for the instance of a key. Empty while it is being made.
struct Slot<V> {
    cell: OnceCell<V>,
}

/// A constructor has asked for the instance that it makes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MakesItself;

impl<K: Clone + Eq + Hash, V> Registry<K, V> {
    /// Makes a registry without instances.
    #[must_use]
    pub fn new() -> Self {
        let waits = ForkLocal::made_here(Mutex::new(Waits::new()), |_| Mutex::new(Waits::new()));
        Registry { core: Core::made_here(|slot| slot.cell.get().is_some()), waits: Arc::new(waits) }
    }

    /// Returns the instance of `key`. If there is none, `make` makes it.
    ///
    /// `make` runs outside the registry's lock. If several callers ask for a key at once, one of them runs its `make`, and the others wait for
    /// that; if it fails, the next one runs its own.
    ///
    /// # Errors
    ///
    /// That of `make`.
    ///
    /// # Panics
    ///
    /// Panics if `make` asks for the very key that it makes the instance of, directly or through constructors of other keys of this registry, also
    /// on other threads: it would wait for itself. A circle that leads through several registries is not recognised, and waits for ever.
    pub fn get_or_try_insert_with<E>(&self, key: &K, make: impl FnOnce() -> Result<V, E>) -> Result<Instance<K, V>, E> {
        self.make_unless_itself(key, make).unwrap_or_else(|MakesItself| {
            panic!("the constructor of a registry's instance asks for that instance, and would wait for itself")
        })
    }

    /// Returns the instance of `key`, unless nobody has one.
    ///
    /// Does not wait: one that is still being made is not there yet.
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
        let lease = allocating_under_lock(|| self.core.find_by_key(key))?;
        lease.value().cell.get().is_some().then(|| Instance { lease })
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
        let lease = self.slot(key);
        if lease.value().cell.get().is_some() {
            return Ok(Ok(Instance { lease }));
        }
        let (waits, thread, entry) = (self.waits.get_made(), current_thread().id(), lease.id());
        if !waits.lock().begin_wait(thread, entry) {
            return Err(MakesItself);
        }
        let _wait = Waiting { waits, thread, entry };
        let made = lease.value().cell.get_or_try_init(|| {
            allocating_under_lock(|| waits.lock().begin_making(thread, entry));
            let _making = Making { waits, entry };
            make()
        });
        Ok(match made {
            Ok(_) => Ok(Instance { lease }),
            Err(error) => Err(error),
        })
    }

    /// Returns a share in the slot of `key`, which is a new one if the key has none.
    fn slot(&self, key: &K) -> Lease<K, (), Slot<V>> {
        if let Some(lease) = allocating_under_lock(|| self.core.find_by_key(key)) {
            return lease;
        }
        let (id, slot) = (self.core.new_id(), Arc::new(Slot { cell: OnceCell::new() }));
        match allocating_under_lock(|| self.core.acquire(id, key, &(), &slot, false)) {
            Acquired::Lease(lease) => lease,
            Acquired::Unproven(_) => unreachable!("a slot holds its key as long as it is there"),
        }
    }
}

/// Notes the end of a wait, also if a constructor panics.
struct Waiting<'a> {
    waits: &'a Mutex<Waits>,
    thread: ThreadId,
    entry: EntryId,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.waits.lock().end_wait(self.thread, self.entry);
    }
}

/// Notes that a constructor has ended, also by a panic.
struct Making<'a> {
    waits: &'a Mutex<Waits>,
    entry: EntryId,
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.waits.lock().end_making(self.entry);
    }
}

impl<K: Clone + Eq + Hash, V> Default for Registry<K, V> {
    fn default() -> Self {
        Registry::new()
    }
}

impl<K, V> Clone for Registry<K, V> {
    fn clone(&self) -> Self {
        Registry { core: self.core.clone(), waits: Arc::clone(&self.waits) }
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
        Arc::ptr_eq(this.lease.value(), other.lease.value())
    }
}

impl<K: Clone + Eq + Hash, V> Deref for Instance<K, V> {
    type Target = V;

    fn deref(&self) -> &V {
        match self.lease.value().cell.get() {
            Some(value) => value,
            None => unreachable!("an instance is made before there are shares in it"),
        }
    }
}

impl<K: Clone + Eq + Hash, V> Clone for Instance<K, V> {
    fn clone(&self) -> Self {
        Instance { lease: self.lease.clone() }
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
