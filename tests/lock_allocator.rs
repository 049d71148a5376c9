//! An allocator that takes a file lock, as one does that logs to an output under such a lock: no memory is requested or freed under a lock of the
//! library that this needs.
//!
//! A binary of its own, because it sets the allocator.

#![cfg(feature = "lock")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::on_thread;
use logscope::lock::FileLock;

thread_local! {
    static TAKES_LOCKS: Cell<bool> = const { Cell::new(false) };
}

static OWN: OnceLock<FileLock> = OnceLock::new();
static TAKEN: AtomicUsize = AtomicUsize::new(0);

struct TakesLocks;

fn take() {
    if TAKES_LOCKS.replace(false) {
        drop(OWN.get().unwrap().try_acquire());
        TAKEN.fetch_add(1, Ordering::Relaxed);
        TAKES_LOCKS.set(true);
    }
}

// SAFETY: it is the system's.
unsafe impl GlobalAlloc for TakesLocks {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take();
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        take();
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: TakesLocks = TakesLocks;

#[test]
fn an_allocator_may_take_a_file_lock_while_others_are_taken_and_released() {
    let folder = tempfile::tempdir().unwrap();
    OWN.set(FileLock::new(folder.path().join("own")).silent(true)).unwrap();
    drop(OWN.get().unwrap().try_acquire().unwrap());
    let locks: Vec<FileLock> =
        (0..40).map(|number| FileLock::new(folder.path().join(format!("{number}"))).silent(true)).collect();
    on_thread(move || {
        TAKES_LOCKS.set(true);
        let guards: Vec<_> = locks.iter().map(|lock| lock.try_acquire().unwrap().unwrap()).collect();
        drop(guards);
        TAKES_LOCKS.set(false);
        drop(folder);
    })();
    assert!(TAKEN.load(Ordering::Relaxed) > 40);
}
