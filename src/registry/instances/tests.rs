//! Tests of the public registry, without races: those are in `tests/store_registry.rs` and in the models.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use super::*;
use crate::sync::{AtomicBool, AtomicUsize, Ordering, thread};

type Numbers = Registry<u8, u32>;

fn make(numbers: &Numbers, key: u8, value: u32) -> Instance<u8, u32> {
    numbers.get_or_try_insert_with(&key, || Ok::<_, ()>(value)).expect("it is made")
}

fn assert_nothing_is_made(numbers: &Numbers) {
    assert!(numbers.is_empty() && numbers.core.count(|_| true) == 0, "a slot is left");
    assert_eq!(format!("{:?}", numbers.workers.get_made().waits.lock()), format!("{:?}", Waits::new()));
}

#[test]
fn an_instance_lives_as_long_as_its_last_user_and_then_another_one_is_made() {
    let numbers = Numbers::new();
    let (one, same) = (make(&numbers, 1, 1), make(&numbers, 1, 2));
    assert!(Instance::ptr_eq(&one, &same) && *same == 1);
    let third = numbers.get(&1).unwrap();
    assert_eq!(*make(&numbers, 2, 3), 3);
    assert_eq!(numbers.len(), 1, "the other one is gone again");
    drop((one, same));
    assert_eq!(*make(&numbers, 1, 4), 1);
    drop(third);
    assert!(numbers.get(&1).is_none());
    assert_eq!(*make(&numbers, 1, 5), 5);
    assert_nothing_is_made(&numbers);
}

#[test]
fn neither_a_failure_nor_a_panic_is_remembered() {
    let numbers = Numbers::new();
    assert_eq!(numbers.get_or_try_insert_with(&1, || Err("no")).unwrap_err(), "no");
    assert_nothing_is_made(&numbers);
    let panics = || numbers.get_or_try_insert_with(&1, || -> Result<u32, ()> { panic!("this is the panic") });
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert_nothing_is_made(&numbers);
    assert_eq!(*make(&numbers, 1, 7), 7);
}

#[test]
fn a_constructor_may_ask_for_other_instances_but_not_for_its_own() {
    let numbers = Numbers::new();
    let outer = numbers.get_or_try_insert_with(&1, || Ok::<_, ()>(*make(&numbers, 2, 20) + 1)).unwrap();
    assert_eq!(*outer, 21);
    drop(outer);

    let told = Cell::new(0);
    let asks = |key: u8| {
        let result = numbers.make_unless_itself(&key, || Ok::<_, ()>(1));
        told.set(told.get() + u32::from(result.is_err()));
        Ok::<_, ()>(1)
    };
    drop(numbers.get_or_try_insert_with(&1, || asks(1)));
    // Through the constructor of another one.
    drop(numbers.get_or_try_insert_with(&1, || numbers.get_or_try_insert_with(&2, || asks(1)).map(|made| *made)));
    assert_eq!(told.get(), 2);
    assert_nothing_is_made(&numbers);

    let panics = || numbers.get_or_try_insert_with(&1, || Ok::<_, ()>(*make(&numbers, 1, 1)));
    let payload = catch_unwind(AssertUnwindSafe(panics)).unwrap_err();
    assert!(payload.downcast_ref::<&str>().unwrap().contains("would wait for itself"));
    assert_nothing_is_made(&numbers);
}

#[test]
fn a_value_is_not_dropped_under_the_lock_of_the_registry() {
    struct Asks(Registry<u8, Asks>);

    impl Drop for Asks {
        fn drop(&mut self) {
            assert!(self.0.is_empty() && self.0.get(&1).is_none());
        }
    }

    let registry = Registry::new();
    drop(registry.get_or_try_insert_with(&1, || Ok::<_, ()>(Asks(registry.clone()))));
    assert!(registry.is_empty());
}

/// Runs a function when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

type Called = OnDrop<Box<dyn FnMut() + Send + Sync>>;
type Calls = Registry<u8, Called>;

fn calls(registry: &Calls, key: u8, call: impl FnMut() + Send + Sync + 'static) -> Instance<u8, Called> {
    registry
        .get_or_try_insert_with(&key, || Ok::<_, ()>(OnDrop(Box::new(call) as Box<_>)))
        .unwrap_or_else(|()| unreachable!())
}

fn assert_nothing_is_left(registry: &Calls) {
    let workers = registry.workers.get_made();
    assert_eq!(format!("{:?}", workers.waits.lock()), format!("{:?}", Waits::new()));
    assert!(registry.is_empty() && registry.core.count(|_| true) == 0, "a slot is left");
    assert!((1..=3).all(|key| registry.core.find_by_key(&key).is_none()), "a key is left");
}

#[test]
fn whoever_asks_for_the_key_of_an_instance_that_is_being_dropped_waits_until_its_drop_is_over() {
    let (registry, has_begun, is_over) =
        (Calls::new(), Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let drops = {
        let (registry, has_begun, is_over) = (registry.clone(), Arc::clone(&has_begun), Arc::clone(&is_over));
        move || {
            has_begun.store(true, Ordering::SeqCst);
            assert!(registry.get(&1).is_none(), "it does not wait");
            // Another key does not wait either, and neither does the constructor of one that asks for a third.
            drop(calls(&registry, 3, || ()));
            // Until the other thread waits for the key, as the maker of its own instance.
            let deadline = Instant::now() + Duration::from_secs(60);
            while !format!("{:?}", registry.workers.get_made().waits.lock()).contains("waits_for: Some") {
                assert!(Instant::now() < deadline, "nobody waits");
                thread::yield_now();
            }
            is_over.store(true, Ordering::SeqCst);
        }
    };
    let first = calls(&registry, 1, drops);
    let asks = {
        let registry = registry.clone();
        thread::spawn(move || {
            let outer = registry.get_or_try_insert_with(&2, || {
                // Not by `get`, whose share may be the last one: then the first one would be dropped here, and would wait for this very thread.
                while !has_begun.load(Ordering::SeqCst) {
                    thread::yield_now();
                }
                let new = calls(&registry, 1, || ());
                assert!(is_over.load(Ordering::SeqCst), "it was made while the one before was being dropped");
                drop(new);
                Ok::<_, ()>(OnDrop(Box::new(|| ()) as Box<_>))
            });
            drop(outer);
        })
    };
    drop(first);
    asks.join().unwrap();
    assert_nothing_is_left(&registry);
}

#[test]
fn a_drop_that_asks_for_its_own_key_is_told_and_a_drop_that_panics_leaves_the_key_free() {
    let (registry, told) = (Calls::new(), Arc::new(AtomicUsize::new(0)));
    let asks = |key: u8| {
        let (registry, told) = (registry.clone(), Arc::clone(&told));
        move || {
            let made = registry.make_unless_itself(&key, || Err::<Called, _>(()));
            told.fetch_add(usize::from(made.is_err()), Ordering::SeqCst);
        }
    };
    drop(calls(&registry, 1, asks(1)));
    assert_eq!(told.load(Ordering::SeqCst), 1);
    // Through the constructor of another one.
    let through_another = {
        let (registry, asks) = (registry.clone(), asks(1));
        move || {
            let asks = &asks;
            drop(registry.get_or_try_insert_with(&2, || {
                asks();
                Err::<Called, _>(())
            }));
        }
    };
    drop(calls(&registry, 1, through_another));
    assert_eq!(told.load(Ordering::SeqCst), 2);
    // Another key, also that of one that is dropped within.
    drop(calls(&registry, 1, asks(2)));
    let nested = calls(&registry, 2, asks(3));
    let mut nested = Some(nested);
    drop(calls(&registry, 1, move || drop(nested.take())));
    assert_eq!(told.load(Ordering::SeqCst), 2);
    assert_nothing_is_left(&registry);

    let panics = calls(&registry, 1, || panic!("this is the panic"));
    assert!(catch_unwind(AssertUnwindSafe(|| drop(panics))).is_err());
    assert_nothing_is_left(&registry);
    drop(calls(&registry, 1, || ()));
    assert_nothing_is_left(&registry);
}
