//! The race that `lock::Fetch` was written against: builds that share a cache refresh the same entry at once, and mirror it. One build deletes
//! the entry while another copies from it, and that one has a part of a file, or none.
//!
//! The schedule is written once, for threads and for processes. `Fetch` runs it and must give everybody a whole file. An imitation of what
//! the builds did, to mirror when the lock is released, runs it, and must fail. Latches fix the order, so each fails or succeeds in every run.

#![cfg(feature = "testing")]
#![cfg(all(unix, feature = "lock"))]
// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

#[path = "common/child.rs"]
mod child;
#[path = "common/latches.rs"]
mod latches;
#[path = "common/waits.rs"]
mod waits;

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::thread;
use std::time::Duration;

use child::{Child, in_child};
use latches::{Latches, Line};
use logscope::lock::{Fetch, FetchPolicy, FileLock};
use serde_json::{Value, json};
use waits::on_waits;

const PATIENCE: Duration = Duration::from_secs(120);

/// How the cache is used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Fetch,
    /// Deletes the entry and makes it in place, under the lock, and mirrors it when the lock is released.
    Naive,
}

thread_local! {
    /// The latches of this thread, which are told when it waits for a lock.
    static WAITS: RefCell<Option<Line>> = const { RefCell::new(None) };
}

/// Has `line` told when this thread waits for a lock.
fn tell_waits(line: Line) {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        on_waits(|| {
            WAITS.with_borrow_mut(|waits| {
                if let Some(line) = waits {
                    line.raise("waiting");
                }
            });
        });
    });
    WAITS.set(Some(line));
}

/// What the make `number` makes.
fn text_of(number: usize) -> String {
    format!("{number}:{}:end", "x".repeat(100_000 + number))
}

/// Returns the number of the make that a file is of, or what is wrong with the file.
fn number_of(text: &str) -> Result<usize, String> {
    let number = text.split(':').next().and_then(|number| number.parse().ok());
    let number = number.ok_or_else(|| format!("a part of a file, of {} bytes", text.len()))?;
    if text == text_of(number) { Ok(number) } else { Err(format!("a part of file {number}, of {} bytes", text.len())) }
}

fn write_halves(file: &mut File, number: usize, between: impl FnOnce()) -> io::Result<()> {
    let text = text_of(number);
    let (one, other) = text.split_at(text.len() / 2);
    file.write_all(one.as_bytes())?;
    between();
    file.write_all(other.as_bytes())
}

/// One of several builds, which asks for a new entry and a mirror of it. The first makes until all others wait for the lock, and looks at its
/// mirror while the second makes. Returns the number of the make that its mirror is of.
fn build(kind: Kind, folder: &Path, build: usize, builds: usize, latches: &Path) -> Result<usize, String> {
    let mut line = Line::connect(latches);
    let mut of_make = Line::connect(latches);
    tell_waits(Line::connect(latches));
    let make = |file: &mut File| {
        let number = of_make.raise("makes");
        write_halves(file, number, || match number {
            1 => of_make.wait("waiting", builds - 1),
            2 => {
                of_make.raise("the second is half way");
                of_make.wait("the first has looked", 1);
            }
            _ => {}
        })
    };
    let mirror = folder.join(format!("mirror-{build}"));
    let mut released = || {
        if build == 0 {
            line.wait("the second is half way", 1);
        }
    };
    if build > 0 {
        Line::connect(latches).wait("makes", 1);
    }
    let found = match kind {
        Kind::Fetch => {
            let fetch = Fetch::new("gcc", folder.join("cache")).policy(FetchPolicy::Always).mirror_to(&mirror);
            let fetched = fetch.get(make);
            released();
            fetched.map_err(|error| format!("{error:#}")).map(drop)
        }
        Kind::Naive => refresh_naively(folder, &mirror, make, released).map_err(|error| error.to_string()),
    };
    let found = found.and_then(|()| fs::read_to_string(&mirror).map_err(|error| error.to_string()));
    if build == 0 {
        line.raise("the first has looked");
    }
    number_of(&found?)
}

fn refresh_naively(
    folder: &Path,
    mirror: &Path,
    make: impl FnOnce(&mut File) -> io::Result<()>,
    released: impl FnOnce(),
) -> io::Result<()> {
    let entry = folder.join("entry");
    let lock = FileLock::new(folder.join("lock")).acquire(PATIENCE).map_err(io::Error::other)?;
    let _ = fs::remove_file(&entry);
    make(&mut File::create(&entry)?)?;
    drop(lock);
    released();
    fs::copy(&entry, mirror).map(drop)
}

/// What came of a race: what each build found, and how often the entry was made.
struct Outcome {
    found: Vec<Result<usize, String>>,
    makes: usize,
}

fn race_threads(kind: Kind, builds: usize) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("latches");
    let latches = Latches::serve(&socket);
    let found = thread::scope(|scope| {
        let (folder, socket) = (folder.path(), &socket);
        let threads: Vec<_> =
            (0..builds).map(|number| scope.spawn(move || build(kind, folder, number, builds, socket))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    Outcome { found, makes: latches.count("makes") }
}

const BUILD: &str = "LOGSCOPE_TEST_BUILD";
const SHARED: &str = "LOGSCOPE_TEST_SHARED";
const BUILDS: usize = 4;

fn shared() -> PathBuf {
    PathBuf::from(std::env::var_os(SHARED).unwrap())
}

fn race_processes(role: &str, kind: Kind) -> Outcome {
    in_child(role, |_| {
        let (folder, number) = (shared(), std::env::var(BUILD).unwrap().parse().unwrap());
        match build(kind, &folder, number, BUILDS, &folder.join("latches")) {
            Ok(number) => json!(number),
            Err(fault) => json!(fault),
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let latches = Latches::serve(&folder.path().join("latches"));
    let child = |number: usize| Child::new(role).var(BUILD, number).var(SHARED, folder.path().display()).start();
    let children: Vec<_> = (0..BUILDS).map(child).collect();
    let found = |report: Value| match report.as_u64() {
        Some(number) => Ok(usize::try_from(number).unwrap()),
        None => Err(report.to_string()),
    };
    let found = children.into_iter().map(|child| found(child.wait().report)).collect();
    Outcome { found, makes: latches.count("makes") }
}

/// The first build has what it made, the others share what the second make made: it began after they all had asked.
#[track_caller]
fn assert_whole(outcome: &Outcome) {
    let Outcome { found, makes } = outcome;
    assert_eq!(found[0], Ok(1));
    assert!(found[1..].iter().all(|found| *found == Ok(2)), "{found:?}");
    assert_eq!(*makes, 2, "the policy says: two makes serve all who call at once");
}

#[track_caller]
fn assert_torn(outcome: &Outcome, builds: usize) {
    let part = format!("a part of file 2, of {} bytes", text_of(2).len() / 2);
    let fault = outcome.found[0].as_ref().unwrap_err();
    assert!(fault.contains(&part), "{fault}");
    assert_eq!(outcome.makes, builds, "each build makes, because none knows what the others have made");
}

#[test]
fn three_threads_have_whole_files() {
    assert_whole(&race_threads(Kind::Fetch, 3));
}

#[test]
fn four_processes_have_whole_files() {
    assert_whole(&race_processes("four_processes_have_whole_files", Kind::Fetch));
}

#[test]
fn of_three_threads_that_mirror_after_the_release_one_has_a_part() {
    assert_torn(&race_threads(Kind::Naive, 3), 3);
}

#[test]
fn of_four_processes_that_mirror_after_the_release_one_has_a_part() {
    let role = "of_four_processes_that_mirror_after_the_release_one_has_a_part";
    assert_torn(&race_processes(role, Kind::Naive), BUILDS);
}

/// Somebody waits for the lock to clean the cache, and gets it as soon as the maker releases it.
#[test]
fn a_cleaner_that_takes_the_lock_comes_after_the_mirror() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("latches");
    let latches = Latches::serve(&socket);
    let mirror = folder.path().join("mirror");
    let fetch = Fetch::new("gcc", folder.path().join("cache")).mirror_to(&mirror);
    thread::scope(|scope| {
        let cleaner = scope.spawn(|| {
            tell_waits(Line::connect(&socket));
            Line::connect(&socket).wait("makes", 1);
            let _lock = fetch.lock().acquire(PATIENCE).unwrap();
            fs::remove_file(fetch.entry_path()).unwrap();
        });
        let mut line = Line::connect(&socket);
        let fetched = fetch.get(|file| {
            line.raise("makes");
            line.wait("waiting", 1);
            write_halves(file, 1, || {})
        });
        assert!(fetched.unwrap().made);
        cleaner.join().unwrap();
    });
    assert_eq!(number_of(&fs::read_to_string(&mirror).unwrap()), Ok(1));
    assert_eq!((latches.count("makes"), fetch.entry_path().exists()), (1, false));
}

const ROUNDS: usize = 12;

/// Asks for a new entry again and again. Each mirror is whole, and of a make that began after the call.
fn refresh_often(folder: &Path, name: &str) -> usize {
    let mut line = Line::connect(&folder.join("latches"));
    let mut made = 0;
    for round in 0..ROUNDS {
        let begun_before = line.count("makes");
        let mirror = folder.join(format!("mirrors/{name}/{}", round % 3));
        let fetch = Fetch::new("gcc", folder.join("cache")).policy(FetchPolicy::Always).mirror_to(&mirror).retries(30);
        let fetched = fetch.get(|file| {
            let number = line.raise("makes");
            write_halves(file, number, thread::yield_now)
        });
        made += usize::from(fetched.unwrap_or_else(|error| panic!("{name}: {error:#}")).made);
        let number = number_of(&fs::read_to_string(&mirror).unwrap()).unwrap();
        assert!(number > begun_before, "{name} has make {number}, and {begun_before} had begun before it called");
    }
    made
}

/// Runs four processes of three threads each. Returns how many calls have made the entry.
fn refresh_in_processes(role: &str, meanwhile: impl FnOnce(&Path, &Latches)) -> (usize, usize) {
    in_child(role, |_| {
        let (folder, child) = (shared(), std::env::var(BUILD).unwrap());
        let made: usize = thread::scope(|scope| {
            let threads: Vec<_> = (0..3)
                .map(|thread| (format!("{child}.{thread}"), &folder))
                .map(|(name, folder)| scope.spawn(move || refresh_often(folder, &name)))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        json!(made)
    });
    let folder = tempfile::tempdir().unwrap();
    let latches = Latches::serve(&folder.path().join("latches"));
    let child = |number: usize| Child::new(role).var(BUILD, number).var(SHARED, folder.path().display()).start();
    let children: Vec<_> = (0..BUILDS).map(child).collect();
    meanwhile(folder.path(), &latches);
    let made = children.into_iter().map(|child| usize::try_from(child.wait().report.as_u64().unwrap()).unwrap()).sum();
    (made, latches.count("makes"))
}

#[test]
fn whoever_refreshes_is_served_by_what_began_after_the_call() {
    let role = "whoever_refreshes_is_served_by_what_began_after_the_call";
    let (made, makes) = refresh_in_processes(role, |_, _| {});
    assert_eq!(made, makes, "every make is somebody's");
    let calls = ROUNDS * 3 * BUILDS;
    assert!(makes >= ROUNDS && makes < calls, "{makes} makes for {calls} calls");
}

#[test]
fn somebody_who_deletes_the_cache_tears_nothing() {
    let role = "somebody_who_deletes_the_cache_tears_nothing";
    refresh_in_processes(role, |folder, latches| {
        let mut line = latches.connect();
        // After every third make, in whatever anybody does just then.
        for makes in (3..ROUNDS * 2).step_by(3) {
            line.wait("makes", makes);
            let _ = fs::remove_dir_all(folder.join("cache"));
        }
    });
}
