//! How a child is started.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::before;
use super::ended::EndedChild;
use super::limit::{self, Limit};
use super::name::this_test;
use super::role::{BEFORE, FOLDER, LIMITS, ROLE, Report, play_and_exit, role_to_play};
use super::running::{RunningChild, watch};
use crate::limits::TEST_CHILD;
use crate::sync::Arc;
use crate::testing::resources::{ScratchDir, held_while_waiting, scratch_dir};
use crate::testing::seed_value::{VARIABLE, value};

/// The environment variable that sets the folder for the logs of tests.
const LOGS: &str = "LOGSCOPE_TEST_DIR";

/// Prepares a process that runs the same test again: from [`child`](super::child()).
#[derive(Debug)]
#[must_use = "this starts nothing: call `run` or `start`"]
pub struct Child {
    test: Option<String>,
    role: String,
    launcher: Vec<OsString>,
    /// In this order; without a value, the variable is removed.
    variables: Vec<(OsString, Option<OsString>)>,
    arguments: Vec<OsString>,
    limits: Vec<(Limit, u64)>,
    current_dir: Option<PathBuf>,
    timeout: Duration,
    stdin: Option<Stdio>,
    stdout: Option<Stdio>,
    user: Option<u32>,
}

impl Child {
    pub(super) fn new() -> Self {
        Child {
            test: None,
            role: "child".to_owned(),
            launcher: Vec::new(),
            variables: Vec::new(),
            arguments: Vec::new(),
            limits: Vec::new(),
            current_dir: None,
            timeout: TEST_CHILD,
            stdin: None,
            stdout: None,
            user: None,
        }
    }

    /// Says which test this is, as libtest knows it (`module::name`), where the name of the thread does not.
    ///
    /// That is so on threads that the test has started, in doctests, and under other harnesses than libtest's.
    pub fn test(self, name: impl Into<String>) -> Self {
        Child { test: Some(name.into()), ..self }
    }

    /// Names the role that the child plays by [`in_child`](super::in_child), for [`start`](Child::start).
    pub fn role(self, role: impl Into<String>) -> Self {
        Child { role: role.into(), ..self }
    }

    /// Sets an environment variable of the child.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.as_ref().to_owned(), Some(value.as_ref().to_owned())));
        self
    }

    /// Removes an environment variable of the child.
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.as_ref().to_owned(), None));
        self
    }

    /// Adds an argument of the child, behind a `--`: see [`std::env::args`]. libtest takes it for the name of a test that it does not have.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Has the child use no more than so much of something, from the beginning of its role on. (Unix only: elsewhere the child fails.)
    pub fn limit(mut self, limit: Limit, value: u64) -> Self {
        self.limits.push((limit, value));
        self
    }

    /// Sets the current directory of the child.
    pub fn current_dir(self, path: impl AsRef<Path>) -> Self {
        Child { current_dir: Some(path.as_ref().to_owned()), ..self }
    }

    /// Sets how long the child may take, on the monotonic clock: three minutes unless set. Then it is killed, and the test fails.
    pub fn timeout(self, timeout: Duration) -> Self {
        Child { timeout, ..self }
    }

    /// Starts the child by another program, which gets the child's command line after these words: `["unshare", "--mount"]`.
    ///
    /// The program must become the child, by `exec`, and not start it.
    pub fn launched_by(self, words: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Child { launcher: words.into_iter().map(Into::into).collect(), ..self }
    }

    /// Sets the child's stdin: nothing unless set. With a pipe, its writer is in [`RunningChild::process`].
    pub fn stdin(self, stdin: impl Into<Stdio>) -> Self {
        Child { stdin: Some(stdin.into()), ..self }
    }

    /// Sets the child's stdout: a file, whose text is in [`EndedChild::stdout`], unless set. With a pipe, its reader is in
    /// [`RunningChild::process`].
    pub fn stdout(self, stdout: impl Into<Stdio>) -> Self {
        Child { stdout: Some(stdout.into()), ..self }
    }

    /// Runs the child as another user, whose the child's folder is then. Only root can do this. The files that are the child's streams
    /// stay this user's, and nobody else may open them.
    #[cfg(unix)]
    pub fn user(self, user: u32) -> Self {
        Child { user: Some(user), ..self }
    }

    /// Runs `play` in the child, which must succeed: the child runs the same test from its beginning to this call, then `play`, and exits.
    ///
    /// See [`child`](super::child()).
    ///
    /// # Panics
    ///
    /// If the child cannot be started, if `play` panics there or returns an error, and if it takes too long. The message has what the child wrote.
    /// In the child, `run` does not return.
    #[track_caller]
    pub fn run<R: Report>(mut self, play: impl FnOnce() -> R) -> EndedChild {
        let caller = Location::caller();
        let test = self.known_test();
        let role = before::next_role(&test, caller);
        match role_to_play() {
            Some((asked, folder)) if asked == role => play_and_exit(&folder, play),
            // The parent has run it already, and come further.
            Some((asked, _)) => match before::of_parent(&role) {
                Some(ended) => ended,
                None => has_not_played(&asked),
            },
            None => {
                let (name, held) = held_while_waiting();
                self.variables.insert(0, (name.into(), Some(held.into())));
                let ended = Child { test: Some(test), role: role.clone(), ..self }.start().wait();
                before::remember(role, &ended);
                ended
            }
        }
    }

    /// Starts the child, which plays its [role](Child::role) by [`in_child`](super::in_child).
    ///
    /// # Panics
    ///
    /// If it cannot be started, or if this is a child itself, which has not begun to play its role.
    #[track_caller]
    pub fn start(self) -> RunningChild {
        if let Some((asked, _)) = role_to_play() {
            has_not_played(&asked)
        }
        let test = self.known_test();
        let what = format!("the child {:?} of {test}", self.role);
        match self.try_start(&test, what.clone()) {
            Ok(running) => running,
            Err(error) => panic!("cannot start {what}: {error}"),
        }
    }

    /// Returns the name of the test.
    #[track_caller]
    fn known_test(&self) -> String {
        match self.test.clone().map_or_else(this_test, Ok) {
            Ok(test) => test,
            Err(error) => panic!("{error}"),
        }
    }

    fn try_start(self, test: &str, what: String) -> io::Result<RunningChild> {
        // Another user cannot reach what only this one may read.
        let folder = Arc::new(match self.user {
            Some(_) => ScratchDir::make_in(&env::temp_dir()).map_err(io::Error::other)?,
            None => scratch_dir(),
        });
        let mut exe = env::current_exe()?;
        if let Some(user) = self.user {
            exe = copy_for_another_user(&exe, folder.path(), user)?;
        }
        let create = |name: &str| private_file(&folder.join(name)).map(Stdio::from);
        let mut words = self.launcher.into_iter();
        let mut command = match words.next() {
            Some(program) => {
                let mut command = Command::new(program);
                command.args(words).arg(exe);
                command
            }
            None => Command::new(exe),
        };
        command.args(["--exact", test, "--nocapture", "--include-ignored", "--test-threads=1"]);
        if !self.arguments.is_empty() {
            command.arg("--").args(self.arguments);
        }
        command.env(VARIABLE, format!("{:#x}", value()));
        if env::var_os(LOGS).is_some_and(|logs| !logs.is_empty()) {
            // In the folder that is there, its logs would have the names of the parent's.
            command.env(LOGS, folder.path());
        }
        for (name, value) in self.variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .env(ROLE, &self.role)
            .env(FOLDER, folder.path())
            .env(LIMITS, limit::to_text(&self.limits))
            .env(BEFORE, before::folders()?)
            .stdin(self.stdin.unwrap_or_else(Stdio::null))
            .stdout(self.stdout.map_or_else(|| create("stdout"), Ok)?)
            .stderr(create("stderr")?);
        if let Some(path) = self.current_dir {
            command.current_dir(path);
        }
        #[cfg(unix)]
        if let Some(user) = self.user {
            use std::os::unix::process::CommandExt as _;
            command.uid(user).gid(user);
        }
        let process = command.spawn()?;
        let has_ended = watch(&process);
        Ok(RunningChild { what, process, folder, timeout: self.timeout, has_ended })
    }
}

#[track_caller]
fn has_not_played(role: &str) -> ! {
    panic!(
        "this process was started to play {role:?}, and has come here without doing so: the same test must come to the same calls of `run` in the same order, and to \
         `in_child` before it starts a child"
    )
}

/// The user may not be allowed to reach the binary where it is. Another process copies it: a descriptor of this one, open for writing, could be
/// inherited by a child of another test, and a file that is open for writing cannot be executed.
#[cfg(unix)]
fn copy_for_another_user(exe: &Path, folder: &Path, user: u32) -> io::Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;

    let copy = folder.join("exe");
    if !Command::new("cp").args([exe, &copy]).status()?.success() {
        return Err(io::Error::other(format!("cannot copy {}", exe.display())));
    }
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755))?;
    // The folder stays one that nobody else may enter.
    std::os::unix::fs::chown(folder, Some(user), Some(user))?;
    Ok(copy)
}

#[cfg(not(unix))]
fn copy_for_another_user(exe: &Path, _: &Path, _: u32) -> io::Result<PathBuf> {
    Ok(exe.to_owned())
}

fn private_file(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
