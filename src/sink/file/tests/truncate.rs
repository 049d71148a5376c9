//! Tests of files that are made empty when they are opened: when that happens, and what it never takes away.

use std::sync::Barrier;

use super::*;
use crate::background::Queue;
use crate::sink::Roll;
use crate::sink::test_support::send;

fn fresh(path: &Path) -> FileOptions {
    file(path).truncate(true)
}

/// A directory, and a log in it with one record.
fn old_log() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    deliver(&json(file(&path)), 1);
    (dir, path)
}

#[test]
fn a_file_is_made_empty_only_on_request() {
    let (dir, path) = old_log();
    deliver(&json(fresh(&path).truncate(false)), 2);
    assert_eq!(lines(&path), [1, 2].map(ParsedLine::Record));
    fs::write(&path, "a torn line").unwrap();
    deliver(&json(fresh(&path)), 3);
    assert_eq!(lines(&path), [ParsedLine::Record(3)]);
    assert!(!fs::read_to_string(&path).unwrap().starts_with('\n'), "the end of the torn line");
    let missing = dir.path().join("missing");
    deliver(&json(fresh(&missing)), 4);
    assert_eq!(lines(&missing), [ParsedLine::Record(4)]);
}

#[test]
fn a_file_that_is_open_keeps_its_records_until_the_last_sink_is_dropped() {
    let (_dir, path) = old_log();
    let first = json(fresh(&path));
    deliver(&first, 2);
    let (second, appending) = (json(fresh(&path)), json(file(&path)));
    deliver(&second, 3);
    deliver(&appending, 4);
    assert_eq!(lines(&path), [2, 3, 4].map(ParsedLine::Record));
    drop((first, second));
    deliver(&json(fresh(&path)), 5);
    assert_eq!(lines(&path).len(), 4, "a sink that did not ask for it has the file, too");
    drop(appending);
    deliver(&json(fresh(&path)), 6);
    assert_eq!(lines(&path), [ParsedLine::Record(6)]);
}

/// A job may be followed by the next one at once, while a writer thread still has the records of the first.
#[test]
fn the_queue_of_dropped_sinks_is_written_before_the_file_is_made_empty() {
    let (_dir, path) = old_log();
    for job in 0..30 {
        let log = json(fresh(&path)).queued(Queue::new());
        (0..50).for_each(|n| _ = send(&log, 100 * job + n));
        if job % 2 == 1 {
            assert!(log.flush(Duration::from_secs(60)).is_complete());
            let expected: Vec<_> = (0..50).map(|n| ParsedLine::Record(100 * job + n)).collect();
            assert_eq!(lines(&path), expected, "job {job}");
        }
    }
}

/// Nobody can say which of the files are to go, and which are to be kept.
#[test]
fn a_log_that_rolls_is_not_made_empty() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("uno.log");
    let rolling = || file(&path).roll(Roll::by_size(1_000));
    assert!(open_error(rolling().truncate(true)).contains("open it without truncate or without roll"));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was created");
    let sink = json(rolling());
    deliver(&sink, 1);
    open_error(rolling().truncate(true));
    open_error(fresh(&path).roll(Roll::daily()));
    assert_eq!(lines(&dir.path().join("uno.1.log")), [ParsedLine::Record(1)]);
}

/// Two threads open a file at once. Whichever is the first makes it empty, before the other can write.
#[test]
fn what_was_logged_after_opening_is_never_taken_away() {
    const ROUNDS: u64 = 300;
    let (_dir, path) = old_log();
    let (start, end) = (Barrier::new(2), Barrier::new(2));
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (path, start, end) = (&path, &start, &end);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    start.wait();
                    let sink = json(fresh(path));
                    let own = [10, 11].map(|seq| 100 * round + 2 * thread + seq);
                    assert_eq!(own.map(|seq| deliver(&sink, seq)), [Fate::Written; 2]);
                    // Both have opened and written.
                    end.wait();
                    let found = lines(path);
                    assert!(own.iter().all(|seq| found.contains(&ParsedLine::Record(*seq))), "{found:?}");
                    assert_eq!(found.len(), 4, "nothing of earlier rounds is left");
                    end.wait();
                }
            });
        }
    });
}

#[cfg(unix)]
mod unix {
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_other_path_makes_an_open_file_empty() {
        let (dir, path) = old_log();
        let sink = json(file(&path));
        let (hard, link) = (dir.path().join("hard"), dir.path().join("link"));
        fs::hard_link(&path, &hard).unwrap();
        symlink(&path, &link).unwrap();
        deliver(&json(fresh(&hard)), 2);
        deliver(&json(fresh(&link).allow_symlink(true)), 3);
        deliver(&sink, 4);
        assert_eq!(lines(&path), [1, 2, 3, 4].map(ParsedLine::Record));
    }

    #[test]
    fn a_refused_link_leaves_the_file_alone_and_an_allowed_one_does_not() {
        let (dir, path) = old_log();
        let link = dir.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(open_error(fresh(&link)).contains("allow_symlink(true)"));
        assert_eq!(lines(&path), [ParsedLine::Record(1)]);
        deliver(&json(fresh(&link).allow_symlink(true)), 2);
        assert_eq!(lines(&path), [ParsedLine::Record(2)]);
    }

    #[test]
    fn a_call_with_other_options_leaves_the_file_alone() {
        let (_dir, path) = old_log();
        let sink = json(file(&path));
        let error = fresh(&path).mode(0o640).open().unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::OptionMismatch);
        deliver(&sink, 2);
        assert_eq!(lines(&path), [1, 2].map(ParsedLine::Record));
    }

    /// `logrotate` may have moved the file, and somebody else may have written another one.
    #[test]
    fn a_file_that_is_opened_anew_keeps_what_it_holds() {
        let (dir, path) = old_log();
        let sink = json(fresh(&path));
        deliver(&sink, 2);
        fs::rename(&path, dir.path().join("moved")).unwrap();
        deliver(&json(file(dir.path().join("other"))), 3);
        fs::rename(dir.path().join("other"), &path).unwrap();
        sink.reopen().unwrap();
        deliver(&sink, 4);
        assert_eq!(lines(&path), [3, 4].map(ParsedLine::Record));
        assert_eq!(lines(&dir.path().join("moved")), [ParsedLine::Record(2)]);
    }

    /// The output must not take the beginning of the record for what the file held when it was opened.
    #[test]
    fn the_records_of_a_removed_file_are_saved_from_its_new_beginning() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        fs::write(&path, "old\n").unwrap();
        let sink = json(fresh(&path));
        deliver(&sink, 1);
        fs::remove_file(&path).unwrap();
        sink.reopen().unwrap();
        assert_eq!(lines(&path), [ParsedLine::Record(1)]);
    }

    /// Whoever gives the process a descriptor decides what is in the file: `uno >> log` keeps it, `uno > log` does not.
    #[test]
    fn devices_pipes_and_descriptors_stay_as_they_are() {
        assert_eq!(deliver(&json(fresh(Path::new("/dev/null"))), 1), Fate::Written);
        let (mut reader, writer) = io::pipe().unwrap();
        deliver(&json(fresh(Path::new(&format!("/dev/fd/{}", writer.as_raw_fd())))), 1);
        drop(writer);
        let mut text = String::new();
        io::Read::read_to_string(&mut reader, &mut text).unwrap();
        assert_eq!(ParsedLine::parse_all(&text), [ParsedLine::Record(1)]);

        let (_dir, path) = old_log();
        let descriptor = fs::OpenOptions::new().append(true).open(&path).unwrap();
        deliver(&json(fresh(Path::new(&format!("/dev/fd/{}", descriptor.as_raw_fd())))), 2);
        assert_eq!(lines(&path), [1, 2].map(ParsedLine::Record));
    }
}
