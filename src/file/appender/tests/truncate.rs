//! Tests of files that are made empty: against other threads, parked logs and syncs.

use super::*;

/// A directory, and a file in it that an earlier process has written.
fn old_file() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("uno.log");
    fs::write(&path, "old\n").unwrap();
    (dir, path)
}

fn read(path: &PathBuf) -> String {
    fs::read_to_string(path).unwrap()
}

/// From the moment at which other threads can find the output, until its file is empty, none of them can write.
#[test]
fn nobody_writes_before_the_file_is_empty() {
    let (_dir, path) = old_file();
    let watch = SyncWatch::new(&path);
    watch.hold(true);
    let opening = thread::spawn({
        let path = path.clone();
        move || Log::open(file(path).truncate(true))
    });
    watch.wait_for_truncation();
    assert_eq!(read(&path), "old\n");
    let appender = appender_of(&path);
    assert!(
        appender.current.try_lock().is_none(),
        "another thread could write to a file that is about to be made empty"
    );
    let writing = thread::spawn(move || appender.write(Line::new(b"new\n", crate::Level::INFO)).unwrap());
    watch.hold(false);
    let log = opening.join().unwrap();
    writing.join().unwrap();
    assert_eq!(read(&path), "new\n");
    log.write();
    assert_eq!(read(&path), "new\nline\n");
}

/// Also if nothing was written to the file before it was moved away.
#[test]
fn a_sync_covers_the_new_length() {
    let (dir, path) = old_file();
    let watch = SyncWatch::new(&path);
    let log = Log::open(file(&path).truncate(true));
    fs::rename(&path, dir.path().join("moved")).unwrap();
    log.appender.reopen(LONG).unwrap();
    log.sync().unwrap();
    assert_eq!(watch.take(), 1);
}

#[test]
fn the_file_of_a_parked_log_is_not_made_empty() {
    let (dir, path) = old_file();
    let hard = dir.path().join("hard");
    fs::hard_link(&path, &hard).unwrap();
    let log = Log::open(file(&path));
    for other in [&path, &hard] {
        log.park();
        assert!(!open(&file(other).truncate(true)).unwrap().is_first);
    }
    assert_eq!(read(&path), "old\n");
}

/// A log is parked, its file is moved, and its directory is removed. It cannot tell whether the file that was moved is its own.
#[test]
fn a_file_that_may_be_that_of_a_parked_log_is_not_made_empty_and_this_is_reported() {
    let (dir, moved) = old_file();
    let folder = dir.path().join("sub");
    fs::create_dir(&folder).unwrap();
    let path = folder.join("due.log");
    fs::rename(&moved, &path).unwrap();
    let log = Log::open(file(&path));
    log.write();
    log.park();
    fs::rename(&path, &moved).unwrap();
    fs::remove_dir(&folder).unwrap();
    let (other, reports) = capture_reports(|| Log::open(file(&moved).truncate(true)));
    assert!(!Arc::ptr_eq(&other.appender, &log.appender));
    assert!(
        reports.iter().any(|report| report.contains("uno.log is not made empty, because another log")),
        "{reports:?}"
    );
    other.write();
    assert_eq!(read(&moved), "old\nline\nline\n");
}

/// The output must not stay in the registry, where the next caller would find it.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_made_empty_is_an_error() {
    let (_dir, path) = old_file();
    let watch = SyncWatch::new(&path);
    watch.fail(1);
    let error = open(&file(&path).truncate(true)).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Open);
    assert!(error.to_string().contains("uno.log: it cannot be made empty"), "{error}");
    assert!(!watch.is_open_elsewhere());
    assert_eq!(read(&path), "old\n");
    drop(Log::open(file(&path).truncate(true)));
    assert_eq!(read(&path), "");
}
