//! Tests of the registry, without threads.

use super::*;

/// A value whose drop takes the registry's lock, and so would deadlock if the registry dropped it under that lock.
struct LocksRegistryOnDrop(Registry<u8, &'static str, LocksRegistryOnDrop>, u32);

impl Drop for LocksRegistryOnDrop {
    fn drop(&mut self) {
        let _ = self.0.lock().entries.len();
    }
}

type Files = Registry<u8, &'static str, LocksRegistryOnDrop>;

/// Acquires a lease with a new value that has this number.
fn acquire(
    registry: &Files,
    key: u8,
    name: &'static str,
    number: u32,
) -> (EntryId, Lease<u8, &'static str, LocksRegistryOnDrop>) {
    let (id, value) = (registry.new_id(), Arc::new(LocksRegistryOnDrop(registry.clone(), number)));
    match registry.acquire(id, &key, &name, &value, false) {
        Acquired::Lease(lease) => (id, lease),
        Acquired::Unproven(other) => panic!("{} has the key {key}, but does not hold it", other.1),
    }
}

fn assert_empty(registry: &Files) {
    let state = registry.lock();
    assert!(state.entries.is_empty() && state.owners.is_empty() && state.ids_by_name.is_empty());
}

#[test]
fn a_value_lives_as_long_as_its_last_lease() {
    let registry = Registry::new();
    let (_, first) = acquire(&registry, 1, "one", 1);
    let (_, second) = acquire(&registry, 1, "another", 2);
    assert_eq!(second.value().1, 1, "the value in use is shared, the new one dropped");
    let (_, other) = acquire(&registry, 2, "two", 3);
    assert_eq!(other.value().1, 3);
    let third = second.clone();
    drop((first, second));
    assert_eq!(acquire(&registry, 1, "one", 4).1.value().1, 1);
    drop(third);
    assert_eq!(acquire(&registry, 1, "one", 5).1.value().1, 5);
    drop(other);
    assert_empty(&registry);
}

#[test]
fn a_value_can_change_its_key() {
    let registry = Registry::new();
    let (id, first) = acquire(&registry, 1, "one", 1);
    assert!(registry.hold_key(id, &2));
    let (_, second) = acquire(&registry, 1, "one", 2);
    assert_eq!(second.value().1, 2, "the old key is free");
    assert_eq!(acquire(&registry, 2, "two", 3).1.value().1, 1, "the new key leads to the same value");
    assert!(!registry.belongs_to_another(id, &2) && registry.belongs_to_another(id, &1));
    let numbers: Vec<_> = registry.values().iter().map(|value| value.1).collect();
    assert_eq!(numbers, [1, 2]);
    drop((first, second));
    assert_empty(&registry);
}

#[test]
fn a_second_value_for_a_key_gets_it_once_it_is_free() {
    let registry = Registry::new();
    let (id, first) = acquire(&registry, 1, "one", 1);
    let (_, second) = acquire(&registry, 2, "two", 2);
    assert!(!registry.hold_key(id, &2), "the key is taken");
    assert_eq!(acquire(&registry, 1, "one", 3).1.value().1, 3, "a value without a key cannot be shared");
    assert!(!registry.hold_key(id, &2));
    drop(second);
    assert!(registry.hold_key(id, &2));
    drop(first);
    assert_empty(&registry);
    assert!(registry.hold_key(id, &2), "a value that has left takes no key");
    assert_empty(&registry);
}

#[test]
fn a_key_that_is_not_held_proves_nothing() {
    let registry = Registry::new();
    let (id, first) = acquire(&registry, 1, "one", 1);
    let try_acquire = |number, take_unheld| {
        let value = Arc::new(LocksRegistryOnDrop(registry.clone(), number));
        registry.acquire(registry.new_id(), &1, &"two", &value, take_unheld)
    };
    registry.release_key(id);
    assert!(matches!(try_acquire(2, false), Acquired::Unproven(value) if value.1 == 1));
    assert!(registry.hold_key(id, &1));
    assert!(matches!(try_acquire(3, false), Acquired::Lease(lease) if lease.value().1 == 1));
    registry.release_key(id);
    let Acquired::Lease(second) = try_acquire(4, true) else { panic!("a key that is not held can be taken") };
    assert_eq!(second.value().1, 4);
    assert!(!registry.hold_key(id, &1));
    drop((first, second));
    assert_empty(&registry);
}

#[test]
fn a_name_finds_the_value_that_was_opened_last() {
    let registry = Registry::new();
    let (_, first) = acquire(&registry, 1, "one", 1);
    assert_eq!(registry.find_by_name(&"one").map(|lease| lease.value().1), Some(1));
    let (_, second) = acquire(&registry, 2, "one", 2);
    drop(first);
    assert_eq!(registry.find_by_name(&"one").map(|lease| lease.value().1), Some(2));
    drop(second);
    assert!(registry.find_by_name(&"one").is_none());
    assert_empty(&registry);
}
