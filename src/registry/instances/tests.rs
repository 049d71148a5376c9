//! Tests of the public registry, without races: those are in `tests/store_registry.rs` and in the models.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

type Numbers = Registry<u8, u32>;

fn make(numbers: &Numbers, key: u8, value: u32) -> Instance<u8, u32> {
    numbers.get_or_try_insert_with(&key, || Ok::<_, ()>(value)).expect("it is made")
}

fn assert_nothing_is_made(numbers: &Numbers) {
    assert!(numbers.is_empty() && numbers.core.count(|_| true) == 0, "a slot is left");
    assert_eq!(format!("{:?}", numbers.waits.get_made().lock()), format!("{:?}", Waits::new()));
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
