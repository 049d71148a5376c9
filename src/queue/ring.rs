//! A bounded ring of bytes: many threads push records into it, one at a time takes them out.
//!
//! # What it is made of
//!
//! The ring is an array of atomic words. A position counts bytes from the beginning of time and is a multiple of eight; where it lies
//! in the array is its remainder. `tail` is where the next record will begin, `head` where the oldest one does. A record is
//!
//! | word | what |
//! |---|---|
//! | 0 | the header: bit 63 set, the tag in bits 32 to 62, the length in bytes in bits 0 to 31 |
//! | 1 | the stamp |
//! | 2… | the bytes, the last word filled up with zeros |
//!
//! A thread that pushes *reserves* with one compare-and-swap of `tail`, copies, and *commits* by storing the header. Between the two
//! it runs none but this module's code, so what was reserved will be committed; until then whoever takes out stops there. What is
//! taken out is *copied* out and set to zero, so that a word that will be a header reads as "not committed", and only then is `head`
//! moved. The words are atomic and relaxed, which costs what plain words cost and leaves nothing to `unsafe`.
//!
//! Copying, where a vectored write could send the ring's own memory, has three reasons: the space is free again *before* the device is
//! asked, so a device that stands still holds back one batch and not the ring, and the oldest records can be dropped while it does;
//! lines are contiguous without their headers, so a batch is one plain `write`; and copying a line costs less than its entry in an
//! `iovec`.
//!
//! # Where one who pushes must wake one who takes
//!
//! The low bits of `tail` say who has to do something. That they are in the same word as the position is the point: "the ring is empty,
//! and so I rest" and "I have put something into a ring whose reader rests" are both a compare-and-swap of one word, and there is no
//! moment between the looking and the resting in which a record could be overlooked.
//!
//! | bit | name | meaning |
//! |---|---|---|
//! | 0 | `IDLE` | the ring is empty and its reader rests; who clears it must wake the reader |
//! | 1 | `CLOSED` | nothing more is accepted |
//!
//! When it rests, and is some way into the array, the reader moves `tail` (and with it `head`) to the next beginning of that, so that a
//! ring that is mostly empty uses its first pages only, which are in the cache and are all the memory that it ever touches. `head`
//! follows `tail`: whoever finds `IDLE` moves it up, if the reader has not come to do so.

use crate::sync::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::sync::model::{AtomicU64, Mutex};

/// The ring is empty and its reader rests.
pub(super) const IDLE: u64 = 1;
/// Nothing more is accepted.
pub(super) const CLOSED: u64 = 2;
pub(super) const FLAGS: u64 = 7;

/// A header that is there.
const COMMITTED: u64 = 1 << 63;
/// Header and stamp.
const HEAD_BYTES: u64 = 16;
pub(super) const WORD: u64 = 8;

/// The greatest tag.
pub(crate) const MAX_TAG: u32 = u32::MAX >> 1;

/// A word in a cache line of its own (two, as processors fetch them in pairs): those who push and those who take out change different ones.
#[repr(align(128))]
#[derive(Debug)]
pub(super) struct Apart(pub(super) AtomicU64);

/// The ring. See the [module](self).
#[derive(Debug)]
pub(crate) struct Ring {
    /// | bits | meaning |
    /// |---|---|
    /// | 0 | `IDLE` |
    /// | 1 | `CLOSED` |
    /// | 3..=63 | where the next record will begin |
    pub(super) tail: Apart,
    /// Where the oldest record begins. At most the position in `tail`; changed under `reader`, or while `IDLE`.
    pub(super) head: Apart,
    pub(super) words: Box<[AtomicU64]>,
    /// Held by the thread that takes records out: see [`Reader`](super::reader::Reader).
    pub(super) reader: Mutex<()>,
}

/// A record that was pushed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Pushed {
    /// Where it ends.
    pub(crate) end: u64,
    /// The reader rested, and must be woken by who got this.
    pub(crate) wake: bool,
    /// With this record the ring is half full.
    pub(crate) is_half: bool,
}

/// Why a record was not pushed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Refused {
    /// There is no room.
    Full,
    /// There would be none if the ring were empty.
    TooLong,
    /// The ring is closed.
    Closed,
}

/// What a record is pushed with, beside its bytes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Label {
    /// At most [`MAX_TAG`].
    pub(crate) tag: u32,
    pub(crate) stamp: u64,
}

impl Ring {
    /// A ring of `capacity` bytes, a power of two of at least eight.
    pub(crate) fn new(capacity: usize) -> Self {
        debug_assert!(capacity.is_power_of_two() && capacity >= WORD as usize, "{capacity} bytes are not a ring");
        Ring {
            tail: Apart(AtomicU64::new(IDLE)),
            head: Apart(AtomicU64::new(0)),
            words: zeros(capacity / WORD as usize),
            reader: Mutex::new(()),
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
        // Acquire, here and in the exchange: `head`, which is read next, must not be older than what the one who wrote this tail had
        // moved it up to, else the ring would look full.
        let mut tail = self.tail.0.load(Acquire);
        loop {
            if tail & CLOSED != 0 {
                return Err(Refused::Closed);
            }
            let start = tail & !FLAGS;
            let used = if tail & IDLE != 0 {
                self.move_head_up(start);
                0
            } else {
                // Acquire: the words that `head` sets free were zeroed before it was stored. With Relaxed, what is written there now
                // could come first and be zeroed.
                start.wrapping_sub(self.head.0.load(Acquire))
            };
            // A head beyond this tail, which wraps to something huge, means that the tail is not this any more.
            if used > capacity - size {
                let now = self.tail.0.load(Acquire);
                if now == tail {
                    return Err(Refused::Full);
                }
                tail = now;
                continue;
            }
            // Release: a reader who finds the ring empty up to here, or another who pushes, sees the head that was moved up above.
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

    /// Writes a record into its place.
    #[inline]
    pub(super) fn commit(&self, start: u64, label: Label, bytes: &[u8]) {
        let first = self.index(start);
        // Relaxed, all but the last: it is the header that shows them.
        self.words[self.wrap(first + 1)].store(label.stamp, Relaxed);
        let (chunks, rest) = bytes.as_chunks::<{ WORD as usize }>();
        let at = self.wrap(first + 2);
        let (here, wrapped) = chunks.split_at(chunks.len().min(self.words.len() - at));
        copy_in(&self.words[at..], here);
        copy_in(&self.words, wrapped);
        if !rest.is_empty() {
            let mut last = [0; WORD as usize];
            last[..rest.len()].copy_from_slice(rest);
            self.words[self.wrap(first + 2 + chunks.len())].store(u64::from_ne_bytes(last), Relaxed);
        }
        let header = COMMITTED | u64::from(label.tag) << 32 | bytes.len() as u64;
        // Release: who reads the header reads the rest of the record too, not what was there before.
        self.words[first].store(header, Release);
    }

    /// Moves `head` to `start`, where `tail` is or was with `IDLE`: everything before was taken out.
    pub(super) fn move_head_up(&self, start: u64) {
        let head = self.head.0.load(Acquire);
        // Never down: if `tail` has moved on since it was read, so may `head` have.
        if head < start {
            // A failure means that another thread has done it. Release, as where the reader stores it; Acquire, to pass that on.
            let _ = self.head.0.compare_exchange(head, start, AcqRel, Acquire);
        }
    }

    /// True if there was nobody who would take out: whoever gets this must see to it that somebody does.
    pub(crate) fn rouse(&self) -> bool {
        self.change_tail(|tail| tail & !IDLE)
    }

    /// Accepts nothing more. True if there was nobody who would take out what is left, or find that nothing is.
    pub(crate) fn close(&self) -> bool {
        self.change_tail(|tail| (tail | CLOSED) & !IDLE)
    }

    /// Changes the flags of `tail`; true if that cleared `IDLE`.
    fn change_tail(&self, change: impl Fn(u64) -> u64) -> bool {
        let mut tail = self.tail.0.load(Acquire);
        loop {
            if tail & IDLE != 0 {
                self.move_head_up(tail & !FLAGS);
            }
            // As in `push`.
            match self.tail.0.compare_exchange_weak(tail, change(tail), AcqRel, Acquire) {
                Ok(_) => return tail & IDLE != 0,
                Err(now) => tail = now,
            }
        }
    }

    /// Where it rests, if it does: all that was pushed before is taken out, and what came of it settled by whoever took it.
    pub(crate) fn rests_at(&self) -> Option<u64> {
        // One reading: between two, others could push and take out.
        let tail = self.tail.0.load(Acquire);
        (tail & IDLE != 0).then_some(tail & !FLAGS)
    }

    /// Where the newest record ends.
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

/// So many zeros, of which the operating system gives none before they are used (if the allocator asks it for them, as for large pieces it
/// does at first; one that was freed before may be zeroed at once).
#[cfg(not(logscope_loom))]
fn zeros(count: usize) -> Box<[AtomicU64]> {
    bytemuck::zeroed_slice_box(count)
}

#[cfg(logscope_loom)]
fn zeros(count: usize) -> Box<[AtomicU64]> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

/// What a record of so many bytes takes in a ring.
pub(super) fn size_of_record(bytes: usize) -> u64 {
    HEAD_BYTES + (bytes as u64).next_multiple_of(WORD)
}
