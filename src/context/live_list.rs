//! A list of shared values that are alive, which many threads change at once.
//!
//! Knows nothing of contexts. The list is split into shards, each with a lock of its own: no code but this module's runs under it. Whoever
//! adds or removes a value holds one lock for some tens of nanoseconds. Reading the list takes a count of each value, and holds a lock for at most
//! [`CHUNK`] slots (a microsecond or a few) before it goes on with the next shard, so that a long list holds up nobody. The caller drops the counts
//! later, because dropping the last count of a value calls [`LiveList::remove`].

use crate::process::ForkLocal;
use crate::sync::model::Mutex;
use crate::sync::{Arc, AtomicU32, Ordering, Weak};

/// One in a model: shards have nothing to do with one another.
const SHARDS: usize = if cfg!(logscope_loom) { 1 } else { 8 };

/// How many slots of a shard are read under one lock. In a model a reader goes from slot to slot.
const CHUNK: usize = if cfg!(logscope_loom) { 1 } else { 64 };

/// The list. Values with the same id are in the same shard.
pub(super) struct LiveList<T> {
    shards: ForkLocal<[Mutex<Shard<T>>; SHARDS]>,
}

struct Shard<T> {
    /// A value stays in its slot, so that a reader that looks at each slot once finds each value once. There are never fewer slots than before.
    slots: Vec<Option<Slot<T>>>,
    free: Vec<usize>,
}

struct Slot<T> {
    /// Here too, so that whoever sorts the values need not touch each of them.
    id: u64,
    value: Weak<T>,
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Slot { id: self.id, value: self.value.clone() }
    }
}

impl<T> Shard<T> {
    const EMPTY: Shard<T> = Shard { slots: Vec::new(), free: Vec::new() };
}

impl<T> Clone for Shard<T> {
    fn clone(&self) -> Self {
        Shard { slots: self.slots.clone(), free: self.free.clone() }
    }
}

/// A value's position in the list: `shard + SHARDS * index`, or [`NOT_LISTED`]. The value owns it.
pub(super) struct ListPosition(AtomicU32);

const NOT_LISTED: u32 = u32::MAX;

/// How many slots a shard has at most: a position has room for their numbers.
const MOST: usize = u32::MAX as usize / SHARDS;

impl ListPosition {
    pub(super) const fn new() -> Self {
        ListPosition(AtomicU32::new(NOT_LISTED))
    }
}

impl<T> LiveList<T> {
    pub(super) const fn new() -> Self {
        LiveList {
            shards: ForkLocal::new([const { Mutex::new(Shard::EMPTY) }; SHARDS], |parents| {
                parents.each_ref().map(|shard| Mutex::new(shard.try_lock().map_or(Shard::EMPTY, |shard| shard.clone())))
            }),
        }
    }

    /// Adds `value`, whose id is `id` and whose own position is `position`. Beyond four thousand million values, more are not listed.
    pub(super) fn insert(&self, id: u64, value: &Arc<T>, position: &ListPosition) {
        let number = shard_of(id);
        let slot = Some(Slot { id, value: Arc::downgrade(value) });
        let mut shard = self.shards.get()[number].lock();
        if shard.free.is_empty() && shard.slots.len() >= MOST {
            return;
        }
        let index = match shard.free.pop() {
            Some(index) => {
                shard.slots[index] = slot;
                index
            }
            None => {
                shard.slots.push(slot);
                shard.slots.len() - 1
            }
        };
        // Relaxed: only `remove` reads the position, through `&mut`, when every count of the value is gone.
        position.0.store((number + SHARDS * index) as u32, Ordering::Relaxed);
    }

    /// Removes `value` from its `position`. Its `Drop` calls this once.
    pub(super) fn remove(&self, position: &mut ListPosition, value: *const T) {
        let at = std::mem::replace(position.0.get_mut(), NOT_LISTED);
        if at == NOT_LISTED {
            return;
        }
        let at = at as usize;
        let removed = {
            let shard = &mut *self.shards.get()[at % SHARDS].lock();
            // A forked child that could not inherit the shard has another value there, or none.
            let slot = shard.slots.get_mut(at / SHARDS);
            let removed = slot.and_then(|slot| slot.take_if(|slot| Weak::as_ptr(&slot.value) == value));
            if removed.is_some() {
                shard.free.push(at / SHARDS);
            }
            removed
        };
        drop(removed);
    }

    /// All values that are alive, with their ids, in no order. What comes or goes meanwhile may be among them.
    pub(super) fn all(&self) -> Vec<(u64, Arc<T>)> {
        let mut all = Vec::new();
        // What is added to a shard after its first chunk is not waited for, however fast it grows.
        let mut ends = [0; SHARDS];
        let mut from = 0;
        loop {
            // A shard after the other, and not one to its end: whoever waits for a lock gets it after one chunk.
            for (shard, end) in self.shards.get().iter().zip(&mut ends) {
                // Allocated before the lock is taken.
                all.reserve(CHUNK);
                let shard = shard.lock();
                if from == 0 {
                    *end = shard.slots.len();
                }
                let chunk = from.min(*end)..(from + CHUNK).min(*end);
                let slots = shard.slots[chunk].iter().flatten();
                all.extend(slots.filter_map(|slot| Some((slot.id, slot.value.upgrade()?))));
            }
            from += CHUNK;
            if ends.iter().all(|end| *end <= from) {
                return all;
            }
        }
    }
}

fn shard_of(id: u64) -> usize {
    (id % SHARDS as u64) as usize
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;

#[cfg(all(test, logscope_loom))]
mod loom_tests;
