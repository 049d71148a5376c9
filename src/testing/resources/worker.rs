//! Which of the workers that run tests at the same time this is.

use std::cell::OnceCell;
use std::path::PathBuf;

use super::folder::{file_name, shared_folder};
use crate::error::{Error, ErrorKind};
use crate::lock::{FileLock, FileLockGuard, ensure_dir_writable};
use crate::testing::told::this_thread;

/// The most workers of one user on one machine.
const MOST_WORKERS: usize = 4_096;

/// A number that this thread has, until it ends.
struct Worker {
    number: usize,
    _lock: FileLockGuard,
}

thread_local! {
    static WORKER: OnceCell<Worker> = const { OnceCell::new() };
}

/// Returns the number of the worker that runs this test: no two tests that run at the same time have the same.
///
/// ```
/// println!("{}", logscope::testing::worker_id());
/// ```
///
/// Numbers are small, from zero on: a thread has the first that is free when it asks, and keeps it until it ends; libtest runs each test on a thread
/// of its own. nextest's number (`NEXTEST_TEST_GLOBAL_SLOT`) is tried first. A number is unique among all threads of all processes of this user, also
/// if two suites run at the same time. (It is a file lock in the folder of [`exclusive`](super::exclusive).)
///
/// Ask on the test's own thread: a thread that the test starts is another worker.
///
/// # Panics
///
/// If the lock's file cannot be made or used, or if there are 4,096 workers already.
#[must_use]
#[track_caller]
pub fn worker_id() -> usize {
    match own_number() {
        Ok(number) => number,
        Err(error) => panic!("no number for this worker: {error:#}"),
    }
}

/// Returns the path of a file or folder that this worker alone uses, among all tests that run at the same time: a database of its own for each, for
/// example.
///
/// ```
/// use logscope::testing::per_worker;
///
/// let database = per_worker("base.db");
/// assert_eq!(per_worker("base.db"), database);
/// assert!(database.ends_with("base.db") && database.parent().unwrap().is_dir());
/// ```
///
/// The folder around it is there. What a test leaves there, a later test of a worker with this [number](worker_id) finds: that is the point, if making
/// it takes long. For a folder that is empty, and goes with the test, there is [`scratch_dir`](super::scratch_dir).
///
/// # Panics
///
/// As [`worker_id`], and if the folder cannot be made.
#[must_use]
#[track_caller]
pub fn per_worker(name: &str) -> PathBuf {
    let folder = worker_id().to_string();
    let made = shared_folder().and_then(|shared| {
        let folder = shared.join("workers").join(folder);
        ensure_dir_writable(&folder).map(|()| folder)
    });
    // A name like `base.db` stays as it is.
    let name = if name.trim_start_matches('.').len() == name.len() && !name.is_empty() {
        name.split('.').map(file_name).collect::<Vec<_>>().join(".")
    } else {
        file_name(name)
    };
    match made {
        Ok(folder) => folder.join(name),
        Err(error) => panic!("there is no folder for {name:?}: {error:#}"),
    }
}

/// Returns the number of this thread, which it gets when it first asks.
fn own_number() -> Result<usize, Error> {
    WORKER.with(|worker| match worker.get() {
        Some(worker) => Ok(worker.number),
        None => claim().map(|claimed| worker.get_or_init(|| claimed).number),
    })
}

fn claim() -> Result<Worker, Error> {
    let folder = shared_folder()?.join("workers");
    let preferred = std::env::var("NEXTEST_TEST_GLOBAL_SLOT").ok().and_then(|slot| slot.parse().ok());
    let numbers = preferred.into_iter().filter(|number| *number < MOST_WORKERS).chain(0..MOST_WORKERS);
    for number in numbers {
        let lock =
            FileLock::new(folder.join(format!("{number}.lock"))).purpose(format!("run {}", this_thread())).silent(true);
        if let Some(guard) = lock.try_acquire()? {
            return Ok(Worker { number, _lock: guard });
        }
    }
    let text = format!("there are {MOST_WORKERS} workers already: remove {} if that cannot be", folder.display());
    Err(Error::new(ErrorKind::Lock, text))
}
