//! What is shown and written of a test, in each way to run it: also of tests that never end, or that take the process with them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use logscope::testing;

#[path = "common/suite.rs"]
mod suite;

use suite::scenario;

/// The files in a folder, by name.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())).collect()
}

#[test]
fn by_default_a_failing_test_shows_its_records_and_the_variable_says_which() {
    let shown = |variables: &[(&str, &str)]| {
        let printed = scenario("shown_fails", &[], variables);
        assert!(!printed.succeeded);
        let text = printed.of_failed_tests()["shown_fails"].clone();
        assert!(printed.stderr.is_empty(), "{}", printed.stderr);
        ["an info", "a debug", "of hyper"].map(|part| text.contains(part))
    };
    assert_eq!(shown(&[]), [true, true, false], "what the test itself asks for");
    assert_eq!(shown(&[("LOGSCOPE_TEST", "info")]), [true, false, true]);
    assert_eq!(shown(&[("LOGSCOPE_TEST", "trace")]), [true, true, true]);
    assert_eq!(shown(&[("LOGSCOPE_TEST", "off,hyper=info")]), [false, false, true]);
    // A mistake is told, and the rest counts.
    let printed = scenario("shown_fails", &[], &[("LOGSCOPE_TEST", "info,x=loud")]);
    assert!(printed.stderr.contains("LOGSCOPE_TEST") && printed.stderr.contains("loud"), "{}", printed.stderr);
}

#[test]
#[ignore = "run by a test above, in a process of its own"]
fn shown_fails() {
    let shown: logscope::Verbosity = "trace,hyper=off".parse().unwrap();
    testing::options().shown(shown).capture(|log| {
        tracing::info!("an info");
        tracing::debug!("a debug");
        tracing::info!(target: "hyper", "of hyper");
        assert_eq!(log.records().count(), 3, "what is shown does not change what is recorded");
        panic!("on purpose");
    });
}

#[test]
fn with_nocapture_records_come_at_once_each_line_with_its_test() {
    for variables in [&[("RUST_TEST_NOCAPTURE", "1")][..], &[]] {
        let arguments: &[&str] = if variables.is_empty() { &["--nocapture"] } else { &[] };
        let printed = scenario("live_", arguments, variables);
        let lines: Vec<&str> = printed.stderr.lines().filter(|line| line.contains("INFO")).collect();
        assert!(
            lines.iter().any(|line| line.starts_with("live_one | 00:") && line.ends_with("one, on its thread")),
            "{lines:?}"
        );
        assert!(
            lines.iter().any(|line| line.starts_with("live_one | 00:") && line.ends_with("one, on another")),
            "{lines:?}"
        );
        assert!(lines.iter().any(|line| line.starts_with("live_two | 00:") && line.ends_with("two")), "{lines:?}");
        assert_eq!(lines.len(), 3, "each record once, also of the test that fails: {lines:?}");
    }
}

#[test]
#[ignore = "run by a test above, in a process of its own"]
fn live_one() {
    testing::capture(|_| {
        tracing::info!("one, on its thread");
        logscope::thread::spawn(|| tracing::info!("one, on another")).join().unwrap();
    });
}

#[test]
#[ignore = "run by a test above, in a process of its own"]
fn live_two() {
    testing::capture(|_| {
        tracing::info!("two");
        panic!("on purpose");
    });
}

#[test]
fn a_folder_gets_a_file_for_each_test_failures_first() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("made/when/needed");
    let variables = [("LOGSCOPE_TEST_DIR", at.to_str().unwrap()), ("LOGSCOPE_TEST", "off")];
    for run in 0..2 {
        let printed = scenario("kept_", &["--test-threads=2"], &variables);
        assert!(!printed.succeeded && printed.stderr.is_empty(), "{}", printed.stderr);
        let files = files(&at);
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        let expected = [
            "1-failed.testing_shown.kept_and_denied.log",
            "1-failed.testing_shown.kept_fails.log",
            "3-passed.testing_shown.kept_passes.2.log",
            "3-passed.testing_shown.kept_passes.log",
        ];
        assert_eq!(names, expected, "run {run}");
        let (denied, passed) = (&files[expected[0]], &files[expected[3]]);
        assert!(denied.contains("an error") && denied.contains("which the test denies"), "{denied}");
        // All records are there, whatever is shown elsewhere.
        assert!(passed.contains("on its thread") && passed.contains("on another"), "{passed}");
    }
}

#[test]
#[ignore = "run by a test above, in a process of its own"]
fn kept_fails() {
    let _log = testing::options().begin();
    tracing::info!("soon");
    panic!("on purpose");
}

#[test]
#[ignore = "run by a test above, in a process of its own"]
fn kept_and_denied() {
    testing::options().deny(logscope::Level::ERROR).capture(|_| tracing::error!("an error"));
}

#[test]
#[ignore = "run by a test above, in a process of its own"]
fn kept_passes() {
    testing::capture(|_| {
        tracing::info!("on its thread");
        logscope::thread::spawn(|| tracing::trace!("on another")).join().unwrap();
    });
    testing::capture(|_| tracing::info!("again"));
}

#[test]
fn a_test_that_aborts_has_left_its_records() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [("LOGSCOPE_TEST_DIR", folder.path().to_str().unwrap())];
    let printed = scenario("aborts", &["--nocapture"], &variables);
    assert!(!printed.succeeded);
    assert!(printed.stderr.contains("the last words"), "{}", printed.stderr);
    let files = files(folder.path());
    let unfinished = &files["2-unfinished.testing_shown.aborts.log"];
    assert!(files.len() == 1 && unfinished.contains("the last words"), "{files:?}");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn aborts() {
    testing::capture(|_| {
        logscope::thread::spawn(|| {
            tracing::info!("the last words");
            std::process::abort();
        })
        .join()
        .unwrap();
    });
}

/// Run by hand it never ends, as a test that hangs does. The test that runs it kills it as soon as its record is there.
#[test]
#[ignore = "run by the test below, in a process of its own"]
fn hangs() {
    testing::capture(|_| {
        tracing::info!("before it hangs");
        loop {
            std::thread::park();
        }
    });
}

#[test]
fn a_test_that_hangs_has_left_its_records() {
    use std::io::BufRead as _;

    let folder = tempfile::tempdir().unwrap();
    let mut command = suite::command(std::env::current_exe().unwrap());
    command.args(["hangs", "--exact", "--ignored", "--nocapture"]).env("LOGSCOPE_TEST_DIR", folder.path());
    let mut process = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let line = std::io::BufReader::new(process.stderr.take().unwrap()).lines().next().unwrap().unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
    // A process with one test need not name it.
    assert!(line.starts_with("00:") && line.ends_with("before it hangs"), "{line}");
    assert!(files(folder.path())["2-unfinished.testing_shown.hangs.log"].contains("before it hangs"));
}

#[cfg(unix)]
#[test]
fn a_closed_stderr_changes_no_result() {
    let run = |arguments: &[&str]| {
        let mut command = suite::command("sh");
        let executable = std::env::current_exe().unwrap();
        suite::run(
            command
                .args(["-c", "exec \"$0\" \"$@\" 2>&-"])
                .arg(executable)
                .arg("live_")
                .arg("--ignored")
                .args(arguments),
        )
    };
    for arguments in [&["--nocapture"][..], &[]] {
        let printed = run(arguments);
        assert!(printed.stdout.contains("1 passed; 1 failed"), "{}", printed.stdout);
    }
}
