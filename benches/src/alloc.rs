//! An allocator that counts, so that "allocates nothing" is measured.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// How often this thread asked for memory. Without destructor, so that it can be counted at any time.
    static REQUESTS: Cell<u64> = const { Cell::new(0) };
}

/// How often this thread has asked for memory so far.
pub fn requests() -> u64 {
    REQUESTS.get()
}

fn count() {
    REQUESTS.set(REQUESTS.get() + 1);
}

/// The system's allocator, with a count of the requests of each thread.
pub struct Counting;

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract; counting neither allocates
// nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise, passed on.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(block, layout) }
    }
}
