//! What was worked out once for each callsite, in a table of fixed size.
//!
//! The address of a callsite's metadata says where in the table its entry may stand: in one of a few places, of which the first is nearly always
//! the right one. A place changes once, from free to taken. A callsite that finds all of its places taken has no entry: the memory is bounded,
//! whatever a program does. A forked child adds none.

use std::ptr;

use tracing::Metadata;

use crate::process::is_forked;
use crate::sync::OnceLock;
use crate::verbosity::hash_address;

/// How many places the table has: a power of two.
const PLACES: usize = 2_048;

/// In how many places, one behind the other, an entry may stand.
const TRIES: usize = 16;

/// A table with an entry for each of the first callsites that are asked about.
pub(super) struct Callsites<T>([OnceLock<Box<Entry<T>>>; PLACES]);

struct Entry<T> {
    callsite: &'static Metadata<'static>,
    value: T,
}

impl<T: 'static> Callsites<T> {
    pub(super) const fn new() -> Self {
        Callsites([const { OnceLock::new() }; PLACES])
    }

    /// Returns the entry of `callsite`, which `make` makes if there is none. `None` if there is no place for it.
    #[inline]
    pub(super) fn of(
        &'static self,
        callsite: &'static Metadata<'static>,
        make: impl FnOnce(&'static Metadata<'static>) -> T,
    ) -> Option<&'static T> {
        let first = first_place(ptr::from_ref(callsite).addr());
        match self.0[first].get() {
            Some(entry) if ptr::eq(entry.callsite, callsite) => Some(&entry.value),
            _ => self.search_or_add(first, callsite, make),
        }
    }

    #[inline(never)]
    fn search_or_add(
        &'static self,
        first: usize,
        callsite: &'static Metadata<'static>,
        make: impl FnOnce(&'static Metadata<'static>) -> T,
    ) -> Option<&'static T> {
        let places = || (first..first + TRIES).map(|place| &self.0[place % PLACES]);
        if let Some(entry) = places().map_while(OnceLock::get).find(|entry| ptr::eq(entry.callsite, callsite)) {
            return Some(&entry.value);
        }
        // In a forked child, a thread of the parent may have been setting a place, and would never be done with it.
        if is_forked() || places().all(|place| place.get().is_some()) {
            return None;
        }
        let mut new = Box::new(Entry { callsite, value: make(callsite) });
        for place in places() {
            // Not by `get_or_init`: an allocator that logs would re-enter this function during the initialisation of the cell, and deadlock.
            match place.set(new) {
                Ok(()) => return place.get().map(|entry| &entry.value),
                Err(ours) => new = ours,
            }
            // Another thread, or a nested call, may have made the same entry meanwhile.
            if let Some(entry) = place.get().filter(|entry| ptr::eq(entry.callsite, callsite)) {
                return Some(&entry.value);
            }
        }
        None
    }
}

#[inline]
fn first_place(address: usize) -> usize {
    hash_address(address) % PLACES
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::test_support::{MadeEvent, MadeValue};
    use super::*;

    fn callsites(count: usize) -> Vec<&'static Metadata<'static>> {
        let fields = vec![("a".to_owned(), MadeValue::Plain(1.into()))];
        let event = MadeEvent { name: None, target: "a".to_owned(), fields };
        (0..count).map(|_| event.with_event(|event| event.metadata())).collect()
    }

    /// Callsites stand one behind the other, at distances that the compiler chooses.
    #[test]
    fn addresses_at_any_distance_find_their_places() {
        for base in [0x5555_5555_0000, 0x7f12_3456_7890] {
            for distance in (8..=4_096).step_by(8) {
                let mut taken = [false; PLACES];
                for address in (0..500).map(|n| base + n * distance) {
                    let first = first_place(address);
                    let place = (first..first + TRIES).map(|place| place % PLACES).find(|place| !taken[*place]);
                    taken[place.unwrap_or_else(|| panic!("no place, at a distance of {distance} bytes"))] = true;
                }
            }
        }
    }

    #[test]
    fn an_entry_is_made_once_and_stays_while_there_is_room() {
        let table: &'static Callsites<usize> = Box::leak(Box::new(Callsites::new()));
        let made = Cell::new(0);
        let ask = |callsite| {
            let make = |_: &'static Metadata<'static>| {
                made.set(made.get() + 1);
                made.get()
            };
            table.of(callsite, make).copied()
        };
        let few = callsites(100);
        let first: Vec<_> = few.iter().map(|callsite| ask(callsite)).collect();
        assert_eq!(first, (1..=100).map(Some).collect::<Vec<_>>());
        let many = callsites(3 * PLACES);
        let kept = many.iter().filter(|callsite| ask(callsite).is_some()).count();
        assert!((PLACES / 2..PLACES).contains(&kept), "{kept} of {} have an entry", many.len());
        assert_eq!(few.iter().map(|callsite| ask(callsite)).collect::<Vec<_>>(), first);
    }
}
