//! Processes that want one lease again and again: each has its turn.

#![cfg(all(feature = "store", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
mod common;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use child::{Child, in_child};
use common::{DEADLINE, wait_until};
use logscope::store::{FolderLeases, Lease, LeaseBackend, LeaseClaim, LeaseState, MemoryLeases};
use serde_json::json;

/// How long each holds the lease: the work of a build.
const WORK: Duration = Duration::from_millis(100);

fn stop(folder: &Path) -> PathBuf {
    folder.join("stop")
}

/// Takes the lease without a pause until it is told to stop. Says each time that it has had it.
fn take_turns(folder: &Path, own: &Path) -> u64 {
    let lease = Lease::new(FolderLeases::new(folder.join("leases")), "uno");
    let mut turns = 0_u64;
    while !stop(folder).exists() {
        let guard = lease.acquire(DEADLINE).unwrap();
        thread::sleep(WORK);
        guard.release().unwrap();
        turns += 1;
        fs::write(own.join("turns"), turns.to_string()).unwrap();
    }
    turns
}

#[test]
fn processes_that_come_back_at_once_let_one_another_have_the_lease() {
    const ROLE: &str = "processes_that_come_back_at_once_let_one_another_have_the_lease";
    in_child(ROLE, |own| json!(take_turns(Path::new(&std::env::var_os("FOLDER").unwrap()), own)));
    let folder = tempfile::tempdir().unwrap();
    let children: Vec<_> = (0..3).map(|_| Child::new(ROLE).var("FOLDER", folder.path().display()).start()).collect();
    let turns =
        |folder: &Path| fs::read_to_string(folder.join("turns")).ok().and_then(|turns| turns.parse::<u64>().ok());
    let all = || -> Vec<u64> { children.iter().filter_map(|child| turns(child.folder())).collect() };
    let mut first = Vec::new();
    // They start one after the other, and only from then on do all of them want it.
    wait_until("each has had a turn", || {
        first = all();
        first.len() == children.len()
    });
    wait_until("they have had 30 turns more", || all().iter().sum::<u64>() >= first.iter().sum::<u64>() + 30);
    fs::write(stop(folder.path()), "").unwrap();
    let turns: Vec<_> = children.into_iter().map(|child| child.wait().report.as_u64().unwrap()).collect();
    assert!(turns.iter().zip(&first).all(|(turns, first)| *turns >= first + 3), "{turns:?} after {first:?}");
}

/// Leases that other processes could have.
#[derive(Debug)]
struct Shared(MemoryLeases);

impl LeaseBackend for Shared {
    fn place(&self, name: &str) -> String {
        self.0.place(name)
    }

    fn observe(&self, name: &str) -> io::Result<LeaseState> {
        self.0.observe(name)
    }

    fn acquire(&self, name: &str, seen: &LeaseState, claim: &LeaseClaim) -> io::Result<Option<u64>> {
        self.0.acquire(name, seen, claim)
    }

    fn renew(&self, name: &str, claim: &LeaseClaim) -> io::Result<bool> {
        self.0.renew(name, claim)
    }

    fn release(&self, name: &str, claim: &LeaseClaim) -> io::Result<bool> {
        self.0.release(name, claim)
    }

    fn break_lease(&self, name: &str, seen: &LeaseState) -> io::Result<bool> {
        self.0.break_lease(name, seen)
    }
}

#[test]
fn threads_that_come_back_at_once_let_one_another_have_the_lease() {
    let lease = Lease::new(MemoryLeases::new(), "uno");
    let (turns, is_over) = ([const { AtomicU64::new(0) }; 3], AtomicBool::new(false));
    thread::scope(|scope| {
        for own in &turns {
            let (lease, is_over) = (&lease, &is_over);
            scope.spawn(move || {
                while !is_over.load(Relaxed) {
                    let guard = lease.acquire(DEADLINE).unwrap();
                    thread::sleep(WORK / 10);
                    guard.release().unwrap();
                    own.fetch_add(1, Relaxed);
                }
            });
        }
        wait_until("each has had five turns", || turns.iter().all(|turns| turns.load(Relaxed) >= 5));
        is_over.store(true, Relaxed);
    });
}

#[test]
fn who_comes_back_after_a_long_hold_pauses_and_who_holds_it_shortly_does_not() {
    let lease = Lease::new(Shared(MemoryLeases::new()), "uno");
    let guard = lease.acquire(DEADLINE).unwrap();
    thread::sleep(Duration::from_millis(400));
    let released = Instant::now();
    guard.release().unwrap();
    // One attempt does not wait, for nobody either.
    drop(lease.try_acquire().unwrap().unwrap());
    drop(lease.acquire(Duration::ZERO).unwrap());
    // Those were held for no time at all, but the pause of the first goes on.
    drop(lease.acquire(DEADLINE).unwrap());
    assert!(released.elapsed() >= Duration::from_millis(45), "{:?}", released.elapsed());
    // 200 of them at once would take 10 s if each paused for as long.
    let start = Instant::now();
    (0..200).for_each(|_| drop(lease.acquire(DEADLINE).unwrap()));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
