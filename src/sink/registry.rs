//! One value per key for as long as somebody uses it: how a file has one output, whoever opens it and however it is spelled.
//!
//! A value is made outside the registry's lock and then *shared* under its key: if another one is there already, that one is
//! used and the new one dropped. Each user holds a [`Lease`]; the last to let go takes the value out. The users are counted
//! under the lock, so joining and letting go cannot cross. No value is ever dropped under the lock: its `Drop` may be slow, or
//! a program's own.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use crate::sync::model::{Arc, Mutex};

/// Values that are in use, by key. Clones are the same registry.
pub(crate) struct Registry<K, V> {
    entries: Arc<Mutex<HashMap<K, Entry<V>>>>,
}

struct Entry<V> {
    value: Arc<V>,
    /// How many leases there are; at least one.
    leases: usize,
}

/// One user's hold on a value. The value leaves the registry with its last lease.
pub(crate) struct Lease<K: Clone + Eq + Hash, V> {
    registry: Registry<K, V>,
    key: K,
    value: Arc<V>,
}

impl<K: Clone + Eq + Hash, V> Registry<K, V> {
    pub(crate) fn new() -> Self {
        Registry { entries: Arc::new(Mutex::new(HashMap::new())) }
    }

    /// A lease on the value under `key`: the one in use, if there is one, and otherwise `value`.
    pub(crate) fn share(&self, key: K, value: V) -> Lease<K, V> {
        let value = Arc::new(value);
        let used = {
            let mut entries = self.entries.lock();
            let entry = entries.entry(key.clone()).or_insert_with(|| Entry { value: Arc::clone(&value), leases: 0 });
            entry.leases += 1;
            Arc::clone(&entry.value)
        };
        // `value`, where it is not the one in use, is dropped here, after the lock.
        Lease { registry: self.clone(), key, value: used }
    }

    /// Counts one lease more on what `key` has, which is in use.
    fn join(&self, key: &K) {
        if let Some(entry) = self.entries.lock().get_mut(key) {
            entry.leases += 1;
        }
    }

    /// Counts one lease less, and takes the value out with the last.
    fn leave(&self, key: &K) -> Option<(K, Entry<V>)> {
        let mut entries = self.entries.lock();
        let entry = entries.get_mut(key)?;
        entry.leases -= 1;
        // In the same critical section as the count: a lease that was taken in between would be on a value that is no longer
        // registered, and the next `share` would put a second one beside it.
        if entry.leases == 0 { entries.remove_entry(key) } else { None }
    }
}

impl<K: Clone + Eq + Hash, V> Lease<K, V> {
    pub(crate) fn value(&self) -> &Arc<V> {
        &self.value
    }
}

impl<K, V> Clone for Registry<K, V> {
    fn clone(&self) -> Self {
        Registry { entries: Arc::clone(&self.entries) }
    }
}

impl<K: Clone + Eq + Hash, V> Clone for Lease<K, V> {
    fn clone(&self) -> Self {
        self.registry.join(&self.key);
        Lease { registry: self.registry.clone(), key: self.key.clone(), value: Arc::clone(&self.value) }
    }
}

impl<K: Clone + Eq + Hash, V> Drop for Lease<K, V> {
    fn drop(&mut self) {
        // The lock is released before what comes out is dropped.
        let last = self.registry.leave(&self.key);
        drop(last);
    }
}

impl<K, V> fmt::Debug for Registry<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}
