//! An allocator that counts, so that "allocates nothing" is measured.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// How often this thread asked for memory. Without destructor, so that it can be counted at any time.
    static REQUESTS: Cell<u64> = const { Cell::new(0) };
    /// How many bytes this thread has asked for, less those that it gave back.
    static HELD: Cell<i64> = const { Cell::new(0) };
}

/// How often this thread has asked for memory so far.
pub fn requests() -> u64 {
    REQUESTS.get()
}

/// How many bytes this thread has asked for and not given back. What another thread frees stays counted.
pub fn held() -> i64 {
    HELD.get()
}

fn count(bytes: usize) {
    REQUESTS.set(REQUESTS.get() + 1);
    hold(bytes as i64);
}

fn hold(bytes: i64) {
    HELD.set(HELD.get() + bytes);
}

/// The system's allocator, with a count of the requests of each thread.
pub struct Counting;

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract; counting neither allocates
// nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        hold(-(layout.size() as i64));
        // SAFETY: the caller's promise, passed on.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        hold(-(layout.size() as i64));
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(block, layout) }
    }
}
