//! How much memory an idle context takes: a server may have a hundred thousand of them.
//!
//! The allocator of this binary counts the bytes that are asked for. It has one test, so nothing else allocates meanwhile.

#![allow(clippy::unwrap_used)]

use std::alloc::{self, GlobalAlloc, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use logscope::{LevelFilter, OutputContext};

struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on unchanged to the system's allocator. The other methods of the trait call these two.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: alloc::Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: alloc::Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const CONTEXTS: usize = 1_000;

/// Returns how many bytes each of many contexts takes that `make` makes, rounded up.
fn bytes_of_each(make: impl Fn() -> OutputContext) -> usize {
    let mut contexts = Vec::with_capacity(CONTEXTS);
    let before = BYTES.load(Ordering::Relaxed);
    contexts.extend((0..CONTEXTS).map(|_| make()));
    let after = BYTES.load(Ordering::Relaxed);
    drop(contexts);
    (after - before).div_ceil(CONTEXTS)
}

#[test]
fn an_idle_context_takes_less_than_300_bytes() {
    let new = || OutputContext::builder("uno").build();
    // The list of all contexts has room after that.
    bytes_of_each(new);
    let bytes = bytes_of_each(new);
    assert!((100..300).contains(&bytes), "a context takes {bytes} bytes");
    let uno = new();
    let derive = || uno.with_verbosity(LevelFilter::TRACE);
    // All members of a family are in one part of the list.
    bytes_of_each(derive);
    let derived = bytes_of_each(derive);
    assert!((50..150).contains(&derived), "a derived context takes {derived} bytes");
}
