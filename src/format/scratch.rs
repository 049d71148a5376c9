//! The buffers into which a thread renders.
//!
//! They are taken *out* of a thread-local and put back afterwards, so that nothing is borrowed while a program's own `Debug`
//! runs: an event that is logged from inside one takes another buffer. In a thread-local's destructor, when the pool may be
//! gone already, buffers are allocated afresh.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use super::Renderer;
use crate::record::Record;

/// A buffer that grew beyond this is not kept: one huge record must not hold its memory for the life of the thread.
const KEEP_CAPACITY: usize = 64 << 10;
/// How many buffers a thread keeps: a line and a side buffer for each of the four levels at which a value may log itself.
const KEEP_BUFFERS: usize = 8;
/// What a fresh buffer has room for: most lines are shorter.
const FIRST_CAPACITY: usize = 512;

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer from the thread's pool, which takes it back when this is dropped, even by a panic.
#[derive(Debug)]
pub(crate) struct Buffer(Vec<u8>);

impl Buffer {
    /// Takes a buffer from this thread's pool, or allocates one.
    pub(crate) fn take() -> Self {
        let pooled = POOL.try_with(|pool| pool.try_borrow_mut().ok()?.pop()).ok().flatten();
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
        // Where the pool is gone or full the buffer is freed, after the borrow.
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

/// One thread's rendering of one record at a time: views of equal format share it.
#[derive(Debug)]
pub(crate) struct Scratch {
    line: Buffer,
    /// Whose rendering `line` holds.
    rendered_by: Option<Renderer>,
}

impl Scratch {
    /// Begins a record: what was rendered before is no longer of use.
    pub(crate) fn begin(&mut self) {
        self.rendered_by = None;
    }

    /// The line that `renderer` makes of `record`: rendered now, or the last rendering since [`begin`](Scratch::begin), if an
    /// equal renderer made it.
    pub(crate) fn line(&mut self, renderer: &Renderer, record: &Record<'_>) -> &[u8] {
        if self.rendered_by.as_ref() != Some(renderer) {
            // None until the line is whole: a panic may leave it half done.
            self.rendered_by = None;
            self.line.clear();
            renderer.render(record, &mut self.line);
            self.rendered_by = Some(renderer.clone());
        }
        &self.line
    }
}

/// Calls `f` with a scratch of its own; a call inside it gets another.
pub(crate) fn with_scratch<R>(f: impl FnOnce(&mut Scratch) -> R) -> R {
    f(&mut Scratch { line: Buffer::take(), rendered_by: None })
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::test_support::Fixture;
    use super::super::{Format, Screen};
    use super::*;

    fn pooled() -> usize {
        POOL.with(|pool| pool.borrow().len())
    }

    #[test]
    fn equal_renderers_share_a_rendering_of_one_record() {
        /// Counts how often it is rendered.
        struct Counts(AtomicUsize);
        impl fmt::Debug for Counts {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0.fetch_add(1, Ordering::Relaxed))
            }
        }
        let counts = Counts(AtomicUsize::new(0));
        let [json, other] = [true, false].map(|seq| Renderer::new(&Format::json().seq(seq), Screen::None));
        let see = move |record: &Record<'_>| {
            with_scratch(|scratch| {
                let mut rendering = |renderer: &Renderer| {
                    let line = std::str::from_utf8(scratch.line(renderer, record)).unwrap();
                    let (_, count) = line.split_once("\"count\":\"").unwrap();
                    (count.split('"').next().unwrap().to_owned(), line.contains("\"seq\""))
                };
                let first = [rendering(&json), rendering(&json.clone()), rendering(&other), rendering(&other)];
                scratch.begin();
                let line = scratch.line(&other, record).to_vec();
                (first, String::from_utf8(line).unwrap())
            })
        };
        let seen = Fixture::new().capture(|| tracing::info!(count = ?counts), see);
        let (first, line) = &seen[0];
        assert_eq!(
            first.each_ref().map(|(count, seq)| (count.as_str(), *seq)),
            [("0", true), ("0", true), ("1", false), ("1", false)]
        );
        assert!(line.contains("\"count\":\"2\""), "after `begin` nothing is shared: {line}");
    }

    #[test]
    fn nested_calls_get_buffers_of_their_own_and_all_are_kept() {
        with_scratch(|outer| {
            outer.line.extend_from_slice(b"outer");
            with_scratch(|inner| {
                assert!(inner.line.is_empty());
                inner.line.extend_from_slice(b"inner");
            });
            assert_eq!(&outer.line[..], b"outer");
        });
        assert_eq!(pooled(), 2);
        assert!(Buffer::take().is_empty());
    }

    #[test]
    fn a_panic_gives_the_buffer_back() {
        let result = catch_unwind(AssertUnwindSafe(|| {
            with_scratch(|scratch| {
                scratch.line.extend_from_slice(b"half");
                std::panic::resume_unwind(Box::new(()))
            })
        }));
        let () = result.unwrap_err().downcast().map(|payload| *payload).unwrap();
        assert_eq!(pooled(), 1);
        assert!(Buffer::take().is_empty());
    }

    #[test]
    fn a_huge_buffer_is_not_kept() {
        Buffer::take().resize(KEEP_CAPACITY + 1, 0);
        assert_eq!(pooled(), 0);
        Buffer::take().resize(KEEP_CAPACITY, 0);
        assert_eq!(pooled(), 1);
    }

    #[test]
    fn the_pool_is_bounded() {
        let buffers: Vec<_> = (0..KEEP_BUFFERS + 3).map(|_| Buffer::take()).collect();
        drop(buffers);
        assert_eq!(pooled(), KEEP_BUFFERS);
    }

    #[test]
    fn thread_local_destructors_can_render() {
        struct Last;
        impl Drop for Last {
            fn drop(&mut self) {
                // Whichever of the two is destroyed first, one of the two orders below meets a pool that is gone.
                with_scratch(|scratch| scratch.line.push(b'x'));
            }
        }
        thread_local!(static LAST: Last = const { Last });
        for pool_first in [false, true] {
            let thread = std::thread::spawn(move || {
                if pool_first {
                    drop(Buffer::take());
                }
                LAST.with(|_| {});
                drop(Buffer::take());
            });
            thread.join().unwrap();
        }
    }
}
