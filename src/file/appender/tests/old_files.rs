//! What a sync answers about files and directories that the log has left, or that are closed or elsewhere.

use super::*;

/// Returns a log in a directory `logs`, whose path contains a control character, and the path of another directory, which does not exist.
fn log_in_directory() -> (tempfile::TempDir, PathBuf, PathBuf, Log) {
    let dir = tempfile::tempdir().unwrap();
    let (logs, moved) = (dir.path().join("logs\u{1b}[31m"), dir.path().join("moved"));
    fs::create_dir(&logs).unwrap();
    let log = Log::open(file(logs.join("uno.log")));
    (dir, logs, moved, log)
}

#[test]
fn records_of_a_closed_file_stay_to_be_synced_while_it_cannot_be_opened() {
    let (_dir, logs, moved, log) = log_in_directory();
    log.write();
    log.park();
    fs::rename(&logs, &moved).unwrap();
    assert_eq!(log.sync().unwrap_err().kind(), ErrorKind::NotFound);
    fs::create_dir(&logs).unwrap();
    let (result, _) = capture_reports(|| log.sync());
    let error = result.expect_err("nothing has synced the file that was moved").to_string();
    assert!(error.contains("it is not known whether its last records are on the storage device"), "{error}");
    assert!(!error.contains('\u{1b}'), "{error:?}");
    assert_eq!(failure(&log), error, "until something newer is synced");
    log.write();
    log.sync().unwrap();
}

#[test]
fn a_sync_that_has_nothing_to_sync_keeps_the_error_of_an_earlier_one() {
    let (_dir, logs, moved, log) = log_in_directory();
    let watch = SyncWatch::new(&logs.join("uno.log"));
    log.write();
    watch.fail(1);
    assert!(failure(&log).contains("Input/output error"));
    log.write();
    log.park();
    fs::rename(&logs, &moved).unwrap();
    assert!(failure(&log).contains("Input/output error"));
    fs::rename(&moved, &logs).unwrap();
    log.sync().unwrap();
    assert_eq!(watch.take(), 2);
}

#[test]
fn the_path_of_a_directory_is_escaped_in_errors() {
    let (_dir, logs, _, log) = log_in_directory();
    SyncWatch::new(&logs).fail(1);
    log.write();
    let error = failure(&log);
    assert!(error.contains("its directory") && !error.contains('\u{1b}'), "{error:?}");
}
