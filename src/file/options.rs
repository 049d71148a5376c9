//! The options that a program sets for a file before it opens the file.

use std::path::{Path, PathBuf};

use super::name::safe_name;
use super::os::OpenOptions;
use super::roll::Roll;

/// Returns options for logging to the file at `path`, which [`FileOptions::open`] opens.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("build/uno.log");
/// let log = logscope::sink::file(&path).create_parents(true).open()?;
/// let same = logscope::sink::file(&path).open()?.format(logscope::Format::json());
/// # Ok::<(), logscope::Error>(())
/// ```
///
/// The file is created if it does not exist, and otherwise appended to, unless [`truncate`](FileOptions::truncate) makes it empty first. A descriptor of the process (`/dev/stdout`, `/dev/fd/3`), and a
/// regular file that stdout or stderr is redirected to, is written to through a duplicate of the descriptor, so that the log and other
/// writers share one offset. Such a log cannot roll or be opened anew. The program must leave the descriptor open until
/// [`open`](FileOptions::open) returns. If the file is open already, by its name, it is written to through the descriptor from then on,
/// behind what it holds.
pub fn file(path: impl Into<PathBuf>) -> FileOptions {
    FileOptions {
        path: path.into(),
        create_parents: false,
        allow_symlink: false,
        allow_pipe: false,
        truncate: false,
        shared: SharedOptions { mode: 0o600, roll: None },
    }
}

/// Returns options for logging to a file in the directory `dir`, named after any text.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// # let dir = dir.path();
/// let log = logscope::sink::file_in(dir, "feature/uno: the first.log").open()?;
/// assert!(dir.join("feature%2Funo%3A the first.log").exists());
/// let log = logscope::sink::file_in(dir, "../../etc/passwd").open()?;
/// assert!(dir.join("%2E.%2F..%2Fetc%2Fpasswd").exists());
/// # Ok::<(), logscope::Error>(())
/// ```
///
/// The name may come from a context, a user or a branch. Whatever it is, the file is in `dir`, and two names get two files.
///
/// A name that is a valid file name on every system stays as it is. Characters that could lead elsewhere, hide something, or have a
/// meaning on some system are written as `%` and hexadecimal digits: separators, `%` itself, `<>:"|?*`, control characters, invisible
/// characters, a dot at the beginning, a dot or a space at the end, the first letter of a Windows device name (`CON`), and the first character
/// of a number or a period of time between dots (`uno.1.log` becomes `uno.%31.log`) and of the extension `gz` (`uno.gz` becomes `uno.%67z`), so
/// that no log that rolls takes the file for its own. The empty name becomes `%`. A name that is then longer than 200 bytes keeps its beginning and its extension, with a hash of the whole between them. A
/// name gets the same file name on every system. (File systems that ignore the case of letters take names that differ only in case for
/// one file.)
///
/// A log that [rolls](FileOptions::roll) treats every file with a name like those of its own files as its own. The files of two names from
/// here, rolled and compressed ones too, never have such names. A file that [`file()`] opens can be: if `uno.log` rolls, do not put a log `uno.1.log` into the same directory.
pub fn file_in(dir: impl AsRef<Path>, name: impl AsRef<str>) -> FileOptions {
    file(dir.as_ref().join(safe_name(name.as_ref())))
}

/// Options for opening a log file, from [`file()`] or [`file_in`].
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("build/uno.log");
/// let log = logscope::sink::file(&path).create_parents(true).mode(0o640).open()?;
/// # Ok::<(), logscope::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is opened until `.open()` is called"]
pub struct FileOptions {
    pub(crate) path: PathBuf,
    pub(crate) create_parents: bool,
    pub(crate) allow_symlink: bool,
    pub(super) allow_pipe: bool,
    pub(crate) truncate: bool,
    pub(super) shared: SharedOptions,
}

/// The options that everybody who opens a file must agree on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct SharedOptions {
    pub(super) mode: u32,
    pub(super) roll: Option<Roll>,
}

impl SharedOptions {
    /// Describes the differing options of each side, such as `with mode 0o600` and `with mode 0o640`.
    pub(super) fn differences(&self, other: &SharedOptions) -> (String, String) {
        let describe = |options: &SharedOptions| {
            let mut parts = Vec::new();
            if self.mode != other.mode {
                parts.push(format!("with mode {:#o}", options.mode));
            }
            if self.roll != other.roll {
                parts.push(options.roll.as_ref().map_or_else(|| "not rolled".to_owned(), ToString::to_string));
            }
            parts.join(", ")
        };
        (describe(self), describe(other))
    }
}

impl FileOptions {
    /// Sets whether missing parent directories are created. They are not, unless set.
    ///
    /// They are created when the file is opened, and whenever it is opened anew. Only the owner can write to them: their mode is `0o755`,
    /// less the umask.
    pub fn create_parents(mut self, create: bool) -> Self {
        self.create_parents = create;
        self
    }

    /// Sets the mode of a file that is created, less the umask. It is `0o600`, unless set.
    ///
    /// The owner and the mode of an existing file are neither changed nor checked. Unix only.
    pub fn mode(mut self, mode: u32) -> Self {
        self.shared.mode = mode;
        self
    }

    /// Sets whether the path may be a symbolic link. It may not, unless set.
    ///
    /// In a directory that others can write to, a link could direct the log into any file of the user, or into a pipe that somebody else
    /// reads. The system's own links, in `/dev` and among the descriptors of a process (`/dev/stdout`, `/dev/fd/3`), are always followed,
    /// whatever they lead to. Links in the directories of the path are followed too. Unix only.
    pub fn allow_symlink(mut self, allow: bool) -> Self {
        self.allow_symlink = allow;
        self
    }

    /// Sets whether the path may be a named pipe (FIFO). It may not, unless set.
    ///
    /// In a directory that others can write to, whoever makes a pipe with the name of a log could read the log, and hold up the threads that
    /// log by not reading it. A pipe must have a reader when it is opened. Descriptors of the process that are pipes, such as `/dev/stdout`,
    /// are always allowed. Unix only.
    pub fn allow_pipe(mut self, allow: bool) -> Self {
        self.allow_pipe = allow;
        self
    }

    /// Sets whether opening the file makes it empty, so that each job has a fresh log. It does not, unless set.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("uno.log");
    /// std::fs::write(&path, "the log of an earlier job\n").unwrap();
    /// let log = logscope::sink::file(&path).truncate(true).open()?;
    /// assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// Only the call that opens the file does this. While a sink of this process has the file open, by whatever path, it keeps its records, and
    /// a further sink writes behind them, whatever the options of either. After the last sink was dropped, the next call makes the file empty
    /// again. If only a queue of dropped sinks still has it open, the call waits until the queue is written, for five seconds at most. A call
    /// that fails, because the path is a symbolic link or the file is open with other options, leaves the file alone. What other processes have
    /// written to the file is lost.
    ///
    /// A pipe, a device, a descriptor of the process (`/dev/stdout`), and a file that stdout or stderr is redirected to, stay as they are:
    /// others write to them, or there is nothing to make empty. A log that [rolls](FileOptions::roll) has several files, of which some are to be
    /// kept, so [`open`](FileOptions::open) refuses to truncate it.
    pub fn truncate(mut self, truncate: bool) -> Self {
        self.truncate = truncate;
        self
    }

    /// Makes the log roll: continue in another file, by size or by time.
    ///
    /// ```
    /// use logscope::sink::{Roll, file};
    ///
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let path = dir.path().join("uno.log");
    /// let log = file(&path).roll(Roll::by_size(1 << 20).keep(3)).open()?;
    /// assert!(path.with_file_name("uno.1.log").exists());
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// The path then names the log, and the names of its files are made from it: see [`Roll`]. All files are created with the same mode. A
    /// symbolic link with the name of such a file is not followed, whatever [`allow_symlink`](FileOptions::allow_symlink) says.
    pub fn roll(mut self, roll: Roll) -> Self {
        self.shared.roll = Some(roll);
        self
    }

    /// Returns the mode of a file that is created, before the umask.
    pub(crate) fn creation_mode(&self) -> u32 {
        self.shared.mode
    }

    pub(super) fn open_options(&self) -> OpenOptions {
        // logscope itself makes the names of rolled files, so a link with such a name was planted by somebody else.
        OpenOptions {
            mode: self.shared.mode,
            follow_links: self.allow_symlink && self.shared.roll.is_none(),
            allow_pipe: self.allow_pipe,
        }
    }
}
