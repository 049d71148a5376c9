//! Tests of the directories of log files: where a log goes on after its directory was moved, replaced or removed.

use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::*;
use crate::sink::Roll;

/// A log in a directory of its own.
struct Log {
    /// Before the directory, so that it is dropped first.
    sink: Sink,
    dir: tempfile::TempDir,
}

impl Log {
    fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("logs")).unwrap();
        Log { sink: json(file(dir.path().join("logs/uno.log"))), dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    fn flush(&self) {
        assert!(self.sink.flush(Duration::from_secs(60)).is_complete());
    }

    fn lines(&self, name: &str) -> Vec<ParsedLine> {
        lines(&self.path(name))
    }
}

#[test]
fn a_log_stays_in_its_directory_when_another_is_put_at_its_path() {
    let log = Log::open();
    deliver(&log.sink, 1);
    log.rename("logs", "moved");
    fs::create_dir(log.path("planted")).unwrap();
    symlink("planted", log.path("logs")).unwrap();
    deliver(&log.sink, 2);
    log.flush();
    assert_eq!(log.lines("moved/uno.log"), [1, 2].map(ParsedLine::Record));
    fs::remove_file(log.path("moved/uno.log")).unwrap();
    deliver(&log.sink, 3);
    let ((), reports) = capture_reports(|| log.flush());
    assert_eq!(log.lines("moved/uno.log"), [3].map(ParsedLine::Record));
    assert!(!log.path("planted/uno.log").exists() && reports.is_empty(), "{reports:?}");

    log.sink.reopen().unwrap();
    deliver(&log.sink, 4);
    assert_eq!(log.lines("planted/uno.log"), [ParsedLine::Record(4)], "the program asked for the path");
    assert_eq!(log.lines("moved/uno.log"), [ParsedLine::Record(3)]);
}

#[test]
fn a_log_is_opened_anew_by_its_path_if_its_directory_is_gone_and_that_is_told() {
    let log = Log::open();
    for number in 1..=2 {
        deliver(&log.sink, number);
        fs::remove_dir_all(log.path("logs")).unwrap();
        fs::create_dir(log.path("logs")).unwrap();
        let ((), reports) = capture_reports(|| log.flush());
        assert!(reports.len() == 1 && reports[0].contains("was removed or replaced"), "{reports:?}");
    }
    // The records since the last check are saved.
    assert_eq!(log.lines("logs/uno.log"), [ParsedLine::Record(2)]);
    // A link in place of the file is not followed, as at the first opening.
    deliver(&log.sink, 3);
    fs::remove_dir_all(log.path("logs")).unwrap();
    fs::create_dir(log.path("logs")).unwrap();
    symlink("../planted", log.path("logs/uno.log")).unwrap();
    let (_, reports) = capture_reports(|| log.sink.flush(Duration::from_secs(60)));
    assert!(reports[0].contains("no longer leads to the open log file"), "{reports:?}");
    assert!(!log.path("planted").exists());
    drop(capture_reports(|| drop(log.sink)));
}

#[test]
fn a_pipe_in_place_of_the_file_is_refused() {
    let log = Log::open();
    deliver(&log.sink, 1);
    fs::remove_file(log.path("logs/uno.log")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(log.path("logs/uno.log")).status().unwrap().success());
    // A reader that is there would get the records.
    let _reader = fs::File::options().read(true).write(true).open(log.path("logs/uno.log")).unwrap();
    assert_eq!(deliver(&log.sink, 2), Fate::Written);
    let (error, _) = capture_reports(|| log.sink.reopen().unwrap_err().to_string());
    assert!(error.contains("it is a named pipe"), "{error}");
    fs::remove_file(log.path("logs/uno.log")).unwrap();
    log.flush();
    assert_eq!(log.lines("logs/uno.log"), [1, 2].map(ParsedLine::Record), "all records are saved");
}

#[test]
fn opening_the_path_again_gives_the_file_that_is_there() {
    let log = Log::open();
    deliver(&log.sink, 1);
    log.rename("logs", "moved");
    fs::create_dir(log.path("logs")).unwrap();
    let new = json(file(log.path("logs/uno.log")));
    deliver(&new, 2);
    deliver(&log.sink, 3);
    assert_eq!(log.lines("moved/uno.log"), [1, 3].map(ParsedLine::Record));
    assert_eq!(log.lines("logs/uno.log"), [ParsedLine::Record(2)]);
}

#[test]
fn a_log_does_not_roll_into_another_directory() {
    let dir = tempfile::tempdir().unwrap();
    let (logs, moved) = (dir.path().join("logs"), dir.path().join("moved"));
    fs::create_dir(&logs).unwrap();
    let sink = json(file(logs.join("uno.log")).roll(Roll::by_size(1)));
    deliver(&sink, 1);
    fs::rename(&logs, &moved).unwrap();
    fs::create_dir(&logs).unwrap();
    let (_, reports) = capture_reports(|| deliver(&sink, 2));
    assert!(reports.len() == 1 && reports[0].contains("another directory is at the path"), "{reports:?}");
    assert_eq!(lines(&moved.join("uno.1.log")), [1, 2].map(ParsedLine::Record));
    sink.reopen().unwrap();
    deliver(&sink, 3);
    assert_eq!(lines(&logs.join("uno.1.log")), [ParsedLine::Record(3)]);
}

#[test]
fn a_log_that_rolls_after_its_directory_was_removed_goes_on_at_its_path_and_that_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let sink = json(file(logs.join("uno.log")).roll(Roll::by_size(1)));
    deliver(&sink, 1);
    fs::remove_dir_all(&logs).unwrap();
    fs::create_dir(&logs).unwrap();
    let (_, reports) = capture_reports(|| deliver(&sink, 2));
    assert!(reports.len() == 1 && reports[0].contains("was removed or replaced"), "{reports:?}");
    assert_eq!(
        [2, 3].map(|number| lines(&logs.join(format!("uno.{number}.log")))),
        [1, 2].map(|seq| [ParsedLine::Record(seq)])
    );
}
