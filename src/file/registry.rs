//! One value per key for as long as somebody uses it: how a file has one output, whoever opens it and however it is spelled.
//!
//! A value is made outside the registry's lock and then *shared* under its key: if another one is there already, that one is
//! used and the new one dropped. Each user holds a [`Lease`]; the last to let go takes the value out. The users are counted
//! under the lock, so joining and letting go cannot cross. No value is ever dropped under the lock: its `Drop` may be slow, or
//! a program's own.
//!
//! # Keys that change, and keys that prove nothing
//!
//! A file is known by device and inode, and these name it only while somebody has it open: once the last descriptor of a removed
//! file is closed, the next file that is made may get its inode. And an output does not stay with one file: it rolls, its
//! file is moved away and opened anew, it is parked (closed until it is written to again). So a value has a key of its own,
//! which changes, and which is *held* or not:
//!
//! | the output | says | before, or after |
//! |---|---|---|
//! | opens another file, or its own again | [`hold`](Registry::hold) | after it opened the one, before it closes the other |
//! | is parked | [`let_go`](Registry::let_go) | before it closes its file |
//!
//! While a key is held its file is open, so no other file has it, and whoever has opened a file with this key has opened the
//! same one: it shares the value. A key that is not held is only a hint: [`share`](Registry::share) gives the value back as
//! *unproven*, its owner is asked to open its file (which holds the key, or another one), and it is tried again. Two different
//! files never share a value, whatever the order.
//!
//! That one file has one value holds but for one case. An output opens its file anew, by its name, and finds that the name
//! now leads to a file which another output has: somebody moved the one file into the other's place. Two outputs that both
//! live cannot become one, so `hold` says no, and both write to that file from then on, each with its own ledger, the second
//! without a key. That tears nothing: both append, one record in one `write`, as two processes would. The second takes the
//! key when it is free.
//!
//! A value has a *name* too, the path by which it was opened. It proves nothing; who is about to open a path asks the value
//! of this name first to look where its file is, so that a file which was removed, and is opened again before its output has
//! noticed, does not get a second output.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

use crate::sync::model::{Arc, Mutex};

/// Values that are in use, by key and by name. Clones are the same registry.
pub(crate) struct Registry<K, N, V> {
    state: Arc<Mutex<RegistryState<K, N, V>>>,
}

struct RegistryState<K, N, V> {
    entries: HashMap<EntryId, Entry<K, N, V>>,
    /// Whose keys these are.
    owners: HashMap<K, EntryId>,
    named: HashMap<N, EntryId>,
    next: u64,
}

struct Entry<K, N, V> {
    value: Arc<V>,
    /// How many leases there are; at least one.
    leases: usize,
    /// None, where another value has the key of this one's file.
    key: Option<K>,
    held: bool,
    name: N,
}

/// The id of a value in the registry, whatever its key. It is given out before the value is made, so that the value knows it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct EntryId(u64);

/// What became of a value that was to be shared.
pub(crate) enum Shared<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> {
    /// It, or the one in use in its place.
    Lease(Lease<K, N, V>),
    /// Nothing yet: this one has the key and does not hold it.
    Unproven(Arc<V>),
}

/// One user's hold on a value. The value leaves the registry with its last lease.
pub(crate) struct Lease<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> {
    registry: Registry<K, N, V>,
    id: EntryId,
    value: Arc<V>,
}

impl<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> Registry<K, N, V> {
    pub(crate) fn new() -> Self {
        let state = RegistryState { entries: HashMap::new(), owners: HashMap::new(), named: HashMap::new(), next: 0 };
        Registry { state: Arc::new(Mutex::new(state)) }
    }

    /// An id for a value that is about to be made.
    pub(crate) fn new_id(&self) -> EntryId {
        let mut state = self.state.lock();
        state.next += 1;
        EntryId(state.next)
    }

    /// A lease on the value that holds `key`, if there is one, and otherwise on `value`, which then does. The caller must
    /// have open what `key` names.
    ///
    /// With `insist`, a key that another value has and does not hold is taken from it: where asking it has led to nothing.
    pub(crate) fn share(&self, id: EntryId, key: &K, name: &N, value: &Arc<V>, insist: bool) -> Shared<K, N, V> {
        let (id, value) = {
            let mut state = self.state.lock();
            let state = &mut *state;
            match state.owners.get(key).and_then(|owner| Some((*owner, state.entries.get_mut(owner)?))) {
                Some((owner, entry)) if entry.held => {
                    entry.leases += 1;
                    (owner, Arc::clone(&entry.value))
                }
                Some((_, entry)) if !insist => return Shared::Unproven(Arc::clone(&entry.value)),
                unproven => {
                    if let Some((_, entry)) = unproven {
                        entry.key = None;
                    }
                    let (key, name, value) = (key.clone(), name.clone(), Arc::clone(value));
                    state.owners.insert(key.clone(), id);
                    state.named.insert(name.clone(), id);
                    let entry = Entry { value: Arc::clone(&value), leases: 1, key: Some(key), held: true, name };
                    state.entries.insert(id, entry);
                    (id, value)
                }
            }
        };
        Shared::Lease(Lease { registry: self.clone(), id, value })
    }

    /// Says that the value of this id has open what `key` names, and nothing else from now on; false if another value
    /// holds that key, and then this one has none.
    pub(crate) fn hold(&self, id: EntryId, key: &K) -> bool {
        let mut state = self.state.lock();
        let state = &mut *state;
        // It may have left: its last lease went while somebody else used it.
        let Some(entry) = state.entries.get_mut(&id) else { return true };
        if entry.key.as_ref() == Some(key) {
            entry.held = true;
            return true;
        }
        if let Some(before) = entry.key.take() {
            state.owners.remove(&before);
        }
        match state.owners.get(key).and_then(|owner| state.entries.get_mut(owner)) {
            Some(other) if other.held => return false,
            Some(other) => other.key = None,
            None => {}
        }
        // In the same critical section as the look at its owner: else one who opens that file could register it in between, and
        // each would believe to be the only one.
        state.owners.insert(key.clone(), id);
        if let Some(entry) = state.entries.get_mut(&id) {
            entry.key = Some(key.clone());
            entry.held = true;
        }
        true
    }

    /// Says that the value of this id is about to close what its key names, which then proves nothing any more.
    pub(crate) fn let_go(&self, id: EntryId) {
        if let Some(entry) = self.state.lock().entries.get_mut(&id) {
            entry.held = false;
        }
    }

    /// True if a value other than that of `id` has this key, held or not.
    pub(crate) fn is_of_another(&self, id: EntryId, key: &K) -> bool {
        self.state.lock().owners.get(key).is_some_and(|owner| *owner != id)
    }

    /// True if a value has this key, held or not.
    #[cfg(feature = "gzip")]
    pub(crate) fn is_in_use(&self, key: &K) -> bool {
        self.state.lock().owners.contains_key(key)
    }

    /// A lease on the value that was last opened by this name, if it is in use.
    pub(crate) fn named(&self, name: &N) -> Option<Lease<K, N, V>> {
        let (id, value) = {
            let mut state = self.state.lock();
            let id = *state.named.get(name)?;
            let entry = state.entries.get_mut(&id)?;
            entry.leases += 1;
            (id, Arc::clone(&entry.value))
        };
        Some(Lease { registry: self.clone(), id, value })
    }

    /// All values in use, the oldest first.
    pub(crate) fn values(&self) -> Vec<Arc<V>> {
        let state = self.state.lock();
        let mut values: Vec<_> = state.entries.iter().map(|(id, entry)| (*id, &entry.value)).collect();
        values.sort_unstable_by_key(|(id, _)| *id);
        values.into_iter().map(|(_, value)| Arc::clone(value)).collect()
    }

    /// Counts one lease more on the value of `id`, which is in use.
    fn join(&self, id: EntryId) {
        if let Some(entry) = self.state.lock().entries.get_mut(&id) {
            entry.leases += 1;
        }
    }

    /// Counts one lease less, and takes the value out with the last.
    fn leave(&self, id: EntryId) -> Option<Entry<K, N, V>> {
        let mut state = self.state.lock();
        let entry = state.entries.get_mut(&id)?;
        entry.leases -= 1;
        // In the same critical section as the count: a lease that was taken in between would be on a value that is no longer
        // registered, and the next `share` would put a second one beside it.
        if entry.leases > 0 { None } else { state.take_out(id) }
    }
}

impl<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> RegistryState<K, N, V> {
    fn take_out(&mut self, id: EntryId) -> Option<Entry<K, N, V>> {
        let entry = self.entries.remove(&id)?;
        if let Some(key) = &entry.key {
            self.owners.remove(key);
        }
        if self.named.get(&entry.name) == Some(&id) {
            self.named.remove(&entry.name);
        }
        Some(entry)
    }
}

impl<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> Lease<K, N, V> {
    pub(crate) fn value(&self) -> &Arc<V> {
        &self.value
    }
}

impl<K, N, V> Clone for Registry<K, N, V> {
    fn clone(&self) -> Self {
        Registry { state: Arc::clone(&self.state) }
    }
}

impl<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> Clone for Lease<K, N, V> {
    fn clone(&self) -> Self {
        self.registry.join(self.id);
        Lease { registry: self.registry.clone(), id: self.id, value: Arc::clone(&self.value) }
    }
}

impl<K: Clone + Eq + Hash, N: Clone + Eq + Hash, V> Drop for Lease<K, N, V> {
    fn drop(&mut self) {
        let last = self.registry.leave(self.id);
        // The lock is released: now what came out may be dropped.
        drop(last);
    }
}

impl<K, N, V> fmt::Debug for Registry<K, N, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests {
    use super::*;

    /// A value that looks into the registry when it is dropped, which would deadlock under the lock.
    struct LooksBack(Registry<u8, &'static str, LooksBack>, u32);

    impl Drop for LooksBack {
        fn drop(&mut self) {
            let _ = self.0.state.lock().entries.len();
        }
    }

    type Files = Registry<u8, &'static str, LooksBack>;

    /// Shares a new value with this number.
    fn share(
        registry: &Files,
        key: u8,
        name: &'static str,
        number: u32,
    ) -> (EntryId, Lease<u8, &'static str, LooksBack>) {
        let (id, value) = (registry.new_id(), Arc::new(LooksBack(registry.clone(), number)));
        match registry.share(id, &key, &name, &value, false) {
            Shared::Lease(lease) => (id, lease),
            Shared::Unproven(other) => panic!("{} has the key {key}, and does not hold it", other.1),
        }
    }

    fn assert_empty(registry: &Files) {
        let state = registry.state.lock();
        assert!(state.entries.is_empty() && state.owners.is_empty() && state.named.is_empty());
    }

    #[test]
    fn a_value_lives_as_long_as_its_last_lease() {
        let registry = Registry::new();
        let (_, first) = share(&registry, 1, "one", 1);
        let (_, second) = share(&registry, 1, "another", 2);
        assert_eq!(second.value().1, 1, "the one in use is shared and the new one dropped");
        let (_, other) = share(&registry, 2, "two", 3);
        assert_eq!(other.value().1, 3);
        let third = second.clone();
        drop((first, second));
        assert_eq!(share(&registry, 1, "one", 4).1.value().1, 1);
        drop(third);
        assert_eq!(share(&registry, 1, "one", 5).1.value().1, 5);
        drop(other);
        assert_empty(&registry);
    }

    #[test]
    fn a_value_goes_with_its_key() {
        let registry = Registry::new();
        let (id, first) = share(&registry, 1, "one", 1);
        assert!(registry.hold(id, &2));
        let (_, second) = share(&registry, 1, "one", 2);
        assert_eq!(second.value().1, 2, "what it left is free");
        assert_eq!(share(&registry, 2, "two", 3).1.value().1, 1, "what it went to is its own");
        assert!(!registry.is_of_another(id, &2) && registry.is_of_another(id, &1));
        let numbers: Vec<_> = registry.values().iter().map(|value| value.1).collect();
        assert_eq!(numbers, [1, 2]);
        drop((first, second));
        assert_empty(&registry);
    }

    #[test]
    fn two_that_come_to_one_file_stay_two_until_it_is_free() {
        let registry = Registry::new();
        let (id, first) = share(&registry, 1, "one", 1);
        let (_, second) = share(&registry, 2, "two", 2);
        assert!(!registry.hold(id, &2), "it is taken");
        assert_eq!(share(&registry, 1, "one", 3).1.value().1, 3, "it has no key now");
        assert!(!registry.hold(id, &2));
        drop(second);
        assert!(registry.hold(id, &2));
        drop(first);
        assert_empty(&registry);
        assert!(registry.hold(id, &2), "one who has left takes nothing");
        assert_empty(&registry);
    }

    #[test]
    fn a_key_that_is_not_held_proves_nothing() {
        let registry = Registry::new();
        let (id, first) = share(&registry, 1, "one", 1);
        let try_share = |number, insist| {
            let value = Arc::new(LooksBack(registry.clone(), number));
            registry.share(registry.new_id(), &1, &"two", &value, insist)
        };
        registry.let_go(id);
        assert!(matches!(try_share(2, false), Shared::Unproven(value) if value.1 == 1));
        assert!(registry.hold(id, &1));
        assert!(matches!(try_share(3, false), Shared::Lease(lease) if lease.value().1 == 1));
        registry.let_go(id);
        let Shared::Lease(second) = try_share(4, true) else { panic!("it insists") };
        assert_eq!(second.value().1, 4);
        assert!(!registry.hold(id, &1));
        drop((first, second));
        assert_empty(&registry);
    }

    #[test]
    fn the_last_by_a_name_is_found_by_it() {
        let registry = Registry::new();
        let (_, first) = share(&registry, 1, "one", 1);
        assert_eq!(registry.named(&"one").map(|lease| lease.value().1), Some(1));
        let (_, second) = share(&registry, 2, "one", 2);
        drop(first);
        assert_eq!(registry.named(&"one").map(|lease| lease.value().1), Some(2));
        drop(second);
        assert!(registry.named(&"one").is_none());
        assert_empty(&registry);
    }
}

#[cfg(all(test, logscope_loom))]
mod loom_tests;
