//! Many contenders for a lease in several processes, some of which are killed.

// Each test binary uses only some of these helpers.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use logscope::store::Lease;
use logscope::testing::random;
use serde_json::{Value, json};

use crate::child::{Child, Running};
use crate::in_time::is_too_late;

/// Sets for how many seconds they contend; then they are twice as many.
const SECONDS: &str = "LOGSCOPE_TEST_LEASE_SECONDS";

const FOLDER: &str = "LOGSCOPE_TEST_CONTEND_IN";
const BACKEND: &str = "LOGSCOPE_TEST_CONTEND_WITH";

const THREADS: usize = 2;

pub(crate) const TTL: Duration = Duration::from_millis(250);

/// Returns how long contenders contend where nothing else ends them.
pub(crate) fn duration() -> Duration {
    Duration::from_secs(seconds().unwrap_or(5))
}

fn seconds() -> Option<u64> {
    std::env::var(SECONDS).ok()?.parse().ok()
}

/// Takes the lease again and again, and writes down each fencing number, until it is over.
fn contend(folder: &Path, lease: &Lease, is_over: &AtomicBool) {
    let mut random = random();
    let mut numbers = OpenOptions::new().append(true).create(true).open(folder.join("numbers")).unwrap();
    while !is_over.load(Ordering::Relaxed) {
        let guard = match lease.acquire(Duration::from_secs(30)) {
            Ok(guard) => guard,
            Err(error) if error.is_timeout() || is_too_late(&error) => continue,
            Err(error) => panic!("{error:#}"),
        };
        numbers.write_all(format!("{} {}\n", guard.fence(), guard.token()).as_bytes()).unwrap();
        // Some renew it, some leave it to die, and some release it.
        match random.below(8) {
            0 => std::mem::forget(guard),
            1 | 2 => drop(guard.renew()),
            _ => drop(guard),
        }
    }
}

/// Returns how many acquisitions there were, and the numbers that were given to several of them.
pub(crate) fn given(folder: &Path) -> (usize, Vec<u64>) {
    let text = fs::read_to_string(folder.join("numbers")).unwrap_or_default();
    let mut given = BTreeMap::<u64, Vec<&str>>::new();
    for line in text.lines() {
        let (fence, token) = line.split_once(' ').unwrap();
        given.entry(fence.parse().unwrap()).or_default().push(token);
    }
    let twice = given.iter().filter(|(_, tokens)| tokens.len() > 1).map(|(fence, _)| *fence).collect();
    (text.lines().count(), twice)
}

/// What a process does: a few threads contend for the lease that `lease` makes of the folder and the backend.
pub(crate) fn contender(lease: impl Fn(&Path, &str) -> Lease + Sync) -> Value {
    let (folder, backend) = (PathBuf::from(std::env::var_os(FOLDER).unwrap()), std::env::var(BACKEND).unwrap());
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for number in 0..THREADS {
            let contend = || contend(&folder, &lease(&folder, &backend).ttl(TTL).silent(true), &is_over);
            // By its name each of them makes other choices.
            thread::Builder::new().name(format!("contender-{number}")).spawn_scoped(scope, contend).unwrap();
        }
        // The folder is gone if the test was killed.
        while folder.exists() && !folder.join("over").exists() {
            // The length of this sleep changes the load only, not the result.
            thread::sleep(Duration::from_millis(5));
        }
        is_over.store(true, Ordering::Relaxed);
    });
    json!("over")
}

/// Whatever ends by itself has panicked.
#[track_caller]
pub(crate) fn assert_is_alive(running: &mut Running) {
    let ended = running.process().try_wait().unwrap();
    assert!(ended.is_none(), "a worker ended by itself: {ended:?}");
}

/// Runs contenders in several processes, which run the test `contends`, and kills some, until `is_enough`.
pub(crate) fn turmoil(folder: &Path, backend: &str, mut is_enough: impl FnMut(Duration) -> bool) {
    // With the seed of this process, all would make the same choices.
    let begin = |seed: u64| -> Running {
        let child = Child::new("contends").var(FOLDER, folder.display()).var(BACKEND, backend);
        child.var("LOGSCOPE_TEST_SEED", seed).start()
    };
    let (number, mut random) = (if seconds().is_some() { 8 } else { 4 }, random());
    let (start, mut processes) = (Instant::now(), (0..number).map(|_| begin(random.next())).collect::<Vec<_>>());
    while !is_enough(start.elapsed()) {
        thread::sleep(Duration::from_millis(50 + random.below(150)));
        let index = usize::try_from(random.below(number)).unwrap();
        let mut killed = std::mem::replace(&mut processes[index], begin(random.next()));
        assert_is_alive(&mut killed);
        killed.process().kill().unwrap();
        killed.process().wait().unwrap();
    }
    processes.iter_mut().for_each(assert_is_alive);
    fs::write(folder.join("over"), "").unwrap();
    processes.into_iter().for_each(|process| drop(process.wait()));
}

/// Has contenders contend, and checks that no number was given twice.
#[track_caller]
#[allow(clippy::print_stderr, reason = "people are to see it")]
pub(crate) fn assert_no_number_twice(folder: &Path, backend: &str) {
    turmoil(folder, backend, |elapsed| elapsed > duration());
    let (acquisitions, twice) = given(folder);
    eprintln!("{acquisitions} acquisitions");
    assert!(twice.is_empty(), "{twice:?} of {acquisitions}");
    assert!(acquisitions > 50, "{acquisitions}");
}
