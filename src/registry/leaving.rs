//! Values that keep their key until they are dropped: those of the public registry, whose callers never have two values for a key, not even while one
//! of them runs its `Drop`.
//!
//! The last [lease](Lease::leave) takes the entry of its value out, and leaves the key behind: an owner without an entry. Whoever asks for the key finds
//! that, and waits. Once the value is dropped, its [key is freed](TakenKey). A lease gives up its share in the value before it is counted out, so the
//! last one has the only share, and drops the value.

use std::hash::Hash;

use super::core::{Entry, EntryId, Lease, Registry};
use crate::output::allocating_under_lock;
use crate::sync::model::Arc;

/// What there is for a key.
pub(crate) enum Found<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> {
    Lease(Lease<K, N, V>),
    /// This value had the key, and has no leases any more. The key is free when it is dropped.
    Leaving(EntryId),
}

/// The key of a value that is being dropped. It is free as soon as this is dropped.
pub(crate) struct TakenKey<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> {
    registry: Registry<K, N, V>,
    id: EntryId,
    key: Option<K>,
}

impl<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> Registry<K, N, V> {
    /// Returns what there is for `key`.
    pub(crate) fn find_by_key(&self, key: &K) -> Option<Found<K, N, V>> {
        let (id, value) = {
            let mut state = self.lock();
            let id = *state.owners.get(key)?;
            match state.entries.get_mut(&id) {
                None => return Some(Found::Leaving(id)),
                Some(entry) => {
                    entry.lease_count += 1;
                    (id, Arc::clone(&entry.value))
                }
            }
        };
        Some(Found::Lease(Lease::new(self, id, value)))
    }

    /// Returns what there is for `key`. If that is nothing, inserts `value`.
    pub(crate) fn find_or_insert(&self, id: EntryId, key: &K, name: &N, value: Arc<V>) -> Found<K, N, V> {
        let (id, value) = {
            let mut state = self.lock();
            let state = &mut *state;
            match state.owners.get(key).map(|owner| (*owner, state.entries.get_mut(owner))) {
                Some((owner, None)) => return Found::Leaving(owner),
                Some((owner, Some(entry))) => {
                    entry.lease_count += 1;
                    (owner, Arc::clone(&entry.value))
                }
                None => {
                    state.insert(id, key.clone(), name.clone(), Arc::clone(&value));
                    (id, value)
                }
            }
        };
        Found::Lease(Lease::new(self, id, value))
    }

    /// Returns true if the value `id`, which had `key`, is still being dropped.
    pub(crate) fn is_leaving(&self, id: EntryId, key: &K) -> bool {
        let state = self.lock();
        state.owners.get(key) == Some(&id) && !state.entries.contains_key(&id)
    }

    /// Counts one lease less. With the last lease, removes the entry, but not its key, and returns it.
    fn remove_lease_and_keep_key(&self, id: EntryId) -> Option<Entry<K, N, V>> {
        let mut state = self.lock();
        let entry = state.entries.get_mut(&id)?;
        entry.lease_count -= 1;
        // In the same critical section as the count: see `remove_lease`.
        if entry.lease_count > 0 {
            return None;
        }
        let entry = state.entries.remove(&id)?;
        state.forget_name(&entry.name, id);
        Some(entry)
    }

    fn free_key(&self, id: EntryId, key: &K) {
        let mut state = self.lock();
        // In a child that was forked meanwhile, the key was free from the start, and may be another value's.
        if state.owners.get(key) == Some(&id) && !state.entries.contains_key(&id) {
            state.owners.remove(key);
        }
    }
}

impl<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> Lease<K, N, V> {
    /// Gives up the lease. If it was the last one, returns the value, for the caller to drop, and its key, which is taken until then.
    pub(crate) fn leave(self) -> Option<(Arc<V>, TakenKey<K, N, V>)> {
        let Lease { value, mut counted } = self;
        // Before the count: see above.
        drop(value);
        counted.is_counted = false;
        let (registry, id) = (counted.registry.clone(), counted.id);
        let Entry { value, key, .. } = allocating_under_lock(|| registry.remove_lease_and_keep_key(id))?;
        Some((value, TakenKey { registry, id, key }))
    }
}

impl<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> TakenKey<K, N, V> {
    /// Returns the id of the value.
    pub(crate) fn id(&self) -> EntryId {
        self.id
    }
}

impl<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> Drop for TakenKey<K, N, V> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            allocating_under_lock(|| self.registry.free_key(self.id, &key));
        }
    }
}
