//! Child processes: this test binary, executed again to run the child's part of one test in a process of its own. `logscope::testing::child` starts
//! them; here is what the tests of logscope need beside that: reports in JSON, an environment in which nothing is set that logscope reads, and
//! ledgers.

// Each test binary uses only some of these helpers.
#![allow(dead_code)]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use std::time::Duration;

use logscope::sink::Ledger;
use logscope::testing::{self, EndedChild, RunningChild};
use serde_json::{Value, json};

/// How long a child may take on a busy machine. A child that takes longer is stuck: it is killed, and its test fails.
pub(crate) const ALARM: Duration = Duration::from_secs(180);

/// A child process to be started, which runs one test.
pub(crate) struct Child(testing::Child);

impl Child {
    /// Prepares a child that runs the test `role`, which is the calling test.
    pub(crate) fn new(role: &str) -> Child {
        Child(testing::child().test(role).role(role).timeout(ALARM))
    }

    /// Starts the child by another program, which gets the child's command line after these words.
    pub(crate) fn launched_by(self, words: &[&str]) -> Child {
        Child(self.0.launched_by(words))
    }

    /// Gives the child an environment variable.
    pub(crate) fn var(self, name: &str, value: impl ToString) -> Child {
        Child(self.0.env(name, value.to_string()))
    }

    /// Gives the child a pipe as stdin. The writer is in [`Running::process`].
    pub(crate) fn stdin_piped(self) -> Child {
        Child(self.0.stdin(Stdio::piped()))
    }

    /// Gives the child a pipe as stdout instead of a file. The reader is in [`Running::process`].
    pub(crate) fn stdout_piped(self) -> Child {
        Child(self.0.stdout(Stdio::piped()))
    }

    /// Runs the child as another user, who may write to the child's folder. The files that are the child's streams stay this user's, and
    /// nobody else may open them. Only root can do this.
    #[cfg(unix)]
    pub(crate) fn run_by_user(self, user: u32) -> Child {
        Child(self.0.user(user))
    }

    /// Runs the child to its end, which must be a success.
    #[track_caller]
    pub(crate) fn run(self) -> Ended {
        self.start().wait()
    }

    /// Starts the child.
    #[track_caller]
    pub(crate) fn start(self) -> Running {
        let unset = ["LOGSCOPE", "RUST_LOG", "LOGSCOPE_CONTEXT", "TRACEPARENT"];
        let child = unset.into_iter().fold(self.0, testing::Child::env_remove);
        Running(child.env("RUST_BACKTRACE", "0").start())
    }
}

/// Prepares a child that runs the test `role` among mounts of its own, which the words of a shell `mount` makes. None where nobody may mount.
#[cfg(unix)]
pub(crate) fn with_mounts(role: &str, mount: &str) -> Option<Child> {
    // Without the second letter root could mount more, and others nothing.
    let own = ["unshare", "-rm"];
    let may =
        |words: &[&str]| Command::new(words[0]).args(&words[1..]).output().is_ok_and(|ended| ended.status.success());
    let folder = tempfile::tempdir().unwrap();
    let probe = format!("LOGSCOPE_TEST_FOLDER='{}' && {mount}", folder.path().display());
    let start = format!("{mount} && exec \"$0\" \"$@\"");
    may(&[&own[..], &["sh", "-c", &probe]].concat())
        .then(|| Child::new(role).launched_by(&[&own[..], &["sh", "-c", &start]].concat()))
}

/// The role and the folder of this process if it is a child. For the `main` of a binary without test harness.
pub(crate) fn role() -> Option<(String, PathBuf)> {
    testing::child_role()
}

/// Runs the child's part of the test `role`: first statement of that test. `play` gets a folder of the child's own and returns a report.
///
/// In the child this does not return. It exits instead of returning to the test harness, whose stdout may be broken by then.
/// In the parent it does nothing.
pub(crate) fn in_child(role: &str, play: impl FnOnce(&Path) -> Value) {
    testing::in_child(role, |folder: &Path| {
        // The text of a panic is JSON, too.
        let played = catch_unwind(AssertUnwindSafe(|| play(folder).to_string()));
        played.map_err(|payload| {
            let text = payload.downcast_ref::<&str>().copied();
            text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("?").to_owned()
        })
    });
}

/// A child that runs.
pub(crate) struct Running(RunningChild);

impl Running {
    pub(crate) fn folder(&self) -> &Path {
        self.0.folder()
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn process(&mut self) -> &mut Process {
        self.0.process()
    }

    /// Waits until the child has exited with success and written its report.
    #[track_caller]
    pub(crate) fn wait(self) -> Ended {
        Ended::new(self.0.wait())
    }

    /// Waits until the child has exited, with whatever status. The report is null if the child wrote none.
    #[track_caller]
    pub(crate) fn wait_for_any_end(self) -> (ExitStatus, Ended) {
        let ended = self.0.wait_for_any_end();
        (ended.status, Ended::new(ended))
    }

    /// Waits for the child's exit and returns its status, or `None` if the child is stuck.
    pub(crate) fn wait_for_end(&mut self) -> Option<ExitStatus> {
        self.0.wait_for_end()
    }
}

/// A child that has exited.
pub(crate) struct Ended {
    pub(crate) report: Value,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    ended: EndedChild,
}

impl Ended {
    fn new(mut ended: EndedChild) -> Ended {
        let report = ended.report.as_deref().and_then(|report| serde_json::from_str(report).ok()).unwrap_or_default();
        let (stdout, stderr) = (std::mem::take(&mut ended.stdout), std::mem::take(&mut ended.stderr));
        Ended { report, stdout, stderr, ended }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.ended.path(name)
    }

    /// The text of a file in the child's folder.
    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The lines that logscope itself wrote on stderr, without those of the test harness and of panics.
    pub(crate) fn fallback_lines(&self) -> Vec<&str> {
        self.stderr.lines().filter(|line| line.starts_with("logscope: ")).collect()
    }
}

/// A ledger as JSON, for a report.
pub(crate) fn ledger_json(ledger: Ledger) -> Value {
    let Ledger { accepted, written, dropped, failed, pending, .. } = ledger;
    json!({ "accepted": accepted, "written": written, "dropped": dropped, "failed": failed, "pending": pending })
}

/// The expected ledger, as JSON, of a direct sink: nothing dropped, nothing pending.
pub(crate) fn expected_ledger(written: u64, failed: u64) -> Value {
    json!({ "accepted": written + failed, "written": written, "dropped": 0, "failed": failed, "pending": 0 })
}
