//! What a forked child says of itself in the record of a lock. A binary of its own, because it forks.

#![cfg(all(target_os = "linux", feature = "lock"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/fork.rs"]
mod fork;

use std::fs;
use std::path::Path;
use std::thread;

use logscope::lock::FileLock;

/// When this process was started, in hundredths of a second since the system was.
fn own_start() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    stat.rsplit_once(") ").unwrap().1.split(' ').nth(19).unwrap().parse().unwrap()
}

/// Now, in the same unit.
fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    u64::try_from(time.tv_sec * 100 + time.tv_nsec / 10_000_000).unwrap()
}

/// The record of a lock that this process takes has its own PID, and says when this process was started.
fn assert_own_record(path: &Path) {
    let guard = FileLock::new(path).silent(true).try_acquire().unwrap().expect("the lock is free");
    let folder = path.with_file_name(format!("{}.holders", path.file_name().unwrap().display()));
    let record = fs::read_to_string(folder.join(guard.token().to_string())).unwrap();
    let lines: Vec<&str> = record.lines().collect();
    let expected = [format!("pid={}", std::process::id()), format!("started={}", own_start())];
    assert!(expected.iter().all(|line| lines.contains(&&**line)), "{record} has not {expected:?}");
    guard.release().unwrap();
}

/// A child that would give the start of its parent would be taken for dead by everybody.
#[test]
fn each_forked_child_says_when_it_was_started_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    assert_own_record(&path);
    let parents = own_start();
    while now() <= parents + 1 {
        thread::yield_now();
    }
    fork::fork(|| {
        assert_ne!(own_start(), parents);
        assert_own_record(&path);
    });
    fork::fork_unnoticed(|| assert_own_record(&path));
    assert_own_record(&path);
}
