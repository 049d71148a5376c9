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
        let value = self.enter(&key, Arc::new(value));
        Lease { registry: self.clone(), key, value }
    }

    /// Counts one lease more, on what is in use under `key` or else on `value`.
    fn enter(&self, key: &K, value: Arc<V>) -> Arc<V> {
        let mut entries = self.entries.lock();
        let entry = entries.entry(key.clone()).or_insert_with(|| Entry { value: Arc::clone(&value), leases: 0 });
        entry.leases += 1;
        let in_use = Arc::clone(&entry.value);
        // The parameter `value`, where it is not the one in use, is dropped after this guard.
        drop(entries);
        in_use
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
        let last = self.registry.leave(&self.key);
        // The lock is released: now what came out may be dropped.
        drop(last);
    }
}

impl<K, V> fmt::Debug for Registry<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests {
    use super::*;

    /// A value that looks into the registry when it is dropped, which would deadlock under the lock.
    struct LooksBack(Registry<u8, LooksBack>, u32);

    impl Drop for LooksBack {
        fn drop(&mut self) {
            let _ = self.0.entries.lock().len();
        }
    }

    #[test]
    fn a_value_lives_as_long_as_its_last_lease() {
        let registry = Registry::new();
        let value = |n| LooksBack(registry.clone(), n);
        let first = registry.share(1, value(1));
        let second = registry.share(1, value(2));
        assert_eq!(second.value().1, 1, "the one in use is shared and the new one dropped");
        let other = registry.share(2, value(3));
        assert_eq!(other.value().1, 3);
        let third = second.clone();
        drop((first, second));
        assert_eq!(registry.share(1, value(4)).value().1, 1);
        drop(third);
        assert_eq!(registry.share(1, value(5)).value().1, 5);
        drop(other);
        assert!(registry.entries.lock().is_empty());
    }
}

#[cfg(all(test, logscope_loom))]
mod loom_tests {
    use loom::thread;

    use super::*;

    type Leave = fn(&Registry<u8, ()>, &u8);

    /// One thread lets go of the only lease while another takes two: those two must be on one value.
    fn open_against_last_drop(leave: Leave) {
        loom::model(move || {
            let registry = Registry::new();
            let only = registry.enter(&1, Arc::new(()));
            let leaving = {
                let registry = registry.clone();
                thread::spawn(move || {
                    leave(&registry, &1);
                    drop(only);
                })
            };
            let first = registry.enter(&1, Arc::new(()));
            let second = registry.enter(&1, Arc::new(()));
            assert!(Arc::ptr_eq(&first, &second), "two values are in use under one key");
            leave(&registry, &1);
            leave(&registry, &1);
            leaving.join().unwrap();
            assert!(registry.entries.lock().is_empty(), "a value is registered that nobody uses");
        });
    }

    fn leave(registry: &Registry<u8, ()>, key: &u8) {
        drop(registry.leave(key));
    }

    /// Counts and removes under the lock, but not under the same hold of it.
    fn leave_in_two_steps(registry: &Registry<u8, ()>, key: &u8) {
        let last = {
            let mut entries = registry.entries.lock();
            let Some(entry) = entries.get_mut(key) else { return };
            entry.leases -= 1;
            entry.leases == 0
        };
        if last {
            let removed = registry.entries.lock().remove(key);
            drop(removed);
        }
    }

    #[test]
    fn loom_open_against_last_drop() {
        open_against_last_drop(leave);
    }

    #[test]
    #[should_panic(expected = "two values are in use under one key")]
    fn loom_leaving_in_two_steps_puts_two_values_in_use() {
        open_against_last_drop(leave_in_two_steps);
    }

    /// Two threads open at once and let go: each value is dropped, and nothing stays.
    #[test]
    fn loom_two_opens_and_two_drops() {
        loom::model(|| {
            let registry: Registry<u8, ()> = Registry::new();
            let other = {
                let registry = registry.clone();
                thread::spawn(move || drop(registry.share(1, ())))
            };
            let lease = registry.share(1, ());
            drop(lease.clone());
            drop(lease);
            other.join().unwrap();
            assert!(registry.entries.lock().is_empty());
        });
    }
}
