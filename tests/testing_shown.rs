//! What is shown and written of a test, in each way to run it: also of tests that never end, or that take the process with them.

// Clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

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
    // What is not shown is counted.
    let printed = scenario("shown_fails", &[], &[("LOGSCOPE_TEST", "off")]);
    let heading = "the log of shown_fails (3 records, 3 not shown: LOGSCOPE_TEST=off):\n";
    assert!(printed.of_failed_tests()["shown_fails"].contains(heading), "{}", printed.stdout);
    // A mistake is told, also by a test that passes, and the rest counts.
    let printed = scenario("bare_passes", &["--exact"], &[("LOGSCOPE_TEST", "info,x=loud")]);
    assert!(printed.succeeded && printed.stderr.contains("loud"), "{printed:?}");
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
fn with_nocapture_a_query_that_fails_does_not_repeat_the_log() {
    let printed = scenario("asked_in_vain", &["--nocapture"], &[]);
    assert_eq!(printed.stderr.matches("logged before").count(), 1, "{}", printed.stderr);
    assert!(printed.stderr.contains("the log of asked_in_vain (1 record) stands above"), "{}", printed.stderr);
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn asked_in_vain() {
    testing::capture(|log| {
        tracing::info!("logged before");
        log.records().message("first").level(logscope::Level::ERROR).one();
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
        // The second run keeps the failures of the first.
        let names = files.keys().map(String::as_str).filter(|name| !name.starts_with("4-failed-before."));
        let names: Vec<&str> = names.collect();
        let expected = [
            "1-failed.logscope.testing_shown.kept_and_denied.log",
            "1-failed.logscope.testing_shown.kept_fails.log",
            "3-passed.logscope.testing_shown.kept_passes.2.log",
            "3-passed.logscope.testing_shown.kept_passes.log",
        ];
        assert_eq!(names, expected, "run {run}");
        let (denied, passed) = (&files[expected[0]], &files[expected[3]]);
        assert!(denied.contains("an error") && denied.contains("which the test denies"), "{denied}");
        // All records are there, whatever is shown elsewhere.
        assert!(passed.contains("on its thread") && passed.contains("on another"), "{passed}");
    }
}

#[test]
fn a_process_that_a_test_starts_leaves_the_file_of_the_test_alone() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let printed = scenario("beside_a_child", &[], &[("LOGSCOPE_TEST_DIR", folder.to_str().unwrap())]);
    assert!(printed.succeeded, "{}", printed.stdout);
    let (name, text) = files(folder).pop_first().unwrap();
    assert_eq!((name.as_str(), files(folder).len()), ("3-passed.logscope.testing_shown.beside_a_child.log", 1));
    assert!(text.contains("the test begins") && text.contains("the test goes on") && !text.contains("in the child"));

    // proptest runs the test again by itself.
    let variables = [("LOGSCOPE_TEST_DIR", folder.to_str().unwrap()), ("_PROPTEST_FORKFILE", "/dev/null")];
    assert!(scenario("beside_a_child", &[], &variables).succeeded);
    let files = files(folder);
    let of_fork: Vec<&String> = files.keys().filter(|name| name.contains("beside_a_child.fork-")).collect();
    assert_eq!((of_fork.len(), files.len()), (1, 2), "{files:?}");
}

#[test]
#[ignore = "run by a test above, in a process of its own"]
fn beside_a_child() {
    testing::capture(|_| {
        tracing::info!("the test begins");
        let ended = testing::child().run(|| tracing::info!("in the child"));
        let of_child =
            files(&ended.path("")).into_iter().find(|(name, _)| name.starts_with("2-unfinished.")).unwrap().1;
        assert!(of_child.contains("the test begins") && of_child.contains("in the child"), "{of_child}");
        tracing::info!("the test goes on");
    });
}

#[test]
fn long_names_that_differ_are_different_files() {
    let folder = tempfile::tempdir().unwrap();
    let printed = scenario("long_names", &[], &[("LOGSCOPE_TEST_DIR", folder.path().to_str().unwrap())]);
    assert!(printed.succeeded, "{}", printed.stdout);
    let files = files(folder.path());
    assert_eq!(files.len(), 2);
    assert!(!files.keys().any(|name| name.ends_with(".2.log")), "a number says that the name was used: {files:?}");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn long_names() {
    for end in ["one", "two"] {
        testing::options().name("long".repeat(100) + end).capture(|_| tracing::info!("hello"));
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
    let unfinished = &files["2-unfinished.logscope.testing_shown.aborts.log"];
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
    assert!(files(folder.path())["2-unfinished.logscope.testing_shown.hangs.log"].contains("before it hangs"));
}

/// Without nocapture nothing is written to stderr, because libtest captures it.
#[cfg(target_os = "linux")]
#[test]
fn a_stderr_that_takes_nothing_changes_no_result() {
    for arguments in [&["--nocapture"][..], &[]] {
        let mut command = suite::command(std::env::current_exe().unwrap());
        command.args(["live_", "--ignored"]).args(arguments);
        command.stderr(fs::File::options().write(true).open("/dev/full").unwrap());
        let output = command.output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(printed.contains("1 passed; 1 failed"), "{printed}");
    }
}

#[test]
fn what_no_context_claims_is_shown_with_the_test_whose_thread_it_is() {
    let printed = scenario("bare_", &["--test-threads=2"], &[]);
    let shown = printed.of_failed_tests();
    assert_eq!(shown.len(), 2, "{}", printed.stdout);
    for (test, text) in &shown {
        let other = if *test == "bare_one" { "bare_two" } else { "bare_one" };
        assert!(text.contains(&format!("[unclaimed] ({test}) testing_shown: of {test}\n")), "{text}");
        assert!(text.contains(&format!(") testing_shown: of a thread of {test}\n")), "{text}");
        assert!(!text.contains(&format!("of {other}")) && !text.contains(&format!("thread of {other}")), "{text}");
    }
    assert!(!printed.stdout.contains("of bare_passes"), "{}", printed.stdout);
    // The variable sets which of them there are.
    let printed = scenario("bare_one", &[], &[("LOGSCOPE_TEST", "warn")]);
    assert!(!printed.stdout.contains("[unclaimed]"), "{}", printed.stdout);
}

fn log_bare(test: &str) {
    testing::init();
    tracing::info!("of {test}");
    std::thread::scope(|scope| {
        scope.spawn(|| tracing::info!("of a thread of {test}"));
    });
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn bare_one() {
    log_bare("bare_one");
    panic!("on purpose");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn bare_two() {
    log_bare("bare_two");
    panic!("on purpose");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn bare_passes() {
    log_bare("bare_passes");
}

#[test]
fn the_log_of_an_attempt_that_failed_stays_when_the_next_one_passes() {
    let folder = tempfile::tempdir().unwrap();
    for attempt in ["1", "2"] {
        let variables = [
            ("LOGSCOPE_TEST_DIR", folder.path().to_str().unwrap()),
            ("NEXTEST_EXECUTION_MODE", "process-per-test"),
            ("NEXTEST_ATTEMPT", attempt),
        ];
        scenario("flaky", &["--exact"], &variables);
    }
    let files = files(folder.path());
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["1-failed.logscope.testing_shown.flaky.log", "3-passed.logscope.testing_shown.flaky.attempt-2.log"]
    );
    assert!(files[names[0]].contains("attempt 1") && files[names[1]].contains("attempt 2"), "{files:?}");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn flaky() {
    testing::capture(|_| {
        let attempt = std::env::var("NEXTEST_ATTEMPT").unwrap();
        tracing::info!("attempt {attempt}");
        assert_eq!(attempt, "2");
    });
}
