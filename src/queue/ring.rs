//! A bounded ring of bytes: many threads push records, and one thread at a time drains them.
//!
//! # Layout
//!
//! The ring is an array of atomic words. A position counts bytes from the beginning of time and is a multiple of eight; its remainder by
//! the capacity is its place in the array. `tail` is the position at which the next record will begin, `head` the position at which the
//! oldest record begins. A record is
//!
//! | word | content |
//! |---|---|
//! | 0 | the header: bit 63 set, the tag in bits 32 to 62, the length in bytes in bits 0 to 31 |
//! | 1 | the stamp |
//! | 2… | the bytes, with zeros up to the end of the last word |
//!
//! # Push and drain
//!
//! A thread that pushes *reserves* space with one compare-and-swap of `tail`, copies the record, and *commits* it by storing the header.
//! Between reserving and committing it runs this module's code only, so every reserved record is committed in the end. The reader stops at
//! a record that is not committed yet. The invariants are:
//!
//! - `head` is at most the position in `tail`, and what lies between them is at most the capacity.
//! - Every word outside that stretch is zero, so that the first word of a reserved record reads as "not committed" until the header is
//!   stored. The reader therefore copies a record out, sets its words to zero, and only then moves `head`.
//! - Only the thread that holds the `reader` lock moves `head`, but for an idle ring: there `head` follows the position in `tail`.
//!
//! The words are atomics with relaxed accesses, which cost as much as plain words.
//!
//! A vectored write could send the ring's own memory. Copying has three advantages over it. The space is free again *before* the device is
//! asked: a device that stalls holds back one batch and not the ring, and the oldest records can be evicted meanwhile. Lines are contiguous
//! without their headers, so a batch is one plain `write`. And copying a line costs less than its entry in an `iovec`.
//!
//! # Wake-ups
//!
//! The low bits of `tail` say whether the reader must be woken. They are in the same word as the position, so "the ring is empty, go idle"
//! and "push a record, and learn whether the ring was idle" are each one compare-and-swap of one word. No record can slip in between the
//! reader's last look and its going idle.
//!
//! | bit | name | meaning |
//! |---|---|---|
//! | 0 | `IDLE` | the ring is empty and has no reader; the thread that clears the bit must wake one |
//! | 1 | `CLOSED` | the ring accepts no more records |
//! | 2 | `NO_MEMORY` | the ring is empty, and its memory is given back; who pushes next waits until that is done, and clears the bit |
//!
//! A reader that goes idle after some of the array was used moves `tail`, and `head` with it, to the position at which the array begins again. So a
//! ring that is mostly empty uses only its first pages: they stay in the cache, and the ring touches no other memory. `head` is moved after
//! `tail`; a thread that finds `IDLE` moves `head` itself if the reader has not done it yet.
//!
//! # Memory
//!
//! A burst can touch all of the array, which then stays in memory. So some time later an idle ring gives its memory back: the operating system
//! takes the pages, and provides pages of zeros when they are used again. What a thread wrote meanwhile would be lost, so no thread may write
//! then. The flag `NO_MEMORY` ensures that. It is in the same word as the position, so a thread that pushes learns of it with the
//! compare-and-swap that reserves space, at no cost. The flag is set under the `reader` lock, by one compare-and-swap of an idle tail, before
//! the pages are taken. An idle ring is empty: what was reserved before is committed and drained. Who pushes next finds the flag, and clears
//! it under the same lock before it reserves space: then the pages were taken.

use super::words::Words;
use crate::sync::AtomicBool;
use crate::sync::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::model::{AtomicU64, Mutex};

/// Flag of `tail`: the ring is empty and has no reader.
pub(super) const IDLE: u64 = 1;
/// Flag of `tail`: the ring accepts no more records.
pub(super) const CLOSED: u64 = 2;
/// Flag of `tail`: the memory of the array is given back, or was.
pub(super) const NO_MEMORY: u64 = 4;
/// The bits of `tail` that are no part of the position.
pub(super) const FLAGS: u64 = 7;

/// Bit of a header: the record is committed.
const COMMITTED: u64 = 1 << 63;
/// The header and the stamp.
const PREFIX_BYTES: u64 = 16;
pub(super) const WORD: u64 = 8;

/// The greatest tag.
pub(crate) const MAX_TAG: u32 = u32::MAX >> 1;

/// A word in a cache line of its own (in two, since processors fetch them in pairs): threads that push change `tail`, readers change
/// `head`.
#[repr(align(128))]
#[derive(Debug)]
pub(super) struct CachePadded(pub(super) AtomicU64);

/// The ring. The [module](self) explains it.
#[derive(Debug)]
pub(crate) struct Ring {
    /// | bits | meaning |
    /// |---|---|
    /// | 0 | `IDLE` |
    /// | 1 | `CLOSED` |
    /// | 2 | `NO_MEMORY` |
    /// | 3..=63 | the position at which the next record will begin |
    pub(super) tail: CachePadded,
    /// The position at which the oldest record begins. Changed only under `reader`, or while `tail` has `IDLE`.
    pub(super) head: CachePadded,
    pub(super) words: Words,
    /// Since the memory was given back, more of the array was used than its beginning. Changed under `reader`.
    pub(super) is_spread: AtomicBool,
    /// Held by the thread that drains or evicts: see [`Reader`](super::reader::Reader). The position from which the array is used since the ring
    /// last went back to the beginning of it.
    pub(super) reader: Mutex<u64>,
}

/// A record that was pushed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Pushed {
    /// The position at which the record ends.
    pub(crate) end: u64,
    /// True if the ring was idle: the thread that pushed must wake a reader.
    pub(crate) wake: bool,
    /// True if the ring became half full with this record.
    pub(crate) is_half: bool,
}

/// Why a record was not pushed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refused {
    /// The ring has no room for it now.
    Full,
    /// Even an empty ring has no room for it.
    TooLong,
    /// The ring is closed.
    Closed,
}

/// The numbers that a record carries beside its bytes. The ring gives them no meaning.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Label {
    /// At most [`MAX_TAG`].
    pub(crate) tag: u32,
    pub(crate) stamp: u64,
}

impl Ring {
    /// Makes an idle ring of `capacity` bytes, a power of two of at least eight.
    pub(crate) fn new(capacity: usize) -> Self {
        debug_assert!(capacity.is_power_of_two() && capacity >= WORD as usize, "{capacity} bytes are not a ring");
        Ring {
            tail: CachePadded(AtomicU64::new(IDLE)),
            head: CachePadded(AtomicU64::new(0)),
            words: Words::new(capacity / WORD as usize),
            is_spread: AtomicBool::new(false),
            reader: Mutex::new(0),
        }
    }

    pub(super) fn capacity(&self) -> u64 {
        self.words.len() as u64 * WORD
    }

    /// Pushes a record.
    #[inline]
    pub(crate) fn push(&self, label: Label, bytes: &[u8]) -> Result<Pushed, Refused> {
        debug_assert!(label.tag <= MAX_TAG, "the tag is too great");
        let size = size_of_record(bytes.len());
        let capacity = self.capacity();
        if size > capacity || bytes.len() > u32::MAX as usize {
            return Err(Refused::TooLong);
        }
        // Acquire, here and in the exchange: the thread that wrote this tail may have moved `head` before. With Relaxed we could read an
        // older `head` next, and the ring would look full.
        let mut tail = self.tail.0.load(Acquire);
        loop {
            if tail & (CLOSED | NO_MEMORY) != 0 {
                if tail & CLOSED != 0 {
                    return Err(Refused::Closed);
                }
                tail = self.wait_for_memory();
                continue;
            }
            let start = tail & !FLAGS;
            let used = if tail & IDLE != 0 {
                self.advance_head(start);
                0
            } else {
                // Acquire: the reader zeroed the words before it stored the `head` that frees them. With Relaxed, what we write there could
                // come before the zeroing and be lost.
                start.wrapping_sub(self.head.0.load(Acquire))
            };
            // A `head` beyond this tail makes `used` wrap to a huge number: then `tail` has moved on since we read it.
            if used > capacity - size {
                let now = self.tail.0.load(Acquire);
                if now == tail {
                    return Err(Refused::Full);
                }
                tail = now;
                continue;
            }
            // Release: a reader that finds the ring empty up to here, or another thread that pushes, sees the `head` that was moved above.
            match self.tail.0.compare_exchange_weak(tail, start + size, AcqRel, Acquire) {
                Ok(_) => {
                    self.commit(start, label, bytes);
                    let half = capacity / 2;
                    return Ok(Pushed {
                        end: start + size,
                        wake: tail & IDLE != 0,
                        is_half: used < half && used + size >= half,
                    });
                }
                Err(now) => tail = now,
            }
        }
    }

    /// Writes a record into the space that was reserved for it at `start`, the header last.
    #[inline]
    pub(super) fn commit(&self, start: u64, label: Label, bytes: &[u8]) {
        let words = &*self.words;
        let first = self.index(start);
        // Relaxed, all but the header: a reader reads them only after it has read the header.
        words[self.wrap(first + 1)].store(label.stamp, Relaxed);
        let (chunks, rest) = bytes.as_chunks::<{ WORD as usize }>();
        let at = self.wrap(first + 2);
        let (here, wrapped) = chunks.split_at(chunks.len().min(words.len() - at));
        copy_in(&words[at..], here);
        copy_in(words, wrapped);
        if !rest.is_empty() {
            let mut last = [0; WORD as usize];
            last[..rest.len()].copy_from_slice(rest);
            words[self.wrap(first + 2 + chunks.len())].store(u64::from_ne_bytes(last), Relaxed);
        }
        let header = COMMITTED | u64::from(label.tag) << 32 | bytes.len() as u64;
        // Release: a reader that sees the header sees the rest of the record too. With Relaxed it could read older words.
        words[first].store(header, Release);
    }

    /// Waits until the memory is given back, and clears `NO_MEMORY`. Returns the new tail.
    #[cold]
    fn wait_for_memory(&self) -> u64 {
        let _reader = self.reader.lock();
        // Acquire and Release for the same reasons as in `push`.
        self.tail.0.fetch_and(!NO_MEMORY, AcqRel);
        self.tail.0.load(Acquire)
    }

    /// True if more of the array was used than its beginning, so that its memory is worth giving back.
    pub(crate) fn is_spread(&self) -> bool {
        // Relaxed: a hint.
        self.is_spread.load(Relaxed)
    }

    /// Gives the memory of an idle ring back. False if the ring is not idle, or has given it back already.
    pub(crate) fn give_back_memory(&self) -> bool {
        let _reader = self.reader.lock();
        let tail = self.tail.0.load(Acquire);
        // One step: a thread that pushes meanwhile changes the tail.
        if tail & FLAGS != IDLE || self.tail.0.compare_exchange(tail, tail | NO_MEMORY, AcqRel, Acquire).is_err() {
            return false;
        }
        self.is_spread.store(false, Relaxed);
        self.words.give_back();
        true
    }

    /// Moves `head` up to `start`, the position of a `tail` that has or had `IDLE`: every record before it was drained or evicted.
    pub(super) fn advance_head(&self, start: u64) {
        let head = self.head.0.load(Acquire);
        // Never back: if `tail` has moved on since it was read, `head` may have moved on too.
        if head < start {
            // A failure means that another thread has done it. Release, as where the reader stores `head`; Acquire, to pass on what the
            // store of the replaced value published.
            let _ = self.head.0.compare_exchange(head, start, AcqRel, Acquire);
        }
    }

    /// Clears `IDLE`. True if it was set: the caller must wake a reader.
    pub(crate) fn clear_idle(&self) -> bool {
        self.change_flags(|tail| tail & !IDLE)
    }

    /// Closes the ring: it accepts no more records. True if it was idle: the caller must wake a reader, which drains the ring or finds it
    /// empty.
    pub(crate) fn close(&self) -> bool {
        self.change_flags(|tail| (tail | CLOSED) & !IDLE)
    }

    /// Changes the flags of `tail`. True if that cleared `IDLE`.
    fn change_flags(&self, change: impl Fn(u64) -> u64) -> bool {
        let mut tail = self.tail.0.load(Acquire);
        loop {
            if tail & IDLE != 0 {
                self.advance_head(tail & !FLAGS);
            }
            // Acquire and Release for the same reasons as in `push`.
            match self.tail.0.compare_exchange_weak(tail, change(tail), AcqRel, Acquire) {
                Ok(_) => return tail & IDLE != 0,
                Err(now) => tail = now,
            }
        }
    }

    /// Returns the end of an idle ring: every record before it was drained, and is resolved by the thread that drained it. `None` if the
    /// ring is not idle.
    pub(crate) fn idle_at(&self) -> Option<u64> {
        // One load: between two, other threads could push and drain.
        let tail = self.tail.0.load(Acquire);
        (tail & IDLE != 0).then_some(tail & !FLAGS)
    }

    /// Returns the position at which the newest record ends.
    pub(crate) fn end(&self) -> u64 {
        self.tail.0.load(Acquire) & !FLAGS
    }

    pub(super) fn index(&self, position: u64) -> usize {
        self.wrap((position / WORD) as usize)
    }

    pub(super) fn wrap(&self, index: usize) -> usize {
        index & (self.words.len() - 1)
    }
}

/// Writes `chunks` into as many words.
#[inline]
fn copy_in(words: &[AtomicU64], chunks: &[[u8; WORD as usize]]) {
    for (word, chunk) in words.iter().zip(chunks) {
        word.store(u64::from_ne_bytes(*chunk), Relaxed);
    }
}

/// Returns the size in the ring of a record of so many bytes.
pub(super) fn size_of_record(bytes: usize) -> u64 {
    PREFIX_BYTES + (bytes as u64).next_multiple_of(WORD)
}
