//! More files than the process may have open: each sink has its file all the same, and no record is in another's.
//!
//! A process for each case: the limits are the process's.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;

use std::fs::{self, File};
use std::path::Path;
use std::thread;
use std::time::Duration;

use logscope::sink::{self, FileOptions, Queue, Roll, Sink};
use logscope::{Format, OutputContext};
use serde_json::{Value, json};

use child::Child;

const LINES: &str = "one\ntwo\nthree\n";

/// Installs logscope.
fn init() {
    logscope::init().unwrap();
}

fn direct(file: FileOptions) -> Sink {
    file.open().unwrap()
}

fn context(sink: &Sink) -> OutputContext {
    OutputContext::builder("uno").sink(sink.format(Format::build().elapsed(false))).build()
}

fn log(context: &OutputContext, text: &str) {
    context.scope(|| tracing::info!("{text}"));
}

/// How many descriptors this process has, on files in `folder`.
fn open_in(folder: &Path) -> usize {
    let leads_there = |entry: std::io::Result<fs::DirEntry>| {
        fs::read_link(entry.unwrap().path()).is_ok_and(|target| target.starts_with(folder))
    };
    fs::read_dir("/proc/self/fd").unwrap().map(leads_there).filter(|there| *there).count()
}

/// Threads log to `count` files in turn, three times; each must have its own records then, and no other.
fn many(folder: &Path, count: usize, open: fn(FileOptions) -> Sink) -> Value {
    const THREADS: usize = 4;
    init();
    let logs = folder.join("logs");
    fs::create_dir(&logs).unwrap();
    let sinks: Vec<_> = (0..count).map(|n| open(sink::file_in(&logs, format!("{n}.log")))).collect();
    let contexts: Vec<_> = sinks.iter().map(context).collect();
    for text in ["one", "two", "three"] {
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let contexts = &contexts;
                scope.spawn(move || {
                    contexts
                        .iter()
                        .enumerate()
                        .skip(thread)
                        .step_by(THREADS)
                        .for_each(|(n, context)| log(context, &format!("{text} {n}")));
                });
            }
        });
    }
    assert!(logscope::flush(Duration::from_secs(30)).is_complete());
    let open = open_in(&logs);
    let wrong = (0..count).filter(|n| {
        let text = fs::read_to_string(logs.join(format!("{n}.log"))).unwrap();
        text != format!("one {n}\ntwo {n}\nthree {n}\n")
    });
    let wrong: Vec<_> = wrong.collect();
    let written: u64 = sinks.iter().map(|sink| sink.ledger().written).sum();
    json!({ "open": open, "wrong": wrong, "written": written })
}

#[test]
fn more_files_than_descriptors() {
    child::scene("more_files_than_descriptors", |folder| many(folder, 2_500, direct));
    let limited = ["sh", "-c", r#"ulimit -n 128; exec "$0" "$@""#];
    let ended = Child::new("more_files_than_descriptors").through(&limited).run();
    assert_eq!((&ended.report["wrong"], &ended.report["written"]), (&json!([]), &json!(7_500)));
    // Half of them are for logs; the few threads that wrote at once may have one more each.
    let open = ended.report["open"].as_u64().unwrap();
    assert!((32..=68).contains(&open), "{open}");
    assert_eq!(ended.told(), Vec::<&str>::new());
}

/// Behind queues too, which have a few threads in all.
#[test]
fn more_queued_files_than_descriptors() {
    child::scene("more_queued_files_than_descriptors", |folder| {
        let report = many(folder, 10_000, |file| file.open().unwrap().queued(Queue::new()));
        json!([report, fs::read_dir("/proc/self/task").unwrap().count()])
    });
    let limited = ["sh", "-c", r#"ulimit -n 128; exec "$0" "$@""#];
    let ended = Child::new("more_queued_files_than_descriptors").through(&limited).run();
    assert_eq!((&ended.report[0]["wrong"], &ended.report[0]["written"]), (&json!([]), &json!(30_000)));
    // Each writer thread may have one more.
    let open = ended.report[0]["open"].as_u64().unwrap();
    assert!((32..=80).contains(&open), "{open}");
    // The test's own threads, and at most sixteen writers.
    assert!(ended.report[1].as_u64().unwrap() <= 19, "{}", ended.report);
    assert_eq!(ended.told(), Vec::<&str>::new());
}

#[test]
fn the_limit_can_be_set() {
    child::scene("the_limit_can_be_set", |folder| {
        sink::max_open_files(8);
        let report = many(folder, 100, direct);
        let sinks: Vec<_> =
            (0..100).map(|n| sink::file(folder.join(format!("logs/{n}.log"))).open().unwrap()).collect();
        sink::max_open_files(2);
        let few = open_in(&folder.join("logs"));
        sink::max_open_files(0);
        log(&context(&sinks[0]), "still there");
        json!([report, few, open_in(&folder.join("logs"))])
    });
    let ended = Child::new("the_limit_can_be_set").run();
    assert_eq!((&ended.report[0]["wrong"], &ended.report[0]["written"]), (&json!([]), &json!(300)));
    assert!(ended.report[0]["open"].as_u64().unwrap() <= 12, "{}", ended.report);
    assert!(ended.report[1].as_u64().unwrap() <= 2, "{}", ended.report);
    assert_eq!(ended.report[2], 1, "none is not enough");
}

/// Other parts of the program have taken the descriptors, and the limit is not what helps.
#[test]
fn no_descriptor_is_left() {
    child::scene("no_descriptor_is_left", |folder| {
        init();
        sink::max_open_files(usize::MAX);
        let open = |n: u32| sink::file(folder.join(format!("{n}.log"))).open().unwrap();
        let rolling = sink::file(folder.join("rolls")).roll(Roll::by_size(4)).open().unwrap();
        let rolls = context(&rolling);
        let first = open(0);
        let taken: Vec<_> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        assert!(taken.len() > 16, "{}", taken.len());
        let (uno, second) = (context(&first), open(1));
        let due = context(&second);
        for text in ["one", "two", "three"] {
            log(&uno, text);
            log(&due, text);
            log(&rolls, text);
        }
        drop(taken);
        let failed: u64 = [first, second, rolling].iter().map(|sink| sink.flush(Duration::MAX).failed).sum();
        json!(failed)
    });
    let limited = ["sh", "-c", r#"ulimit -n 64; exec "$0" "$@""#];
    let ended = Child::new("no_descriptor_is_left").through(&limited).run();
    assert_eq!(ended.report, json!(0));
    assert_eq!((ended.read("0.log"), ended.read("1.log")), (LINES.to_owned(), LINES.to_owned()));
    let rolled: String = (1..=3).map(|n| ended.read(&format!("rolls.{n}"))).collect();
    assert_eq!(rolled, LINES, "listing a directory takes a descriptor too");
    assert_eq!(ended.told(), Vec::<&str>::new());
}

/// A parked file is only its name, and what has that name when it is written to again.
#[test]
fn what_becomes_of_a_parked_file() {
    child::scene("what_becomes_of_a_parked_file", |folder| {
        init();
        sink::max_open_files(1);
        let logs = folder.join("logs");
        fs::create_dir(&logs).unwrap();
        let path = |name: &str| logs.join(name);
        let open = |name: &str| sink::file(path(name)).open().unwrap();
        let names = ["stays", "removed", "moved", "replaced", "torn"];
        let sinks = names.map(open);
        let contexts: Vec<_> = sinks.iter().map(context).collect();
        contexts.iter().for_each(|context| log(context, "one"));
        let other = open("other");
        log(&context(&other), "parks the last");
        assert_eq!(open_in(&logs), 1);

        fs::remove_file(path("removed")).unwrap();
        // May well have the inode of the one that was removed, and is another file.
        let reborn = open("reborn");
        log(&context(&reborn), "reborn");
        fs::rename(path("moved"), path("moved away")).unwrap();
        fs::write(path("new"), "new\n").unwrap();
        fs::rename(path("new"), path("replaced")).unwrap();
        fs::write(path("torn"), "one\nto").unwrap();
        // Opened again while it is parked, it has the same output.
        assert_eq!(open("stays").ledger().written, 1);
        contexts.iter().for_each(|context| log(context, "two"));
        assert_eq!((reborn.ledger().written, sinks[1].ledger().written), (1, 2));
        json!(sinks.iter().map(|sink| sink.ledger().failed).sum::<u64>())
    });
    let ended = Child::new("what_becomes_of_a_parked_file").run();
    assert_eq!(ended.report, json!(0));
    for (name, text) in [
        ("stays", "one\ntwo\n"),
        ("removed", "two\n"),
        ("reborn", "reborn\n"),
        ("moved", "two\n"),
        ("moved away", "one\n"),
        ("replaced", "new\ntwo\n"),
        ("torn", "one\nto\ntwo\n"),
    ] {
        assert_eq!(ended.read(&format!("logs/{name}")), text, "{name}");
    }
    assert_eq!(ended.told(), Vec::<&str>::new());
}

/// Files are parked while others write to them, and removed, and opened: nothing is lost, nothing is mixed.
#[test]
fn threads_write_to_files_that_are_parked_all_the_time() {
    const FILES: usize = 6;
    const RECORDS: usize = 500;
    child::scene("threads_write_to_files_that_are_parked_all_the_time", |folder| {
        init();
        sink::max_open_files(2);
        let sinks: Vec<_> = (0..FILES).map(|n| sink::file(folder.join(format!("{n}.log"))).open().unwrap()).collect();
        let contexts: Vec<_> = sinks.iter().map(context).collect();
        thread::scope(|scope| {
            for thread in 0..3 {
                let (contexts, sinks) = (&contexts, &sinks);
                scope.spawn(move || {
                    for number in 0..RECORDS {
                        let file = (number * (thread + 1)) % FILES;
                        log(&contexts[file], &format!("{file} {thread} {number}"));
                        if number % 50 == 0 {
                            let again = sink::file(folder.join(format!("{file}.log"))).open().unwrap();
                            assert!(again.ledger().accepted <= sinks[file].ledger().accepted);
                            assert_eq!(again.flush(Duration::MAX).failed, 0);
                        }
                    }
                });
            }
        });
        json!(sinks.iter().map(|sink| sink.ledger().written).sum::<u64>())
    });
    let ended = Child::new("threads_write_to_files_that_are_parked_all_the_time").run();
    assert_eq!(ended.report, json!(3 * RECORDS));
    let mut lines = 0;
    for file in 0..FILES {
        let text = ended.read(&format!("{file}.log"));
        assert!(text.lines().all(|line| line.starts_with(&format!("{file} "))), "records of another file");
        lines += text.lines().count();
    }
    assert_eq!(lines, 3 * RECORDS);
}
