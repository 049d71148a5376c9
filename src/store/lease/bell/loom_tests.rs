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

/// One releases the lease while another looks once by `look`, which returns up to which ring it has looked, and whether the lease was free. If it was
/// not, the bell must have rung since, or will: then it looks again. Nobody waits here, because loom aborts where a deadlock ends a wait.
fn check_look(look: fn(&Lease) -> (u64, bool), release: fn(&Lease)) {
    loom::model(move || {
        let lease = Arc::new(Lease { is_free: AtomicBool::new(false), bell: Bell::new() });
        let thread = thread::spawn({
            let lease = Arc::clone(&lease);
            move || look(&lease)
        });
        release(&lease);
        let (rings, is_free) = thread.join().unwrap();
        assert!(is_free || lease.bell.rings() > rings, "nobody wakes it");
    });
}

fn look(lease: &Lease) -> (u64, bool) {
    let rings = lease.bell.rings();
    (rings, lease.is_free.load(Ordering::Acquire))
}

#[test]
fn loom_whoever_looked_too_early_is_woken() {
    check_look(look, release);
}

/// Asks how often it has rung after the look.
#[test]
#[should_panic(expected = "nobody wakes it")]
fn loom_who_asks_for_the_rings_after_the_look_misses_a_release() {
    let late = |lease: &Lease| {
        let is_free = lease.is_free.load(Ordering::Acquire);
        (lease.bell.rings(), is_free)
    };
    check_look(late, release);
}

/// Rings before the lease is free.
#[test]
#[should_panic(expected = "nobody wakes it")]
fn loom_a_ring_before_the_release_is_missed() {
    let early = |lease: &Lease| {
        lease.bell.ring();
        lease.is_free.store(true, Ordering::Release);
    };
    check_look(look, early);
}
