//! Outputs that break behind a queue (P2, P3, P4, P5): the program goes on and exits well, every record is counted, stderr reports the outage
//! once, and when the output works again the log says how many records are missing, where they are missing.
//!
//! The counterpart of `broken_outputs`, for writer threads, which see an outage in the middle of a batch. A process for each case: the
//! standard streams belong to the process, and so do the reports on stderr.

#![cfg(feature = "testing")]
#![cfg(feature = "file")]
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/broken.rs"]
mod broken;
#[path = "common/child.rs"]
mod child;
#[path = "common/gate.rs"]
mod gate;

use std::fs::{self, File};
use std::io::{Read as _, Seek as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::thread;

use logscope::Format;
use logscope::sink::{self, Queue, Sink};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat};
use rustix::stdio::{dup2_stderr, dup2_stdout};
use serde_json::{Value, json};

use broken::{
    PATIENCE, assert_reported_once, broken_pipe, close, context, dev_full, ledger, lines, log,
    permission_to_write_is_taken_away, stdout_breaks_and_recovers,
};
use child::{Child, Ended, expected_ledger, ledger_json};
use gate::{Gate, ParsedLine};

fn queued(sink: &Sink) -> Sink {
    sink.queued(Queue::new())
}

fn file(path: &Path) -> Sink {
    queued(&sink::file(path).open().unwrap())
}

#[test]
fn a_closed_stdout_recovers() {
    stdout_breaks_and_recovers("a_closed_stdout_recovers", queued, || close(1), "Bad file descriptor");
}

#[test]
fn a_stdout_pipe_without_a_reader_recovers() {
    let break_it = || dup2_stdout(broken_pipe()).unwrap();
    stdout_breaks_and_recovers("a_stdout_pipe_without_a_reader_recovers", queued, break_it, "Broken pipe");
}

#[test]
fn a_full_stdout_recovers() {
    let break_it = || dup2_stdout(dev_full()).unwrap();
    stdout_breaks_and_recovers("a_full_stdout_recovers", queued, break_it, "No space left on device");
}

/// The reader of a real pipe closes it while the program runs.
#[test]
fn records_fail_when_the_reader_of_stdout_closes() {
    child::in_child("records_fail_when_the_reader_of_stdout_closes", |_| {
        let sink = queued(&sink::stdout());
        let context = context(&sink);
        log(&context, 2);
        // Wait until the last copy of the reader is gone: a child that was being started at that moment holds one for a while.
        let stdout = rustix::stdio::stdout();
        let mut stdout = [PollFd::new(&stdout, PollFlags::empty())];
        while !stdout[0].revents().contains(PollFlags::ERR) {
            poll(&mut stdout, None).unwrap();
        }
        log(&context, 5);
        ledger(&sink, &context)
    });
    let mut running = Child::new("records_fail_when_the_reader_of_stdout_closes").stdout_piped().start();
    let mut reader = running.process().stdout.take().unwrap();
    let mut text = String::new();
    while text.matches("hello").count() < 2 {
        let mut bytes = [0; 1024];
        let count = reader.read(&mut bytes).unwrap();
        assert_ne!(count, 0, "{text}");
        text.push_str(str::from_utf8(&bytes[..count]).unwrap());
    }
    drop(reader);
    let ended = running.wait();
    assert_eq!(ended.report, expected_ledger(2, 5));
    assert_reported_once(&ended, "stdout", "Broken pipe");
}

/// With both streams broken there is no place for reports: the failed records are counted, and so are the reports that were lost.
#[test]
fn both_full_streams_recover() {
    child::in_child("both_full_streams_recover", |folder| {
        let recovered = ["stdout recovered", "stderr recovered"].map(|name| File::create(folder.join(name)).unwrap());
        let sinks = [queued(&sink::stdout()), queued(&sink::stderr())];
        let contexts = sinks.each_ref().map(context);
        dup2_stdout(dev_full()).unwrap();
        dup2_stderr(dev_full()).unwrap();
        contexts.iter().for_each(|context| log(context, 5));
        let broken: Vec<_> = sinks.iter().zip(&contexts).map(|(sink, context)| ledger(sink, context)).collect();
        dup2_stdout(&recovered[0]).unwrap();
        dup2_stderr(&recovered[1]).unwrap();
        contexts.iter().for_each(|context| log(context, 1));
        let later: Vec<_> = sinks.iter().zip(&contexts).map(|(sink, context)| ledger(sink, context)).collect();
        json!([broken, later, sink::fallback_lost()])
    });
    let ended = Child::new("both_full_streams_recover").run();
    assert_eq!(
        ended.report,
        json!([[expected_ledger(0, 5), expected_ledger(0, 5)], [expected_ledger(1, 5), expected_ledger(1, 5)], 2])
    );
    for stream in ["stdout recovered", "stderr recovered"] {
        assert_eq!(lines(&ended.read(stream)), [ParsedLine::Failed(5), ParsedLine::Record(6)], "{stream}");
    }
}

#[test]
fn records_for_a_full_device_fail() {
    child::in_child("records_for_a_full_device_fail", |_| {
        let sink = file(Path::new("/dev/full"));
        let context = context(&sink);
        log(&context, 5);
        let ledger = ledger(&sink, &context);
        drop((sink, context));
        ledger
    });
    let ended = Child::new("records_for_a_full_device_fail").run();
    assert_eq!(ended.report, expected_ledger(0, 5));
    let reported = ended.fallback_lines();
    assert_eq!(reported.len(), 2, "{reported:?}");
    assert!(reported[0].contains("cannot write to file /dev/full: No space left on device"), "{reported:?}");
    assert!(
        reported[1].contains("/dev/full is closed, and its log has no notice of 5 records that could not be written"),
        "{reported:?}"
    );
}

/// Logs more to `path` than there is room for, in one go, calls `make_room`, and logs two more.
fn fill(path: &Path, make_room: impl FnOnce()) -> Value {
    let sink = file(path);
    let context = context(&sink);
    context.scope(|| (0..100).for_each(|_| tracing::info!("{}", "x".repeat(700))));
    let full = ledger(&sink, &context);
    let read = || format!("{:?}", lines(&fs::read_to_string(path).unwrap()));
    let text = read();
    make_room();
    log(&context, 2);
    json!({ "full": full, "text": text, "ledger": ledger(&sink, &context), "later": read() })
}

/// Checks the report of `fill`: one record was cut. `kept` says whether the log kept its records when room was made.
#[track_caller]
fn assert_filled_and_recovered(ended: &Ended, kept: bool) {
    let failed = ended.report["full"]["failed"].as_u64().unwrap();
    assert!((1..100).contains(&failed), "{}", ended.report["full"]);
    assert_eq!(ended.report["full"], expected_ledger(100 - failed, failed));
    let mut expected: Vec<_> = (1..=100 - failed).map(ParsedLine::Record).chain([ParsedLine::Fragment]).collect();
    assert_eq!(ended.report["text"], format!("{expected:?}"));
    assert_eq!(ended.report["ledger"], expected_ledger(102 - failed, failed));
    if !kept {
        expected.clear();
    }
    expected.extend([ParsedLine::Failed(failed), ParsedLine::Record(101), ParsedLine::Record(102)]);
    assert_eq!(ended.report["later"], format!("{expected:?}"));
}

/// A small file system is full until another file on it is removed.
#[test]
fn a_full_file_system_recovers() {
    child::in_child("a_full_file_system_recovers", |folder| {
        let small = folder.join("small");
        fs::write(small.join("ballast"), [0; 8 << 10]).unwrap();
        fill(&small.join("uno.log"), || fs::remove_file(small.join("ballast")).unwrap())
    });
    let Some(in_own_mounts) = broken::in_own_mounts() else { return };
    let ended = Child::new("a_full_file_system_recovers").launched_by(&in_own_mounts).run();
    assert_filled_and_recovered(&ended, true);
    let path = ended.path("small/uno.log");
    assert_reported_once(&ended, &format!("file {}", path.display()), "No space left on device");
}

/// A limit on the size of files cuts a record, until the file is emptied. (The report is short, because it may be written under the same
/// limit.)
#[test]
fn a_file_at_its_size_limit_recovers() {
    child::in_child("a_file_at_its_size_limit_recovers", |folder| {
        let path = folder.join("uno.log");
        fill(&path, || File::options().write(true).open(&path).unwrap().set_len(0).unwrap())
    });
    let ended = Child::new("a_file_at_its_size_limit_recovers").launched_by(&broken::WITH_SHORT_FILES).run();
    assert_filled_and_recovered(&ended, false);
    assert_reported_once(&ended, &format!("file {}", ended.path("uno.log").display()), "File too large");
}

#[test]
fn records_survive_the_removal_of_the_directory() {
    child::in_child("records_survive_the_removal_of_the_directory", |folder| {
        let path = folder.join("logs/uno.log");
        let sink = queued(&sink::file(&path).create_parents(true).open().unwrap());
        let mut kept = File::open(&path).unwrap();
        let context = context(&sink);
        log(&context, 2);
        fs::remove_dir_all(folder.join("logs")).unwrap();
        log(&context, 5);
        let again = queued(&sink::file(&path).create_parents(true).open().unwrap());
        log(&context.with_sinks([again.format(Format::json())]), 1);
        let ledgers = [ledger_json(sink.flush(PATIENCE)), ledger_json(again.flush(PATIENCE))];
        let mut text = String::new();
        kept.rewind().unwrap();
        kept.read_to_string(&mut text).unwrap();
        json!({ "ledgers": ledgers, "text": text })
    });
    let ended = Child::new("records_survive_the_removal_of_the_directory").run();
    // Both sinks are one output, which makes its directory again. The records that were lost with the old file are copied to the new one.
    assert_eq!(ended.report["ledgers"], json!([expected_ledger(8, 0), expected_ledger(8, 0)]));
    let (old, new) = (lines(ended.report["text"].as_str().unwrap()), lines(&ended.read("logs/uno.log")));
    let first = 9 - new.len() as u64;
    assert!(new.into_iter().eq((first..=8).map(ParsedLine::Record)), "from {first}");
    assert!(old.len() as u64 + 1 >= first && old.into_iter().zip(1..).all(|(line, n)| line == ParsedLine::Record(n)));
    let told = |line: &str| line.contains("was removed or replaced; the log goes on at its path");
    assert!(matches!(ended.fallback_lines()[..], [line] if told(line)), "{}", ended.stderr);
}

#[test]
fn a_lost_permission_does_not_stop_an_open_file() {
    permission_to_write_is_taken_away("a_lost_permission_does_not_stop_an_open_file", queued);
}

/// The reader of a named pipe reads slowly, so that the pipe, the queue and the program wait for it. Then it closes in the middle of a
/// record, and another reader comes.
#[test]
fn a_named_pipe_recovers_after_a_slow_reader_closed() {
    const RECORDS: usize = 2_000;
    child::in_child("a_named_pipe_recovers_after_a_slow_reader_closed", |folder| {
        let path = folder.join("pipe");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let open =
            |flags: OFlags| File::options().read(true).custom_flags(flags.bits().cast_signed()).open(&path).unwrap();
        let mut first = open(OFlags::NONBLOCK);
        let sink = sink::file(&path).allow_pipe(true).open().unwrap().queued(Queue::new().bytes(4 << 10));
        let context = context(&sink);
        let mut text = Vec::new();
        thread::scope(|scope| {
            let logs = scope.spawn(|| log(&context, RECORDS));
            while text.len() < 20_000 {
                poll(&mut [PollFd::new(&first, PollFlags::IN)], None).unwrap();
                let mut some = [0; 100];
                let count = first.read(&mut some).unwrap();
                text.extend_from_slice(&some[..count]);
            }
            assert!(!logs.is_finished(), "the pipe and the queue have room for all records, so nothing waited");
            drop(first);
        });
        let broken = ledger(&sink, &context);
        let mut second = open(OFlags::NONBLOCK);
        log(&context, 1);
        let recovered = ledger(&sink, &context);
        // The second reader gets what the pipe still holds. The error only says that there is no more.
        let _ = second.read_to_end(&mut text);
        fs::write(folder.join("text"), text).unwrap();
        json!([broken, recovered])
    });
    let ended = Child::new("a_named_pipe_recovers_after_a_slow_reader_closed").run();
    let (written, failed) = (ended.report[0]["written"].as_u64().unwrap(), ended.report[0]["failed"].as_u64().unwrap());
    assert_eq!(written + failed, RECORDS as u64);
    assert_eq!(ended.report, json!([expected_ledger(written, failed), expected_ledger(written + 1, failed)]));
    let mut there = lines(&ended.read("text"));
    there.retain(|line| *line != ParsedLine::Fragment);
    let last = [ParsedLine::Failed(failed), ParsedLine::Record(RECORDS as u64 + 1)];
    assert!(there.into_iter().eq((1..=written).map(ParsedLine::Record).chain(last)));
    assert_reported_once(&ended, &format!("file {}", ended.path("pipe").display()), "Broken pipe");
}

/// Many queues that drop records by their policy do not hide that a disk is full.
#[test]
fn chosen_drops_do_not_hide_a_full_disk() {
    child::in_child("chosen_drops_do_not_hide_a_full_disk", |_| {
        let gates: Vec<_> = (0..15)
            .map(|_| {
                let gate = Gate::new();
                gate.shut();
                let queue = Queue::new().bytes(4096).overflow(sink::Overflow::DropNewest);
                log(&context(&sink::custom(gate.clone()).queued(queue)), 100);
                gate
            })
            .collect();
        log(&context(&sink::writer(dev_full())), 1);
        gates.iter().for_each(Gate::open);
        json!(null)
    });
    let ended = Child::new("chosen_drops_do_not_hide_a_full_disk").run();
    let reported = ended.fallback_lines();
    assert!(reported.iter().any(|line| line.contains("No space left on device")), "{reported:?}");
}
