//! Draining a [`Ring`], and evicting its oldest records, one thread at a time.

use super::ring::{CLOSED, FLAGS, IDLE, Label, MAX_TAG, NO_MEMORY, Ring, WORD, size_of_record};
use crate::sync::AtomicUsize;
use crate::sync::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::model::{AtomicU64, MutexGuard};

/// How many bytes of the array an idle ring may have used before it goes back to the beginning.
const REWIND: u64 = 64 << 10;

/// Why a drain took out no more records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stop {
    /// The ring is empty.
    Empty,
    /// Another thread is pushing the next record and has not committed it.
    Uncommitted,
    /// The caller has as many bytes as it asked for.
    Enough,
}

/// Records that were drained.
#[derive(Debug, Default)]
pub(crate) struct Drained {
    /// The bytes of all records, without gaps.
    pub(crate) bytes: Vec<u8>,
    /// Where each record ends in `bytes`.
    pub(crate) ends: Vec<usize>,
    /// The label of each record.
    pub(crate) labels: Vec<Label>,
    /// How many of the records, from the first, are resolved.
    pub(crate) resolved: AtomicUsize,
}

impl Drained {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.labels.clear();
        *self.resolved.get_mut() = 0;
    }
}

impl Ring {
    /// Waits for the lock of readers. Its holders only copy: nobody waits for a device under this lock.
    pub(crate) fn reader(&self) -> Reader<'_> {
        let lock = self.reader.lock();
        // Relaxed would do: every thread that changes `head` holds the lock, or finds `IDLE`, and then publishes the change with `tail`.
        Reader { ring: self, head: self.head.0.load(Acquire), begin: lock }
    }
}

/// Copies as many words as there are `chunks`, and sets them to zero.
fn copy_out(chunks: &mut [[u8; WORD as usize]], words: &[AtomicU64]) {
    for (chunk, word) in chunks.iter_mut().zip(words) {
        // Relaxed, both: the header was loaded with Acquire before, and `head` is stored with Release after.
        *chunk = word.load(Relaxed).to_ne_bytes();
        word.store(0, Relaxed);
    }
}

/// The right to drain and to evict.
pub(crate) struct Reader<'a> {
    pub(super) ring: &'a Ring,
    pub(super) head: u64,
    /// See `Ring::reader`.
    pub(super) begin: MutexGuard<'a, u64>,
}

impl Reader<'_> {
    /// Returns the position at which the oldest record begins.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// Drains records into `drained` until that has at least `enough` bytes.
    pub(crate) fn drain(&mut self, drained: &mut Drained, enough: usize) -> Stop {
        let end = self.catch_up();
        let stop = loop {
            if drained.bytes.len() >= enough {
                break Stop::Enough;
            }
            let Some((label, length)) = self.next_committed(end) else {
                break if self.head == end { Stop::Empty } else { Stop::Uncommitted };
            };
            let start = drained.bytes.len();
            drained.bytes.resize(start + length.next_multiple_of(WORD as usize), 0);
            let (chunks, _) = drained.bytes[start..].as_chunks_mut::<{ WORD as usize }>();
            let words = &*self.ring.words;
            let at = self.ring.wrap(self.ring.index(self.head) + 2);
            let (here, wrapped) = chunks.split_at_mut(chunks.len().min(words.len() - at));
            copy_out(here, &words[at..]);
            copy_out(wrapped, words);
            drained.bytes.truncate(start + length);
            drained.ends.push(start + length);
            drained.labels.push(label);
            self.advance(length);
        };
        self.publish_head();
        stop
    }

    /// Makes room for a record of so many bytes: evicts the oldest records and calls `evicted` with the label of each. False if another
    /// thread has not committed the oldest record, or the ring is too small.
    pub(crate) fn make_room(&mut self, bytes: usize, mut evicted: impl FnMut(Label)) -> bool {
        let (size, capacity) = (size_of_record(bytes), self.ring.capacity());
        let end = self.catch_up();
        let made = loop {
            if size > capacity || end - self.head <= capacity - size {
                break size <= capacity;
            }
            let Some((label, length)) = self.next_committed(end) else { break false };
            for word in 2..2 + length.div_ceil(WORD as usize) {
                self.ring.words[self.ring.wrap(self.ring.index(self.head) + word)].store(0, Relaxed);
            }
            evicted(label);
            self.advance(length);
        };
        self.publish_head();
        made
    }

    /// Makes an empty ring idle. True if it is idle now: from then on the first push returns that a reader must be woken. False if the ring
    /// is not empty, is closed, or is idle already.
    pub(crate) fn go_idle(mut self) -> bool {
        // Only if some of the array was used: a jump at every idle moment would in time use up the positions. What was used is not the place
        // of `head`: a burst may have gone around the array, and end near its beginning.
        let capacity = self.ring.capacity();
        let rewinds = self.head - *self.begin >= REWIND.min(capacity / 4);
        let fresh = if rewinds { self.head.next_multiple_of(capacity) } else { self.head };
        // A ring without memory can be notified, and so not be idle, although nothing was pushed.
        let no_memory = self.ring.tail.0.load(Acquire) & NO_MEMORY;
        // Release: a thread that pushes next writes into words that were set to zero, and must do so after that.
        let (empty, idle) = (self.head | no_memory, fresh | no_memory | IDLE);
        let is_idle = self.ring.tail.0.compare_exchange(empty, idle, AcqRel, Acquire).is_ok();
        if is_idle {
            self.ring.advance_head(fresh);
            if rewinds {
                *self.begin = fresh;
                // Relaxed: changed under the lock of readers, and a hint elsewhere.
                self.ring.is_spread.store(true, Relaxed);
            }
        }
        is_idle
    }

    /// True if the ring is closed and empty.
    pub(crate) fn is_finished(&self) -> bool {
        self.ring.tail.0.load(Acquire) & !NO_MEMORY == self.head | CLOSED
    }

    /// Returns the position at which the newest record ends. Moves `head` up to where it belongs, should the ring have gone idle.
    pub(super) fn catch_up(&mut self) -> u64 {
        let tail = self.ring.tail.0.load(Acquire);
        if tail & IDLE != 0 {
            self.ring.advance_head(tail & !FLAGS);
        }
        self.head = self.ring.head.0.load(Acquire);
        tail & !FLAGS
    }

    /// Returns the label and the length of the oldest record, if it begins before `end` and is committed, and sets its header and its stamp
    /// to zero.
    pub(super) fn next_committed(&mut self, end: u64) -> Option<(Label, usize)> {
        if self.head == end {
            return None;
        }
        let first = self.ring.index(self.head);
        // Acquire: see `Ring::commit`.
        let words = &*self.ring.words;
        let header = words[first].load(Acquire);
        if header == 0 {
            return None;
        }
        let stamp = &words[self.ring.wrap(first + 1)];
        let label = Label { tag: (header >> 32) as u32 & MAX_TAG, stamp: stamp.load(Relaxed) };
        stamp.store(0, Relaxed);
        words[first].store(0, Relaxed);
        Some((label, header as u32 as usize))
    }

    /// Moves on to the next record, behind a record of so many bytes.
    pub(super) fn advance(&mut self, length: usize) {
        self.head += size_of_record(length);
    }

    pub(super) fn publish_head(&mut self) {
        // Release: see the load of `head` in `Ring::push`. One store for the whole batch, since threads that wait for room need a good deal
        // of it.
        self.ring.head.0.store(self.head, Release);
    }
}
