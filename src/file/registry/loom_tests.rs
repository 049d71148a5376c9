//! Models of the registry, each with a twin that is weakened in one step and must fail.

use loom::thread;

use super::*;

type Files = Registry<u8, (), u8>;
type Leave = fn(&Files, EntryId);
type Hold = fn(&Files, EntryId, &u8) -> bool;

/// Counts a lease on what is in use under `key`, or else on `value`, without a guard for it.
fn enter(registry: &Files, key: u8, value: u8) -> (EntryId, Arc<u8>) {
    let id = registry.new_id();
    match registry.share(id, &key, &(), &Arc::new(value), false) {
        Shared::Lease(lease) => {
            let entered = (lease.id, Arc::clone(lease.value()));
            registry.join(lease.id);
            entered
        }
        Shared::Unproven(_) => unreachable!("it is always held here"),
    }
}

fn assert_empty(registry: &Files) {
    let state = registry.state.lock();
    assert!(state.entries.is_empty() && state.owners.is_empty(), "a value is registered that nobody uses");
}

/// One thread lets go of the only lease while another takes two: those two must be on one value.
fn open_against_last_drop(leave: Leave) {
    loom::model(move || {
        let registry = Registry::new();
        let (only, value) = enter(&registry, 1, 1);
        let leaving = {
            let registry = registry.clone();
            thread::spawn(move || {
                leave(&registry, only);
                drop(value);
            })
        };
        let (first, first_value) = enter(&registry, 1, 2);
        let (second, second_value) = enter(&registry, 1, 3);
        assert!(Arc::ptr_eq(&first_value, &second_value), "two values are in use under one key");
        leave(&registry, first);
        leave(&registry, second);
        leaving.join().unwrap();
        assert_empty(&registry);
    });
}

fn leave(registry: &Files, id: EntryId) {
    drop(registry.leave(id));
}

/// Counts and removes under the lock, but not under the same hold of it.
fn leave_in_two_steps(registry: &Files, id: EntryId) {
    let last = {
        let mut state = registry.state.lock();
        let Some(entry) = state.entries.get_mut(&id) else { return };
        entry.leases -= 1;
        entry.leases == 0
    };
    if last {
        let removed = registry.state.lock().take_out(id);
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
        let registry: Files = Registry::new();
        let share = |registry: &Files| {
            let shared = registry.share(registry.new_id(), &1, &(), &Arc::new(1), false);
            let Shared::Lease(lease) = shared else { unreachable!("it is always held here") };
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

/// A value goes to the file 2 while another thread opens that file: one of the two has it, and both know who.
fn one_file_has_one_value(hold: Hold) {
    loom::model(move || {
        let registry = Registry::new();
        let (rolling, _) = enter(&registry, 1, 1);
        let rolls = {
            let registry = registry.clone();
            thread::spawn(move || hold(&registry, rolling, &2))
        };
        let (opened, value) = enter(&registry, 2, 2);
        let held = rolls.join().unwrap();
        assert_eq!(held, *value == 1, "two values believe to be the one of a file");
        leave(&registry, opened);
        leave(&registry, rolling);
        assert_empty(&registry);
    });
}

fn hold(registry: &Files, id: EntryId, key: &u8) -> bool {
    registry.hold(id, key)
}

/// Looks whose the key is and takes it under the lock, but not under the same hold of it.
fn hold_in_two_steps(registry: &Files, id: EntryId, key: &u8) -> bool {
    if registry.is_of_another(id, key) {
        return false;
    }
    let mut state = registry.state.lock();
    if let Some(owner) = state.owners.insert(*key, id)
        && let Some(other) = state.entries.get_mut(&owner)
    {
        other.key = None;
    }
    let before = state.entries.get_mut(&id).and_then(|entry| entry.key.replace(*key));
    before.map(|before| state.owners.remove(&before));
    true
}

#[test]
fn loom_one_file_has_one_value() {
    one_file_has_one_value(hold);
}

#[test]
#[should_panic(expected = "two values believe to be the one of a file")]
fn loom_taking_a_key_in_two_steps_gives_a_file_two_values() {
    one_file_has_one_value(hold_in_two_steps);
}

/// A value takes another key while its last lease goes.
fn nothing_stays_of_one_who_leaves(hold: Hold) {
    loom::model(move || {
        let registry = Registry::new();
        let (id, _) = enter(&registry, 1, 1);
        let rolls = {
            let registry = registry.clone();
            thread::spawn(move || hold(&registry, id, &2))
        };
        leave(&registry, id);
        rolls.join().unwrap();
        assert_empty(&registry);
    });
}

/// Takes the key whether or not there is still somebody to have it.
fn hold_without_a_look(registry: &Files, id: EntryId, key: &u8) -> bool {
    let there = registry.state.lock().entries.contains_key(&id);
    if there {
        let mut state = registry.state.lock();
        state.owners.insert(*key, id);
        let before = state.entries.get_mut(&id).and_then(|entry| entry.key.replace(*key));
        before.map(|before| state.owners.remove(&before));
    }
    there
}

#[test]
fn loom_nothing_stays_of_one_who_leaves() {
    nothing_stays_of_one_who_leaves(hold);
}

#[test]
#[should_panic(expected = "a value is registered that nobody uses")]
fn loom_a_key_that_is_taken_without_a_look_stays() {
    nothing_stays_of_one_who_leaves(hold_without_a_look);
}

type Park = fn(&Files, EntryId, close: &dyn Fn());

/// A value closes its file, which was removed, while another thread makes a file, which may get the inode: they are two files.
fn two_files_never_share(park: Park) {
    loom::model(move || {
        let registry = Registry::new();
        let inode_is_free = Arc::new(Mutex::new(false));
        let (parked, _) = enter(&registry, 1, 1);
        let parks = {
            let (registry, inode_is_free) = (registry.clone(), Arc::clone(&inode_is_free));
            thread::spawn(move || park(&registry, parked, &|| *inode_is_free.lock() = true))
        };
        let inode = if *inode_is_free.lock() { 1 } else { 2 };
        let shared = registry.share(registry.new_id(), &inode, &(), &Arc::new(2), false);
        if let Shared::Lease(lease) = &shared {
            assert_eq!(**lease.value(), 2, "two files share a value");
        }
        parks.join().unwrap();
        drop(shared);
        leave(&registry, parked);
        assert_empty(&registry);
    });
}

fn park(registry: &Files, id: EntryId, close: &dyn Fn()) {
    registry.let_go(id);
    close();
}

fn park_closing_first(registry: &Files, id: EntryId, close: &dyn Fn()) {
    close();
    registry.let_go(id);
}

#[test]
fn loom_two_files_never_share() {
    two_files_never_share(park);
}

#[test]
#[should_panic(expected = "two files share a value")]
fn loom_closing_before_letting_go_has_two_files_share() {
    two_files_never_share(park_closing_first);
}
