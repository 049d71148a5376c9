//! The array of a [`Ring`](super::ring::Ring), whose memory an idle ring gives back.

use std::ops::Deref;

use crate::sync::model::AtomicU64;

/// A fixed number of words, all zero at first.
#[derive(Debug)]
pub(super) struct Words(Box<[AtomicU64]>);

impl Deref for Words {
    type Target = [AtomicU64];

    #[inline]
    fn deref(&self) -> &[AtomicU64] {
        &self.0
    }
}

impl Words {
    /// Allocates zeroed words. The operating system provides their memory only when they are used, if the allocator asks it for zeroed
    /// pages: it does so for large allocations at first, but may zero memory that was freed before at once.
    #[cfg(not(logscope_loom))]
    pub(super) fn new(count: usize) -> Self {
        Words(bytemuck::zeroed_slice_box(count))
    }

    #[cfg(logscope_loom)]
    pub(super) fn new(count: usize) -> Self {
        Words((0..count).map(|_| AtomicU64::new(0)).collect())
    }

    /// Gives the memory of all whole pages back to the operating system, which provides new pages of zeros when they are used. The words
    /// must be zero, and what other threads write meanwhile is lost.
    ///
    /// Does nothing where the operating system offers no such call, and under Miri.
    #[cfg(all(target_os = "linux", not(logscope_loom), not(miri)))]
    pub(super) fn give_back(&self) {
        use rustix::mm::{Advice, madvise};
        use rustix::param::page_size;

        let (start, page) = (self.0.as_ptr(), page_size());
        let skipped = start.addr().next_multiple_of(page) - start.addr();
        let bytes = size_of_val::<[AtomicU64]>(&self.0).saturating_sub(skipped) / page * page;
        if bytes > 0 {
            let first = start.wrapping_byte_add(skipped).cast_mut().cast();
            // SAFETY:
            // - The range lies inside this allocation, which lives as long as `self`, and begins and ends between pages. So no other object
            //   is in it.
            // - The call sets the range to zero, or does nothing (if the memory is locked, or huge). The words are atomics, which may change
            //   at any time, and zero is one of their values.
            let _refused = unsafe { madvise(first, bytes, Advice::LinuxDontNeed) };
        }
    }

    #[cfg(all(not(target_os = "linux"), not(logscope_loom)))]
    pub(super) fn give_back(&self) {}

    #[cfg(all(target_os = "linux", not(logscope_loom), miri))]
    pub(super) fn give_back(&self) {}

    /// What the operating system does, for loom.
    #[cfg(logscope_loom)]
    pub(super) fn give_back(&self) {
        self.0.iter().for_each(|word| word.store(0, crate::sync::Ordering::Relaxed));
    }
}
