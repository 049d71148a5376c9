//! Whose the records in a queue are.
//!
//! A record carries a number, not a pointer that would have to be counted twice for each: a context opens an account with each queue
//! among its sinks when it is made, and the number of that goes with its records. When the context goes, the account stays until the
//! last of them is settled.

use std::time::Duration;

use crate::clock::Clock;
use crate::delivery::Fate;
use crate::queue::{MAX_TAG, Ring};
use crate::record::ContextInfo;
use crate::sync::Arc;
use crate::sync::model::Mutex;

/// Who records are counted for: a context, as a queue knows it.
pub(crate) trait Account: Send + Sync {
    /// Counts what became of `count` deliveries that were accepted before.
    fn resolve(&self, fate: Fate, count: u64);

    /// Who it is.
    fn info(&self) -> &ContextInfo;

    /// By which clock its records are dated.
    fn clock(&self) -> &Clock;
}

/// Numbers that stand for something else than an account.
pub(super) mod tag {
    /// A notice of dropped records; the stamp is how many.
    pub(crate) const DROPPED: u32 = 0;
    /// A record of nobody's.
    pub(crate) const NOBODY: u32 = 1;
    /// The first account.
    pub(crate) const FIRST: u32 = 2;
}

/// True for the number of a record, not of a notice.
pub(super) fn is_record(number: u32) -> bool {
    number >= tag::NOBODY
}

/// The open accounts of a queue.
pub(super) struct Accounts(Mutex<Open>);

#[derive(Default)]
struct Open {
    accounts: Vec<Option<Arc<dyn Account>>>,
    free: Vec<u32>,
    /// Accounts whose contexts are gone, and up to where in the queue their records may be.
    leaving: Vec<(u64, u32)>,
}

impl Open {
    fn get(&self, number: u32) -> Option<&Arc<dyn Account>> {
        self.accounts.get(number.checked_sub(tag::FIRST)? as usize)?.as_ref()
    }
}

impl Accounts {
    pub(super) fn new() -> Self {
        Accounts(Mutex::new(Open::default()))
    }

    /// Opens an account and returns its number; that of nobody if there are too many.
    pub(super) fn open(&self, account: Arc<dyn Account>) -> u32 {
        let open = &mut *self.0.lock();
        if let Some(number) = open.free.pop() {
            open.accounts[(number - tag::FIRST) as usize] = Some(account);
            return number;
        }
        let number = u32::try_from(open.accounts.len()).unwrap_or(u32::MAX).saturating_add(tag::FIRST);
        if number > MAX_TAG {
            return tag::NOBODY;
        }
        open.accounts.push(Some(account));
        number
    }

    /// Closes an account, once its records, which are all in `ring` or were, are settled. `settled` says up to where all is, if nobody is
    /// going to settle anything.
    pub(super) fn close(&self, number: u32, ring: &Ring, settled: impl FnOnce() -> Option<u64>) {
        if number < tag::FIRST {
            return;
        }
        self.0.lock().leaving.push((ring.end(), number));
        // Where it rests, by one reading: where it ends now may be behind records of others, which are not settled.
        if let Some(position) = settled() {
            self.release_up_to(position);
        }
    }

    /// All up to `position` is settled: closes the accounts that wait for that.
    pub(super) fn release_up_to(&self, position: u64) {
        let mut open = self.0.lock();
        if open.leaving.is_empty() {
            return;
        }
        let (gone, stay) = std::mem::take(&mut open.leaving).into_iter().partition(|(end, _)| *end <= position);
        open.leaving = stay;
        let gone: Vec<(u64, u32)> = gone;
        let closed: Vec<_> =
            gone.iter().filter_map(|(_, number)| open.accounts[(number - tag::FIRST) as usize].take()).collect();
        open.free.extend(gone.iter().map(|(_, number)| number));
        drop(open);
        // Outside the lock: the last count of a context's identity may go here.
        drop(closed);
    }

    /// The account with this number.
    pub(super) fn get(&self, number: u32) -> Option<Arc<dyn Account>> {
        self.0.lock().get(number).cloned()
    }

    /// Counts what became of records, by the numbers of whose they are; runs of equal numbers are counted together.
    pub(super) fn resolve(&self, fate: Fate, numbers: impl Iterator<Item = u32>) {
        let open = self.0.lock();
        let mut numbers = numbers.peekable();
        while let Some(number) = numbers.next() {
            let mut count = 1;
            while numbers.next_if_eq(&number).is_some() {
                count += 1;
            }
            if let Some(account) = open.get(number) {
                account.resolve(fate, count);
            }
        }
    }
}

/// What goes with a record beside its number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Stamp {
    /// Which of the queue's renderers has made its line.
    pub(super) renderer: u8,
    /// Its elapsed time, to the microsecond, of which 2,283 years can be told apart.
    pub(super) elapsed: Duration,
}

impl Stamp {
    const MICROS: u64 = (1 << 56) - 1;

    pub(super) fn pack(self) -> u64 {
        let micros =
            self.elapsed.as_secs().saturating_mul(1_000_000).saturating_add(self.elapsed.subsec_micros().into());
        u64::from(self.renderer) << 56 | micros.min(Stamp::MICROS)
    }

    pub(super) fn unpack(packed: u64) -> Self {
        Stamp { renderer: (packed >> 56) as u8, elapsed: Duration::from_micros(packed & Stamp::MICROS) }
    }
}

/// An account that counts what is settled.
#[cfg(test)]
struct Counted(ContextInfo, crate::sync::AtomicU64);

#[cfg(test)]
impl Counted {
    fn new() -> Arc<Self> {
        Arc::new(Counted(ContextInfo::nobody(), crate::sync::AtomicU64::new(0)))
    }

    fn count(&self) -> u64 {
        self.1.load(crate::sync::Ordering::Relaxed)
    }
}

#[cfg(test)]
impl Account for Counted {
    fn resolve(&self, _: Fate, count: u64) {
        self.1.fetch_add(count, crate::sync::Ordering::Relaxed);
    }

    fn info(&self) -> &ContextInfo {
        &self.0
    }

    fn clock(&self) -> &Clock {
        &Clock::System
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests {
    use super::*;
    use crate::queue::Label;
    #[test]
    fn an_account_stays_until_its_records_are_settled() {
        let (accounts, ring) = (Accounts::new(), Ring::new(64));
        let (one, two) = (Counted::new(), Counted::new());
        let number = accounts.open(one.clone());
        let other = accounts.open(two.clone());
        assert_ne!(number, other);
        let end = ring.push(Label::default(), b"").unwrap().end;
        accounts.close(number, &ring, || ring.rests_at());
        accounts.release_up_to(end - 1);
        accounts.resolve(Fate::Written, [number, number, other, tag::NOBODY, tag::DROPPED, number].into_iter());
        assert_eq!([&one, &two].map(|account| account.count()), [3, 1]);
        accounts.release_up_to(end);
        assert_eq!(Arc::strong_count(&one), 1, "it is closed");
        assert!(accounts.get(number).is_none() && accounts.get(other).is_some());
        assert_eq!(accounts.open(one), number, "its number is given again");
    }

    #[test]
    fn a_stamp_is_packed_and_unpacked() {
        for (renderer, elapsed) in [(0, Duration::ZERO), (255, Duration::from_micros(1_234_567_890_123))] {
            let stamp = Stamp { renderer, elapsed };
            assert_eq!(Stamp::unpack(stamp.pack()), stamp);
        }
        let endless = Stamp { renderer: 3, elapsed: Duration::MAX };
        assert_eq!(Stamp::unpack(endless.pack()).renderer, 3);
    }
}

#[cfg(all(test, logscope_loom))]
mod loom_tests {
    use loom::thread;

    use super::*;
    use crate::queue::{Drained, Label};
    use crate::sync::model;

    /// What a writer thread does.
    fn pass(ring: &Ring, accounts: &Accounts) {
        let mut drained = Drained::default();
        let mut reader = ring.reader();
        reader.take(&mut drained, usize::MAX);
        let head = reader.head();
        drop(reader);
        accounts.resolve(Fate::Written, drained.labels.iter().map(|label| label.tag));
        accounts.release_up_to(head);
    }

    type Settled = fn(&Ring) -> Option<u64>;

    /// One context logs and goes, while another one goes and a writer thread writes: what the first has logged is counted for it.
    fn a_record_is_counted_for_whose_it_is(settled: Settled) {
        loom::model(move || {
            let shared = model::Arc::new((Ring::new(64), Accounts::new()));
            let account = Counted::new();
            let (own, other) = (shared.1.open(account.clone()), shared.1.open(account.clone()));
            let spawn = |work: Box<dyn FnOnce(&Ring, &Accounts)>| {
                let shared = model::Arc::clone(&shared);
                thread::spawn(move || work(&shared.0, &shared.1))
            };
            let threads = [
                spawn(Box::new(move |ring, accounts| {
                    ring.push(Label { tag: own, stamp: 0 }, b"").unwrap();
                    accounts.close(own, ring, || settled(ring));
                })),
                spawn(Box::new(move |ring, accounts| accounts.close(other, ring, || settled(ring)))),
                spawn(Box::new(|ring, accounts| {
                    pass(ring, accounts);
                    ring.reader().rest();
                })),
            ];
            for thread in threads {
                thread.join().unwrap();
            }
            pass(&shared.0, &shared.1);
            assert_eq!(account.count(), 1, "a record is counted for nobody");
        });
    }

    #[test]
    fn loom_a_record_is_counted_for_whose_it_is() {
        a_record_is_counted_for_whose_it_is(Ring::rests_at);
    }

    #[test]
    #[should_panic(expected = "counted for nobody")]
    fn loom_two_readings_of_a_ring_at_rest_close_an_account_too_early() {
        a_record_is_counted_for_whose_it_is(|ring| ring.rests_at().map(|_| ring.end()));
    }
}
