//! Eight processes that lock, change and save one document, and are stopped and killed at random, with leases in a folder and in Redis. No fencing
//! number is given twice, no save is lost, and no document is torn.
//!
//! Each backend has the seconds in `LOGSCOPE_TEST_STORE_SECONDS`, 2 unless set. `.ci/deep store` gives ten minutes to each.
//! Redis needs `LOGSCOPE_TEST_REDIS`: see `common/redis.rs`.

#![cfg(all(feature = "redis", feature = "testing", unix))]
// The numbers are for people.
#![allow(clippy::print_stderr)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
#[path = "common/redis.rs"]
mod redis;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use child::{Child, Running, in_child};
use logscope::store::{FolderLeases, Lease, RedisCache, RedisLeases, RedisOptions, Store};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

const PROCESSES: usize = 8;
const TTL: Duration = Duration::from_millis(300);
const WAIT: Duration = Duration::from_secs(10);

/// What all change. A torn or a lost save breaks the sum.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct Saves {
    total: u64,
    by: BTreeMap<String, u64>,
    /// Makes a document long enough to be torn.
    padding: String,
}

fn options(folder: &Path, url: Option<&str>) -> Result<logscope::store::StoreOptions<Saves>, logscope::Error> {
    let options = Store::options().schema("saves");
    let named = || RedisOptions::new().prefix(format!("{}:", folder.display())).timeout(Duration::from_secs(1));
    Ok(match url {
        None => options.lease(Lease::new(FolderLeases::new(folder.join("leases")), "saves").ttl(TTL).silent(true)),
        Some(url) => {
            let lease = Lease::new(RedisLeases::connect(url, named())?, "saves").ttl(TTL).silent(true);
            options.lease(lease).cache(RedisCache::new(url, named())?, "saves")
        }
    })
}

/// One of the processes. What it says is in a file of its own: `got` a fencing number, and `saved`, when it was told so.
#[test]
#[ignore = "what the processes of the stress do"]
fn worker() {
    in_child("worker", |_| {
        let var = |name: &str| std::env::var(name).unwrap();
        let (folder, name, url) = (PathBuf::from(var("STRESS")), var("NAME"), std::env::var("URL").ok());
        let mut said = File::options().append(true).create(true).open(folder.join(format!("{name}.said"))).unwrap();
        let mut say = |what: String| said.write_all(format!("{what}\n").as_bytes()).unwrap();
        loop {
            if let Err(error) = work(&folder, &name, url.as_deref(), &mut say) {
                let passes = error.is_unreachable() || error.is_timeout() || error.is_lease_lost();
                say(format!("{} {error:#}", if passes { "passes" } else { "failed" }));
                // The server is being started again.
                thread::sleep(Duration::from_millis(20));
            }
        }
    });
}

fn work(folder: &Path, name: &str, url: Option<&str>, say: &mut impl FnMut(String)) -> Result<(), logscope::Error> {
    let store = options(folder, url)?.open(folder.join("saves.json"))?;
    for round in 0_usize.. {
        let mut guard = store.lock(WAIT)?;
        say(format!("got {}", guard.lease().map_or(0, |lease| lease.fence())));
        guard.total += 1;
        *guard.by.entry(name.to_owned()).or_default() += 1;
        guard.padding = "x".repeat(round % 7 * 1_000);
        match guard.save() {
            Ok(()) => say("saved".to_owned()),
            Err(error) if error.is_lock_lost() => say("lost".to_owned()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

#[derive(Debug, Default)]
struct Counts {
    killed: u64,
    stopped: u64,
    broken: u64,
    restarted: u64,
    reads: u64,
}

/// Has the processes work for so long, and checks what they have saved.
fn stress(mut server: Option<&mut redis::Server>, seconds: f64, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let url = server.as_ref().map(|server| server.url());
    let mut incarnations = 0;
    let mut start = || {
        incarnations += 1;
        let child = Child::new("worker").var("STRESS", folder.display()).var("NAME", format!("w{incarnations:05}"));
        match &url {
            Some(url) => child.var("URL", url).start(),
            None => child.start(),
        }
    };
    let mut workers: Vec<Running> = (0..PROCESSES).map(|_| start()).collect();
    let (mut random, mut counts, mut seen) = (Random(seed | 1), Counts::default(), (0, 0));
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    while Instant::now() < end {
        let until = Instant::now() + Duration::from_millis(20 + random.below(200));
        while Instant::now() < until {
            check(folder, &mut seen);
            counts.reads += 1;
            thread::sleep(Duration::from_millis(2));
        }
        let victim = random.below(PROCESSES as u64) as usize;
        let pid = |worker: &mut Running| Pid::from_child(worker.process());
        match random.below(20) {
            0..=9 => {
                kill(&mut workers[victim]);
                workers[victim] = start();
                counts.killed += 1;
            }
            10..=16 => {
                kill_process(pid(&mut workers[victim]), Signal::STOP).unwrap();
                thread::sleep(Duration::from_millis(random.below(2 * TTL.as_millis() as u64)));
                kill_process(pid(&mut workers[victim]), Signal::CONT).unwrap();
                counts.stopped += 1;
            }
            17 | 18 => {
                let lease = match &url {
                    None => Lease::new(FolderLeases::new(folder.join("leases")), "saves"),
                    Some(url) => {
                        let named = RedisOptions::new().prefix(format!("{}:", folder.display()));
                        Lease::new(RedisLeases::connect(url, named).unwrap(), "saves")
                    }
                };
                let broken = lease.silent(true).break_lease();
                counts.broken += u64::from(matches!(broken, Ok(Some(_))));
            }
            _ => {
                if let Some(server) = &mut server {
                    server.stop();
                    thread::sleep(Duration::from_millis(random.below(200)));
                    server.start_again();
                    counts.restarted += 1;
                }
            }
        }
    }
    workers.iter_mut().for_each(kill);
    prove(folder, &counts, if url.is_some() { "Redis" } else { "a folder" });
}

fn kill(worker: &mut Running) {
    let ended = worker.process().try_wait().unwrap();
    assert!(ended.is_none(), "a worker ended by itself: {ended:?}");
    worker.process().kill().unwrap();
    worker.process().wait().unwrap();
}

/// Reads the document as it is now: whole, and not older than before.
fn check(folder: &Path, seen: &mut (u64, u64)) -> Saves {
    let readonly = Store::<Saves>::options().schema("saves").open_readonly(folder.join("saves.json")).unwrap();
    let Some(saves) = readonly.read().unwrap() else { return Saves::default() };
    assert_eq!(saves.total, saves.by.values().sum::<u64>(), "torn");
    assert_eq!(saves.total, saves.generation(), "each save adds one");
    assert!((saves.generation(), saves.fence()) >= *seen && saves.fence() >= seen.1, "went back from {seen:?}");
    *seen = (saves.generation(), saves.fence());
    Saves::clone(&saves)
}

fn prove(folder: &Path, counts: &Counts, backend: &str) {
    let saves = check(folder, &mut (0, 0));
    let (mut fences, mut acknowledged, mut lost, mut passed) = (BTreeSet::new(), 0, 0, 0);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "said") {
            continue;
        }
        let (name, said) = (path.file_stem().unwrap().to_str().unwrap(), fs::read_to_string(&path).unwrap());
        let mut own = 0;
        for line in said.lines() {
            match line.split_once(' ').unwrap_or((line, "")) {
                ("got", fence) => {
                    assert!(fences.insert(fence.to_owned()), "the fencing number {fence} was given twice")
                }
                ("saved", _) => own += 1,
                ("lost", _) => lost += 1,
                ("passes", _) => passed += 1,
                other => panic!("{name} said {other:?}"),
            }
        }
        let saved = saves.by.get(name).copied().unwrap_or_default();
        // It may have been killed between the save and the word of it.
        assert!(saved == own || saved == own + 1, "{name} was told of {own} saves, and {saved} are there");
        acknowledged += own;
    }
    assert!(acknowledged > 0 && saves.total >= acknowledged);
    eprintln!(
        "leases in {backend}: {} saves, {acknowledged} acknowledged, {lost} refused, {} fencing numbers, {passed} failures that \
         pass; {counts:?}",
        saves.total,
        fences.len()
    );
}

#[test]
fn processes_that_are_stopped_and_killed_lose_no_save() {
    let seconds = std::env::var("LOGSCOPE_TEST_STORE_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let seconds: f64 = seconds.unwrap_or(2.0);
    let seed = std::env::var("LOGSCOPE_TEST_STORE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()) << 20 | 0x5eed);
    eprintln!("LOGSCOPE_TEST_STORE_SEED={seed}");
    stress(None, seconds, seed);
    if let Some(mut server) = redis::server() {
        stress(Some(&mut server), seconds, seed);
    }
}
