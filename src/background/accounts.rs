//! Which context each record in a queue belongs to.
//!
//! A context that is made opens an account with each queue among its sinks. Each of its records carries the number of the account, and not
//! a pointer, whose count would have to change twice for each record. When the context is dropped, its account stays until the last of its
//! records is resolved.

use std::time::Duration;

use tracing::Level;

use crate::clock::Clock;
use crate::delivery::Fate;
use crate::output::allocating_under_lock;
use crate::queue::{MAX_TAG, Ring};
use crate::record::ContextInfo;
use crate::sync::Arc;
use crate::sync::model::Mutex;

/// A context, as a queue sees it.
pub(crate) trait Account: Send + Sync {
    /// Counts the fate of `count` records that were accepted before.
    fn resolve(&self, fate: Fate, count: u64);

    /// The name, id and fields of the context.
    fn info(&self) -> &ContextInfo;

    /// The clock that dates the context's records.
    fn clock(&self) -> &Clock;

    /// True if the context is closed and nobody waits for its records any longer.
    fn is_abandoned(&self) -> bool;
}

/// The numbers that are no accounts, and the first that is one. A number is the tag of a record in the ring.
pub(super) mod tag {
    /// A drop notice. Its stamp in the ring is the number of records that it says are missing.
    pub(crate) const DROPPED: u32 = 0;
    /// A record without an account: no context learns its fate.
    pub(crate) const NOBODY: u32 = 1;
    /// The first account.
    pub(crate) const FIRST: u32 = 2;
}

/// True for the number of a record, false for that of a drop notice.
pub(super) fn is_record(number: u32) -> bool {
    number >= tag::NOBODY
}

/// The open accounts of a queue.
pub(super) struct Accounts(Mutex<AccountTable>);

#[derive(Default)]
struct AccountTable {
    /// The account with number `tag::FIRST + n` is the nth.
    accounts: Vec<Option<Arc<dyn Account>>>,
    /// The numbers that can be given again.
    free: Vec<u32>,
    /// The accounts of dropped contexts, each with the position in the ring before which all its records lie.
    closing: Vec<(u64, u32)>,
}

impl AccountTable {
    /// Frees the closing accounts whose records lie before `position`, and returns their contexts.
    fn free_up_to(&mut self, position: u64) -> Vec<Arc<dyn Account>> {
        if self.closing.is_empty() {
            return Vec::new();
        }
        let (due, later) = std::mem::take(&mut self.closing).into_iter().partition(|(end, _)| *end <= position);
        self.closing = later;
        let due: Vec<(u64, u32)> = due;
        self.free.extend(due.iter().map(|(_, number)| number));
        due.iter().filter_map(|(_, number)| self.accounts[(number - tag::FIRST) as usize].take()).collect()
    }

    /// See [`Accounts::open`].
    fn open(&mut self, account: Arc<dyn Account>) -> u32 {
        if let Some(number) = self.free.pop() {
            self.accounts[(number - tag::FIRST) as usize] = Some(account);
            return number;
        }
        let number = u32::try_from(self.accounts.len()).unwrap_or(u32::MAX).saturating_add(tag::FIRST);
        if number > MAX_TAG {
            return tag::NOBODY;
        }
        self.accounts.push(Some(account));
        number
    }

    fn get(&self, number: u32) -> Option<&Arc<dyn Account>> {
        self.accounts.get(number.checked_sub(tag::FIRST)? as usize)?.as_ref()
    }
}

impl Accounts {
    pub(super) fn new() -> Self {
        Accounts(Mutex::new(AccountTable::default()))
    }

    /// Opens an account and returns its number, or [`tag::NOBODY`] if there are too many accounts.
    pub(super) fn open(&self, account: Arc<dyn Account>) -> u32 {
        allocating_under_lock(|| self.0.lock().open(account))
    }

    /// Frees account `number` once every record up to the current end of `ring` is resolved. If no writer thread drains the ring, none will
    /// call `release_up_to` later: then `idle_at` returns the position up to which every record is resolved, and we release here.
    pub(super) fn close(&self, number: u32, ring: &Ring, idle_at: impl FnOnce() -> Option<u64>) {
        if number < tag::FIRST {
            return;
        }
        allocating_under_lock(|| self.0.lock().closing.push((ring.end(), number)));
        // `idle_at` reads the ring once. The ring's end, read in a second step, could lie behind records that other threads have pushed
        // meanwhile and that are not resolved.
        if let Some(position) = idle_at() {
            self.release_up_to(position);
        }
    }

    /// Frees the closing accounts whose records are all resolved, now that every record up to `position` is.
    pub(super) fn release_up_to(&self, position: u64) {
        let freed = allocating_under_lock(|| self.0.lock().free_up_to(position));
        // Outside the lock: this may drop the last reference to a context's identity.
        drop(freed);
    }

    /// Returns the account with this number.
    pub(super) fn get(&self, number: u32) -> Option<Arc<dyn Account>> {
        self.0.lock().get(number).cloned()
    }

    /// Counts the fate of records, given the account number of each. Equal numbers in a row are counted in one call.
    pub(super) fn resolve(&self, fate: Fate, numbers: impl Iterator<Item = u32>) {
        let table = self.0.lock();
        let mut numbers = numbers.peekable();
        while let Some(number) = numbers.next() {
            let mut count = 1;
            while numbers.next_if_eq(&number).is_some() {
                count += 1;
            }
            if let Some(account) = table.get(number) {
                account.resolve(fate, count);
            }
        }
    }
}

/// What a record carries beside the number of its account.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Stamp {
    /// The number of the queue's renderer that made the line.
    pub(super) renderer: u8,
    /// The record's level.
    pub(super) level: Level,
    /// The record's elapsed time, to the microsecond, up to 285 years.
    pub(super) elapsed: Duration,
}

impl Stamp {
    /// | bits | what |
    /// |---|---|
    /// | 56..=63 | the renderer |
    /// | 53..=55 | the level: 0 for ERROR, to 4 for TRACE |
    /// | 0..=52 | the microseconds |
    const MICROS: u64 = (1 << 53) - 1;

    pub(super) fn pack(self) -> u64 {
        let micros =
            self.elapsed.as_secs().saturating_mul(1_000_000).saturating_add(self.elapsed.subsec_micros().into());
        let level = match self.level {
            Level::ERROR => 0,
            Level::WARN => 1,
            Level::INFO => 2,
            Level::DEBUG => 3,
            Level::TRACE => 4,
        };
        u64::from(self.renderer) << 56 | level << 53 | micros.min(Stamp::MICROS)
    }

    pub(super) fn unpack(packed: u64) -> Self {
        let level = match packed >> 53 & 7 {
            0 => Level::ERROR,
            1 => Level::WARN,
            2 => Level::INFO,
            3 => Level::DEBUG,
            _ => Level::TRACE,
        };
        Stamp { renderer: (packed >> 56) as u8, level, elapsed: Duration::from_micros(packed & Stamp::MICROS) }
    }
}

/// An account that counts its resolved records.
#[cfg(test)]
struct CountingAccount(ContextInfo, crate::sync::AtomicU64);

#[cfg(test)]
impl CountingAccount {
    fn new() -> Arc<Self> {
        Arc::new(CountingAccount(ContextInfo::nobody(), crate::sync::AtomicU64::new(0)))
    }

    fn count(&self) -> u64 {
        self.1.load(crate::sync::Ordering::Relaxed)
    }
}

#[cfg(test)]
impl Account for CountingAccount {
    fn resolve(&self, _: Fate, count: u64) {
        self.1.fetch_add(count, crate::sync::Ordering::Relaxed);
    }

    fn info(&self) -> &ContextInfo {
        &self.0
    }

    fn clock(&self) -> &Clock {
        &Clock::SYSTEM
    }

    fn is_abandoned(&self) -> bool {
        false
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests {
    use super::*;
    use crate::queue::Label;

    #[test]
    fn an_account_stays_until_its_records_are_resolved() {
        let (accounts, ring) = (Accounts::new(), Ring::new(64));
        let (one, two) = (CountingAccount::new(), CountingAccount::new());
        let number = accounts.open(one.clone());
        let other = accounts.open(two.clone());
        assert_ne!(number, other);
        let end = ring.push(Label::default(), b"").unwrap().end;
        accounts.close(number, &ring, || ring.idle_at());
        accounts.release_up_to(end - 1);
        accounts.resolve(Fate::Written, [number, number, other, tag::NOBODY, tag::DROPPED, number].into_iter());
        assert_eq!([&one, &two].map(|account| account.count()), [3, 1]);
        accounts.release_up_to(end);
        assert_eq!(Arc::strong_count(&one), 1, "the account is freed");
        assert!(accounts.get(number).is_none() && accounts.get(other).is_some());
        assert_eq!(accounts.open(one), number, "the number is given again");
    }

    #[test]
    fn a_stamp_is_packed_and_unpacked() {
        for level in [Level::ERROR, Level::WARN, Level::INFO, Level::DEBUG, Level::TRACE] {
            for (renderer, elapsed) in [(0, Duration::ZERO), (255, Duration::from_micros(1_234_567_890_123))] {
                let stamp = Stamp { renderer, level, elapsed };
                assert_eq!(Stamp::unpack(stamp.pack()), stamp);
            }
            let endless = Stamp { renderer: 3, level, elapsed: Duration::MAX };
            let unpacked = Stamp::unpack(endless.pack());
            assert_eq!((unpacked.renderer, unpacked.level), (3, level));
        }
    }
}

#[cfg(all(test, logscope_loom))]
mod loom_tests {
    use loom::thread;

    use super::*;
    use crate::queue::{Drained, Label};
    use crate::sync::model;

    /// What a writer thread does.
    fn drain_batch(ring: &Ring, accounts: &Accounts) {
        let mut drained = Drained::default();
        let mut reader = ring.reader();
        reader.drain(&mut drained, usize::MAX);
        let head = reader.head();
        drop(reader);
        accounts.resolve(Fate::Written, drained.labels.iter().map(|label| label.tag));
        accounts.release_up_to(head);
    }

    type IdleAt = fn(&Ring) -> Option<u64>;

    /// One context logs and is dropped, while another is dropped and a writer thread drains: the record is counted for the first context.
    fn a_record_is_counted_for_its_context(idle_at: IdleAt) {
        loom::model(move || {
            let shared = model::Arc::new((Ring::new(64), Accounts::new()));
            let account = CountingAccount::new();
            let (own, other) = (shared.1.open(account.clone()), shared.1.open(account.clone()));
            let spawn = |work: Box<dyn FnOnce(&Ring, &Accounts)>| {
                let shared = model::Arc::clone(&shared);
                thread::spawn(move || work(&shared.0, &shared.1))
            };
            let threads = [
                spawn(Box::new(move |ring, accounts| {
                    ring.push(Label { tag: own, stamp: 0 }, b"").unwrap();
                    accounts.close(own, ring, || idle_at(ring));
                })),
                spawn(Box::new(move |ring, accounts| accounts.close(other, ring, || idle_at(ring)))),
                spawn(Box::new(|ring, accounts| {
                    drain_batch(ring, accounts);
                    ring.reader().go_idle();
                })),
            ];
            for thread in threads {
                thread.join().unwrap();
            }
            drain_batch(&shared.0, &shared.1);
            assert_eq!(account.count(), 1, "a record is counted for nobody");
        });
    }

    #[test]
    fn loom_a_record_is_counted_for_its_context() {
        a_record_is_counted_for_its_context(Ring::idle_at);
    }

    #[test]
    #[should_panic(expected = "counted for nobody")]
    fn loom_reading_an_idle_ring_twice_frees_an_account_too_early() {
        a_record_is_counted_for_its_context(|ring| ring.idle_at().map(|_| ring.end()));
    }
}
