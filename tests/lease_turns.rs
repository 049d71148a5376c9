//! Processes that want one lease again and again: each has its turn.

#![cfg(all(feature = "store", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use child::{Child, in_child};
use common::{DEADLINE, wait_until};
use logscope::store::{FolderLeases, Lease, MemoryLeases};
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

#[test]
fn who_comes_back_after_a_long_hold_pauses_and_who_holds_it_shortly_does_not() {
    let lease = Lease::new(MemoryLeases::new(), "uno");
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
