//! Tests of `live_list`. Each has a list of its own: tests that run at the same time take counts of everything in the list of the process.

use std::thread;

use super::*;

/// A value that is in `list` from when it is made until it is dropped.
struct Listed {
    list: Arc<LiveList<Listed>>,
    id: u64,
    position: ListPosition,
}

impl Listed {
    fn new(list: &Arc<LiveList<Listed>>, id: u64) -> Arc<Self> {
        let listed = Arc::new(Listed { list: Arc::clone(list), id, position: ListPosition::new() });
        list.insert(id, &listed, &listed.position);
        listed
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let this = std::ptr::from_ref(self);
        self.list.remove(&mut self.position, this);
    }
}

fn ids(values: &[(u64, Arc<Listed>)]) -> Vec<u64> {
    assert!(values.iter().all(|(id, listed)| *id == listed.id));
    let mut ids: Vec<_> = values.iter().map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids
}

/// How many slots the list has, taken or free.
fn slots<T>(list: &LiveList<T>) -> usize {
    list.shards.get().iter().map(|shard| shard.lock().slots.len()).sum()
}

#[test]
fn a_value_is_listed_from_its_insertion_to_its_drop() {
    let list = Arc::new(LiveList::new());
    let [one, two, same_shard] = [1, 2, 1 + SHARDS as u64].map(|id| Listed::new(&list, id));
    assert_eq!(ids(&list.all()), [1, 2, 1 + SHARDS as u64]);
    drop(one);
    assert_eq!(ids(&list.all()), [2, 1 + SHARDS as u64]);
    let held = list.all();
    drop((two, same_shard));
    assert_eq!(ids(&list.all()), [2, 1 + SHARDS as u64], "somebody else has a count");
    drop(held);
    assert!(list.all().is_empty());
}

#[test]
fn a_slot_is_used_again() {
    let list = Arc::new(LiveList::new());
    for id in 0..100 {
        drop(Listed::new(&list, id));
    }
    assert_eq!(slots(&list), SHARDS);
    let _both = [3, 3].map(|id| Listed::new(&list, id));
    assert_eq!((ids(&list.all()), slots(&list)), (vec![3, 3], SHARDS + 1));
}

/// Lists that end within a chunk, at its end and after it, some with a hole.
#[test]
#[cfg_attr(miri, ignore = "so long a list takes minutes there")]
fn each_value_of_a_long_list_is_listed_once() {
    let list = Arc::new(LiveList::new());
    let mut values = Vec::new();
    for id in 0..(3 * CHUNK * SHARDS + 2 * SHARDS) as u64 {
        values.push(Listed::new(&list, id));
        if id % 50 == 7 {
            values.swap_remove(values.len() / 2);
        }
        if values.len() % (CHUNK / 2) == 0 {
            let mut there: Vec<_> = values.iter().map(|listed| listed.id).collect();
            there.sort_unstable();
            assert_eq!(ids(&list.all()), there);
        }
    }
}

#[test]
fn a_value_that_was_never_listed_removes_nothing() {
    let list = Arc::new(LiveList::new());
    let _listed = Listed::new(&list, 0);
    drop(Listed { list: Arc::clone(&list), id: 0, position: ListPosition::new() });
    assert_eq!(ids(&list.all()), [0]);
}

#[test]
fn values_come_and_go_on_many_threads_while_another_lists_them() {
    let list = Arc::new(LiveList::new());
    let (stays, rounds) = (Listed::new(&list, 0), if cfg!(miri) { 20 } else { 500 });
    thread::scope(|scope| {
        for thread in 0..4 {
            let list = &list;
            scope.spawn(move || {
                for n in 0..rounds {
                    let both = [n, n + SHARDS as u64].map(|id| Listed::new(list, id));
                    assert!(ids(&list.all()).contains(&n), "thread {thread} does not find its own");
                    drop(both);
                }
            });
        }
        for _ in 0..rounds / 10 {
            assert!(list.all().iter().any(|(_, listed)| Arc::ptr_eq(listed, &stays)));
        }
    });
    assert_eq!(ids(&list.all()), [0]);
}
