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
    let (result, _) = capture_reports(|| log.sync());
    result.expect_err("the file is not at its path");
    fs::create_dir(&logs).unwrap();
    let (result, _) = capture_reports(|| log.sync());
    let error = result.expect_err("nothing has synced the file that was moved").to_string();
    assert!(error.contains("it is not known whether"), "{error}");
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
fn a_directory_that_was_moved_while_it_was_closed_is_synced_once_it_is_back() {
    let (_dir, logs, moved, log) = log_in_directory();
    let folder = SyncWatch::new(&logs);
    log.write();
    log.park();
    fs::rename(&logs, &moved).unwrap();
    let (error, _) = capture_reports(|| failure(&log));
    assert!(error.contains("the directory") && error.contains("was moved or removed"), "{error}");
    fs::rename(&moved, &logs).unwrap();
    log.write();
    log.sync().unwrap();
    assert_eq!(folder.take(), 1);
}

#[test]
fn the_path_of_a_directory_is_escaped_in_errors() {
    let (_dir, logs, _, log) = log_in_directory();
    SyncWatch::new(&logs).fail(1);
    log.write();
    let error = failure(&log);
    assert!(error.contains("its directory") && !error.contains('\u{1b}'), "{error:?}");
}

/// Lets a log that rolls write `count` records, each of which gets a file, and returns watches of these files.
fn write_files(log: &Log, count: usize) -> Vec<SyncWatch> {
    let write = |_| {
        log.write();
        SyncWatch::new(&log.appender.current.lock().path)
    };
    (0..count).map(write).collect()
}

fn rolling(dir: &tempfile::TempDir, roll: Roll) -> Log {
    Log::open(file(dir.path().join("uno.log")).roll(roll))
}

#[test]
fn a_log_that_rolls_syncs_nothing_and_keeps_nothing_open_until_a_sync_covers_all_files() {
    let dir = tempfile::tempdir().unwrap();
    let log = rolling(&dir, Roll::by_size(5));
    let watches = write_files(&log, 100);
    assert!(watches.iter().all(|watch| watch.take() == 0), "no log call syncs");
    #[cfg(target_os = "linux")]
    assert!(watches[..99].iter().all(|watch| !watch.is_open_elsewhere()));
    log.sync().unwrap();
    assert!(watches.iter().all(|watch| watch.take() == 1), "each file is synced once");
    log.sync().unwrap();
    assert!(watches[..99].iter().all(|watch| watch.take() == 0));
}

#[test]
fn a_sync_finds_rolled_files_that_were_renamed_and_tells_of_those_that_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let log = rolling(&dir, Roll::by_size(5));
    let path = |number: u32| dir.path().join(format!("uno.{number}.log"));
    let watches = write_files(&log, 4);
    fs::rename(path(1), path(9)).unwrap();
    fs::rename(path(2), dir.path().join("elsewhere")).unwrap();
    log.sync().unwrap();
    assert!(watches.iter().all(|watch| watch.take() == 1));
    let watches = write_files(&log, 3);
    fs::remove_file(log.appender.current.lock().path.with_file_name("uno.11.log")).unwrap();
    let error = failure(&log);
    assert!(error.contains("uno.11.log was moved or removed") && error.contains("it is not known"), "{error}");
    assert_eq!(watches.iter().map(SyncWatch::take).collect::<Vec<_>>(), [1, 0, 1]);
    assert_eq!(failure(&log), error);
    log.write();
    log.sync().unwrap();
}

#[test]
fn a_sync_owes_nothing_for_files_that_the_log_itself_has_removed() {
    let dir = tempfile::tempdir().unwrap();
    let log = rolling(&dir, Roll::by_size(5).keep(3));
    let watches = write_files(&log, 300);
    let noted = log.appender.current.lock().unsynced.noted_files();
    assert!(noted <= crate::limits::NOTED, "{noted} files are noted");
    log.sync().unwrap();
    assert_eq!(watches.iter().map(SyncWatch::take).sum::<usize>(), 3);
}

#[cfg(feature = "gzip")]
#[test]
fn a_sync_owes_nothing_for_files_that_the_log_itself_has_compressed() {
    let dir = tempfile::tempdir().unwrap();
    let log = rolling(&dir, Roll::by_size(5).compress(true));
    drop(write_files(&log, 5));
    let end = Instant::now() + LONG;
    while (1..5).any(|number| dir.path().join(format!("uno.{number}.log")).exists()) {
        assert!(Instant::now() < end, "nothing is compressed");
        thread::yield_now();
    }
    log.sync().unwrap();
}

#[test]
fn what_is_noted_does_not_grow_with_files_that_somebody_removes() {
    let dir = tempfile::tempdir().unwrap();
    // Files that are watched stay open, so no other file gets their identity. Later files may get that of an earlier one.
    for watches in [true, false] {
        let log = rolling(&dir, Roll::by_size(5));
        for _ in 0..150 {
            let old = log.appender.current.lock().path.clone();
            let watch = write_files(&log, 1);
            if watches {
                std::mem::forget(watch);
            }
            let _ = fs::remove_file(old);
        }
        let noted = log.appender.current.lock().unsynced.noted_files();
        assert!(noted <= crate::limits::NOTED, "{noted} files are noted");
        if watches {
            assert!(failure(&log).contains("it is not known"));
        }
    }
}

#[test]
fn a_reopen_syncs_nothing_however_often_the_file_was_moved() {
    let (dir, path, log) = new_log();
    let mut watches = Vec::new();
    for number in 0..70 {
        log.write();
        let watch = SyncWatch::new(&path);
        watch.hold(true);
        watches.push(watch);
        fs::rename(&path, dir.path().join(format!("moved.{number}"))).unwrap();
        let appender = Arc::clone(&log.appender);
        let (sender, result) = std::sync::mpsc::channel();
        thread::spawn(move || drop(sender.send(appender.reopen(LONG))));
        result.recv_timeout(LONG).expect("a reopen waits for the device").unwrap();
    }
    #[cfg(target_os = "linux")]
    {
        let open = watches.iter().filter(|watch| watch.is_open_elsewhere()).count();
        assert_eq!(open, crate::limits::KEPT_WHEN_MOVED);
    }
    watches.iter().for_each(|watch| watch.hold(false));
    log.sync().unwrap();
    assert!(watches.iter().all(|watch| watch.take() == 1), "each file is synced once");
}

#[test]
fn a_sync_covers_files_that_were_moved_to_another_directory_as_far_as_they_are_open() {
    let (dir, path, log) = new_log();
    let elsewhere = dir.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let move_away = |number: usize| {
        log.write();
        let watch = SyncWatch::new(&path);
        fs::rename(&path, elsewhere.join(number.to_string())).unwrap();
        log.appender.reopen(LONG).unwrap();
        watch
    };
    let most = crate::limits::KEPT_WHEN_MOVED;
    let watches: Vec<_> = (0..most).map(&move_away).collect();
    log.sync().unwrap();
    assert!(watches.iter().all(|watch| watch.take() == 1));
    let watches: Vec<_> = (0..=most).map(&move_away).collect();
    assert!(failure(&log).contains("uno.log was moved or removed before it was synced"));
    assert_eq!(watches.iter().map(SyncWatch::take).collect::<Vec<_>>(), [&[0][..], &vec![1; most]].concat());
}

#[test]
fn a_log_that_is_parked_keeps_nothing_open_and_a_sync_finds_what_it_left() {
    let (dir, path, log) = new_log();
    let moved = |number: u32| dir.path().join(format!("moved.{number}"));
    log.write();
    let first = SyncWatch::new(&path);
    fs::rename(&path, moved(1)).unwrap();
    log.appender.reopen(LONG).unwrap();
    log.write();
    let [second, folder] = [&path, dir.path()].map(SyncWatch::new);
    log.park();
    #[cfg(target_os = "linux")]
    assert!([&first, &second, &folder].iter().all(|watch| !watch.is_open_elsewhere()));
    fs::rename(moved(1), moved(2)).unwrap();
    fs::rename(&path, moved(1)).unwrap();
    log.sync().unwrap();
    assert_eq!([first, second, folder].each_ref().map(SyncWatch::take), [1; 3]);
}

#[test]
fn a_file_that_was_moved_to_another_directory_while_it_was_closed_is_told() {
    let (dir, path, log) = new_log();
    fs::create_dir(dir.path().join("elsewhere")).unwrap();
    let move_away = |name: &str| {
        log.park();
        fs::rename(&path, dir.path().join("elsewhere").join(name)).unwrap();
    };
    log.write();
    log.park();
    log.sync().unwrap();
    log.write();
    move_away("first");
    log.write();
    assert!(failure(&log).contains("was moved or removed before it was synced"));
    log.write();
    log.sync().unwrap();
    move_away("second");
    log.sync().unwrap();
}

#[test]
fn a_directory_that_the_log_has_left_is_synced_wherever_it_is() {
    let (_dir, logs, moved, log) = log_in_directory();
    let [first, folder] = [&logs.join("uno.log"), &logs].map(|path| SyncWatch::new(path));
    log.write();
    fs::rename(&logs, &moved).unwrap();
    fs::create_dir(&logs).unwrap();
    log.appender.reopen(LONG).unwrap();
    log.write();
    let [second, new_folder] = [&logs.join("uno.log"), &logs].map(|path| SyncWatch::new(path));
    log.sync().unwrap();
    let syncs = || [&first, &folder, &second, &new_folder].map(SyncWatch::take);
    assert_eq!(syncs(), [1; 4]);
    log.write();
    log.sync().unwrap();
    assert_eq!(syncs(), [0, 0, 1, 0]);
}

#[test]
fn a_log_holds_few_of_the_directories_that_it_has_left() {
    let (dir, logs, _, log) = log_in_directory();
    let mut folders = Vec::new();
    for number in 0..2 * crate::limits::NOTED {
        let folder = SyncWatch::new(&logs);
        log.write();
        fs::rename(&logs, dir.path().join(number.to_string())).unwrap();
        fs::create_dir(&logs).unwrap();
        log.appender.reopen(LONG).unwrap();
        folders.push(folder);
    }
    let most = crate::limits::KEPT_WHEN_MOVED;
    #[cfg(target_os = "linux")]
    assert!(folders.iter().filter(|folder| folder.is_open_elsewhere()).count() <= most);
    assert!(log.appender.current.lock().unsynced.noted_files() <= crate::limits::NOTED);
    assert!(failure(&log).contains("was moved or removed"));
    // The newest directory that the log holds is the one that it is in.
    let covered = folders.iter().rev().take_while(|folder| folder.take() == 1).count();
    assert_eq!(covered, most - 1);
}

#[test]
fn directories_that_were_created_and_renamed_are_synced() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(file(dir.path().join("a/b/uno.log")).create_parents(true));
    log.write();
    let watches = [dir.path(), &dir.path().join("a"), &dir.path().join("a/b")].map(SyncWatch::new);
    fs::rename(dir.path().join("a"), dir.path().join("c")).unwrap();
    log.sync().unwrap();
    assert_eq!(watches.each_ref().map(SyncWatch::take), [1; 3]);
}

#[test]
fn a_removed_directory_needs_no_sync() {
    let (_dir, logs, _, log) = log_in_directory();
    log.write();
    fs::remove_dir_all(&logs).unwrap();
    fs::create_dir(&logs).unwrap();
    let (result, _) = capture_reports(|| log.sync());
    result.unwrap();
}
