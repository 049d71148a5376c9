//! Records outside every context: which tests they are shown with, asked for and counted in.

// Clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

use logscope::testing;

#[path = "common/suite.rs"]
mod suite;

use suite::scenario;

fn log_bare() {
    std::thread::spawn(|| tracing::info!("from a bare thread")).join().unwrap();
}

#[test]
fn what_is_recorded_does_not_depend_on_what_is_shown() {
    for variable in ["LOGSCOPE_TEST", "LOGSCOPE", "RUST_LOG"] {
        let printed = scenario("quiet_", &["--test-threads=1"], &[(variable, "warn")]);
        assert!(printed.stdout.contains("1 passed; 1 failed"), "{variable}: {}", printed.stdout);
        let text = &printed.of_failed_tests()["quiet_and_strict"];
        assert!(text.contains("fails a strict test") && text.contains("from a bare thread"), "{variable}: {text}");
        let shown_as_it_came = |line: &str| line.contains("[unclaimed]") && line.ends_with("from a bare thread");
        assert!(!printed.stdout.lines().any(shown_as_it_came), "{variable}: {}", printed.stdout);
    }
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn quiet_and_asked() {
    testing::capture(|log| {
        log_bare();
        log.unclaimed().message("bare thread").one();
    });
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn quiet_and_strict() {
    testing::options().strict().capture(|_| log_bare());
}
