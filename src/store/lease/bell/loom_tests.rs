//! Every interleaving of threads that wait for a lease and one that releases it: each is woken, and none misses the release. In a model no time passes, so one that
//! misses it waits for ever.

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::*;
use crate::sync::model::Arc;

struct Lease {
    is_free: AtomicBool,
    bell: Bell,
}

/// One releases the lease while `waiters` try to get it by `wait`.
fn check(waiters: usize, wait: fn(&Lease), release: fn(&Lease)) {
    loom::model(move || {
        let lease = Arc::new(Lease { is_free: AtomicBool::new(false), bell: Bell::new() });
        let threads: Vec<_> = (0..waiters)
            .map(|_| {
                let lease = Arc::clone(&lease);
                thread::spawn(move || wait(&lease))
            })
            .collect();
        release(&lease);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

/// As an acquisition and a keeper do it: the number of rings first, then the attempt.
fn wait(lease: &Lease) {
    loop {
        let rings = lease.bell.rings();
        if lease.is_free.load(Ordering::Acquire) {
            return;
        }
        lease.bell.wait(rings, Duration::MAX);
    }
}

fn release(lease: &Lease) {
    lease.is_free.store(true, Ordering::Release);
    lease.bell.ring();
}

#[test]
fn loom_nobody_misses_a_release() {
    check(1, wait, release);
    check(2, wait, release);
}

/// Asks how often it has rung after the attempt.
#[test]
#[should_panic(expected = "deadlock")]
fn loom_who_asks_for_the_rings_after_the_attempt_misses_a_release() {
    let late = |lease: &Lease| {
        while !lease.is_free.load(Ordering::Acquire) {
            let rings = lease.bell.rings();
            lease.bell.wait(rings, Duration::MAX);
        }
    };
    check(1, late, release);
}

/// Rings before the lease is free.
#[test]
#[should_panic(expected = "deadlock")]
fn loom_a_ring_before_the_release_is_missed() {
    let early = |lease: &Lease| {
        lease.bell.ring();
        lease.is_free.store(true, Ordering::Release);
    };
    check(1, wait, early);
}
