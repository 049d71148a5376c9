//! The contexts that are alive.
//!
//! A context enters the list when it is made and leaves it when it is dropped, both under the lock of one of several shards, for
//! a few nanoseconds: no code but this module's runs under it. Listing counts up each context under the lock and drops what
//! it does not return outside, because dropping the last count of a context comes back here.

use super::{Inner, OutputContext};
use crate::sync::{Arc, AtomicUsize, Mutex, Ordering, Weak};

const SHARDS: usize = 8;

struct Shard {
    slots: Vec<Option<Weak<Inner>>>,
    free: Vec<usize>,
}

static LIVE: [Mutex<Shard>; SHARDS] = [const { Mutex::new(Shard { slots: Vec::new(), free: Vec::new() }) }; SHARDS];

/// A context's place in the list: `shard + SHARDS * index`, or [`NOWHERE`].
pub(super) struct Slot(AtomicUsize);

const NOWHERE: usize = usize::MAX;

impl Slot {
    pub(super) const fn new() -> Self {
        Slot(AtomicUsize::new(NOWHERE))
    }

    /// Leaves the list. Called once, by the last owner.
    pub(super) fn release(&mut self) {
        let at = std::mem::replace(self.0.get_mut(), NOWHERE);
        if at == NOWHERE {
            return;
        }
        let weak = {
            let mut shard = LIVE[at % SHARDS].lock();
            shard.free.push(at / SHARDS);
            shard.slots.get_mut(at / SHARDS).and_then(Option::take)
        };
        drop(weak);
    }
}

pub(super) fn register(inner: &Arc<Inner>) {
    let number = shard_of(inner.info().id());
    let weak = Arc::downgrade(inner);
    let mut shard = LIVE[number].lock();
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
    // Relaxed: the only reader is `release`, through `&mut`, after every count is gone.
    inner.live.0.store(number + SHARDS * index, Ordering::Relaxed);
}

/// The contexts that share the id of `inner` and are alive, itself among them.
pub(super) fn family(inner: &Arc<Inner>) -> Vec<Arc<Inner>> {
    let id = inner.info().id();
    let all: Vec<_> = LIVE[shard_of(id)].lock().slots.iter().flatten().filter_map(Weak::upgrade).collect();
    all.into_iter().filter(|inner| inner.info().id() == id).collect()
}

fn shard_of(id: u64) -> usize {
    (id % SHARDS as u64) as usize
}

/// The contexts that are alive in this process, in the order of their ids; of contexts that were derived from one another,
/// one.
///
/// ```
/// use logscope::OutputContext;
///
/// let uno = OutputContext::builder("uno").build();
/// assert!(logscope::live().iter().any(|context| context.id() == uno.id()));
/// ```
#[must_use]
pub fn live() -> Vec<OutputContext> {
    let mut found: Vec<Arc<Inner>> = Vec::new();
    for shard in &LIVE {
        let shard = shard.lock();
        found.extend(shard.slots.iter().flatten().filter_map(Weak::upgrade));
    }
    found.sort_by_key(|inner| inner.info().id());
    found.dedup_by_key(|inner| inner.info().id());
    found.into_iter().map(OutputContext::from).collect()
}
