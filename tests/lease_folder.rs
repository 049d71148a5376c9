//! Leases in a folder: many contenders in several processes, some of which are killed, never get the same fencing number. A naive lease does in the
//! same harness.

#![cfg(feature = "store")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use child::{ALARM, Child, Running, in_child};
use logscope::Error;
use logscope::lock::Token;
use logscope::store::{FolderLeases, Lease, LeaseBackend, LeaseClaim, LeaseHolder, LeaseState};
use serde_json::{Value, json};

const TTL: Duration = Duration::from_millis(250);
const PROCESSES: usize = 4;
const THREADS: usize = 2;

fn random(below: u64) -> u64 {
    RandomState::new().hash_one(()) % below
}

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
        let file = self.0.with_extension(format!("{}", random(u64::MAX)));
        fs::write(&file, new).unwrap();
        fs::rename(&file, &self.0).unwrap();
        true
    }

    fn change(&self, claim: &LeaseClaim, change: impl FnOnce(u64, u64) -> String) -> Result<bool, Error> {
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

    fn observe(&self, _: &str) -> Result<LeaseState, Error> {
        let version = self.read();
        let parts: Vec<&str> = version.split(' ').collect();
        let fence = parts[0].parse().unwrap();
        let holder = parts[1].parse::<Token>().ok().map(|token| LeaseHolder::unknown(token, TTL, fence));
        Ok(LeaseState { version, holder, left: None })
    }

    fn acquire(&self, _: &str, seen: &LeaseState, claim: &LeaseClaim) -> Result<Option<u64>, Error> {
        let fence = seen.version.split(' ').next().unwrap().parse::<u64>().unwrap() + 1;
        Ok(self.replace(&seen.version, &format!("{fence} {} 0", claim.token)).then_some(fence))
    }

    fn renew(&self, _: &str, claim: &LeaseClaim) -> Result<bool, Error> {
        self.change(claim, |fence, renewal| format!("{fence} {} {}", claim.token, renewal + 1))
    }

    fn release(&self, _: &str, claim: &LeaseClaim) -> Result<bool, Error> {
        self.change(claim, |fence, _| format!("{fence} free 0"))
    }

    fn break_lease(&self, _: &str, _: &LeaseState) -> Result<bool, Error> {
        Ok(false)
    }
}

fn lease(folder: &Path, is_naive: bool) -> Lease {
    let lease = match is_naive {
        true => Lease::new(Naive(folder.join("naive")), "uno"),
        false => Lease::new(FolderLeases::new(folder.join("leases")), "uno"),
    };
    lease.ttl(TTL).silent(true)
}

/// Takes the lease again and again, and writes down each fencing number, until it is over.
fn contend(folder: &Path, is_naive: bool, is_over: &AtomicBool) {
    let lease = lease(folder, is_naive);
    let mut numbers = OpenOptions::new().append(true).create(true).open(folder.join("numbers")).unwrap();
    while !is_over.load(Ordering::Relaxed) {
        let guard = match lease.acquire(Duration::from_secs(30)) {
            Ok(guard) => guard,
            Err(error) if error.is_timeout() || error.is_lease_lost() => continue,
            Err(error) => panic!("{error:#}"),
        };
        numbers.write_all(format!("{} {}\n", guard.fence(), guard.token()).as_bytes()).unwrap();
        // Some renew it, some leave it to die, and some release it.
        match random(8) {
            0 => std::mem::forget(guard),
            1 | 2 => drop(guard.renew()),
            _ => drop(guard),
        }
    }
}

/// Returns how many acquisitions there were, and the numbers that were given to several of them.
fn given(folder: &Path) -> (usize, Vec<u64>) {
    let text = fs::read_to_string(folder.join("numbers")).unwrap();
    let mut given = BTreeMap::<u64, Vec<&str>>::new();
    for line in text.lines() {
        let (fence, token) = line.split_once(' ').unwrap();
        given.entry(fence.parse().unwrap()).or_default().push(token);
    }
    let twice = given.iter().filter(|(_, tokens)| tokens.len() > 1).map(|(fence, _)| *fence).collect();
    (text.lines().count(), twice)
}

fn contender(_: &Path) -> Value {
    let folder = PathBuf::from(std::env::var_os("CONTEND_IN").unwrap());
    let is_naive = std::env::var("CONTEND_NAIVELY").unwrap() == "true";
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| contend(&folder, is_naive, &is_over));
        }
        let start = Instant::now();
        while !folder.join("over").exists() && start.elapsed() < ALARM {
            // The length of this sleep changes the load only, not the result.
            thread::sleep(Duration::from_millis(5));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    json!("over")
}

#[test]
fn contends() {
    in_child("contends", contender);
}

/// Runs contenders in several processes and kills some, until `is_enough`.
fn turmoil(folder: &Path, is_naive: bool, mut is_enough: impl FnMut() -> bool) {
    let start = || -> Running {
        Child::new("contends").var("CONTEND_IN", folder.display()).var("CONTEND_NAIVELY", is_naive).start()
    };
    let mut processes: Vec<Running> = (0..PROCESSES).map(|_| start()).collect();
    while !is_enough() {
        thread::sleep(Duration::from_millis(50 + random(150)));
        let index = usize::try_from(random(PROCESSES as u64)).unwrap();
        let mut killed = std::mem::replace(&mut processes[index], start());
        killed.process.kill().unwrap();
        killed.process.wait().unwrap();
    }
    fs::write(folder.join("over"), "").unwrap();
    processes.into_iter().for_each(|process| drop(process.wait()));
}

#[test]
fn contenders_that_are_killed_at_random_never_get_a_number_twice() {
    let folder = tempfile::tempdir().unwrap();
    let start = Instant::now();
    turmoil(folder.path(), false, || start.elapsed() > Duration::from_secs(5));
    let (acquisitions, twice) = given(folder.path());
    assert!(twice.is_empty(), "{twice:?} of {acquisitions}");
    assert!(acquisitions > 50, "{acquisitions}");
    let state = fs::read_dir(folder.path().join("leases/uno")).unwrap().count();
    assert_eq!(state, 1, "one file, whatever has happened");
    // Whoever is left over is dead. The next one gets the lease.
    lease(folder.path(), false).acquire(ALARM).unwrap().release().unwrap();
}

/// The harness sees what it looks for.
#[test]
fn a_naive_lease_gives_numbers_twice_in_the_same_harness() {
    let folder = tempfile::tempdir().unwrap();
    let (start, path) = (Instant::now(), folder.path().to_owned());
    let has_doubles = || path.join("numbers").exists() && !given(&path).1.is_empty();
    turmoil(folder.path(), true, || has_doubles() || start.elapsed() > ALARM / 2);
    assert!(has_doubles());
}
