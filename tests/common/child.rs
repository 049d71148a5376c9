//! Child processes: this test binary, executed again to run the child's part of one test in a process of its own.

// Each test binary uses only some of these helpers.
#![allow(dead_code)]

use std::any::Any;
use std::fs::{self, File};
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use logscope::sink::Ledger;
use serde_json::{Value, json};

/// How long a child may take on a busy machine. A child that takes longer is stuck: it is killed, and its test fails.
pub(crate) const ALARM: Duration = Duration::from_secs(180);

const ROLE: &str = "LOGSCOPE_TEST_ROLE";
const FOLDER: &str = "LOGSCOPE_TEST_FOLDER";

/// A child process to be started, which runs one test.
pub(crate) struct Child {
    role: String,
    launcher: Vec<String>,
    vars: Vec<(String, String)>,
    stdin: Option<Stdio>,
    stdout: Option<Stdio>,
    #[cfg(unix)]
    user: Option<u32>,
}

impl Child {
    /// Prepares a child that runs the test `role`, which is the calling test.
    pub(crate) fn new(role: &str) -> Child {
        Child {
            role: role.to_owned(),
            launcher: Vec::new(),
            vars: Vec::new(),
            stdin: None,
            stdout: None,
            #[cfg(unix)]
            user: None,
        }
    }

    /// Starts the child by another program, which gets the child's command line after these words.
    pub(crate) fn launched_by(mut self, words: &[&str]) -> Child {
        self.launcher = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Gives the child an environment variable.
    pub(crate) fn var(mut self, name: &str, value: impl ToString) -> Child {
        self.vars.push((name.to_owned(), value.to_string()));
        self
    }

    /// Gives the child a pipe as stdin. The writer is in [`Running::process`].
    pub(crate) fn stdin_piped(mut self) -> Child {
        self.stdin = Some(Stdio::piped());
        self
    }

    /// Gives the child a pipe as stdout instead of a file. The reader is in [`Running::process`].
    pub(crate) fn stdout_piped(mut self) -> Child {
        self.stdout = Some(Stdio::piped());
        self
    }

    /// Runs the child as another user, who may write to the child's folder. The files that are the child's streams stay this user's, and
    /// nobody else may open them. Only root can do this.
    #[cfg(unix)]
    pub(crate) fn run_by_user(mut self, user: u32) -> Child {
        self.user = Some(user);
        self
    }

    /// Runs the child to its end, which must be a success.
    #[track_caller]
    pub(crate) fn run(self) -> Ended {
        self.start().wait()
    }

    /// Starts the child.
    #[track_caller]
    pub(crate) fn start(self) -> Running {
        let folder = tempfile::tempdir().unwrap();
        #[cfg_attr(not(unix), allow(unused_mut))]
        let mut exe = std::env::current_exe().unwrap();
        #[cfg(unix)]
        if self.user.is_some() {
            use std::os::unix::fs::PermissionsExt as _;
            // The user may not be allowed to reach the binary where it is. Another process copies it: a descriptor of this one, open for
            // writing, could be inherited by a child of another test, and a file that is open for writing cannot be executed.
            let copy = folder.path().join("exe");
            assert!(Command::new("cp").args([&exe, &copy]).status().unwrap().success());
            exe = copy;
            for (path, mode) in [(folder.path(), 0o777), (&exe, 0o755)] {
                fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            }
        }
        let create = |name: &str| {
            let mut options = File::options();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            Stdio::from(options.open(folder.path().join(name)).unwrap())
        };
        let mut words = self.launcher.into_iter();
        let mut command = match words.next() {
            Some(program) => {
                let mut command = Command::new(program);
                command.args(words).arg(exe);
                command
            }
            None => Command::new(exe),
        };
        command
            .args(["--exact", &self.role, "--nocapture", "--include-ignored", "--test-threads=1"])
            .env(ROLE, &self.role)
            .env(FOLDER, folder.path())
            .envs(self.vars)
            .env_remove("LOGSCOPE")
            .env_remove("RUST_LOG")
            .env_remove("LOGSCOPE_CONTEXT")
            .env_remove("TRACEPARENT")
            .env("RUST_BACKTRACE", "0")
            .stdin(self.stdin.unwrap_or_else(Stdio::null))
            .stdout(self.stdout.unwrap_or_else(|| create("stdout")))
            .stderr(create("stderr"));
        #[cfg(unix)]
        if let Some(user) = self.user {
            use std::os::unix::process::CommandExt as _;
            command.uid(user).gid(user);
        }
        Running { role: self.role, process: command.spawn().unwrap(), folder }
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
    Some((std::env::var(ROLE).ok()?, std::env::var_os(FOLDER)?.into()))
}

/// Runs the child's part of the test `role`: first statement of that test. `play` gets a folder of the child's own and returns a report.
///
/// In the child this does not return. It exits instead of returning to the test harness, whose stdout may be broken by then.
/// In the parent it does nothing.
pub(crate) fn in_child(role: &str, play: impl FnOnce(&Path) -> Value) {
    match std::env::var(ROLE) {
        Ok(asked) if asked == role => {}
        Ok(asked) => panic!("a child was started for {asked}, but runs {role}"),
        Err(_) => return,
    }
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    // Open the report first: `play` may close descriptors, and the next file to be opened would get one of those.
    let mut file = File::create(folder.join("report")).unwrap();
    let (report, status) = match catch_unwind(AssertUnwindSafe(|| play(&folder))) {
        Ok(report) => (report, 0),
        Err(payload) => (Value::String(text_of(&*payload).to_owned()), 1),
    };
    file.write_all(report.to_string().as_bytes()).unwrap();
    std::process::exit(status)
}

fn text_of(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("?")
}

/// A child that runs.
pub(crate) struct Running {
    role: String,
    pub(crate) process: Process,
    folder: tempfile::TempDir,
}

impl Running {
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until the child has exited with success and written its report.
    #[track_caller]
    pub(crate) fn wait(self) -> Ended {
        let role = self.role.clone();
        let (status, ended) = self.wait_for_any_end();
        let report = fs::read_to_string(ended.path("report")).unwrap_or_default();
        assert!(
            status.success() && !report.is_empty(),
            "{role}: the child exited with {status}, reported {report}, and wrote on stderr:\n{}",
            ended.stderr
        );
        ended
    }

    /// Waits until the child has exited, with whatever status. The report is null if the child wrote none.
    #[track_caller]
    pub(crate) fn wait_for_any_end(mut self) -> (ExitStatus, Ended) {
        let status = self.wait_for_end();
        let read = |name: &str| fs::read(self.folder.path().join(name)).unwrap_or_default();
        let text = |name: &str| String::from_utf8_lossy(&read(name)).into_owned();
        let (report, stderr) = (text("report"), text("stderr"));
        let Some(status) = status else { panic!("{}: the child was stuck, and wrote on stderr:\n{stderr}", self.role) };
        let report = serde_json::from_str(&report).unwrap_or_default();
        (status, Ended { report, stdout: text("stdout"), stderr, folder: self.folder })
    }

    /// Waits for the child's exit and returns its status, or `None` if the child was stuck and had to be killed.
    pub(crate) fn wait_for_end(&mut self) -> Option<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return Some(status);
            }
            if start.elapsed() > ALARM {
                let _ = self.process.kill();
                let _ = self.process.wait();
                return None;
            }
            // The length of this sleep changes the load only, not the result.
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A child that has exited.
pub(crate) struct Ended {
    pub(crate) report: Value,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    folder: tempfile::TempDir,
}

impl Ended {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
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
