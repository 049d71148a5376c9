//! More files than the process may have open: each sink still has its file, and no record is in another sink's file.
//!
//! A process for each case, because the limits belong to the process.

#![cfg(feature = "testing")]
#![cfg(feature = "file")]
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;

use std::fs::{self, File};
use std::path::Path;
use std::thread;
use std::time::Duration;

use logscope::sink::{self, FileOptions, Queue, Roll, Sink};
use logscope::{Format, OutputContext, Time};
use serde_json::{Value, json};

use child::Child;

const LINES: &str = "one\ntwo\nthree\n";

/// Installs logscope.
fn init() {
    logscope::init();
}

fn direct(file: FileOptions) -> Sink {
    file.open().unwrap()
}

fn context(sink: &Sink) -> OutputContext {
    OutputContext::builder("uno").sink(sink.format(Format::build().time(Time::None))).build()
}

fn log(context: &OutputContext, text: &str) {
    context.scope(|| tracing::info!("{text}"));
}

/// How log_to_many_files descriptors of this process are open on files in `folder`.
fn open_in(folder: &Path) -> usize {
    let leads_there = |entry: std::io::Result<fs::DirEntry>| {
        fs::read_link(entry.unwrap().path()).is_ok_and(|target| target.starts_with(folder) && target != folder)
    };
    fs::read_dir("/proc/self/fd").unwrap().map(leads_there).filter(|there| *there).count()
}

/// Logs to `count` files from several threads, three times, and reports which files do not hold exactly their own records.
fn log_to_many_files(folder: &Path, count: usize, open: fn(FileOptions) -> Sink) -> Value {
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
    child::in_child("more_files_than_descriptors", |folder| log_to_many_files(folder, 2_500, direct));
    let limited = ["sh", "-c", r#"ulimit -n 128; exec "$0" "$@""#];
    let ended = Child::new("more_files_than_descriptors").launched_by(&limited).run();
    assert_eq!((&ended.report["wrong"], &ended.report["written"]), (&json!([]), &json!(7_500)));
    // The limit gives logs half of the descriptors. The few threads that wrote at that moment may have one more each.
    let open = ended.report["open"].as_u64().unwrap();
    assert!((32..=68).contains(&open), "{open}");
    assert_eq!(ended.fallback_lines(), Vec::<&str>::new());
}

/// The same behind queues, which share a few writer threads.
#[test]
fn more_queued_files_than_descriptors() {
    child::in_child("more_queued_files_than_descriptors", |folder| {
        let report = log_to_many_files(folder, 10_000, |file| file.open().unwrap().queued(Queue::new()));
        json!([report, fs::read_dir("/proc/self/task").unwrap().count()])
    });
    let limited = ["sh", "-c", r#"ulimit -n 128; exec "$0" "$@""#];
    let ended = Child::new("more_queued_files_than_descriptors").launched_by(&limited).run();
    assert_eq!((&ended.report[0]["wrong"], &ended.report[0]["written"]), (&json!([]), &json!(30_000)));
    // Each writer thread may have one more open.
    let open = ended.report[0]["open"].as_u64().unwrap();
    assert!((32..=80).contains(&open), "{open}");
    // The test's own threads, and the writer threads that 10,000 queues share: few, and one for each output that stands still, as files do
    // on a busy machine.
    assert!(ended.report[1].as_u64().unwrap() <= 1_100, "{}", ended.report);
    assert_eq!(ended.fallback_lines(), Vec::<&str>::new());
}

#[test]
fn max_open_files_sets_the_limit() {
    child::in_child("max_open_files_sets_the_limit", |folder| {
        sink::max_open_files(8);
        let report = log_to_many_files(folder, 100, direct);
        let sinks: Vec<_> =
            (0..100).map(|n| sink::file(folder.join(format!("logs/{n}.log"))).open().unwrap()).collect();
        sink::max_open_files(2);
        let few = open_in(&folder.join("logs"));
        sink::max_open_files(0);
        log(&context(&sinks[0]), "still there");
        json!([report, few, open_in(&folder.join("logs"))])
    });
    let ended = Child::new("max_open_files_sets_the_limit").run();
    assert_eq!((&ended.report[0]["wrong"], &ended.report[0]["written"]), (&json!([]), &json!(300)));
    assert!(ended.report[0]["open"].as_u64().unwrap() <= 12, "{}", ended.report);
    assert!(ended.report[1].as_u64().unwrap() <= 2, "{}", ended.report);
    assert_eq!(ended.report[2], 1, "a limit of 0 must still allow one open file");
}

/// Other parts of the program have taken all descriptors, and the limit of open log files does not help.
#[test]
fn logs_go_on_when_no_descriptor_is_left() {
    child::in_child("logs_go_on_when_no_descriptor_is_left", |folder| {
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
    let ended = Child::new("logs_go_on_when_no_descriptor_is_left").launched_by(&limited).run();
    assert_eq!(ended.report, json!(0));
    assert_eq!((ended.read("0.log"), ended.read("1.log")), (LINES.to_owned(), LINES.to_owned()));
    let rolled: String = (1..=3).map(|n| ended.read(&format!("rolls.{n}"))).collect();
    assert_eq!(rolled, LINES, "listing a directory takes a descriptor too");
    assert_eq!(ended.fallback_lines(), Vec::<&str>::new());
}

/// The output of a parked file keeps only its name. At the next write it takes the file that has the name by then.
#[test]
fn a_parked_file_is_found_again_by_its_name() {
    child::in_child("a_parked_file_is_found_again_by_its_name", |folder| {
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
        log(&context(&other), "parks the last file");
        assert_eq!(open_in(&logs), 1);

        fs::remove_file(path("removed")).unwrap();
        // This file may get the inode of the removed one, but is another file.
        let reborn = open("reborn");
        log(&context(&reborn), "reborn");
        fs::rename(path("moved"), path("moved away")).unwrap();
        fs::write(path("new"), "new\n").unwrap();
        fs::rename(path("new"), path("replaced")).unwrap();
        fs::write(path("torn"), "one\nto").unwrap();
        // A parked file that is opened again keeps its output.
        assert_eq!(open("stays").ledger().written, 1);
        contexts.iter().for_each(|context| log(context, "two"));
        assert_eq!((reborn.ledger().written, sinks[1].ledger().written), (1, 2));
        json!(sinks.iter().map(|sink| sink.ledger().failed).sum::<u64>())
    });
    let ended = Child::new("a_parked_file_is_found_again_by_its_name").run();
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
    assert_eq!(ended.fallback_lines(), Vec::<&str>::new());
}

/// Files are parked while other threads write to them, flush them and open them again: no record is lost or mixed.
#[test]
fn files_parked_under_load_lose_nothing() {
    const FILES: usize = 6;
    const RECORDS: usize = 500;
    child::in_child("files_parked_under_load_lose_nothing", |folder| {
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
    let ended = Child::new("files_parked_under_load_lose_nothing").run();
    assert_eq!(ended.report, json!(3 * RECORDS));
    let mut lines = 0;
    for file in 0..FILES {
        let text = ended.read(&format!("{file}.log"));
        assert!(text.lines().all(|line| line.starts_with(&format!("{file} "))), "records of another file");
        lines += text.lines().count();
    }
    assert_eq!(lines, 3 * RECORDS);
}
