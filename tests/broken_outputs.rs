//! Outputs that break (P2, P3, P4, P5): the program goes on and exits well, every record is counted, stderr reports the outage once, and
//! when the output works again the log says how many records are missing, on a line of its own.
//!
//! A binary of its own, and a process for each case: the standard streams belong to the process, and so do the reports on stderr.

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
use std::io::Read as _;
use std::path::Path;
use std::thread;

use logscope::sink::{self, Sink};
use logscope::{Format, OutputContext};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::stdio::{dup2_stderr, dup2_stdout};
use serde_json::{Value, json};

use broken::{
    assert_reported_once, broken_pipe, close, context, dev_full, ledger, lines, log, permission_to_write_is_taken_away,
    stdout_breaks_and_recovers,
};
use child::{Child, Ended, expected_ledger, ledger_json};
use gate::ParsedLine;

#[test]
fn a_closed_stdout_recovers() {
    stdout_breaks_and_recovers("a_closed_stdout_recovers", Sink::clone, || close(1), "Bad file descriptor");
}

#[test]
fn a_stdout_pipe_without_a_reader_recovers() {
    let break_it = || dup2_stdout(broken_pipe()).unwrap();
    stdout_breaks_and_recovers("a_stdout_pipe_without_a_reader_recovers", Sink::clone, break_it, "Broken pipe");
}

#[test]
fn a_full_stdout_recovers() {
    let break_it = || dup2_stdout(dev_full()).unwrap();
    stdout_breaks_and_recovers("a_full_stdout_recovers", Sink::clone, break_it, "No space left on device");
}

/// std opens `/dev/null` in place of a standard stream that is closed when the program starts.
#[test]
fn streams_closed_at_start_take_records() {
    child::in_child("streams_closed_at_start_take_records", |_| {
        let sink = sink::stdout();
        let context = context(&sink);
        log(&context, 5);
        tracing::info!("to the default, which is stderr");
        ledger(&sink, &context)
    });
    let never_open = ["sh", "-c", r#"exec "$0" "$@" >&- 2>&-"#];
    let ended = Child::new("streams_closed_at_start_take_records").launched_by(&never_open).run();
    assert_eq!(ended.report, expected_ledger(5, 0));
}

/// The reader of a real pipe closes it while the program runs.
#[test]
fn records_fail_when_the_reader_of_stdout_closes() {
    child::in_child("records_fail_when_the_reader_of_stdout_closes", |_| {
        let sink = sink::stdout();
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

/// The records that several threads lose in one outage are reported once on stderr, and all counted in the log.
#[test]
fn an_outage_is_reported_once_for_all_threads() {
    const THREADS: usize = 4;
    const RECORDS: usize = 200;
    child::in_child("an_outage_is_reported_once_for_all_threads", |folder| {
        let recovered = File::create(folder.join("recovered")).unwrap();
        let sink = sink::stdout();
        let context = context(&sink);
        dup2_stdout(broken_pipe()).unwrap();
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| log(&context, RECORDS));
            }
        });
        dup2_stdout(recovered).unwrap();
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| log(&context, RECORDS));
            }
        });
        ledger(&sink, &context)
    });
    let ended = Child::new("an_outage_is_reported_once_for_all_threads").run();
    let count = (THREADS * RECORDS) as u64;
    assert_eq!(ended.report, expected_ledger(count, count));
    let (mut seqs, mut stated) = (Vec::new(), 0);
    for line in lines(&ended.read("recovered")) {
        match line {
            ParsedLine::Record(seq) => seqs.push(seq),
            ParsedLine::Failed(failed) => stated += failed,
            _ => panic!("a torn line, or a notice other than of failed records"),
        }
    }
    seqs.sort_unstable();
    assert!(seqs.into_iter().eq(count + 1..=2 * count));
    assert_eq!(stated, count);
    assert_reported_once(&ended, "stdout", "Broken pipe");
}

/// Breaks both standard streams with `break_them`, and has them recover. Then stdout breaks again, so that a report goes to stderr.
#[track_caller]
fn both_break(test: &str, break_them: fn()) {
    child::in_child(test, |folder| {
        let recovered = ["stdout recovered", "stderr recovered"].map(|name| File::create(folder.join(name)).unwrap());
        let (stdout, stderr) = (sink::stdout(), sink::stderr());
        let (to_stdout, to_stderr) =
            (context(&stdout), OutputContext::builder("due").sink(stderr.format(Format::json())));
        let to_stderr = to_stderr.build();
        break_them();
        log(&to_stdout, 5);
        log(&to_stderr, 5);
        tracing::error!("to the default, which is stderr too");
        let broken = [ledger_json(stdout.ledger()), ledger_json(stderr.ledger())];
        dup2_stdout(&recovered[0]).unwrap();
        dup2_stderr(&recovered[1]).unwrap();
        log(&to_stdout, 1);
        log(&to_stderr, 1);
        dup2_stdout(dev_full()).unwrap();
        log(&to_stdout, 1);
        json!({ "broken": broken, "recovered": [ledger(&stdout, &to_stdout), ledger_json(stderr.ledger())] })
    });
    let ended = Child::new(test).run();
    assert_eq!(ended.report["broken"], json!([expected_ledger(0, 5), expected_ledger(0, 6)]));
    assert_eq!(ended.report["recovered"], json!([expected_ledger(1, 6), expected_ledger(1, 6)]));
    assert_eq!(lines(&ended.read("stdout recovered")), [ParsedLine::Failed(5), ParsedLine::Record(6)]);
    let stderr = ended.read("stderr recovered");
    let (said, logged): (Vec<_>, Vec<_>) = stderr.lines().partition(|line| line.starts_with("logscope: "));
    assert_eq!(lines(&logged.join("\n")), [ParsedLine::Failed(6), ParsedLine::Record(6)]);
    // The report of each of the two outages was lost.
    assert!(said.len() == 2 && said[0].contains("and 2 more lines") && said[1].contains("stdout"), "{said:?}");
}

#[test]
fn both_full_streams_recover() {
    both_break("both_full_streams_recover", || {
        dup2_stdout(dev_full()).unwrap();
        dup2_stderr(dev_full()).unwrap();
    });
}

#[test]
fn both_pipes_without_a_reader_recover() {
    both_break("both_pipes_without_a_reader_recover", || {
        dup2_stdout(broken_pipe()).unwrap();
        dup2_stderr(broken_pipe()).unwrap();
    });
}

#[test]
fn both_closed_streams_recover() {
    both_break("both_closed_streams_recover", || {
        for fd in [1, 2] {
            close(fd);
        }
    });
}

#[test]
fn records_for_a_full_device_fail() {
    child::in_child("records_for_a_full_device_fail", |_| {
        let sink = sink::file("/dev/full").open().unwrap();
        let context = context(&sink);
        log(&context, 5);
        ledger(&sink, &context)
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

#[test]
fn records_survive_the_removal_of_the_directory() {
    child::in_child("records_survive_the_removal_of_the_directory", |folder| {
        let (logs, path) = (folder.join("logs"), folder.join("logs/uno.log"));
        fs::create_dir(&logs).unwrap();
        let sink = sink::file(&path).open().unwrap();
        let context = context(&sink);
        log(&context, 2);
        fs::remove_dir_all(&logs).unwrap();
        log(&context, 5);
        let error = sink::file(&path).open().unwrap_err();
        assert!(
            error.kind() == logscope::ErrorKind::Open && error.to_string().contains("create_parents(true)"),
            "{error}"
        );
        assert_eq!(sink.reopen().unwrap_err().kind(), logscope::ErrorKind::Open);
        let astray = ledger(&sink, &context);
        fs::create_dir(&logs).unwrap();
        log(&context, 1);
        json!([astray, ledger(&sink, &context)])
    });
    let ended = Child::new("records_survive_the_removal_of_the_directory").run();
    assert_eq!(ended.report, json!([expected_ledger(7, 0), expected_ledger(8, 0)]));
    // The file was not checked between its opening and its removal, so its first two records are rescued too.
    assert!(lines(&ended.read("logs/uno.log")).into_iter().eq((1..=8).map(ParsedLine::Record)));
    let reported = ended.fallback_lines();
    assert!(
        reported[0].contains("uno.log no longer leads to the open log file, and cannot be opened anew: No such file"),
        "{reported:?}"
    );
    let (last, others) = reported[1..].split_last().unwrap();
    assert!(others.iter().all(|line| line.contains("cannot flush")), "{reported:?}");
    assert!(last.contains("was removed or replaced; the log goes on at its path"), "{reported:?}");
}

#[test]
fn a_lost_permission_does_not_stop_an_open_file() {
    permission_to_write_is_taken_away("a_lost_permission_does_not_stop_an_open_file", Sink::clone);
}

#[test]
fn a_named_pipe_recovers_with_a_new_reader() {
    child::in_child("a_named_pipe_recovers_with_a_new_reader", |folder| {
        let path = folder.join("pipe");
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let reader = || {
            use std::os::unix::fs::OpenOptionsExt as _;
            let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
            File::options().read(true).custom_flags(nonblocking).open(&path).unwrap()
        };
        let read = |mut reader: File| {
            let mut text = [0; 4096];
            let count = reader.read(&mut text).unwrap();
            String::from_utf8_lossy(&text[..count]).into_owned()
        };
        let first = reader();
        let sink = sink::file(&path).allow_pipe(true).open().unwrap();
        let context = context(&sink);
        log(&context, 2);
        let first = read(first);
        log(&context, 5);
        let second = reader();
        log(&context, 1);
        json!({ "ledger": ledger(&sink, &context), "texts": [first, read(second)] })
    });
    let ended = Child::new("a_named_pipe_recovers_with_a_new_reader").run();
    assert_eq!(ended.report["ledger"], expected_ledger(3, 5));
    let texts = [0, 1].map(|index| lines(ended.report["texts"][index].as_str().unwrap()));
    assert_eq!(texts[0], [ParsedLine::Record(1), ParsedLine::Record(2)]);
    assert_eq!(texts[1], [ParsedLine::Failed(5), ParsedLine::Record(8)]);
    assert_reported_once(&ended, &format!("file {}", ended.path("pipe").display()), "Broken pipe");
}

/// Logs to `path` until two records have failed, calls `make_room`, and logs two more. The report is short, because it may be written
/// under the same limit.
fn fill(path: &Path, make_room: impl FnOnce()) -> Value {
    let sink = sink::file(path).open().unwrap();
    let context = context(&sink);
    for _ in 0..1_000 {
        if sink.ledger().failed == 2 {
            break;
        }
        context.scope(|| tracing::info!("{}", "x".repeat(700)));
    }
    let read = || lines(&fs::read_to_string(path).unwrap());
    let full = read();
    make_room();
    log(&context, 2);
    json!({ "ledger": ledger(&sink, &context), "full": format!("{full:?}"), "later": format!("{:?}", read()) })
}

/// Checks the report of `fill`: one record was cut. `kept` says whether the log kept its records when room was made.
#[track_caller]
fn assert_filled_and_recovered(ended: &Ended, kept: bool) {
    let written = ended.report["ledger"]["written"].as_u64().unwrap();
    assert_eq!(ended.report["ledger"], expected_ledger(written, 2));
    let mut expected: Vec<_> = (1..=written - 2).map(ParsedLine::Record).chain([ParsedLine::Fragment]).collect();
    assert_eq!(ended.report["full"], format!("{expected:?}"));
    if !kept {
        expected.clear();
    }
    expected.extend([ParsedLine::Failed(2), ParsedLine::Record(written + 1), ParsedLine::Record(written + 2)]);
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

/// A limit on the size of files cuts a record, until the file is emptied.
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
