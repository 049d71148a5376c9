//! The folders of tests: when they are removed, and when they stay.

#![cfg(all(unix, feature = "testing"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::thread;

use logscope::Level;
use logscope::testing::{capture, case, child, child_role, options, scratch_dir};

#[test]
fn a_folder_goes_with_its_test_and_stays_if_it_fails() {
    let folder = scratch_dir();
    assert!(folder.is_dir() && folder.is_absolute());
    assert_ne!(scratch_dir().path(), folder.path());
    assert!(folder.to_str().unwrap().contains("/a_folder_goes_with_its_t."));
    fs::create_dir_all(folder.join("a/b")).unwrap();
    fs::write(folder.join("a/b/c"), "").unwrap();
    let path = folder.to_path_buf();
    drop(folder);
    assert!(!path.exists());

    // It may be gone already.
    fs::remove_dir_all(&*scratch_dir()).unwrap();

    let ended = child().run(|| {
        let failed = thread::spawn(|| {
            let folder = scratch_dir();
            std::panic::panic_any(folder.to_path_buf());
        });
        failed.join().unwrap_err().downcast_ref::<PathBuf>().unwrap().display().to_string()
    });
    let kept = PathBuf::from(ended.report.as_deref().unwrap());
    assert!(kept.is_dir() && ended.stderr.contains(&format!("kept {}", kept.display())), "{}", ended.stderr);
    fs::remove_dir_all(kept).unwrap();

    let kept = scratch_dir().keep();
    assert!(kept.is_dir());
    fs::remove_dir_all(kept).unwrap();
}

#[test]
fn the_environment_has_all_folders_kept() {
    let made = || child().env("LOGSCOPE_TEST_KEEP", "1").run(|| scratch_dir().display().to_string());
    fs::remove_dir_all(made().report.unwrap()).unwrap();
}

/// Runs `test` in a child, where it fails. Returns the folder that it has made, which must be told as kept and be there; it is removed then.
#[track_caller]
fn kept_by(test: impl FnOnce(&dyn Fn(PathBuf)) + 'static) {
    let ended = child().run(|| {
        let made = std::cell::RefCell::new(Vec::new());
        let failed = catch_unwind(AssertUnwindSafe(|| test(&|path| made.borrow_mut().push(path))));
        let paths: Vec<String> = made.take().iter().map(|path| path.display().to_string()).collect();
        format!("{}\n{}", failed.is_err(), paths.join("\n"))
    });
    let report = ended.report.unwrap();
    let mut lines = report.lines();
    assert_eq!(lines.next(), Some("true"), "it has failed: {report}");
    let paths: Vec<&str> = lines.collect();
    assert!(!paths.is_empty(), "it has made a folder");
    for path in paths {
        assert_eq!(ended.stderr.matches(&format!("kept {path}\n")).count(), 1, "{path}: {}", ended.stderr);
        // In a later child it is gone.
        let is_child = child_role().is_some();
        assert!(is_child || Path::new(path).is_dir(), "{path}");
        let _ = fs::remove_dir_all(path);
    }
}

#[test]
fn a_captured_test_removes_its_folders_at_its_end() {
    let mut paths = Vec::new();
    capture(|log| {
        let path = scratch_dir().to_path_buf();
        assert!(path.exists(), "the test can still fail");
        paths.push(path);
        // On another thread, which carries the context.
        let make = log.context().bind(|| scratch_dir().to_path_buf());
        paths.push(thread::spawn(make).join().unwrap());
        paths.push(capture(|_| scratch_dir().to_path_buf()));
        assert!(paths.iter().all(|path| path.exists()));
    });
    assert_eq!(paths.iter().filter(|path| path.exists()).count(), 0, "{paths:?}");
    // Dropped when the capture is over.
    let folder = capture(|_| scratch_dir());
    let path = folder.to_path_buf();
    drop(folder);
    assert!(!path.exists());
}

#[test]
fn a_folder_stays_if_its_test_fails_after_it_was_dropped() {
    // By a record that it denies.
    kept_by(|made| {
        options().deny(Level::ERROR).capture(|_| {
            made(scratch_dir().to_path_buf());
            tracing::error!("denied");
        });
    });
    // By a panic after the folder was dropped, and one that drops another.
    kept_by(|made| {
        capture(|_| {
            made(scratch_dir().to_path_buf());
            let open = scratch_dir();
            made(open.to_path_buf());
            panic!("this is the failure");
        });
    });
    // In a part of the test that has passed.
    kept_by(|made| {
        capture(|_| {
            capture(|_| made(scratch_dir().to_path_buf()));
            panic!("this is the failure");
        });
    });
    // By an error.
    kept_by(|made| {
        let result = capture(|_| {
            made(scratch_dir().to_path_buf());
            Err::<(), _>("this is the failure")
        });
        result.unwrap();
    });
}

#[test]
fn an_attempt_that_counts_for_nothing_leaves_no_folder() {
    let mut path = PathBuf::new();
    let rejected: Result<(), proptest::test_runner::TestCaseError> = case(|_| {
        path = scratch_dir().to_path_buf();
        assert!(path.exists());
        Err(proptest::test_runner::TestCaseError::reject("counts for nothing"))
    });
    assert!(rejected.is_err() && !path.exists());
}
