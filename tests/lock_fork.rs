//! A forked child and the locks of its parent. A binary of its own, because it forks.

#![cfg(all(unix, feature = "lock"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/fork.rs"]
mod fork;

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use logscope::lock::{Mutex, Semaphore};

#[test]
fn a_child_uses_locks_that_were_free_and_never_gets_those_that_were_held() {
    let (free, held) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
    let semaphore = Semaphore::new(2);
    let (holds, is_held) = channel();
    let (let_go, may_go) = channel::<()>();
    let holder = thread::spawn({
        let held = Arc::clone(&held);
        move || {
            let guard = held.lock();
            holds.send(()).unwrap();
            let _ = may_go.recv();
            drop(guard);
        }
    });
    is_held.recv().unwrap();
    let permit = semaphore.acquire().unwrap();
    fork::fork(|| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let free = Arc::clone(&free);
                thread::spawn(move || (0..100).for_each(|_| *free.lock() += 1))
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(*free.lock(), 400);
        assert!(held.try_lock().is_none() && held.lock_timeout(Duration::from_millis(1)).is_none());
        assert_eq!(semaphore.available(), 1);
        drop(semaphore.try_acquire().unwrap().unwrap());
    });
    assert_eq!((*free.lock(), semaphore.available()), (0, 1));
    drop(permit);
    let_go.send(()).unwrap();
    holder.join().unwrap();
    assert!(held.try_lock().is_some());
}
