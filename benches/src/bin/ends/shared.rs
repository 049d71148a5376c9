//! A page of memory that a child shares with its parent. A value that the child has stored there survives the child, however it ends,
//! and storing costs next to nothing.

use std::fs::OpenOptions;
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::mm::{MapFlags, ProtFlags, mmap};

use crate::Result;

/// The contents of the page, which are all zero at first.
///
/// Every access is sequentially consistent, because the two sides are processes and speed does not matter here.
#[repr(C)]
pub struct Shared {
    acknowledged: AtomicU64,
    /// The losses that the tool has counted itself, plus one.
    counted: AtomicU64,
    ready: AtomicU64,
    go: AtomicU64,
}

impl Shared {
    /// Maps the file at `path`, which is created if missing. It is never unmapped: a run maps a thousand such pages at most.
    pub fn open(path: &Path) -> Result<&'static Shared> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let length = size_of::<Shared>();
        file.set_len(length.try_into()?)?;
        // SAFETY:
        // - the address is chosen by the system, so that no other mapping is touched;
        // - the file is as long as the mapping and is not made shorter by anyone, so that no access faults.
        let page =
            unsafe { mmap(ptr::null_mut(), length, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, &file, 0) }?;
        // SAFETY:
        // - the mapping is readable, writable, as long as a `Shared`, aligned to a page, and never unmapped;
        // - any bytes are a valid `Shared`, which is atomics alone, and both processes access it as such alone.
        Ok(unsafe { &*page.cast::<Shared>() })
    }

    /// Counts a record whose log call has returned.
    pub fn acknowledge(&self) {
        self.acknowledged.fetch_add(1, Ordering::SeqCst);
    }

    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::SeqCst)
    }

    pub fn set_counted(&self, losses: u64) {
        self.counted.store(losses + 1, Ordering::SeqCst);
    }

    /// `None` if the tool counts nothing, or the child did not get that far.
    pub fn counted(&self) -> Option<u64> {
        self.counted.load(Ordering::SeqCst).checked_sub(1)
    }

    pub fn set_ready(&self) {
        self.ready.store(1, Ordering::SeqCst);
    }

    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::SeqCst) != 0
    }

    pub fn set_go(&self) {
        self.go.store(1, Ordering::SeqCst);
    }

    pub fn may_go(&self) -> bool {
        self.go.load(Ordering::SeqCst) != 0
    }
}
