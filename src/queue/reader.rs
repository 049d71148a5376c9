//! Taking records out of a [`Ring`], one thread at a time.

use super::ring::{CLOSED, FLAGS, IDLE, Label, MAX_TAG, Ring, WORD, size_of_record};
use crate::sync::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::model::{AtomicU64, MutexGuard};

/// How far into the array a ring at rest may be, in bytes, before it goes back to the beginning.
const REWIND: u64 = 64 << 10;

/// Why no more records were taken out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stop {
    /// There are none.
    Empty,
    /// Another thread is in the middle of pushing the next.
    Unfinished,
    /// There are as many as were asked for.
    Enough,
}

/// Records that were taken out.
#[derive(Debug, Default)]
pub(crate) struct Drained {
    /// Their bytes, one behind the other.
    pub(crate) bytes: Vec<u8>,
    /// Where each ends in `bytes`.
    pub(crate) ends: Vec<usize>,
    /// What each was pushed with.
    pub(crate) labels: Vec<Label>,
    /// Of how many it is settled what became of them.
    pub(crate) settled: usize,
}

impl Drained {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.labels.clear();
        self.settled = 0;
    }
}

impl Ring {
    /// Waits for the turn to take out. What is done then is a matter of copying: no device is waited for under this lock.
    pub(crate) fn reader(&self) -> Reader<'_> {
        let turn = self.reader.lock();
        // Relaxed would do: all who change it do so under the lock, or while `IDLE`, and then by way of `tail`.
        Reader { ring: self, head: self.head.0.load(Acquire), _turn: turn }
    }
}

/// Reads as many words as there are `chunks`, and leaves zeros.
fn copy_out(chunks: &mut [[u8; WORD as usize]], words: &[AtomicU64]) {
    for (chunk, word) in chunks.iter_mut().zip(words) {
        // Relaxed, both: the header was read with Acquire, and the head is stored with Release.
        *chunk = word.load(Relaxed).to_ne_bytes();
        word.store(0, Relaxed);
    }
}

/// The right to take out.
pub(crate) struct Reader<'a> {
    pub(super) ring: &'a Ring,
    pub(super) head: u64,
    pub(super) _turn: MutexGuard<'a, ()>,
}

impl Reader<'_> {
    /// Where the oldest record begins.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// Takes records out, adding them to `taken`, until that has at least `most` bytes.
    pub(crate) fn take(&mut self, taken: &mut Drained, most: usize) -> Stop {
        let end = self.catch_up();
        let stop = loop {
            if taken.bytes.len() >= most {
                break Stop::Enough;
            }
            let Some((label, length)) = self.next(end) else {
                break if self.head == end { Stop::Empty } else { Stop::Unfinished };
            };
            let start = taken.bytes.len();
            taken.bytes.resize(start + length.next_multiple_of(WORD as usize), 0);
            let (chunks, _) = taken.bytes[start..].as_chunks_mut::<{ WORD as usize }>();
            let words = &self.ring.words;
            let at = self.ring.wrap(self.ring.index(self.head) + 2);
            let (here, wrapped) = chunks.split_at_mut(chunks.len().min(words.len() - at));
            copy_out(here, &words[at..]);
            copy_out(wrapped, words);
            taken.bytes.truncate(start + length);
            taken.ends.push(start + length);
            taken.labels.push(label);
            self.pass(length);
        };
        self.publish();
        stop
    }

    /// Makes room for a record of so many bytes by throwing the oldest away, showing `lost` the label of each. False if another thread
    /// is in the middle of pushing the oldest.
    pub(crate) fn make_room(&mut self, bytes: usize, mut lost: impl FnMut(Label)) -> bool {
        let (size, capacity) = (size_of_record(bytes), self.ring.capacity());
        let end = self.catch_up();
        let made = loop {
            if size > capacity || end - self.head <= capacity - size {
                break size <= capacity;
            }
            let Some((label, length)) = self.next(end) else { break false };
            for place in 2..2 + length.div_ceil(WORD as usize) {
                self.ring.words[self.ring.wrap(self.ring.index(self.head) + place)].store(0, Relaxed);
            }
            lost(label);
            self.pass(length);
        };
        self.publish();
        made
    }

    /// Rests, if there is nothing to take out: true, and from now on whoever pushes is told to wake somebody.
    pub(crate) fn rest(self) -> bool {
        // Only from some way in: at each rest, positions would in time come to the end of their numbers.
        let capacity = self.ring.capacity();
        let fresh = if self.head % capacity >= REWIND.min(capacity / 4) {
            self.head.next_multiple_of(capacity)
        } else {
            self.head
        };
        // Release: who pushes into the words that were set to zero must do so after that. (A closed ring never rests.)
        let rests = self.ring.tail.0.compare_exchange(self.head, fresh | IDLE, AcqRel, Acquire).is_ok();
        if rests {
            self.ring.move_head_up(fresh);
        }
        rests
    }

    /// True if the ring is closed and there is nothing left in it.
    pub(crate) fn is_finished(&self) -> bool {
        self.ring.tail.0.load(Acquire) == self.head | CLOSED
    }

    /// Where the newest record ends; and `head`, should the ring have been at rest, where it rested.
    pub(super) fn catch_up(&mut self) -> u64 {
        let tail = self.ring.tail.0.load(Acquire);
        if tail & IDLE != 0 {
            self.ring.move_head_up(tail & !FLAGS);
        }
        self.head = self.ring.head.0.load(Acquire);
        tail & !FLAGS
    }

    /// The label and the length of the oldest record, which begins before `end`, if it is committed. The words of its head are zero
    /// then.
    pub(super) fn next(&mut self, end: u64) -> Option<(Label, usize)> {
        if self.head == end {
            return None;
        }
        let first = self.ring.index(self.head);
        // Acquire: see `commit`.
        let header = self.ring.words[first].load(Acquire);
        if header == 0 {
            return None;
        }
        let stamp = &self.ring.words[self.ring.wrap(first + 1)];
        let label = Label { tag: (header >> 32) as u32 & MAX_TAG, stamp: stamp.load(Relaxed) };
        stamp.store(0, Relaxed);
        self.ring.words[first].store(0, Relaxed);
        Some((label, header as u32 as usize))
    }

    /// Moves on behind a record of so many bytes.
    pub(super) fn pass(&mut self, length: usize) {
        self.head += size_of_record(length);
    }

    pub(super) fn publish(&mut self) {
        // Release: see `push`. One store for all that was taken, since those who wait for room wait for a good piece of it.
        self.ring.head.0.store(self.head, Release);
    }
}
