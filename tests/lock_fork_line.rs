//! A forked child and a lock that threads of its parent waited for. A binary of its own, because it forks.

#![cfg(all(unix, feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/fork.rs"]
mod fork;

use std::future::Future as _;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use logscope::lock::{Mutex, Semaphore};
use logscope::testing::wait_until;

/// How long the threads may take on a busy machine until they wait.
const DEADLINE: Duration = Duration::from_secs(60);

#[test]
fn a_child_uses_a_lock_that_it_holds_and_for_which_threads_of_its_parent_waited() {
    let mutex = Arc::new(Mutex::new(0).silent(true));
    let semaphore = Arc::new(Semaphore::new(1).silent(true));
    let (mut guard, mut permit) = (Some(mutex.lock()), Some(semaphore.acquire().unwrap()));
    let one = thread::spawn({
        let mutex = Arc::clone(&mutex);
        move || *mutex.lock() += 1
    });
    let two = thread::spawn({
        let semaphore = Arc::clone(&semaphore);
        move || drop(semaphore.acquire().unwrap())
    });
    wait_until(DEADLINE, || match [mutex.stats().waiting, semaphore.stats().waiting] {
        [1, 1] => Ok(()),
        waiting => Err(waiting),
    })
    .unwrap();
    // And a future of this thread, which goes on in the child.
    let mut future = Box::pin(mutex.lock_async());
    let mut context = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());
    let mut dropped = Some(Box::pin(mutex.lock_async()));
    assert!(dropped.as_mut().unwrap().as_mut().poll(&mut context).is_pending());
    fork::fork(|| {
        drop(guard.take());
        let Poll::Ready(own) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("nobody else waits in this process")
        };
        assert!(mutex.try_lock().is_none());
        drop(own);
        drop(dropped.take());
        for time in 0..1_000 {
            assert!(mutex.lock_timeout(Duration::from_secs(1)).is_some(), "{time}");
        }
        drop(permit.take());
        assert!(semaphore.acquire_timeout(Duration::from_secs(1)).unwrap().is_some());
    });
    drop((guard, permit, dropped, future));
    one.join().unwrap();
    two.join().unwrap();
    assert_eq!(*mutex.lock(), 1);
}
