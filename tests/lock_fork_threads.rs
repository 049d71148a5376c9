//! A forked child whose threads wait for locks, while threads of its parent were waiting for others. A binary of its own, because it forks.

#![cfg(all(unix, feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/fork.rs"]
mod fork;

use std::thread;
use std::time::Duration;

use logscope::lock::{Mutex, Semaphore};
use logscope::testing::wait_until;

/// How long the threads may take on a busy machine until they wait.
const DEADLINE: Duration = Duration::from_secs(60);

/// So many that a table of all threads that wait, as parking_lot has one, would have to grow in the child, and their stacks are used again.
const PARENTS: usize = 8;
const CHILDREN: usize = 24;

#[test]
fn the_threads_of_a_child_wait_for_its_own_locks() {
    let semaphore = Semaphore::new(1).silent(true);
    let permit = semaphore.acquire().unwrap();
    thread::scope(|scope| {
        for _ in 0..PARENTS {
            scope.spawn(|| drop(semaphore.acquire().unwrap()));
        }
        wait_until(DEADLINE, || match semaphore.stats().waiting {
            PARENTS => Ok(()),
            waiting => Err(waiting),
        })
        .unwrap();
        for _ in 0..20 {
            fork::fork(|| {
                let locks: Vec<_> = (0..4).map(|_| Mutex::new(0).silent(true)).collect();
                thread::scope(|scope| {
                    for first in 0..CHILDREN {
                        let locks = &locks;
                        scope.spawn(move || {
                            for n in 0..100 {
                                let mut guard = locks[(first + n) % locks.len()].lock();
                                *guard += 1;
                                if n % 8 == 0 {
                                    thread::yield_now();
                                }
                            }
                        });
                    }
                });
                assert_eq!(locks.iter().map(|lock| *lock.lock()).sum::<usize>(), CHILDREN * 100);
            });
        }
        drop(permit);
    });
}
