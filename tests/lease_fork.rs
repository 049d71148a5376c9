//! A forked child and the leases of its parent. A binary of its own, because it forks.

#![cfg(all(unix, feature = "store"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/fork.rs"]
mod fork;
#[path = "common/redis.rs"]
#[cfg(all(feature = "redis", feature = "testing"))]
mod redis;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use logscope::ErrorKind;
use logscope::store::{FolderLeases, Lease, LeaseBackend};

const DEADLINE: Duration = Duration::from_secs(60);

/// While threads of the parent take, wait for and release leases, a child that is forked off has a guard that holds nothing, and leases of its own.
fn a_child_has_none_of_its_parents_leases(backend: &Arc<dyn LeaseBackend>) {
    let lease = |name: &str| Lease::new(Arc::clone(backend), name).ttl(Duration::from_secs(120));
    let is_over = Arc::new(AtomicBool::new(false));
    let busy: Vec<_> = (0..3)
        .map(|_| {
            let (lease, is_over) = (lease("busy").keeper(true), Arc::clone(&is_over));
            thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    drop(lease.acquire(DEADLINE).unwrap());
                }
            })
        })
        .collect();
    let kept = lease("kept").keeper(true).acquire(DEADLINE).unwrap();
    for round in 0..10 {
        // In the child, this copy is dropped.
        let guard = lease("dropped").keeper(true).acquire(DEADLINE).unwrap();
        let mut guard = Some(guard);
        fork::fork(|| {
            for error in [kept.verify().unwrap_err(), kept.renew().unwrap_err()] {
                assert_eq!(error.kind(), ErrorKind::NotHolder);
            }
            assert!(kept.remaining().is_zero());
            drop(guard.take());
            assert!(lease("dropped").try_acquire().unwrap().is_none(), "it is the parent's");
            lease(&format!("child {round}")).keeper(true).acquire(DEADLINE).unwrap().release().unwrap();
        });
        guard.unwrap().release().unwrap();
        kept.verify().unwrap();
    }
    is_over.store(true, Ordering::Relaxed);
    busy.into_iter().for_each(|thread| thread.join().unwrap());
    kept.release().unwrap();
}

#[test]
fn a_child_has_none_of_its_parents_leases_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let backend: Arc<dyn LeaseBackend> = Arc::new(FolderLeases::new(folder.path()));
    a_child_has_none_of_its_parents_leases(&backend);
}

/// What the child has is a copy, or nothing where a thread of the parent was changing it: no thread of the child frees that.
#[test]
fn a_child_never_waits_for_leases_in_the_memory_of_its_parent() {
    let leases = logscope::store::MemoryLeases::new();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let lease = Lease::new(leases.clone(), "busy");
                while !is_over.load(Ordering::Relaxed) {
                    let _ = lease.holder().unwrap();
                }
            });
        }
        for _ in 0..50 {
            fork::fork(|| drop(Lease::new(leases.clone(), "own").acquire(DEADLINE).unwrap()));
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

#[cfg(all(feature = "redis", feature = "testing"))]
#[test]
fn a_child_has_none_of_its_parents_leases_in_redis() {
    let Some(server) = redis::server() else { return };
    let leases = logscope::store::RedisLeases::connect(server.url(), logscope::store::RedisOptions::new()).unwrap();
    let backend: Arc<dyn LeaseBackend> = Arc::new(leases);
    a_child_has_none_of_its_parents_leases(&backend);
}
