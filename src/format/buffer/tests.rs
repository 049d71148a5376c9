//! Tests of `buffer`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

fn pooled() -> usize {
    POOL.with(|pool| {
        let first = pool.first.take();
        let count = usize::from(first.is_some()) + pool.others.borrow().len();
        pool.first.set(first);
        count
    })
}

#[test]
fn nested_buffers_are_distinct_and_all_are_kept() {
    {
        let mut outer = Buffer::take();
        outer.extend_from_slice(b"outer");
        let mut inner = Buffer::take();
        assert!(inner.is_empty());
        inner.extend_from_slice(b"inner");
        assert_eq!(&outer[..], b"outer");
    }
    assert_eq!(pooled(), 2);
    assert!(Buffer::take().is_empty());
}

#[test]
fn a_panic_gives_the_buffer_back() {
    let result = catch_unwind(AssertUnwindSafe(|| {
        Buffer::take().extend_from_slice(b"half");
        let _buffer = Buffer::take();
        std::panic::resume_unwind(Box::new(()))
    }));
    let () = result.unwrap_err().downcast().map(|payload| *payload).unwrap();
    assert_eq!(pooled(), 1);
    assert!(Buffer::take().is_empty());
}

#[test]
fn a_huge_buffer_is_freed() {
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
fn destructors_of_thread_locals_can_render() {
    struct Last;
    impl Drop for Last {
        fn drop(&mut self) {
            // Either this or the pool is destroyed first, so one of the two orders below finds the pool destroyed.
            Buffer::take().push(b'x');
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
