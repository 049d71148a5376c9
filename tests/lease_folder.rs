//! Leases in a folder: many contenders in several processes, some of which are killed, never get the same fencing number. A naive lease does in the
//! same harness.

#![cfg(all(feature = "store", feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
#[path = "common/contenders.rs"]
mod contenders;
#[path = "common/in_time.rs"]
mod in_time;

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use child::{ALARM, in_child};
use contenders::{TTL, assert_no_number_twice, contender, given, turmoil};
use logscope::lock::Token;
use logscope::store::{FolderLeases, Lease, LeaseBackend, LeaseClaim, LeaseHolder, LeaseState};
use logscope::testing::run_together;

/// A lease as one would write it first: a file with the state, which is read, compared, and replaced by a rename.
#[derive(Debug)]
struct Naive(PathBuf);

impl Naive {
    fn read(&self) -> String {
        match fs::read_to_string(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => "0 free 0".to_owned(),
            text => text.unwrap(),
        }
    }

    fn replace(&self, seen: &str, new: &str) -> bool {
        if self.read() != seen {
            return false;
        }
        static FILES: AtomicUsize = AtomicUsize::new(0);
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        let file = self.0.with_extension(format!("{}-{number}", std::process::id()));
        fs::write(&file, new).unwrap();
        fs::rename(&file, &self.0).unwrap();
        true
    }

    fn change(&self, claim: &LeaseClaim, change: impl FnOnce(u64, u64) -> String) -> io::Result<bool> {
        let seen = self.read();
        let parts: Vec<&str> = seen.split(' ').collect();
        let is_own = parts[1] == claim.token.to_string();
        Ok(is_own && self.replace(&seen, &change(parts[0].parse().unwrap(), parts[2].parse().unwrap())))
    }
}

impl LeaseBackend for Naive {
    fn place(&self, name: &str) -> String {
        name.to_owned()
    }

    fn observe(&self, _: &str) -> io::Result<LeaseState> {
        let version = self.read();
        let parts: Vec<&str> = version.split(' ').collect();
        let fence = parts[0].parse().unwrap();
        let holder = parts[1].parse::<Token>().ok().map(|token| LeaseHolder::unknown(token, TTL, fence));
        Ok(LeaseState { version, holder, left: None })
    }

    fn acquire(&self, _: &str, seen: &LeaseState, claim: &LeaseClaim) -> io::Result<Option<u64>> {
        let fence = seen.version.split(' ').next().unwrap().parse::<u64>().unwrap() + 1;
        Ok(self.replace(&seen.version, &format!("{fence} {} 0", claim.token)).then_some(fence))
    }

    fn renew(&self, _: &str, claim: &LeaseClaim) -> io::Result<bool> {
        self.change(claim, |fence, renewal| format!("{fence} {} {}", claim.token, renewal + 1))
    }

    fn release(&self, _: &str, claim: &LeaseClaim) -> io::Result<bool> {
        self.change(claim, |fence, _| format!("{fence} free 0"))
    }

    fn break_lease(&self, _: &str, _: &LeaseState) -> io::Result<bool> {
        Ok(false)
    }
}

fn lease(folder: &Path, backend: &str) -> Lease {
    match backend {
        "naive" => Lease::new(Naive(folder.join("naive")), "uno"),
        _ => Lease::new(FolderLeases::new(folder.join("leases")), "uno"),
    }
}

#[test]
fn contends() {
    in_child("contends", |_| contender(lease));
}

#[test]
fn contenders_that_are_killed_at_random_never_get_a_number_twice() {
    let folder = tempfile::tempdir().unwrap();
    assert_no_number_twice(folder.path(), "folder");
    let state = fs::read_dir(folder.path().join("leases/uno")).unwrap().count();
    assert_eq!(state, 1, "one file, whatever has happened");
    // Whoever is left over is dead. The next one gets the lease.
    lease(folder.path(), "folder").acquire(ALARM).unwrap().release().unwrap();
}

/// Nobody renames anything here, so a listing shows the file, or that there is no folder yet.
#[test]
fn a_folder_that_many_look_at_first_at_once_is_never_there_without_its_file() {
    const LOOKERS: usize = 32;
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let list = || -> Vec<_> {
            match fs::read_dir(folder.path().join("leases/uno")) {
                Err(error) if error.kind() == ErrorKind::NotFound => vec!["no folder yet".into()],
                listed => listed.unwrap().map(|entry| entry.unwrap().file_name()).collect(),
            }
        };
        let seen = run_together(LOOKERS, |_| {
            let before = list();
            assert!(lease(folder.path(), "folder").holder().unwrap().is_none());
            [before, list()]
        })
        .concat();
        let last = seen.last().unwrap();
        assert!(last.len() == 1 && last[0] != "no folder yet", "{last:?}");
        assert!(seen.iter().all(|seen| seen == last || *seen == ["no folder yet"]), "{seen:?}");
        // The folders that others had made are gone.
        let left: Vec<_> = fs::read_dir(folder.path().join("leases")).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }
}

/// A listing of a network file system may be behind: a rename is not.
#[test]
fn a_holder_verifies_its_lease_by_a_rename() {
    let folder = tempfile::tempdir().unwrap();
    let lease = lease(folder.path(), "folder");
    let guard = lease.try_acquire().unwrap().unwrap();
    let name = || fs::read_dir(folder.path().join("leases/uno")).unwrap().next().unwrap().unwrap().file_name();
    let before = name();
    guard.verify().unwrap();
    assert_ne!(name(), before);
    lease.break_lease().unwrap().unwrap();
    assert!(guard.verify().unwrap_err().is_lease_lost());
}

/// The harness sees what it looks for.
#[test]
fn a_naive_lease_gives_numbers_twice_in_the_same_harness() {
    let folder = tempfile::tempdir().unwrap();
    let has_doubles = || !given(folder.path()).1.is_empty();
    turmoil(folder.path(), "naive", |elapsed| has_doubles() || elapsed > ALARM / 2);
    assert!(has_doubles());
}
