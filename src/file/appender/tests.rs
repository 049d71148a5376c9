//! Tests of the output of a file by itself: what a sync brings to the storage device, and deadlines.

#[cfg(not(logscope_loom))]
mod deadlines;
mod old_files;
mod truncate;

use std::path::PathBuf;
use std::{fs, io};

use super::*;
use crate::fallback::capture_reports;
use crate::file::open::appender_of;
use crate::file::os::observed::SyncWatch;
use crate::file::{FileLease, FileOptions, Roll, file, open};
use crate::sync::thread;

const LONG: Duration = Duration::from_secs(60);

/// A log that is open.
struct Log {
    _lease: FileLease,
    appender: Arc<Appender>,
}

impl Log {
    fn open(options: FileOptions) -> Self {
        let lease = open(&options).unwrap().lease;
        let path = std::path::absolute(&options.path).unwrap();
        Log { _lease: lease, appender: appender_of(&path) }
    }

    fn write(&self) {
        self.appender.write(Line::new(b"line\n", crate::Level::INFO)).unwrap();
    }

    fn sync(&self) -> io::Result<()> {
        self.appender.sync(LONG)
    }

    fn park(&self) {
        while self.appender.current.lock().file.is_some() {
            self.appender.park_if_idle();
        }
    }
}

/// Returns the text of the error of a sync that must fail.
fn failure(log: &Log) -> String {
    log.sync().expect_err("it must fail").to_string()
}

fn new_log() -> (tempfile::TempDir, PathBuf, Log) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("uno.log");
    let log = Log::open(file(&path));
    (dir, path, log)
}

#[test]
fn a_sync_covers_rolled_files() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(file(dir.path().join("uno.log")).roll(Roll::by_size(5)));
    let path = |number: u32| dir.path().join(format!("uno.{number}.log"));
    let mut watches = Vec::new();
    for number in 1..=4 {
        log.write();
        watches.push(SyncWatch::new(&path(number)));
    }
    log.sync().unwrap();
    assert!(watches.iter().all(|watch| watch.take() == 1), "each file is synced");
    log.sync().unwrap();
    assert!(watches[..3].iter().all(|watch| watch.take() == 0), "and closed then");
    #[cfg(target_os = "linux")]
    assert!(watches[..3].iter().all(|watch| !watch.is_open_elsewhere()));
}

#[test]
fn a_sync_covers_files_that_were_moved() {
    let (dir, path, log) = new_log();
    let mut watches = Vec::new();
    for number in 1..=3 {
        log.write();
        watches.push(SyncWatch::new(&path));
        fs::rename(&path, dir.path().join(format!("moved.{number}"))).unwrap();
        log.appender.reopen(LONG).unwrap();
    }
    log.sync().unwrap();
    assert!(watches.iter().all(|watch| watch.take() == 1));
}

#[test]
fn a_removed_file_is_closed_and_its_copied_records_are_synced() {
    let (_dir, path, log) = new_log();
    log.write();
    let removed = SyncWatch::new(&path);
    fs::remove_file(&path).unwrap();
    log.write();
    log.appender.reopen(LONG).unwrap();
    #[cfg(target_os = "linux")]
    assert!(!removed.is_open_elsewhere(), "its space is free");
    let new = SyncWatch::new(&path);
    log.sync().unwrap();
    assert_eq!((removed.take(), new.take()), (0, 1));
}

#[test]
fn old_files_that_are_removed_are_not_kept_open() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(file(dir.path().join("uno.log")).roll(Roll::by_size(5).keep(2)));
    log.write();
    let first = SyncWatch::new(&dir.path().join("uno.1.log"));
    (0..2).for_each(|_| log.write());
    assert!(!dir.path().join("uno.1.log").exists());
    #[cfg(target_os = "linux")]
    assert!(!first.is_open_elsewhere(), "its space is free");
    let _ = first.take();
    log.sync().unwrap();
    assert_eq!(first.take(), 0);
}

#[test]
fn directories_of_created_files_are_synced_once() {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("a/b");
    let top = SyncWatch::new(dir.path());
    let log = Log::open(file(logs.join("uno.log")).create_parents(true).roll(Roll::by_size(5)));
    let folders = [top, SyncWatch::new(&dir.path().join("a")), SyncWatch::new(&logs)];
    let syncs = || folders.each_ref().map(SyncWatch::take);
    log.write();
    assert_eq!(syncs(), [0; 3]);
    log.sync().unwrap();
    assert_eq!(syncs(), [1; 3], "the new directories, and the new file");
    log.sync().unwrap();
    assert_eq!(syncs(), [0; 3]);
    log.write();
    log.sync().unwrap();
    assert_eq!(syncs(), [0, 0, 1], "another new file");
}

#[test]
fn the_directory_of_a_file_behind_a_link_is_synced() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("target");
    fs::create_dir(&target).unwrap();
    std::os::unix::fs::symlink("target/uno.log", dir.path().join("link")).unwrap();
    let log = Log::open(file(dir.path().join("link")).allow_symlink(true));
    let watch = SyncWatch::new(&target);
    log.write();
    log.sync().unwrap();
    assert_eq!(watch.take(), 1);
}

#[test]
fn an_error_sticks_until_something_newer_is_synced() {
    let (dir, path, log) = new_log();
    let (current, folder) = (SyncWatch::new(&path), SyncWatch::new(dir.path()));
    log.write();
    current.fail(1);
    for _ in 0..3 {
        assert!(failure(&log).contains("Input/output error"));
    }
    log.write();
    log.sync().unwrap();
    log.sync().unwrap();

    log.write();
    fs::rename(&path, dir.path().join("moved")).unwrap();
    current.fail(1);
    log.appender.reopen(LONG).unwrap();
    folder.fail(1);
    assert!(failure(&log).contains("Input/output error"), "the error of an older file");
    assert!(failure(&log).contains("Input/output error"));
    log.write();
    folder.take();
    log.sync().unwrap();
    assert_eq!(folder.take(), 0, "the directory could be synced the second time");
}

#[test]
fn the_error_of_a_directory_names_it_and_it_is_tried_again() {
    let (dir, path, log) = new_log();
    let folder = SyncWatch::new(dir.path());
    log.write();
    folder.fail(1);
    let error = failure(&log);
    assert!(error.contains(&dir.path().display().to_string()), "{error}");
    assert!(failure(&log).contains("cannot be synced"));
    assert_eq!(folder.take(), 2);
    drop((path, log));
}

#[test]
fn opening_an_open_file_does_not_wait_for_ever_for_a_write_that_stands_still() {
    let (_dir, path, log) = new_log();
    let writing = log.appender.current.lock();
    let (sender, result) = std::sync::mpsc::channel();
    let opening = thread::spawn(move || {
        let lease = open(&file(&path)).unwrap().lease;
        sender.send(appender_of(&path)).unwrap();
        drop(lease);
    });
    let opened = result.recv_timeout(LONG).expect("opening waits for the write");
    assert!(Arc::ptr_eq(&opened, &log.appender));
    drop(writing);
    opening.join().unwrap();
}

/// The exit of the process flushes what was written long ago, when the program has removed its temporary directory.
#[test]
fn a_flush_that_has_nothing_to_save_makes_no_removed_file_or_directory_anew() {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("logs");
    let path = logs.join("uno.log");
    let log = Log::open(file(&path).create_parents(true));
    let flush = |is_parked: bool| {
        log.write();
        log.appender.flush(LONG).unwrap();
        if is_parked {
            log.park();
        }
    };
    for is_parked in [false, true] {
        flush(is_parked);
        fs::remove_file(&path).unwrap();
        let ((), reports) = capture_reports(|| log.appender.flush(LONG).unwrap());
        assert!(!path.exists() && reports.is_empty(), "the file, parked: {is_parked}: {reports:?}");
    }
    for is_parked in [false, true] {
        flush(is_parked);
        fs::remove_dir_all(&logs).unwrap();
        let ((), reports) = capture_reports(|| log.appender.flush(LONG).unwrap());
        assert!(!logs.exists() && reports.is_empty(), "the directory, parked: {is_parked}: {reports:?}");
    }
    // What is written without having been found at the path since is saved.
    log.write();
    let ((), _) = capture_reports(|| log.appender.flush(LONG).unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), "line\n");
}

/// Between the two system calls that look for it, too. Taken for moved, it would be made anew.
#[test]
fn a_file_that_is_being_removed_is_in_its_place_until_it_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..if cfg!(miri) { 5 } else { 500 } {
        let path = dir.path().join(round.to_string());
        let file = fs::File::create(&path).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| fs::remove_file(&path).unwrap());
            let location = loop {
                match os::locate(&file, None, &path, false).unwrap() {
                    FileLocation::InPlace { .. } => {}
                    location => break location,
                }
            };
            assert_eq!(location, FileLocation::Removed, "in round {round}");
        });
    }
}
