//! Many processes with many threads at one lock: nothing is done twice at once, while processes are killed; and when the lock's file is deleted
//! over and over, each overlap is seen by whose file was deleted.

#![cfg(feature = "testing")]
#![cfg(feature = "lock")]
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
mod common;
#[path = "common/lock_child.rs"]
mod lock_child;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use child::{ALARM, Child, Running, in_child};
use common::{init, unscoped_messages};
use lock_child::{LockChild, obey};
use logscope::lock::FileLock;
use logscope::testing::{random, run_together};
use proptest::prelude::*;
use serde_json::{Value, json};

const DIED: &str = "the owner of a file lock died";
const REPLACED: &str = "a file lock was deleted or replaced";

fn path_of(name: &str) -> PathBuf {
    std::env::var_os(name).unwrap().into()
}

/// How often each thread has raised the counter, and how often all have.
#[derive(Default)]
struct Counter {
    total: u64,
    raised: BTreeMap<String, u64>,
}

impl Counter {
    fn read(path: &Path) -> Counter {
        let mut counter = Counter::default();
        for line in fs::read_to_string(path).unwrap_or_default().lines() {
            let (name, count) = line.split_once(' ').unwrap();
            match name {
                "total" => counter.total = count.parse().unwrap(),
                name => drop(counter.raised.insert(name.to_owned(), count.parse().unwrap())),
            }
        }
        counter
    }

    /// Replaces the file at once, so that a writer that is killed leaves the old one.
    fn write(&self, path: &Path, unfinished: &Path) {
        let lines: String = self.raised.iter().map(|(name, count)| format!("{name} {count}\n")).collect();
        fs::write(unfinished, format!("total {}\n{lines}", self.total)).unwrap();
        fs::rename(unfinished, path).unwrap();
    }
}

const THREADS: usize = 4;
const TIMES: u64 = 500;

/// The counter is read, raised and written back under the lock. If ever two did that at once, a thread is missing a raise that it has made.
#[test]
fn a_counter_that_many_processes_raise_is_exact_though_one_is_killed() {
    const ROLE: &str = "a_counter_that_many_processes_raise_is_exact_though_one_is_killed";
    in_child(ROLE, |_| {
        init();
        let (folder, process) = (path_of("SHARED"), std::env::var("PROCESS").unwrap());
        let (lock, counter) = (FileLock::new(folder.join("lock")).purpose("count"), folder.join("counter"));
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (lock, counter, name) = (&lock, &counter, format!("{process}.{thread}"));
                scope.spawn(move || {
                    for _ in 0..TIMES {
                        let guard = lock.acquire(ALARM).unwrap();
                        let mut count = Counter::read(counter);
                        count.total += 1;
                        *count.raised.entry(name.clone()).or_default() += 1;
                        count.write(counter, &counter.with_extension(&name));
                        guard.release().unwrap();
                        writeln!(std::io::stdout().lock(), "\n> {name}").unwrap();
                    }
                });
            }
        });
        json!(unscoped_messages(DIED).len())
    });

    let folder = tempfile::tempdir().unwrap();
    let start = |process: usize| {
        Child::new(ROLE).var("SHARED", folder.path().display()).var("PROCESS", process).stdout_piped().start()
    };
    let mut processes: Vec<Running> = (0..8).map(start).collect();
    // The stdout of each is read to its end, so that none waits for room in its pipe.
    let readers: Vec<_> =
        processes.iter_mut().map(|process| BufReader::new(process.process().stdout.take().unwrap())).collect();
    let (raises, kill_after) = (std::sync::mpsc::channel(), 1 + random().below(1_500));
    let mut acknowledged: BTreeMap<String, u64> = BTreeMap::new();
    let mut killed = None;
    thread::scope(|scope| {
        for (process, reader) in readers.into_iter().enumerate() {
            let sender = raises.0.clone();
            scope.spawn(move || {
                for line in reader.lines().map_while(Result::ok) {
                    if let Some(name) = line.strip_prefix("> ") {
                        let _ = sender.send((process, name.to_owned()));
                    }
                }
            });
        }
        drop(raises.0);
        let mut victim = Some(processes.remove(0));
        let mut of_victim = 0;
        for (process, name) in raises.1 {
            *acknowledged.entry(name).or_default() += 1;
            of_victim += u64::from(process == 0);
            if of_victim == kill_after
                && let Some(mut victim) = victim.take()
            {
                victim.process().kill().unwrap();
                victim.process().wait().unwrap();
                killed = Some(kill_after);
            }
        }
    });
    let told: u64 = processes.into_iter().map(|process| process.wait().report.as_u64().unwrap()).sum();
    assert!(killed.is_some());
    assert!(told <= 1, "the death of the one that was killed was told {told} times");

    let counter = Counter::read(&folder.path().join("counter"));
    assert_eq!(counter.total, counter.raised.values().sum::<u64>());
    let acknowledged = |name: &str| acknowledged.get(name).copied().unwrap_or(0);
    for process in 0..8 {
        for thread in 0..THREADS {
            let name = format!("{process}.{thread}");
            let raised = counter.raised.get(&name).copied().unwrap_or(0);
            if process == 0 {
                // It may have been killed between a raise and its acknowledgement.
                let least = acknowledged(&name);
                assert!(
                    (least..=least + 1).contains(&raised),
                    "{name} was killed: {raised}, of which {least} are known"
                );
            } else {
                assert_eq!((raised, acknowledged(&name)), (TIMES, TIMES), "{name}");
            }
        }
    }
}

/// What one holder saw.
struct Visit {
    /// Whether it kept the lock, as it was told at its end.
    is_kept: bool,
    /// Those who held the lock at the same time.
    others: Vec<String>,
    /// Those of them who held it since before this one asked for it.
    elders: Vec<String>,
}

const VISITS: u64 = 150;

/// What each of the processes does: its threads take the lock again and again, and look who else has it. Whoever has it leaves its token in a folder
/// until just before it asks whether it has kept the lock.
fn visit(_: &Path) -> Value {
    init();
    let folder = path_of("SHARED");
    let lock = FileLock::new(folder.join("lock"));
    let present = folder.join("present");
    let list = || -> BTreeSet<String> {
        fs::read_dir(&present).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let visits: Vec<Value> = run_together(2, |_| {
        let mut random = random();
        let mut visits = Vec::new();
        for _ in 0..VISITS {
            let before = list();
            let guard = lock.acquire(ALARM).unwrap();
            let after = list();
            let token = guard.token().to_string();
            fs::write(present.join(&token), "").unwrap();
            (0..random.below(40)).for_each(|_| thread::yield_now());
            fs::remove_file(present.join(&token)).unwrap();
            let is_kept = guard.verify().is_ok();
            // Whether it is lost in between, nobody can say.
            let is_released = guard.release().is_ok();
            assert!(is_kept || !is_released, "lost, and then not");
            let elders: Vec<_> = before.intersection(&after).collect();
            visits.push(json!({ "token": token, "kept": is_kept, "others": after, "elders": elders }));
        }
        visits
    })
    .concat();
    json!({ "visits": visits, "died": unscoped_messages(DIED).len(), "replaced": unscoped_messages(REPLACED).len() })
}

/// Runs four such processes, and deletes the lock's file all the time if asked to. Returns the visits by token, and how often it was told that
/// the lock's file was replaced while it was held.
fn visits(role: &str, is_deleted: bool) -> (BTreeMap<String, Visit>, u64) {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("present")).unwrap();
    // With the seed of this process, all would make the same choices.
    let mut random = random();
    let start =
        |_| Child::new(role).var("SHARED", folder.path().display()).var("LOGSCOPE_TEST_SEED", random.next()).start();
    let processes: Vec<Running> = (0..4).map(start).collect();
    let is_over = AtomicBool::new(false);
    let reports: Vec<Value> = thread::scope(|scope| {
        if is_deleted {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let _ = fs::remove_file(folder.path().join("lock"));
                    (0..random.below(100)).for_each(|_| thread::yield_now());
                }
            });
        }
        let waiting: Vec<_> = processes.into_iter().map(|process| scope.spawn(|| process.wait().report)).collect();
        let reports = waiting.into_iter().map(thread::ScopedJoinHandle::join).collect::<Vec<_>>();
        is_over.store(true, Ordering::Relaxed);
        reports.into_iter().map(Result::unwrap).collect()
    });
    let texts =
        |value: &Value| value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    let mut visits = BTreeMap::new();
    for visit in reports.iter().flat_map(|report| report["visits"].as_array().unwrap()) {
        let (others, elders) = (texts(&visit["others"]), texts(&visit["elders"]));
        let is_kept = visit["kept"].as_bool().unwrap();
        visits.insert(visit["token"].as_str().unwrap().to_owned(), Visit { is_kept, others, elders });
    }
    assert_eq!(visits.len() as u64, 4 * 2 * VISITS);
    assert_eq!(reports.iter().map(|report| report["died"].as_u64().unwrap()).sum::<u64>(), 0, "nobody has died");
    (visits, reports.iter().map(|report| report["replaced"].as_u64().unwrap()).sum())
}

#[test]
fn each_overlap_is_seen_by_the_elder_when_the_file_is_deleted_over_and_over() {
    const ROLE: &str = "each_overlap_is_seen_by_the_elder_when_the_file_is_deleted_over_and_over";
    in_child(ROLE, visit);
    let (visits, replaced) = visits(ROLE, true);
    let (mut overlaps, mut elders) = (0, BTreeSet::new());
    for (token, visit) in &visits {
        for elder in &visit.elders {
            assert!(!visits[elder].is_kept, "{token} got the lock while {elder} held it, which was not told");
            elders.insert(elder);
        }
        for other in &visit.others {
            assert!(!visit.is_kept || !visits[other].is_kept, "{token} and {other} had it, and neither was told");
            overlaps += 1;
        }
    }
    let lost = visits.values().filter(|visit| !visit.is_kept).count();
    println!("{overlaps} overlaps in {} visits, {lost} lost, {replaced} told by the next owner", visits.len());
    assert!(overlaps > 0, "this shows nothing");
    assert!(replaced >= elders.len() as u64, "{} had a younger one, but {replaced} were told of", elders.len());
}

#[test]
fn nothing_overlaps_when_nobody_deletes_the_file() {
    const ROLE: &str = "nothing_overlaps_when_nobody_deletes_the_file";
    in_child(ROLE, visit);
    let (visits, replaced) = visits(ROLE, false);
    assert!(visits.values().all(|visit| visit.is_kept && visit.others.is_empty()));
    assert_eq!(replaced, 0);
}

/// What is done to one of three processes, or to the file.
#[derive(Clone, Copy, Debug)]
enum Step {
    Try(usize),
    Share(usize),
    Verify(usize),
    Release(usize),
    Kill(usize),
    Delete,
}

fn step() -> impl Strategy<Value = Step> {
    let process = 0..3_usize;
    prop_oneof![
        4 => process.clone().prop_map(Step::Try),
        3 => process.clone().prop_map(Step::Share),
        3 => process.clone().prop_map(Step::Verify),
        4 => process.clone().prop_map(Step::Release),
        1 => process.prop_map(Step::Kill),
        1 => Just(Step::Delete),
    ]
}

/// What a process holds: which of the files that were at the path one after the other, and whether alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Hold {
    file: u32,
    alone: bool,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, max_shrink_iters: 40, ..ProptestConfig::default() })]

    /// Each answer of each process is that of a model, which knows who holds which file.
    #[test]
    fn processes_get_and_keep_what_a_model_says(steps in prop::collection::vec(step(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let start = || LockChild::start("a_process_that_takes_a_lock", &path);
        let mut processes: Vec<Option<LockChild>> = (0..3).map(|_| Some(start())).collect();
        let (mut file, mut holds) = (0, [None::<Hold>; 3]);
        for step in steps {
            let mut ask = |process: usize, order: &str| processes[process].as_mut().unwrap().ask(order);
            match step {
                Step::Try(process) | Step::Share(process) if holds[process].is_none() => {
                    let alone = matches!(step, Step::Try(_));
                    let answer = ask(process, if alone { "try" } else { "share" });
                    let is_taken = holds.iter().flatten().any(|hold| hold.file == file && (hold.alone || alone));
                    prop_assert_eq!(answer.starts_with("got "), !is_taken, "{:?}: {} with {:?}", step, answer, holds);
                    holds[process] = (!is_taken).then_some(Hold { file, alone });
                }
                Step::Verify(process) | Step::Release(process) if holds[process].is_some() => {
                    let (order, is_over) = match step {
                        Step::Verify(_) => ("verify", false),
                        _ => ("release", true),
                    };
                    let answer = ask(process, order);
                    let expected = if holds[process].unwrap().file == file { "ok" } else { "LockLost: " };
                    prop_assert!(answer.starts_with(expected), "{:?}: {} with {:?}", step, answer, holds);
                    if is_over {
                        holds[process] = None;
                    }
                }
                Step::Kill(process) => {
                    processes[process].take().unwrap().kill();
                    processes[process] = Some(start());
                    holds[process] = None;
                }
                Step::Delete => file += u32::from(fs::remove_file(&path).is_ok()),
                _ => {}
            }
            let here = holds.iter().flatten().filter(|hold| hold.file == file);
            let holder = FileLock::new(&path).holder().unwrap();
            prop_assert_eq!(holder.is_some(), here.clone().count() > 0, "after {:?}: {:?}", step, holds);
            if let Some(holder) = holder {
                let sharers = here.filter(|hold| !hold.alone).count();
                prop_assert_eq!(holder.sharers, sharers, "after {:?}: {:?}", step, holds);
                prop_assert!(holder.held_for < Duration::from_secs(3_600));
            }
        }
    }
}

#[test]
fn a_process_that_takes_a_lock() {
    in_child("a_process_that_takes_a_lock", obey);
}
