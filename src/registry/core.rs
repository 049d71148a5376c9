//! Values by key, one value per key, each alive as long as somebody uses it. The registry of open files gives each file one output, and the
//! [public registry](super::instances) each key one instance.
//!
//! A caller makes a value outside the registry's lock, and then [acquires](Registry::acquire) a lease for its key. If the key has a value
//! already, the lease is on that value, and the caller drops the new one. Each user holds a [`Lease`]; the value leaves the registry with
//! its last lease. Leases are counted under the lock, so a caller cannot get a lease on a value that is just leaving. No value is dropped
//! under the lock: its `Drop` may be slow, or belong to the program. In the public registry, the key of a value stays taken
//! until its `Drop` is over: see `leaving`.
//!
//! # Keys that change, and keys that prove nothing
//!
//! The key of a file is its device and inode. They identify the file only while somebody has it open: once the last descriptor of a
//! removed file is closed, the next new file may get its inode. And an output does not stay with one file. It rolls; it reopens its path
//! after its file was moved away; it is parked (see `file::descriptors`), which means that it closes its file until the next write. So the
//! key of a value changes, and at each moment the value *holds* its key or does not:
//!
//! | the output | calls | when |
//! |---|---|---|
//! | opens another file, or its own file again | [`hold_key`](Registry::hold_key) | after it opened the new file, before it closes the old one |
//! | is parked | [`release_key`](Registry::release_key) | before it closes its file |
//!
//! While a value holds its key, its file is open, so no other file has this key. A caller that has opened a file with this key has opened
//! the same file, and shares the value. A key that is not held is only a hint. [`Registry::acquire`] then returns the value as *unproven*.
//! The caller asks the value to open its file, which makes it hold this key or another one, and tries again. Two different files never
//! share a value, in whatever order things happen.
//!
//! One file has one value, with one exception. An output reopens its path and finds that the path now leads to a file of another output:
//! somebody has moved that file over the path. Two live outputs cannot become one. So `hold_key` returns false, and from then on both
//! outputs write to that file, each with its own ledger, the second without a key. Nothing is torn: both append, one record in one
//! `write`, as two processes would. The second output takes the key when it is free.
//!
//! A value also has a *name*: the path that it was opened by. A name proves nothing. But before a caller opens a path, it finds the value
//! of that name and asks it to check its file. Otherwise a file that was removed, and is opened again before its output has noticed, would
//! get a second output.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use crate::output::allocating_under_lock;
use crate::process::ForkLocal;
use crate::sync::model::{Arc, Mutex, MutexGuard};
use crate::sync::{AtomicU64, Ordering};

/// The values in use, by key and by name. Clones are the same registry.
pub(crate) struct Registry<K, N, V> {
    shared: Arc<Shared<K, N, V>>,
}

struct Shared<K, N, V> {
    state: ForkLocal<Guarded<K, N, V>>,
    /// Not a part of the state: a forked child that could not inherit the state must not give an id a second time.
    last_id: AtomicU64,
}

struct Guarded<K, N, V> {
    state: Mutex<RegistryState<K, N, V>>,
    /// Which values a forked child begins with: those that no thread of its parent was about to change.
    is_inherited: fn(&V) -> bool,
}

pub(super) struct RegistryState<K, N, V> {
    pub(super) entries: HashMap<EntryId, Entry<K, N, V>>,
    /// The entry that has each key, held or not.
    pub(super) owners: HashMap<K, EntryId>,
    /// The entry that was last opened by each name.
    ids_by_name: HashMap<N, EntryId>,
}

pub(super) struct Entry<K, N, V> {
    pub(super) value: Arc<V>,
    /// At least one.
    pub(super) lease_count: usize,
    /// None if another value has the key of this value's file.
    pub(super) key: Option<K>,
    #[cfg_attr(not(feature = "file"), allow(dead_code, reason = "only the keys of files are ever not held"))]
    is_key_held: bool,
    pub(super) name: N,
}

/// Identifies a value in the registry, whatever its key. It is allotted before the value is made, so that the value can store it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct EntryId(u64);

/// The answer to a caller that wants a lease for a key.
#[cfg(any(feature = "file", test))]
pub(crate) enum Acquired<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> {
    /// A lease on the caller's value, or on the value that holds the key already.
    Lease(Lease<K, N, V>),
    /// No lease yet: this value has the key, but does not hold it.
    Unproven(Arc<V>),
}

/// A share in the use of a value. The value leaves the registry with its last lease.
pub(crate) struct Lease<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> {
    // Before the count: the last lease drops the value where it is counted out.
    pub(super) value: Arc<V>,
    pub(super) counted: Counted<K, N, V>,
}

/// One lease in the count of an entry.
pub(super) struct Counted<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> {
    pub(super) registry: Registry<K, N, V>,
    pub(super) id: EntryId,
    /// False if somebody else counts it out.
    pub(super) is_counted: bool,
}

impl<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> Registry<K, N, V> {
    /// For a registry of which each process has its own, so that no fork follows before a child has made one.
    #[cfg(any(feature = "file", test))]
    pub(crate) fn new() -> Self {
        Registry::with_state(ForkLocal::new(Guarded::new(|_| true), Guarded::inherit))
    }

    /// For a registry that is made at any time. A forked child begins with the values for which `is_inherited` is true.
    #[cfg(feature = "store")]
    pub(crate) fn made_here(is_inherited: fn(&V) -> bool) -> Self {
        Registry::with_state(ForkLocal::made_here(Guarded::new(is_inherited), Guarded::inherit))
    }

    fn with_state(state: ForkLocal<Guarded<K, N, V>>) -> Self {
        Registry { shared: Arc::new(Shared { state, last_id: AtomicU64::new(0) }) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, RegistryState<K, N, V>> {
        self.shared.state.get().state.lock()
    }

    /// Returns an id for a value that is about to be made.
    pub(crate) fn new_id(&self) -> EntryId {
        // Relaxed: ids only need to be unique.
        EntryId(self.shared.last_id.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Returns a lease on the value that holds `key`. If there is none, inserts `value`, which then holds `key`. The caller must have
    /// open what `key` identifies.
    ///
    /// With `take_unheld`, takes the key from a value that has it and does not hold it: for a caller that has asked that value in vain.
    #[cfg(any(feature = "file", test))]
    pub(crate) fn acquire(
        &self,
        id: EntryId,
        key: &K,
        name: &N,
        value: &Arc<V>,
        take_unheld: bool,
    ) -> Acquired<K, N, V> {
        let (id, value) = {
            let mut state = self.lock();
            let state = &mut *state;
            match state.owners.get(key).and_then(|owner| Some((*owner, state.entries.get_mut(owner)?))) {
                Some((owner, entry)) if entry.is_key_held => {
                    entry.lease_count += 1;
                    (owner, Arc::clone(&entry.value))
                }
                Some((_, entry)) if !take_unheld => return Acquired::Unproven(Arc::clone(&entry.value)),
                unproven => {
                    if let Some((_, entry)) = unproven {
                        entry.key = None;
                    }
                    state.insert(id, key.clone(), name.clone(), Arc::clone(value));
                    (id, Arc::clone(value))
                }
            }
        };
        Acquired::Lease(Lease::new(self, id, value))
    }

    /// Returns how many values there are for which `is_counted` is true.
    #[cfg(feature = "store")]
    pub(crate) fn count(&self, is_counted: impl Fn(&V) -> bool) -> usize {
        self.lock().entries.values().filter(|entry| is_counted(&entry.value)).count()
    }

    /// Records that the value `id` has open what `key` identifies, and nothing else. Returns false if another value holds `key`; then the
    /// value `id` has no key.
    #[cfg(any(feature = "file", test))]
    pub(crate) fn hold_key(&self, id: EntryId, key: &K) -> bool {
        let mut state = self.lock();
        let state = &mut *state;
        // The value has left if its last lease was dropped while another thread was still using it.
        let Some(entry) = state.entries.get_mut(&id) else { return true };
        if entry.key.as_ref() == Some(key) {
            entry.is_key_held = true;
            return true;
        }
        if let Some(old_key) = entry.key.take() {
            state.owners.remove(&old_key);
        }
        match state.owners.get(key).and_then(|owner| state.entries.get_mut(owner)) {
            Some(other) if other.is_key_held => return false,
            Some(other) => other.key = None,
            None => {}
        }
        // In the same critical section as the check of the owner. Otherwise a thread that opens this file could insert a value in
        // between, and each value would seem to be the only one.
        state.owners.insert(key.clone(), id);
        if let Some(entry) = state.entries.get_mut(&id) {
            entry.key = Some(key.clone());
            entry.is_key_held = true;
        }
        true
    }

    /// Records that the value `id` is about to close what its key identifies. From then on the key proves nothing.
    #[cfg(any(feature = "file", test))]
    pub(crate) fn release_key(&self, id: EntryId) {
        if let Some(entry) = self.lock().entries.get_mut(&id) {
            entry.is_key_held = false;
        }
    }

    /// Returns true if a value other than `id` has this key, held or not.
    #[cfg(any(feature = "file", test))]
    pub(crate) fn belongs_to_another(&self, id: EntryId, key: &K) -> bool {
        self.lock().owners.get(key).is_some_and(|owner| *owner != id)
    }

    /// Returns true if a value has this key, held or not.
    #[cfg(feature = "gzip")]
    pub(crate) fn is_in_use(&self, key: &K) -> bool {
        self.lock().owners.contains_key(key)
    }

    /// Returns a lease on the value that was last opened by this name, if the value is in use.
    #[cfg(any(feature = "file", test))]
    pub(crate) fn find_by_name(&self, name: &N) -> Option<Lease<K, N, V>> {
        let (id, value) = {
            let mut state = self.lock();
            let id = *state.ids_by_name.get(name)?;
            let entry = state.entries.get_mut(&id)?;
            entry.lease_count += 1;
            (id, Arc::clone(&entry.value))
        };
        Some(Lease::new(self, id, value))
    }

    /// Returns all values in use, the oldest first.
    #[cfg(any(feature = "file", test))]
    pub(crate) fn values(&self) -> Vec<Arc<V>> {
        let state = self.lock();
        let mut values: Vec<_> = state.entries.iter().map(|(id, entry)| (*id, &entry.value)).collect();
        values.sort_unstable_by_key(|(id, _)| *id);
        values.into_iter().map(|(_, value)| Arc::clone(value)).collect()
    }

    /// Counts one more lease on the value `id`, which is in use.
    fn add_lease(&self, id: EntryId) {
        if let Some(entry) = self.lock().entries.get_mut(&id) {
            entry.lease_count += 1;
        }
    }

    /// Counts one lease less. With the last lease, removes the entry and returns it.
    fn remove_lease(&self, id: EntryId) -> Option<Entry<K, N, V>> {
        let mut state = self.lock();
        let entry = state.entries.get_mut(&id)?;
        entry.lease_count -= 1;
        // In the same critical section as the count. A lease that was acquired in between would be on a value that is no longer
        // registered, and the next `acquire` would insert a second value beside it.
        if entry.lease_count > 0 { None } else { state.remove_entry(id) }
    }
}

impl<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> Guarded<K, N, V> {
    fn new(is_inherited: fn(&V) -> bool) -> Self {
        Guarded { state: Mutex::new(RegistryState::new()), is_inherited }
    }

    /// For a forked child.
    fn inherit(parents: &Self) -> Self {
        let is_inherited = parents.is_inherited;
        let mut state = parents.state.try_lock().map_or_else(RegistryState::new, |state| state.clone());
        let left: Vec<EntryId> =
            state.entries.iter().filter(|(_, entry)| !is_inherited(&entry.value)).map(|(id, _)| *id).collect();
        for id in left {
            // What it owns belongs to a thread of the parent.
            std::mem::forget(state.remove_entry(id));
        }
        // A key without a value is one of a value that a thread of the parent drops.
        let RegistryState { entries, owners, .. } = &mut state;
        owners.retain(|_, id| entries.contains_key(id));
        Guarded { state: Mutex::new(state), is_inherited }
    }
}

impl<K: Clone, N: Clone, V> Clone for RegistryState<K, N, V> {
    fn clone(&self) -> Self {
        let RegistryState { entries, owners, ids_by_name } = self;
        RegistryState { entries: entries.clone(), owners: owners.clone(), ids_by_name: ids_by_name.clone() }
    }
}

impl<K: Clone, N: Clone, V> Clone for Entry<K, N, V> {
    fn clone(&self) -> Self {
        let Entry { value, lease_count, key, is_key_held, name } = self;
        Entry {
            value: Arc::clone(value),
            lease_count: *lease_count,
            key: key.clone(),
            is_key_held: *is_key_held,
            name: name.clone(),
        }
    }
}

impl<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> RegistryState<K, N, V> {
    fn new() -> Self {
        RegistryState { entries: HashMap::new(), owners: HashMap::new(), ids_by_name: HashMap::new() }
    }

    /// Adds a value with one lease, which holds its key.
    pub(super) fn insert(&mut self, id: EntryId, key: K, name: N, value: Arc<V>) {
        self.owners.insert(key.clone(), id);
        self.ids_by_name.insert(name.clone(), id);
        let entry = Entry { value, lease_count: 1, key: Some(key), is_key_held: true, name };
        self.entries.insert(id, entry);
    }

    fn remove_entry(&mut self, id: EntryId) -> Option<Entry<K, N, V>> {
        let entry = self.entries.remove(&id)?;
        if let Some(key) = &entry.key {
            self.owners.remove(key);
        }
        self.forget_name(&entry.name, id);
        Some(entry)
    }

    /// Forgets that the value `id` has this name, unless another one was opened by it since.
    pub(super) fn forget_name(&mut self, name: &N, id: EntryId) {
        if self.ids_by_name.get(name) == Some(&id) {
            self.ids_by_name.remove(name);
        }
    }
}

impl<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> Lease<K, N, V> {
    /// For a lease that is in the count already.
    pub(super) fn new(registry: &Registry<K, N, V>, id: EntryId, value: Arc<V>) -> Self {
        Lease { value, counted: Counted { registry: registry.clone(), id, is_counted: true } }
    }

    pub(crate) fn value(&self) -> &Arc<V> {
        &self.value
    }

    #[cfg(any(feature = "store", all(test, logscope_loom)))]
    pub(crate) fn id(&self) -> EntryId {
        self.counted.id
    }
}

impl<K, N, V> Clone for Registry<K, N, V> {
    fn clone(&self) -> Self {
        Registry { shared: Arc::clone(&self.shared) }
    }
}

impl<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> Clone for Lease<K, N, V> {
    fn clone(&self) -> Self {
        let Counted { registry, id, .. } = &self.counted;
        registry.add_lease(*id);
        Lease::new(registry, *id, Arc::clone(&self.value))
    }
}

impl<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> Drop for Counted<K, N, V> {
    fn drop(&mut self) {
        if !self.is_counted {
            return;
        }
        let removed = allocating_under_lock(|| self.registry.remove_lease(self.id));
        // `remove_lease` has released the lock, so the value may be dropped here.
        drop(removed);
    }
}

impl<K, N, V> fmt::Debug for Registry<K, N, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;

#[cfg(all(test, logscope_loom))]
mod loom_tests;
