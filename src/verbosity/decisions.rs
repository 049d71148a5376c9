//! What directives decided about each callsite, remembered without a lock.
//!
//! A callsite's metadata is `'static`, so its address names it for as long as the process lives, and a decision about it
//! never changes: a memory of decisions only grows. It is a hash table of words, each of which is the address of a callsite's
//! metadata with the decision in bit 0, where every address has a zero. A line of the table is a cache line; an address has
//! one line in which it may stand, and takes the first free slot there. When its line is full, it goes on to a larger table,
//! and after the largest one decisions are simply taken anew: the memory is bounded whatever a program does.
//!
//! | word | meaning |
//! |---|---|
//! | 0 | free; so are all slots after it in the line |
//! | address | not allowed |
//! | address \| 1 | allowed |
//!
//! A slot changes once, from free to taken. Relaxed suffices for it: the word is the whole message, as nothing is read
//! through the address, and a thread that does not see another's word yet comes to the same decision by itself. The tables
//! are made at the first use and published by their `OnceLock`.

use tracing::Metadata;

use crate::sync::{AtomicUsize, OnceLock, Ordering};

/// The decisions taken so far, in a chain of tables that are made when they are needed.
#[derive(Default)]
pub(crate) struct Decisions(OnceLock<Box<Table>>);

/// The callsites that were registered. Nothing else is ever at their addresses, as may be at that of the temporary metadata which the
/// `log` bridge asks about, so an address that is in here stands for a callsite.
static CALLSITES: Decisions = Decisions::new();

/// Takes note that `metadata` is a callsite's, so that decisions about it can be remembered wherever it is asked about.
pub(crate) fn learn_callsite(metadata: &'static Metadata<'static>) {
    CALLSITES.of(metadata, |_| true);
}

struct Table {
    /// A power of two of them.
    lines: Box<[Line]>,
    /// For the addresses that found their line full.
    next: Decisions,
}

/// The slots in which an address may stand: one cache line.
#[derive(Default)]
#[repr(align(64))]
struct Line([AtomicUsize; 8]);

/// The lines of each table of a chain, hence 128, 1,024, 8,192 and 65,536 slots: from 1 KiB for the callsites of a small
/// program to room for all of a very large one.
const LINES: [usize; 4] = [16, 128, 1_024, 8_192];

/// The bit of a word that holds the decision.
const ALLOWED: usize = 1;
const _: () = assert!(align_of::<Metadata<'static>>() > ALLOWED, "bit 0 of an address is not free");

impl Decisions {
    /// No decisions yet.
    pub(crate) const fn new() -> Self {
        Decisions(OnceLock::new())
    }

    /// The decision about a callsite: the one that is remembered, else the one that `decide` takes.
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

    /// The same for metadata that may be a temporary: a decision is remembered only if `metadata` is known to be a callsite's.
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

    #[inline]
    fn recall(&self, address: usize) -> Option<bool> {
        let mut decisions = self;
        while let Some(table) = decisions.0.get() {
            for slot in &table.line(address).0 {
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
        for lines in LINES {
            let Some(table) = decisions.table(lines) else { return };
            for slot in &table.line(address).0 {
                match slot.compare_exchange(0, word, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => return,
                    // Another thread was quicker, with the same decision.
                    Err(taken) if taken == word => return,
                    Err(_) => {}
                }
            }
            decisions = &table.next;
        }
    }

    /// The table, made if it is not there yet. Not by `get_or_init`: the allocator is the program's, and one that logs would
    /// come back here while the cell is being filled.
    fn table(&self, lines: usize) -> Option<&Table> {
        if self.0.get().is_none() {
            // An error hands the table back: another thread was quicker.
            let _ = self.0.set(Box::new(Table::new(lines)));
        }
        self.0.get().map(|table| &**table)
    }
}

impl Table {
    fn new(lines: usize) -> Self {
        Table { lines: std::iter::repeat_with(Line::default).take(lines).collect(), next: Decisions::default() }
    }

    #[inline]
    fn line(&self, address: usize) -> &Line {
        &self.lines[line_index(address, self.lines.len())]
    }
}

/// Which of `lines` an address has: by multiplicative hashing, as the addresses of statics differ in a few low bits only, and
/// these decide all the bits above them in the product.
#[inline]
fn line_index(address: usize, lines: usize) -> usize {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let hash = (address as u64).wrapping_mul(GOLDEN) >> 32;
    hash as usize & (lines - 1)
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

    /// The tables that were made, by their lines.
    fn tables(decisions: &Decisions) -> Vec<usize> {
        std::iter::successors(decisions.0.get(), |table| table.next.0.get()).map(|table| table.lines.len()).collect()
    }

    #[test]
    fn a_decision_is_taken_once_whichever_it_is() {
        let decisions = Decisions::default();
        assert!(tables(&decisions).is_empty(), "made at the first use");
        for (index, metadata) in callsites(3_000).into_iter().enumerate() {
            let decision = index % 3 == 0;
            assert_eq!(decisions.of(metadata, |_| decision), decision);
            assert_eq!(decisions.of(metadata, |_| panic!("it is remembered")), decision);
        }
        assert!(tables(&decisions).len() > 1, "3,000 cannot stand in the first table");
    }

    #[test]
    fn what_is_remembered_stays_when_tables_are_added() {
        let decisions = Decisions::default();
        let callsites = callsites(3_000);
        let decision = |metadata: &Metadata<'static>| std::ptr::from_ref(metadata).addr() & 64 == 0;
        for metadata in &callsites {
            decisions.of(metadata, decision);
        }
        for metadata in callsites {
            assert_eq!(decisions.of(metadata, |_| panic!("it is remembered")), decision(metadata));
        }
    }

    /// The first table should take in a good part of its 128 slots before a second one is made.
    #[test]
    fn callsites_spread_over_the_lines() {
        let decisions = Decisions::default();
        for metadata in callsites(32) {
            decisions.of(metadata, |_| true);
        }
        assert_eq!(tables(&decisions), LINES[..1]);
    }

    #[test]
    fn the_memory_is_bounded_and_a_callsite_beyond_it_is_decided_each_time() {
        let decisions = Decisions::default();
        // Addresses that share a line of the largest table share one in each of the others.
        let alike: Vec<usize> = (1..).map(|n| n * 8).filter(|at| line_index(*at, LINES[3]) == 0).take(40).collect();
        for address in &alike {
            decisions.remember(*address, true);
        }
        assert_eq!(tables(&decisions), LINES);
        let remembered = alike.iter().filter(|address| decisions.recall(**address) == Some(true)).count();
        assert_eq!(remembered, 8 * LINES.len());
        assert_eq!(decisions.recall(alike[39]), None);
    }

    #[test]
    fn threads_that_decide_at_once_agree() {
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
                assert_eq!(decisions.of(metadata, |_| panic!("it is remembered")), index % 2 == 0);
            }
        }
    }

    /// As when two threads found a callsite undecided, and the slower one comes to write its decision.
    #[test]
    fn a_decision_that_is_taken_twice_takes_one_slot() {
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
            .flat_map(|table| &table.line(address).0)
            .filter(|slot| slot.load(Ordering::Relaxed) & !ALLOWED == address)
            .count()
    }
}
