//! The pool of byte buffers that each thread renders into.
//!
//! A buffer is taken *out* of a thread-local and put back afterwards, so that nothing is borrowed while a program's own `Debug`
//! runs: an event that is logged from inside one takes another buffer. In a destructor of a thread-local, when the pool may
//! already be destroyed, a buffer is allocated and freed.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

/// A buffer that grew beyond this is freed: one huge record must not hold its memory for the life of the thread.
const KEEP_CAPACITY: usize = 64 << 10;
/// How many buffers a thread keeps: a line and a side buffer for each of the four levels at which a value may log itself.
const KEEP_BUFFERS: usize = 8;
/// The capacity of a new buffer: most lines are shorter.
const FIRST_CAPACITY: usize = 512;

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer from the thread's pool, which takes it back on drop, also when a panic drops it.
#[derive(Debug)]
pub(crate) struct Buffer(Vec<u8>);

impl Buffer {
    /// Takes a buffer from this thread's pool, or allocates one.
    pub(crate) fn take() -> Self {
        let pooled = POOL.try_with(|pool| pool.try_borrow_mut().ok()?.pop()).unwrap_or_default();
        Buffer(pooled.unwrap_or_else(|| Vec::with_capacity(FIRST_CAPACITY)))
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0);
        if bytes.capacity() > KEEP_CAPACITY {
            return;
        }
        bytes.clear();
        // If the pool is destroyed or full, the buffer is freed after the borrow has ended.
        let _ = POOL.try_with(|pool| {
            if let Ok(mut pool) = pool.try_borrow_mut()
                && pool.len() < KEEP_BUFFERS
            {
                pool.push(std::mem::take(&mut bytes));
            }
        });
    }
}

impl Deref for Buffer {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

#[cfg(test)]
mod tests;
