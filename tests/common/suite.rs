//! Test binaries that a test runs, as `cargo test` would, to see what they print.

// Each test binary uses only some of these helpers, and clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use logscope::testing::wait_until;

/// What a run of tests has printed.
#[derive(Debug)]
pub(crate) struct Printed {
    pub(crate) succeeded: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Prepares a run of `program`, without what this process has of the variables that matter.
pub(crate) fn command(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["NEXTEST", "LOGSCOPE", "RUST_TEST_"].iter().any(|start| text.starts_with(start)) || text == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command.env("RUST_BACKTRACE", "0").env("CARGO_PKG_NAME", "logscope").stdin(Stdio::null());
    command
}

/// How long a run may take, with what it builds, on a busy machine.
const DEADLINE: Duration = Duration::from_secs(900);

/// Runs it to its end, which must come in time.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Printed {
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stdout = read_all(process.stdout.take().unwrap());
    let stderr = read_all(process.stderr.take().unwrap());
    let status = wait_until(DEADLINE, || process.try_wait().unwrap());
    if status.is_err() {
        process.kill().unwrap();
    }
    let printed = Printed {
        succeeded: status.as_ref().is_ok_and(ExitStatus::success),
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    };
    assert!(status.is_ok(), "{command:?} did not end: {printed:?}");
    printed
}

fn read_all(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Runs the ignored tests of this binary whose names contain `scenario`.
pub(crate) fn scenario(scenario: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Printed {
    let mut command = command(std::env::current_exe().unwrap());
    run(command.arg(scenario).arg("--ignored").args(arguments).envs(variables.iter().copied()))
}

impl Printed {
    /// What libtest shows of each test that has failed.
    pub(crate) fn of_failed_tests(&self) -> BTreeMap<&str, String> {
        let mut shown: BTreeMap<&str, String> = BTreeMap::new();
        let mut test = None;
        for line in self.stdout.lines() {
            if let Some(name) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----")) {
                test = Some(name);
            } else if line == "failures:" || line == "successes:" {
                test = None;
            } else if let Some(name) = test {
                *shown.entry(name).or_default() += &format!("{line}\n");
            }
        }
        shown
    }
}
