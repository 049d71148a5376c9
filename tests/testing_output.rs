//! Output belongs to its test: a suite of sixty tests, of which six fail, is run in several ways, and what it prints is compared. Each test that
//! fails shows its own records and nobody else's, and those that pass show nothing.

// Clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

#[path = "common/suite.rs"]
mod suite;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use suite::{Printed, command, run};

const FAIL: [&str; 6] = ["t10", "t20", "t30", "t40", "t50", "t60"];

/// Set where nextest must be there.
const MUST_RUN: &str = "LOGSCOPE_TEST_NEXTEST";

/// How many records each of them has, of those that name it. Of the many cases of the last one, one is shown.
const RECORDS: [usize; 6] = [4, 4, 4, 5, 6, 1];

fn sixty() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sixty")
}

fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(sixty()).args(arguments);
    cargo
}

/// Builds the suite, and returns its binary; `None` where this crate stands alone, without the suite.
fn binary() -> Option<&'static Path> {
    static BINARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    let build = || {
        if !sixty().join("Cargo.toml").exists() {
            return None;
        }
        let built = run(&mut cargo(&["test", "--no-run", "--message-format=json", "--test", "suite"]));
        assert!(built.succeeded, "{}", built.stderr);
        let mut executables = built.stdout.lines().filter_map(|line| {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            Some(PathBuf::from(message["executable"].as_str()?))
        });
        Some(executables.next_back().expect("a test binary is built"))
    };
    BINARY.get_or_init(build).as_deref()
}

/// Runs the suite.
fn sixty_tests(binary: &Path, arguments: &[&str], fails: bool) -> Printed {
    let mut command = command(binary);
    if fails {
        command.env("LOGSCOPE_SIXTY_FAILS", "1");
    }
    run(command.args(arguments))
}

/// The tests whose records are in `text`.
fn owners(text: &str) -> BTreeSet<&str> {
    text.match_indices("record of ").map(|(at, found)| &text[at + found.len()..][..3]).collect()
}

/// The lines of `text` that are records of the test, each once.
fn records<'t>(text: &'t str, test: &str) -> BTreeSet<&'t str> {
    let record = format!("record of {test}");
    text.lines().map(str::trim).filter(|line| line.contains(&record) && line.starts_with("00:")).collect()
}

#[track_caller]
fn assert_each_shows_its_own(printed: &Printed) {
    assert!(!printed.succeeded);
    assert!(printed.stdout.contains("54 passed; 6 failed"), "{}", printed.stdout);
    let shown = printed.of_failed_tests();
    assert_eq!(shown.keys().copied().collect::<Vec<_>>(), FAIL);
    for ((test, text), expected) in shown.iter().zip(RECORDS) {
        assert_eq!(owners(text), BTreeSet::from([*test]), "{test} shows: {text}");
        assert_eq!(records(text, test).len(), expected, "{test} shows: {text}");
    }
    assert_eq!(
        printed.stdout.matches("record of ").count(),
        shown.values().map(|text| text.matches("record of ").count()).sum::<usize>()
    );
    assert_eq!(owners(&printed.stderr), BTreeSet::new(), "{}", printed.stderr);
}

#[test]
fn each_failing_test_shows_its_own_records_and_passing_ones_are_silent() {
    let Some(binary) = binary() else { return };
    for threads in ["1", "8"] {
        for _ in 0..5 {
            assert_each_shows_its_own(&sixty_tests(binary, &["--test-threads", threads], true));
        }
    }
}

#[test]
fn tests_that_pass_print_nothing() {
    let Some(binary) = binary() else { return };
    for threads in ["1", "8"] {
        let printed = sixty_tests(binary, &["--test-threads", threads], false);
        assert!(printed.succeeded, "{printed:?}");
        assert_eq!((owners(&printed.stdout), printed.stderr.as_str()), (BTreeSet::new(), ""), "{}", printed.stdout);
    }
}

#[test]
fn with_nocapture_each_line_names_its_test() {
    let Some(binary) = binary() else { return };
    let printed = sixty_tests(binary, &["--test-threads", "8", "--nocapture"], false);
    assert!(printed.succeeded, "{printed:?}");
    let mut tests = BTreeSet::new();
    for line in printed.stderr.lines().filter(|line| line.contains("record of ")) {
        let (test, record) = line.split_once(" | ").unwrap_or_else(|| panic!("no test in {line}"));
        assert_eq!(owners(record), BTreeSet::from([test]), "{line}");
        tests.insert(test);
    }
    // The others have many cases, whose records are not shown as they come.
    assert_eq!(tests.len(), 60 - 15 - 1, "{tests:?}");
}

/// What nextest shows of each test that has failed: the part after the line with its name.
#[test]
fn under_nextest_each_failing_test_shows_its_own_records() {
    if binary().is_none() {
        return;
    }
    if !run(&mut cargo(&["nextest", "--version"])).succeeded {
        assert!(std::env::var_os(MUST_RUN).is_none(), "{MUST_RUN} is set, and `cargo nextest` does not run");
        // Not `eprintln`: the test harness keeps what that prints, and shows it of failed tests alone.
        let said = b"not tested: cargo-nextest is not installed\n";
        return std::io::Write::write_all(&mut std::io::stderr(), said).unwrap();
    }
    let arguments = [
        "nextest",
        "run",
        "--no-fail-fast",
        "--color",
        "never",
        "--status-level",
        "fail",
        "--final-status-level",
        "none",
    ];
    let printed = run(cargo(&arguments).env("LOGSCOPE_SIXTY_FAILS", "1"));
    assert!(printed.stderr.contains("54 passed") && printed.stderr.contains("6 failed"), "{}", printed.stderr);
    let mut shown = BTreeSet::new();
    for part in printed.stderr.split("        FAIL [").skip(1) {
        let test = part.lines().next().and_then(|line| line.rsplit(' ').next()).unwrap();
        assert_eq!(owners(part), BTreeSet::from([test]), "{part}");
        let expected = RECORDS[FAIL.iter().position(|fail| *fail == test).unwrap()];
        assert_eq!(records(part, test).len(), expected, "{part}");
        shown.insert(test);
    }
    assert_eq!(shown, BTreeSet::from(FAIL));
    let before = printed.stderr.split("        FAIL [").next().unwrap();
    assert_eq!(owners(before), BTreeSet::new(), "{before}");
}
