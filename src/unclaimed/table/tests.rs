use std::sync::Barrier;
use std::thread;

use super::test_support::{label, place, total};
use super::*;

#[test]
fn places_that_differ_in_one_thing_are_apart() {
    let table = Table::new();
    let first = place("a", 1);
    let others = [
        place("b", 1),
        place("a", 2),
        RecordMetadata { level: Level::WARN, ..first },
        RecordMetadata { file: None, ..first },
        RecordMetadata { line: None, ..first },
    ];
    for place in others.iter().chain([&first, &first]) {
        table.count(place, 1, false, label);
    }
    assert_eq!((table.sites().count(), total(&table)), (6, 7));
}

#[test]
fn what_finds_no_slot_is_counted_together() {
    let table = Table::with_sites(4);
    (1..=10).for_each(|line| table.count(&place("a", line), 1, line % 2 == 0, label));
    assert_eq!((table.sites().count(), table.unlisted.get(), table.unlisted_to_tell.get()), (4, 6, 3));
    let table = Table::new();
    table.count(&place(&"a".repeat(UNCLAIMED_NAME_BYTES + 1), 1), 1, true, label);
    assert_eq!((table.sites().count(), table.unlisted.get()), (0, 1));
    (1..=20).for_each(|thread| table.count(&place("a", 1), thread, false, label));
    // A thread that is too near its end for a name.
    table.count(&place("a", 2), 1, false, || None);
    let mut others = Vec::new();
    table.sites().for_each(|site| {
        site.each_count(|count, label| {
            if label.is_none() {
                others.push(count.get())
            }
        })
    });
    others.sort_unstable();
    assert_eq!((total(&table), others), (22, vec![1, 4]));
}

#[test]
fn threads_lose_no_event() {
    for _ in 0..50 {
        let (table, barrier) = (Table::new(), Barrier::new(4));
        thread::scope(|scope| {
            for number in 1..=4 {
                let (table, barrier) = (&table, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    (0..200).for_each(|line| table.count(&place("a", line % 100), number, false, label));
                });
            }
        });
        assert_eq!((table.sites().count(), total(&table)), (100, 800));
    }
}
