//! The thread that renews a lease while its guard lives.

#![cfg(all(feature = "store", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod common;
#[path = "common/in_time.rs"]
mod in_time;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use common::{DEADLINE, poll, wait_until};
use in_time::{acquire_in_time, once_in_time};
use logscope::store::{Lease, LeaseBackend, LeaseClaim, LeaseGuard, LeaseState, MemoryLeases};
use logscope::{ErrorKind, Level, testing};

/// Leases in memory. Tells of each renewal, and does not answer while it is out of reach.
#[derive(Debug)]
struct Told {
    leases: MemoryLeases,
    renewals: Mutex<Sender<Instant>>,
    is_out_of_reach: Arc<AtomicBool>,
    /// How many milliseconds its answers take.
    takes: Arc<AtomicU64>,
}

fn told() -> (Told, Receiver<Instant>, Arc<AtomicBool>) {
    let ((sender, receiver), is_out_of_reach) = (channel(), Arc::new(AtomicBool::new(false)));
    let leases = MemoryLeases::new();
    let (renewals, takes) = (Mutex::new(sender), Arc::default());
    let backend = Told { leases, renewals, is_out_of_reach: Arc::clone(&is_out_of_reach), takes };
    (backend, receiver, is_out_of_reach)
}

impl LeaseBackend for Told {
    fn place(&self, name: &str) -> String {
        self.leases.place(name)
    }

    fn observe(&self, name: &str) -> io::Result<LeaseState> {
        self.leases.observe(name)
    }

    fn acquire(&self, name: &str, seen: &LeaseState, claim: &LeaseClaim) -> io::Result<Option<u64>> {
        let got = self.leases.acquire(name, seen, claim);
        thread::sleep(Duration::from_millis(self.takes.load(Ordering::SeqCst)));
        got
    }

    fn renew(&self, name: &str, claim: &LeaseClaim) -> io::Result<bool> {
        let _ = self.renewals.lock().unwrap().send(Instant::now());
        if self.is_out_of_reach.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let is_own = self.leases.renew(name, claim);
        thread::sleep(Duration::from_millis(self.takes.load(Ordering::SeqCst)));
        is_own
    }

    fn release(&self, name: &str, claim: &LeaseClaim) -> io::Result<bool> {
        self.leases.release(name, claim)
    }

    fn break_lease(&self, name: &str, seen: &LeaseState) -> io::Result<bool> {
        self.leases.break_lease(name, seen)
    }
}

/// Waits for so many renewals, and returns when each began. Fewer if the lease is lost before.
fn renewed(renewals: &Receiver<Instant>, guard: &LeaseGuard, count: usize) -> Vec<Instant> {
    let mut times = Vec::new();
    wait_until("it is renewed, or lost", || {
        times.extend(renewals.try_iter().take(count - times.len()));
        times.len() == count || guard.remaining().is_zero()
    });
    times
}

#[test]
fn the_time_counts_from_before_an_acquisition_and_a_renewal_begin() {
    let (backend, renewals, _) = told();
    let takes = Duration::from_millis(200);
    backend.takes.store(200, Ordering::SeqCst);
    let ttl = Duration::from_secs(100);
    let guard = Lease::new(backend, "uno").ttl(ttl).acquire(DEADLINE).unwrap();
    assert!(guard.remaining() <= ttl - takes, "{guard:?}");
    guard.renew().unwrap();
    assert!(guard.remaining() <= ttl - takes && guard.remaining() > ttl / 2, "{guard:?}");
    assert!(renewals.try_recv().is_ok());
}

#[test]
fn an_acquisition_that_takes_longer_than_the_ttl_is_an_error_and_leaves_nothing_behind() {
    let (backend, _renewals, _) = told();
    backend.takes.store(50, Ordering::SeqCst);
    let leases = backend.leases.clone();
    let error = Lease::new(backend, "uno").ttl(Duration::from_millis(20)).acquire(DEADLINE).unwrap_err();
    assert!(error.is_unreachable() && error.to_string().contains("too late"), "{error}");
    assert!(Lease::new(leases, "uno").try_acquire().unwrap().is_some());
}

#[test]
fn a_backend_of_the_program_that_is_out_of_reach_is_told_as_such_with_the_place_of_the_lease() {
    let (backend, _renewals, is_out_of_reach) = told();
    let guard = Lease::new(backend, "uno").acquire(DEADLINE).unwrap();
    is_out_of_reach.store(true, Ordering::SeqCst);
    let error = guard.renew().unwrap_err();
    assert!(error.is_unreachable(), "{error}");
    assert!(error.to_string().contains("cannot use the lease uno in the memory of this process"), "{error}");
    assert!(!guard.remaining().is_zero());
}

/// The backend has renewed it, but for a time the holder could not know that, and may have told somebody that the lease is lost.
#[test]
fn a_renewal_whose_answer_comes_when_the_time_is_over_is_a_loss() {
    let (backend, _renewals, _) = told();
    let takes = Arc::clone(&backend.takes);
    let guard = acquire_in_time(&Lease::new(backend, "uno").ttl(Duration::from_secs(1)).silent(true), DEADLINE);
    takes.store(1_100, Ordering::SeqCst);
    assert!(guard.renew().unwrap_err().is_lease_lost());
    assert!(guard.remaining().is_zero());
    assert!(guard.release().unwrap_err().is_lease_lost());
}

#[test]
fn a_keeper_renews_the_lease_and_ends_with_the_guard() {
    let (backend, renewals, _) = told();
    let ttl = Duration::from_secs(1);
    let lease = Lease::new(backend, "uno").ttl(ttl).keeper(true);
    once_in_time(|| {
        let start = Instant::now();
        let guard = acquire_in_time(&lease, DEADLINE);
        let mut times = renewed(&renewals, &guard, 5);
        let checked = guard.verify().and_then(|()| guard.release());
        times.insert(0, start);
        times.push(Instant::now());
        // A renewal begins after a third of the time.
        if times.windows(2).any(|times| times[1] - times[0] > ttl / 2) {
            let _of_the_last_guard = renewals.try_iter().count();
            return false;
        }
        checked.unwrap();
        assert!(times[5] - start > ttl, "{times:?}");
        true
    });
    drop(lease);
    // The keeper was the last that had the sender.
    wait_until("the keeper ends", || matches!(renewals.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected)));
}

/// While somebody else has the lease, and would have it for long.
#[test]
fn the_thread_of_a_dropped_future_ends() {
    let (backend, renewals, _) = told();
    let _guard = Lease::new(backend.leases.clone(), "uno").acquire(DEADLINE).unwrap();
    let mut waits = Box::pin(Lease::new(backend, "uno").acquire_async(Duration::MAX));
    assert!(poll(&mut waits).is_pending());
    drop(waits);
    assert_eq!(renewals.recv_timeout(DEADLINE), Err(RecvTimeoutError::Disconnected));
}

#[test]
fn a_keeper_is_woken_by_the_end_of_the_guard() {
    let (backend, renewals, _) = told();
    let start = Instant::now();
    drop(Lease::new(backend, "uno").ttl(Duration::from_secs(24 * 3600)).keeper(true).acquire(DEADLINE).unwrap());
    assert_eq!(renewals.recv_timeout(DEADLINE), Err(RecvTimeoutError::Disconnected));
    assert!(start.elapsed() < DEADLINE);
}

#[test]
fn a_keeper_tells_of_a_loss_once_and_in_the_context_of_the_holder() {
    testing::capture(|log| {
        let holder = log.context().child("holder").build();
        let (backend, renewals, _) = told();
        let ttl = Duration::from_secs(9);
        let lease = Lease::new(backend, "uno").ttl(ttl);
        let guard = holder.scope(|| lease.clone().keeper(true).acquire(DEADLINE)).unwrap();
        lease.break_lease().unwrap().unwrap();
        let warnings = log.records().level(Level::WARN).context("holder");
        warnings.clone().within(DEADLINE).first();
        assert!(guard.remaining().is_zero());
        assert!(guard.verify().unwrap_err().is_lease_lost());
        drop(guard);
        drop(lease);
        let ends = || matches!(renewals.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected));
        wait_until("the keeper ends", ends);
        let told = warnings.one();
        assert_eq!((told.message.as_str(), told.target.as_str()), ("a lease was lost", "logscope::store"));
        let error = told.field("error").and_then(|error| error.as_str());
        assert!(error.is_some_and(|error| error.contains("it was broken")), "{told:?}");
    });
}

#[test]
fn a_keeper_that_cannot_renew_tries_again_until_the_time_is_over() {
    let ttl = Duration::from_secs(2);
    let attempt = |log: &testing::Log| {
        let (backend, renewals, is_out_of_reach) = told();
        let lease = Lease::new(backend, "uno").ttl(ttl).keeper(true);
        let start = Instant::now();
        let guard = acquire_in_time(&lease, DEADLINE);
        is_out_of_reach.store(true, Ordering::SeqCst);
        let in_vain = renewed(&renewals, &guard, 3);
        is_out_of_reach.store(false, Ordering::SeqCst);
        let times = [vec![start], in_vain, renewed(&renewals, &guard, 2)].concat();
        let verified = guard.verify();
        // The attempts in vain end before half of the time is over, and what follows takes a third of it.
        if times.len() < 6 || times[4] - start > ttl * 3 / 4 || times[4].elapsed() > ttl * 3 / 4 {
            assert!(start.elapsed() > ttl * 3 / 4, "{times:?}");
            return false;
        }
        verified.unwrap();
        log.records().level(Level::WARN).none();

        is_out_of_reach.store(true, Ordering::SeqCst);
        log.records().level(Level::WARN).within(DEADLINE).first();
        assert!(guard.remaining().is_zero());
        assert_eq!(guard.release().unwrap_err().kind(), ErrorKind::LeaseLost);
        true
    };
    once_in_time(|| testing::capture(attempt));
}
