//! The pool of byte buffers that each thread renders into.
//!
//! A buffer is taken *out* of a thread-local and put back afterwards, so that nothing is borrowed while a program's own `Debug`
//! runs: an event that is logged from inside one takes another buffer. In a destructor of a thread-local, when the pool may
//! already be destroyed, a buffer is allocated and freed.

use crate::line_buffer::LineBuffer;

use std::cell::{Cell, RefCell};
use std::ops::{Deref, DerefMut};

/// A buffer that grew beyond this is freed: one huge record must not hold its memory for the life of the thread.
const KEEP_CAPACITY: usize = 64 << 10;
/// How many buffers a thread keeps: a line and a side buffer for each of the four levels at which a value may log itself.
const KEEP_BUFFERS: usize = 8;
/// The capacity of a new buffer: most lines are shorter.
const FIRST_CAPACITY: usize = 512;

thread_local! {
    static POOL: Pool = const { Pool { first: Cell::new(None), others: RefCell::new(Vec::new()) } };
}

/// Buffers that are not in use.
struct Pool {
    /// The one that is taken first: a value that logs itself is rare. Boxed, so that taking it moves one word.
    first: Cell<Option<Box<LineBuffer>>>,
    #[expect(clippy::vec_box, reason = "they are moved as boxes")]
    others: RefCell<Vec<Box<LineBuffer>>>,
}

impl Pool {
    #[cold]
    #[inline(never)]
    fn pop_other(&self) -> Option<Box<LineBuffer>> {
        self.others.try_borrow_mut().ok()?.pop()
    }

    /// Keeps `buffer`, or returns it, if there are enough.
    #[cold]
    #[inline(never)]
    fn push_other(&self, buffer: Box<LineBuffer>) -> Option<Box<LineBuffer>> {
        match self.others.try_borrow_mut() {
            Ok(mut others) if others.len() < KEEP_BUFFERS - 1 => {
                others.push(buffer);
                None
            }
            _ => Some(buffer),
        }
    }
}

/// An empty buffer from the thread's pool, which takes it back on drop, also when a panic drops it.
#[derive(Debug)]
pub(crate) struct Buffer(Option<Box<LineBuffer>>);

impl Buffer {
    /// Takes a buffer from this thread's pool, or allocates one.
    #[inline]
    pub(crate) fn take() -> Self {
        match POOL.try_with(|pool| pool.first.take().or_else(|| pool.pop_other())) {
            Ok(Some(pooled)) => Buffer(Some(pooled)),
            _ => Buffer(Some(new_buffer())),
        }
    }
}

#[cold]
#[inline(never)]
fn new_buffer() -> Box<LineBuffer> {
    Box::new(LineBuffer::with_capacity(FIRST_CAPACITY))
}

impl Drop for Buffer {
    #[inline(always)]
    fn drop(&mut self) {
        let Some(mut buffer) = self.0.take() else { return };
        if buffer.capacity() > KEEP_CAPACITY {
            return;
        }
        buffer.clear();
        // If the pool is destroyed or full, a buffer is freed after the borrow has ended.
        let _ = POOL.try_with(|pool| pool.first.replace(Some(buffer)).and_then(|before| pool.push_other(before)));
    }
}

impl Deref for Buffer {
    type Target = LineBuffer;

    #[inline]
    fn deref(&self) -> &LineBuffer {
        self.0.as_deref().expect("it is there until the drop")
    }
}

impl DerefMut for Buffer {
    #[inline]
    fn deref_mut(&mut self) -> &mut LineBuffer {
        self.0.as_deref_mut().expect("it is there until the drop")
    }
}

#[cfg(test)]
mod tests;
