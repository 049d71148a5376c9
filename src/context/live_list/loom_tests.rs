//! Models of `live_list`. loom follows the locks; the counts of the values are std's, and change at a lock at the earliest.

use loom::thread;

use super::*;

/// A value that is in a list from when it is made until it is dropped.
struct Listed {
    list: std::sync::Weak<LiveList<Listed>>,
    id: u64,
    position: ListPosition,
    remove: fn(&LiveList<Listed>, &mut ListPosition, *const Listed),
}

type List = Arc<LiveList<Listed>>;

impl Drop for Listed {
    fn drop(&mut self) {
        // While a model fails, another panic would abort the tests.
        if let Some(list) = self.list.upgrade().filter(|_| !std::thread::panicking()) {
            let this = std::ptr::from_ref(self);
            (self.remove)(&list, &mut self.position, this);
        }
    }
}

/// How a thread removes a value, and how it reads the list.
#[derive(Clone, Copy)]
struct Steps {
    remove: fn(&LiveList<Listed>, &mut ListPosition, *const Listed),
    read: fn(&LiveList<Listed>) -> Vec<u64>,
}

const STEPS: Steps = Steps { remove: LiveList::remove, read: |list| list.all().iter().map(|(id, _)| *id).collect() };

fn insert(list: &List, id: u64, steps: Steps) -> Arc<Listed> {
    let listed =
        Arc::new(Listed { list: Arc::downgrade(list), id, position: ListPosition::new(), remove: steps.remove });
    list.insert(id, &listed, &listed.position);
    listed
}

/// One thread drops a value, one inserts a value that stays, and one reads the list. The value that stays is in the list afterwards, alone,
/// and so is a value that was there all the time in what the reader found.
fn a_list_of_three_threads(steps: Steps) {
    loom::model(move || {
        let list = Arc::new(LiveList::new());
        let (always, goes) = (insert(&list, 1, steps), insert(&list, 2, steps));
        let spawned = Arc::clone(&list);
        let drops = thread::spawn(move || {
            // Lets the reader go first, too: loom does not see that dropping a count is a step of its own.
            thread::yield_now();
            drop(goes);
        });
        let inserts = thread::spawn(move || insert(&spawned, 3, steps));
        let mut found = (steps.read)(&list);
        assert!(found.contains(&1), "a live value is not listed");
        found.sort_unstable();
        let all = found.len();
        found.dedup();
        assert_eq!(found.len(), all, "a value is listed twice");
        drops.join().unwrap();
        let stays = inserts.join().unwrap();
        let mut left = (steps.read)(&list);
        left.sort_unstable();
        assert_eq!(left, [1, 3], "a live value is not listed");
        assert!(list.shards.get()[0].lock().slots.len() <= 3, "a slot is not used again");
        drop((always, stays));
        assert!(list.all().is_empty());
        let shard = list.shards.get()[0].lock();
        assert_eq!(shard.free.len(), shard.slots.len(), "a slot is lost");
    });
}

#[test]
fn loom_a_list_changes_while_it_is_read() {
    a_list_of_three_threads(STEPS);
}

/// The slot is free before it is empty: another thread's value takes it, and is removed in place of the one that was dropped.
#[test]
#[should_panic(expected = "a live value is not listed")]
fn loom_a_slot_that_is_freed_before_it_is_empty_loses_a_value() {
    fn remove(list: &LiveList<Listed>, position: &mut ListPosition, _: *const Listed) {
        let at = *position.0.get_mut() as usize / SHARDS;
        list.shards.get()[0].lock().free.push(at);
        drop(list.shards.get()[0].lock().slots[at].take());
    }
    a_list_of_three_threads(Steps { remove, ..STEPS });
}

/// The reader's count is the last one, and dropping it calls `remove` under the lock that the reader holds.
#[test]
#[should_panic(expected = "deadlock")]
fn loom_counts_that_are_dropped_under_the_lock_deadlock() {
    fn read(list: &LiveList<Listed>) -> Vec<u64> {
        let shard = list.shards.get()[0].lock();
        let id_of = |listed: Arc<Listed>| {
            thread::yield_now();
            listed.id
        };
        shard.slots.iter().flatten().filter_map(|slot| slot.value.upgrade()).map(id_of).collect()
    }
    a_list_of_three_threads(Steps { read, ..STEPS });
}

/// The reader goes on after as many slots as it has found values, and has seen an empty slot before.
#[test]
#[should_panic(expected = "[1, 3, 3]")]
fn loom_a_reader_that_counts_values_and_not_slots_finds_one_twice() {
    fn read(list: &LiveList<Listed>) -> Vec<u64> {
        let (mut found, mut from) = (Vec::new(), 0);
        for _ in 0..4 {
            match list.shards.get()[0].lock().slots.get(from) {
                Some(Some(slot)) => {
                    found.push(slot.id);
                    from = found.len();
                }
                Some(None) => from += 1,
                None => break,
            }
        }
        found
    }
    a_list_of_three_threads(Steps { read, ..STEPS });
}
