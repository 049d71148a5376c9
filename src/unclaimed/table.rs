//! The counts: a table of places that log, each with the counts of its threads.
//!
//! A place is a callsite of `tracing`, or a target, level, file and line of `log`. Its slot is one of a few, its *window*, that its hash begins.
//! A slot is set once, with all that it says of its place, and is never free again. So whoever searches a place meets the same places in front
//! of it as everybody else, and no place gets two slots. Places that find their window full are counted together.
//!
//! In a place, a thread claims a slot with its number, and counts there; threads that find no slot are counted together. Nothing is locked,
//! and nothing allocates but the first event of a place, and of a thread in it. An allocator that logs comes back here meanwhile: each slot is
//! looked at again once its contents are made.

use std::borrow::Cow;

use tracing::{Level, Metadata};

use crate::limits::{UNCLAIMED_NAME_BYTES, UNCLAIMED_PLACES, UNCLAIMED_THREADS};
use crate::record::RecordMetadata;
use crate::sync::Ordering;
use crate::sync::model::{AtomicBool, AtomicU64, OnceLock};

/// How many slots a place may be in.
const WINDOW: usize = 16;

/// A number, and how much of it was told.
#[derive(Default)]
pub(super) struct Count {
    count: AtomicU64,
    told: AtomicU64,
}

impl Count {
    fn add(&self) {
        // Release, with the Acquire in `get`: whoever sees the count sees the label of its thread.
        self.count.fetch_add(1, Ordering::Release);
    }

    /// Does the same for a count to which only this thread adds, at a third of the price.
    fn add_alone(&self) {
        // Relaxed: the number is this thread's own. Nothing can log in between. Release: see `add`.
        self.count.store(self.count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }

    pub(super) fn get(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Returns how much of the count nobody has told yet, which the caller tells.
    pub(super) fn take_untold(&self) -> u64 {
        let count = self.get();
        // Relaxed: what is told orders nothing. A maximum and no swap: of two threads here, the one with the older count may come second.
        count.saturating_sub(self.told.fetch_max(count, Ordering::Relaxed))
    }
}

/// The counts of a process.
pub(super) struct Table {
    sites: Box<[OnceLock<Box<Site>>]>,
    /// Events whose place found its window full.
    pub(super) unlisted: Count,
    /// Those among them that are to be told.
    pub(super) unlisted_to_tell: Count,
    /// True if an event was counted that is to be told.
    is_untold: AtomicBool,
}

impl Table {
    pub(super) fn new() -> Self {
        Table::with_sites(UNCLAIMED_PLACES)
    }

    fn with_sites(sites: usize) -> Self {
        Table {
            sites: std::iter::repeat_with(OnceLock::new).take(sites).collect(),
            unlisted: Count::default(),
            unlisted_to_tell: Count::default(),
            is_untold: AtomicBool::new(false),
        }
    }

    /// Returns true if there may be an event to tell.
    #[inline]
    pub(super) fn is_untold(&self) -> bool {
        // Relaxed: it only says that there is something to look at.
        self.is_untold.load(Ordering::Relaxed)
    }

    /// Has [`is_untold`](Table::is_untold) be false until the next event. The caller then tells what the counts say.
    pub(super) fn begin_telling(&self) {
        // Acquire, with the Release in `count`: this sees the counts of the events whose mark it takes away. With Relaxed, such an event could
        // be missing in what is told, and nobody would be reminded of it. An event that sets the mark later is told by the next record.
        self.is_untold.swap(false, Ordering::Acquire);
    }

    /// Counts an event of thread `thread`, whose name `label` returns. `to_tell` says whether the event is to be told.
    #[inline]
    pub(super) fn count(
        &self,
        place: &RecordMetadata<'_>,
        thread: u64,
        to_tell: bool,
        label: fn() -> Option<Box<str>>,
    ) {
        match self.site(place) {
            Some(site) => site.count(thread, label),
            None => {
                self.unlisted.add();
                if to_tell {
                    self.unlisted_to_tell.add();
                }
            }
        }
        if to_tell {
            // Not skipped if it is true already: the thread that resets it would not see the count of this event then. A store would do, but
            // the model takes a store for one that may have been before the reset.
            self.is_untold.swap(true, Ordering::Release);
        }
    }

    /// Returns the counts of a place; `None` if it has none of its own.
    fn site(&self, place: &RecordMetadata<'_>) -> Option<&Site> {
        let start = hash(place);
        for n in 0..WINDOW.min(self.sites.len()) {
            let slot = &self.sites[(start + n) & (self.sites.len() - 1)];
            let site = match slot.get() {
                Some(site) => site,
                None => fill(slot, place)?,
            };
            if site.is_of(place) {
                return Some(site);
            }
        }
        None
    }

    pub(super) fn sites(&self) -> impl Iterator<Item = &Site> {
        self.sites.iter().filter_map(|slot| slot.get()).map(|site| &**site)
    }
}

/// Puts the place into a slot that was free. Another place may be there by then. `None` if the place is one that no slot has room for.
#[cold]
fn fill<'a>(slot: &'a OnceLock<Box<Site>>, place: &RecordMetadata<'_>) -> Option<&'a Site> {
    let site = Box::new(Site::of(place)?);
    // `Err` returns ours: another thread, or an allocator that logs, was faster. Not `get_or_init`, in which such an allocator would wait for
    // itself.
    let _ = slot.set(site);
    slot.get().map(|site| &**site)
}

/// The place of an event, and its counts.
pub(super) struct Site {
    callsite: Option<&'static Metadata<'static>>,
    pub(super) level: Level,
    pub(super) target: Cow<'static, str>,
    pub(super) file: Option<Cow<'static, str>>,
    pub(super) line: Option<u32>,
    threads: [ThreadCount; UNCLAIMED_THREADS],
    /// The events of threads that found no slot.
    others: Count,
}

/// The count of one thread. A cache line of its own: each thread writes to one of them.
#[repr(align(64))]
struct ThreadCount {
    /// The number of the thread, or 0 if the slot is free.
    thread: AtomicU64,
    count: Count,
    label: OnceLock<Box<str>>,
}

impl Site {
    fn of(place: &RecordMetadata<'_>) -> Option<Self> {
        let (target, file) = match place.callsite {
            Some(callsite) => (Cow::Borrowed(callsite.target()), callsite.file().map(Cow::Borrowed)),
            None if place.target.len().max(place.file.map_or(0, str::len)) > UNCLAIMED_NAME_BYTES => return None,
            None => (Cow::Owned(place.target.to_owned()), place.file.map(|file| Cow::Owned(file.to_owned()))),
        };
        let (callsite, level, line) = (place.callsite, place.level, place.line);
        Some(Site {
            callsite,
            level,
            target,
            file,
            line,
            threads: std::array::from_fn(|_| ThreadCount::new()),
            others: Count::default(),
        })
    }

    #[inline]
    fn is_of(&self, place: &RecordMetadata<'_>) -> bool {
        match (self.callsite, place.callsite) {
            (Some(ours), Some(callsite)) => std::ptr::eq(ours, callsite),
            (None, None) => {
                self.line == place.line
                    && self.level == place.level
                    && self.target == place.target
                    && self.file.as_deref() == place.file
            }
            _ => false,
        }
    }

    #[inline]
    fn count(&self, thread: u64, label: fn() -> Option<Box<str>>) {
        for n in 0..UNCLAIMED_THREADS {
            let slot = &self.threads[(thread as usize + n) & (UNCLAIMED_THREADS - 1)];
            // Relaxed: a thread looks for its own number only, which no other thread writes.
            match slot.thread.load(Ordering::Relaxed) {
                0 => match slot.claim(thread, label) {
                    Claim::Ours => return slot.count.add_alone(),
                    Claim::Taken => {}
                    Claim::Nameless => break,
                },
                taken if taken == thread => return slot.count.add_alone(),
                _ => {}
            }
        }
        self.others.add();
    }

    /// Calls `each` with each count, and the label of its thread; `None` for the others.
    pub(super) fn each_count<'a>(&'a self, mut each: impl FnMut(&'a Count, Option<&'a str>)) {
        for slot in &self.threads {
            // The count is read first, because it makes the label visible.
            if slot.count.get() > 0 {
                each(&slot.count, slot.label.get().map(|label| &**label));
            }
        }
        each(&self.others, None);
    }
}

/// What became of a slot that a thread found free.
enum Claim {
    Ours,
    /// Another thread was faster.
    Taken,
    /// The thread is so near its end that it has no name any more.
    Nameless,
}

impl ThreadCount {
    fn new() -> Self {
        ThreadCount { thread: AtomicU64::new(0), count: Count::default(), label: OnceLock::new() }
    }

    #[cold]
    fn claim(&self, thread: u64, label: fn() -> Option<Box<str>>) -> Claim {
        // Made before, so that between the claim and the label nothing can log.
        let Some(label) = label() else { return Claim::Nameless };
        // Relaxed: the number alone decides who has the slot; the label is published by the count.
        match self.thread.compare_exchange(0, thread, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => {
                let _ = self.label.set(label);
                Claim::Ours
            }
            // An allocator has logged on this thread meanwhile.
            Err(taken) if taken == thread => Claim::Ours,
            Err(_) => Claim::Taken,
        }
    }
}

/// Where the window of a place begins, by multiplicative hashing.
#[inline]
fn hash(place: &RecordMetadata<'_>) -> usize {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(GOLDEN).rotate_left(29);
    let hash = match place.callsite {
        Some(callsite) => mix(0, std::ptr::from_ref(callsite).addr() as u64),
        None => {
            let bytes = place.target.as_bytes().chunks(8).map(|chunk| {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                u64::from_le_bytes(word)
            });
            bytes.fold(mix(0, u64::from(place.line.unwrap_or(0))), mix)
        }
    };
    (hash >> 7) as usize
}

#[cfg(test)]
mod test_support;
#[cfg(all(test, not(logscope_loom)))]
mod tests;

#[cfg(all(test, logscope_loom))]
mod loom_tests;
