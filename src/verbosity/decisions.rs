//! A lock-free cache of yes-or-no decisions, one per callsite.
//!
//! A callsite's metadata is `'static`, so its address identifies the callsite as long as the process lives. A decision about a
//! callsite never changes, so the cache only grows. It is a hash table of words. Each word is the address of a callsite's
//! metadata, with the decision in bit 0, which is zero in every such address. A bucket of the table is a cache line of eight
//! slots. An address belongs to one bucket, and takes the first free slot there. If the bucket is full, the address goes to the
//! next, larger table. If it finds no slot in the largest table either, its decision is made anew each time: the memory is
//! bounded, whatever a program does.
//!
//! | word | meaning |
//! |---|---|
//! | 0 | free, and so are all slots behind it in the bucket |
//! | address | decided: no |
//! | address \| 1 | decided: yes |
//!
//! A slot changes once, from free to taken. Relaxed is enough for its accesses: nothing is read through the address, so the
//! word needs no other memory to be visible; and a thread that does not see another thread's word yet makes the same decision
//! itself. A table is made when it is first needed, and its `OnceLock` publishes it.

use tracing::Metadata;

use crate::sync::{AtomicUsize, OnceLock, Ordering};

/// A cache of decisions: a chain of tables, each made when it is needed.
#[derive(Default)]
pub(crate) struct Decisions(OnceLock<Box<Table>>);

/// The registered callsites. The `log` bridge asks about temporary metadata, whose address can be used again for other
/// metadata; the address of a registered callsite never is.
static CALLSITES: Decisions = Decisions::new();

/// Notes that `metadata` belongs to a callsite, so that [`Decisions::of_any`] can remember decisions about it.
pub(crate) fn learn_callsite(metadata: &'static Metadata<'static>) {
    CALLSITES.of(metadata, |_| true);
}

struct Table {
    /// Their number is a power of two.
    buckets: Box<[Bucket]>,
    /// For addresses whose bucket in this table is full.
    next: Decisions,
}

/// The slots for the addresses of one hash: one cache line.
#[derive(Default)]
#[repr(align(64))]
struct Bucket([AtomicUsize; 8]);

/// The number of buckets in each table of a chain. The tables have 128, 1,024, 8,192 and 65,536 slots: 1 KiB suffices for a small
/// program, and all tables together hold the callsites of a very large one.
const BUCKETS: [usize; 4] = [16, 128, 1_024, 8_192];

/// The bit of a word that is set if the decision is yes.
const ALLOWED: usize = 1;
const _: () = assert!(align_of::<Metadata<'static>>() > ALLOWED, "bit 0 of an address is not free");

impl Decisions {
    /// Makes an empty cache.
    pub(crate) const fn new() -> Self {
        Decisions(OnceLock::new())
    }

    /// The remembered decision about a callsite, or that of `decide`, which is then remembered.
    #[inline]
    pub(crate) fn of(
        &self,
        metadata: &'static Metadata<'static>,
        decide: impl FnOnce(&Metadata<'static>) -> bool,
    ) -> bool {
        let address = std::ptr::from_ref(metadata).addr();
        self.recall(address).unwrap_or_else(|| {
            let allowed = decide(metadata);
            self.remember(address, allowed);
            allowed
        })
    }

    /// The same for metadata that may be a temporary: the decision is remembered only if `metadata` belongs to a registered
    /// callsite.
    #[inline]
    pub(super) fn of_any(&self, metadata: &Metadata<'_>, decide: impl FnOnce(&Metadata<'_>) -> bool) -> bool {
        let address = std::ptr::from_ref(metadata).addr();
        self.recall(address).unwrap_or_else(|| {
            let allowed = decide(metadata);
            if CALLSITES.recall(address).is_some() {
                self.remember(address, allowed);
            }
            allowed
        })
    }

    /// The remembered decision about a callsite, if there is one. For metadata that may be a temporary.
    #[inline]
    pub(super) fn remembered(&self, metadata: &Metadata<'_>) -> Option<bool> {
        self.recall(std::ptr::from_ref(metadata).addr())
    }

    #[inline]
    fn recall(&self, address: usize) -> Option<bool> {
        let mut decisions = self;
        while let Some(table) = decisions.0.get() {
            for slot in &table.bucket(address).0 {
                match slot.load(Ordering::Relaxed) {
                    0 => return None,
                    word if word & !ALLOWED == address => return Some(word & ALLOWED != 0),
                    _ => {}
                }
            }
            decisions = &table.next;
        }
        None
    }

    #[cold]
    fn remember(&self, address: usize, allowed: bool) {
        let word = address | usize::from(allowed);
        let mut decisions = self;
        for buckets in BUCKETS {
            let Some(table) = decisions.table(buckets) else { return };
            for slot in &table.bucket(address).0 {
                match slot.compare_exchange(0, word, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => return,
                    // Another thread was first, with the same decision.
                    Err(taken) if taken == word => return,
                    Err(_) => {}
                }
            }
            decisions = &table.next;
        }
    }

    /// The table, which is made if it does not exist. Not by `get_or_init`: an allocator that logs would re-enter this function
    /// during the initialisation of the cell, and deadlock.
    fn table(&self, buckets: usize) -> Option<&Table> {
        if self.0.get().is_none() {
            // `Err` returns our table: another thread, or a nested call, has set the cell.
            let _ = self.0.set(Box::new(Table::new(buckets)));
        }
        self.0.get().map(|table| &**table)
    }
}

impl Table {
    fn new(buckets: usize) -> Self {
        Table { buckets: std::iter::repeat_with(Bucket::default).take(buckets).collect(), next: Decisions::default() }
    }

    #[inline]
    fn bucket(&self, address: usize) -> &Bucket {
        &self.buckets[bucket_index(address, self.buckets.len())]
    }
}

#[inline]
fn bucket_index(address: usize, buckets: usize) -> usize {
    hash_address(address) & (buckets - 1)
}

/// Hashes the address of a static, for a table of at most 2^32 places.
///
/// Statics of one type stand one behind the other, so their addresses differ by multiples of one number. One multiplication alone puts them at
/// equal distances, and for some numbers on top of one another; the shift between two of them ends that.
#[inline]
pub(crate) fn hash_address(address: usize) -> usize {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let hash = (address as u64).wrapping_mul(GOLDEN);
    ((hash ^ (hash >> 32)).wrapping_mul(GOLDEN) >> 32) as usize
}

#[cfg(test)]
impl Decisions {
    pub(super) fn remembers(&self, metadata: &'static Metadata<'static>) -> bool {
        self.recall(std::ptr::from_ref(metadata).addr()).is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use tracing::Level;

    use super::super::tests::callsite;
    use super::*;

    fn callsites(count: usize) -> Vec<&'static Metadata<'static>> {
        (0..count).map(|_| callsite(Level::INFO, "a")).collect()
    }

    /// The number of buckets in each table that was made.
    fn tables(decisions: &Decisions) -> Vec<usize> {
        std::iter::successors(decisions.0.get(), |table| table.next.0.get()).map(|table| table.buckets.len()).collect()
    }

    #[test]
    fn a_callsite_is_decided_once() {
        let decisions = Decisions::default();
        assert!(tables(&decisions).is_empty(), "made at the first use");
        for (index, metadata) in callsites(3_000).into_iter().enumerate() {
            let decision = index % 3 == 0;
            assert_eq!(decisions.of(metadata, |_| decision), decision);
            assert_eq!(decisions.of(metadata, |_| panic!("the decision is remembered")), decision);
        }
        assert!(tables(&decisions).len() > 1, "3,000 cannot stand in the first table");
    }

    #[test]
    fn of_any_metadata_only_those_of_callsites_are_remembered() {
        let decisions = Decisions::default();
        let callsites = callsites(2);
        let [temporary, callsite] = callsites[..] else { unreachable!() };
        assert!(decisions.of_any(temporary, |_| true));
        assert!(!decisions.of_any(temporary, |_| false), "other metadata may have its address by now");
        learn_callsite(callsite);
        assert!(decisions.of_any(callsite, |_| true));
        assert!(decisions.of_any(callsite, |_| panic!("the decision is remembered")));
    }

    #[test]
    fn decisions_stay_when_tables_are_added() {
        let decisions = Decisions::default();
        let callsites = callsites(3_000);
        let decision = |metadata: &Metadata<'static>| std::ptr::from_ref(metadata).addr() & 64 == 0;
        for metadata in &callsites {
            decisions.of(metadata, decision);
        }
        for metadata in callsites {
            assert_eq!(decisions.of(metadata, |_| panic!("the decision is remembered")), decision(metadata));
        }
    }

    /// The first table should fill a good part of its 128 slots before a second one is made.
    #[test]
    fn callsites_spread_over_the_buckets() {
        // At any distance from one another, as statics of one size stand.
        for distance in (16..=1_024).step_by(16) {
            let decisions = Decisions::default();
            (0..24).for_each(|n| decisions.remember(0x5555_5555_0000 + n * distance, true));
            assert_eq!(tables(&decisions), BUCKETS[..1], "{distance}");
        }
    }

    #[test]
    fn the_memory_is_bounded_and_a_callsite_without_a_slot_is_decided_each_time() {
        let decisions = Decisions::default();
        // Addresses that share a bucket of the largest table share one in each smaller table.
        let alike: Vec<usize> = (1..).map(|n| n * 8).filter(|at| bucket_index(*at, BUCKETS[3]) == 0).take(40).collect();
        for address in &alike {
            decisions.remember(*address, true);
        }
        assert_eq!(tables(&decisions), BUCKETS);
        let remembered = alike.iter().filter(|address| decisions.recall(**address) == Some(true)).count();
        assert_eq!(remembered, 8 * BUCKETS.len());
        assert_eq!(decisions.recall(alike[39]), None);
    }

    #[test]
    fn threads_that_decide_at_the_same_time_agree() {
        for _ in 0..200 {
            let (decisions, barrier) = (Decisions::default(), Barrier::new(2));
            let callsites = callsites(64);
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        barrier.wait();
                        for (index, metadata) in callsites.iter().enumerate() {
                            assert_eq!(decisions.of(metadata, |_| index % 2 == 0), index % 2 == 0);
                        }
                    });
                }
            });
            for (index, metadata) in callsites.into_iter().enumerate() {
                assert_eq!(decisions.of(metadata, |_| panic!("the decision is remembered")), index % 2 == 0);
            }
        }
    }

    /// As if two threads found a callsite undecided, and the second one stores its decision after the first.
    #[test]
    fn a_decision_that_is_made_twice_takes_one_slot() {
        let decisions = Decisions::default();
        let metadata = callsite(Level::INFO, "a");
        let decide = |_: &Metadata<'static>| {
            assert!(decisions.of(metadata, |_| true));
            true
        };
        assert!(decisions.of(metadata, decide));
        assert_eq!(slots_of(&decisions, metadata), 1);
    }

    fn slots_of(decisions: &Decisions, metadata: &'static Metadata<'static>) -> usize {
        let address = std::ptr::from_ref(metadata).addr();
        std::iter::successors(decisions.0.get(), |table| table.next.0.get())
            .flat_map(|table| &table.bucket(address).0)
            .filter(|slot| slot.load(Ordering::Relaxed) & !ALLOWED == address)
            .count()
    }
}
