//! Models of the registry under loom. Each has a twin in which one step is weakened, and which must fail.

use loom::thread;

use super::*;

type Files = Registry<u8, (), u8>;
type RemoveLease = fn(&Files, EntryId);
type HoldKey = fn(&Files, EntryId, &u8) -> bool;

/// Counts a lease on the value that holds `key`, or else on `value`, without a guard for the lease.
fn acquire(registry: &Files, key: u8, value: u8) -> (EntryId, Arc<u8>) {
    let id = registry.new_id();
    match registry.acquire(id, &key, &(), &Arc::new(value), false) {
        Acquired::Lease(lease) => {
            let entered = (lease.id(), Arc::clone(lease.value()));
            registry.add_lease(lease.id());
            entered
        }
        Acquired::Unproven(_) => unreachable!("every key is held here"),
    }
}

fn assert_empty(registry: &Files) {
    let state = registry.lock();
    assert!(state.entries.is_empty() && state.owners.is_empty(), "a value is registered that nobody uses");
}

/// One thread drops the only lease while another acquires two. Those two must be on one value.
fn open_against_last_drop(remove_lease: RemoveLease) {
    loom::model(move || {
        let registry = Registry::new();
        let (only, value) = acquire(&registry, 1, 1);
        let leaving = {
            let registry = registry.clone();
            thread::spawn(move || {
                remove_lease(&registry, only);
                drop(value);
            })
        };
        let (first, first_value) = acquire(&registry, 1, 2);
        let (second, second_value) = acquire(&registry, 1, 3);
        assert!(Arc::ptr_eq(&first_value, &second_value), "two values are in use under one key");
        remove_lease(&registry, first);
        remove_lease(&registry, second);
        leaving.join().unwrap();
        assert_empty(&registry);
    });
}

fn remove_lease(registry: &Files, id: EntryId) {
    drop(registry.remove_lease(id));
}

/// Counts the lease and removes the entry in two critical sections instead of one.
fn remove_lease_in_two_steps(registry: &Files, id: EntryId) {
    let last = {
        let mut state = registry.lock();
        let Some(entry) = state.entries.get_mut(&id) else { return };
        entry.lease_count -= 1;
        entry.lease_count == 0
    };
    if last {
        let removed = registry.lock().remove_entry(id);
        drop(removed);
    }
}

#[test]
fn loom_open_against_last_drop() {
    open_against_last_drop(remove_lease);
}

#[test]
#[should_panic(expected = "two values are in use under one key")]
fn loom_leaving_in_two_steps_gives_a_key_two_values() {
    open_against_last_drop(remove_lease_in_two_steps);
}

/// Two threads open at once, and drop their leases: every value is dropped, and no entry stays.
#[test]
fn loom_two_opens_and_two_drops() {
    loom::model(|| {
        let registry: Files = Registry::new();
        let share = |registry: &Files| {
            let shared = registry.acquire(registry.new_id(), &1, &(), &Arc::new(1), false);
            let Acquired::Lease(lease) = shared else { unreachable!("every key is held here") };
            lease
        };
        let other = {
            let registry = registry.clone();
            thread::spawn(move || drop(share(&registry)))
        };
        let lease = share(&registry);
        drop(lease.clone());
        drop(lease);
        other.join().unwrap();
        assert_empty(&registry);
    });
}

/// A value changes to the key 2 while another thread acquires that key. One of the two gets it, and both know which.
fn one_key_has_one_value(hold_key: HoldKey) {
    loom::model(move || {
        let registry = Registry::new();
        let (rolling, _) = acquire(&registry, 1, 1);
        let rolls = {
            let registry = registry.clone();
            thread::spawn(move || hold_key(&registry, rolling, &2))
        };
        let (opened, value) = acquire(&registry, 2, 2);
        let is_held = rolls.join().unwrap();
        assert_eq!(is_held, *value == 1, "two values for one key");
        remove_lease(&registry, opened);
        remove_lease(&registry, rolling);
        assert_empty(&registry);
    });
}

fn hold_key(registry: &Files, id: EntryId, key: &u8) -> bool {
    registry.hold_key(id, key)
}

/// Checks the owner of the key and takes the key in two critical sections instead of one.
fn hold_key_in_two_steps(registry: &Files, id: EntryId, key: &u8) -> bool {
    if registry.belongs_to_another(id, key) {
        return false;
    }
    let mut state = registry.lock();
    if let Some(owner) = state.owners.insert(*key, id)
        && let Some(other) = state.entries.get_mut(&owner)
    {
        other.key = None;
    }
    let old_key = state.entries.get_mut(&id).and_then(|entry| entry.key.replace(*key));
    old_key.map(|old_key| state.owners.remove(&old_key));
    true
}

#[test]
fn loom_one_key_has_one_value() {
    one_key_has_one_value(hold_key);
}

#[test]
#[should_panic(expected = "two values for one key")]
fn loom_taking_a_key_in_two_steps_gives_it_two_values() {
    one_key_has_one_value(hold_key_in_two_steps);
}

/// A value takes another key while its last lease is dropped.
fn a_value_that_leaves_keeps_no_key(hold_key: HoldKey) {
    loom::model(move || {
        let registry = Registry::new();
        let (id, _) = acquire(&registry, 1, 1);
        let rolls = {
            let registry = registry.clone();
            thread::spawn(move || hold_key(&registry, id, &2))
        };
        remove_lease(&registry, id);
        rolls.join().unwrap();
        assert_empty(&registry);
    });
}

/// Takes the key even if the value has left since the check.
fn hold_key_after_a_stale_check(registry: &Files, id: EntryId, key: &u8) -> bool {
    let is_registered = registry.lock().entries.contains_key(&id);
    if is_registered {
        let mut state = registry.lock();
        state.owners.insert(*key, id);
        let old_key = state.entries.get_mut(&id).and_then(|entry| entry.key.replace(*key));
        old_key.map(|old_key| state.owners.remove(&old_key));
    }
    is_registered
}

#[test]
fn loom_a_value_that_leaves_keeps_no_key() {
    a_value_that_leaves_keeps_no_key(hold_key);
}

#[test]
#[should_panic(expected = "a value is registered that nobody uses")]
fn loom_a_key_that_is_taken_after_a_stale_check_stays() {
    a_value_that_leaves_keeps_no_key(hold_key_after_a_stale_check);
}

type Park = fn(&Files, EntryId, close: &dyn Fn());

/// A value parks its file, which was removed, while another thread creates a file, which may get the same inode. They are two files.
fn two_files_never_share(park: Park) {
    loom::model(move || {
        let registry = Registry::new();
        let inode_is_free = Arc::new(Mutex::new(false));
        let (parked, _) = acquire(&registry, 1, 1);
        let parks = {
            let (registry, inode_is_free) = (registry.clone(), Arc::clone(&inode_is_free));
            thread::spawn(move || park(&registry, parked, &|| *inode_is_free.lock() = true))
        };
        let inode = if *inode_is_free.lock() { 1 } else { 2 };
        let shared = registry.acquire(registry.new_id(), &inode, &(), &Arc::new(2), false);
        if let Acquired::Lease(lease) = &shared {
            assert_eq!(**lease.value(), 2, "two files share a value");
        }
        parks.join().unwrap();
        drop(shared);
        remove_lease(&registry, parked);
        assert_empty(&registry);
    });
}

fn park(registry: &Files, id: EntryId, close: &dyn Fn()) {
    registry.release_key(id);
    close();
}

fn park_and_release_last(registry: &Files, id: EntryId, close: &dyn Fn()) {
    close();
    registry.release_key(id);
}

#[test]
fn loom_two_files_never_share() {
    two_files_never_share(park);
}

#[test]
#[should_panic(expected = "two files share a value")]
fn loom_closing_before_the_key_is_released_has_two_files_share() {
    two_files_never_share(park_and_release_last);
}
