//! A list of shared values that are alive, which many threads change at once.
//!
//! Knows nothing of contexts. The list is split into shards, each with a lock of its own that is held for a few nanoseconds: no code
//! but this module's runs under it. Reading a shard takes a count of each value under the lock; the caller drops those counts later,
//! because dropping the last count of a value calls [`LiveList::remove`].

use crate::process::ForkLocal;
use crate::sync::model::Mutex;
use crate::sync::{Arc, AtomicUsize, Ordering, Weak};

/// One in a model: shards have nothing to do with one another.
const SHARDS: usize = if cfg!(logscope_loom) { 1 } else { 8 };

/// The list. Values with the same id are in the same shard.
pub(super) struct LiveList<T> {
    shards: ForkLocal<[Mutex<Shard<T>>; SHARDS]>,
}

struct Shard<T> {
    slots: Vec<Option<Weak<T>>>,
    free: Vec<usize>,
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
pub(super) struct ListPosition(AtomicUsize);

const NOT_LISTED: usize = usize::MAX;

impl ListPosition {
    pub(super) const fn new() -> Self {
        ListPosition(AtomicUsize::new(NOT_LISTED))
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

    /// Adds `value`, whose id is `id` and whose own position is `position`.
    pub(super) fn insert(&self, id: u64, value: &Arc<T>, position: &ListPosition) {
        let number = shard_of(id);
        let weak = Arc::downgrade(value);
        let mut shard = self.shards.get()[number].lock();
        let index = match shard.free.pop() {
            Some(index) => {
                shard.slots[index] = Some(weak);
                index
            }
            None => {
                shard.slots.push(Some(weak));
                shard.slots.len() - 1
            }
        };
        // Relaxed: only `remove` reads the position, through `&mut`, when every count of the value is gone.
        position.0.store(number + SHARDS * index, Ordering::Relaxed);
    }

    /// Removes `value` from its `position`. Its `Drop` calls this once.
    pub(super) fn remove(&self, position: &mut ListPosition, value: *const T) {
        let at = std::mem::replace(position.0.get_mut(), NOT_LISTED);
        if at == NOT_LISTED {
            return;
        }
        let weak = {
            let shard = &mut *self.shards.get()[at % SHARDS].lock();
            // A forked child that could not inherit the shard has another value there, or none.
            let slot = shard.slots.get_mut(at / SHARDS);
            let weak = slot.and_then(|slot| slot.take_if(|weak| Weak::as_ptr(weak) == value));
            if weak.is_some() {
                shard.free.push(at / SHARDS);
            }
            weak
        };
        drop(weak);
    }

    /// All values that are alive.
    pub(super) fn all(&self) -> Vec<Arc<T>> {
        let mut all = Vec::new();
        for shard in self.shards.get() {
            let shard = shard.lock();
            all.extend(shard.slots.iter().flatten().filter_map(Weak::upgrade));
        }
        all
    }
}

fn shard_of(id: u64) -> usize {
    (id % SHARDS as u64) as usize
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;

#[cfg(all(test, logscope_loom))]
mod loom_tests;
