//! What a program says of a file before it is opened.

use std::path::{Path, PathBuf};

use super::name::safe_name;
use super::os::OpenOptions;
use super::roll::Roll;

/// A file to log to, appended to and made if it does not exist: see [`FileOptions::open`].
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("build/uno.log");
/// let log = logscope::sink::file(&path).create_parents(true).open()?;
/// let same = logscope::sink::file(&path).open()?.format(logscope::Format::json());
/// # Ok::<(), logscope::Error>(())
/// ```
pub fn file(path: impl Into<PathBuf>) -> FileOptions {
    FileOptions {
        path: path.into(),
        create_parents: false,
        allow_symlink: false,
        shared: SharedOptions { mode: 0o600, roll: None },
    }
}

/// A file in the directory `dir` for a name that comes from anywhere: a context's, a user's, a branch's. It is in that directory
/// whatever the name is, and two names are two files.
///
/// The file is called as the name is, where every system takes that for a file name. What could lead elsewhere, hide
/// something, or mean something to one system or another is written as `%` and hexadecimal digits: separators, `%` itself,
/// `<>:"|?*`, control characters and those that show nothing, a dot at the beginning, a dot or a space at the end, the first
/// letter of a device's name on Windows (`CON`). No name at all is called `%`. Of a name that is longer than 200 bytes then,
/// the beginning is kept, and a hash of the whole, and the extension. A name is called the same on every system. (File
/// systems that do not tell capital letters from small ones take names that differ only in those for one file.) A log that
/// [rolls](FileOptions::roll) takes whatever is called as its own files are for its own, so `uno.log` and `uno.1.log` are not to be in one
/// directory if the first of them rolls.
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
pub fn file_in(dir: impl AsRef<Path>, name: impl AsRef<str>) -> FileOptions {
    file(dir.as_ref().join(safe_name(name.as_ref())))
}

/// How a file is opened.
#[derive(Clone, Debug)]
#[must_use = "nothing is opened until `.open()` is called"]
pub struct FileOptions {
    pub(crate) path: PathBuf,
    pub(super) create_parents: bool,
    pub(super) allow_symlink: bool,
    pub(super) shared: SharedOptions,
}

/// The options that an open file has, and which all who open it must agree on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct SharedOptions {
    pub(super) mode: u32,
    pub(super) roll: Option<Roll>,
}

impl SharedOptions {
    /// What differs here and there, as in `with mode 0o600` and `with mode 0o640`.
    pub(super) fn differences(&self, other: &SharedOptions) -> (String, String) {
        let part = |shared: &SharedOptions| {
            let mut parts = Vec::new();
            if self.mode != other.mode {
                parts.push(format!("with mode {:#o}", shared.mode));
            }
            if self.roll != other.roll {
                parts.push(shared.roll.as_ref().map_or_else(|| "not rolled".to_owned(), ToString::to_string));
            }
            parts.join(", ")
        };
        (part(self), part(other))
    }
}

impl FileOptions {
    /// Sets whether directories that are missing on the way to the file are made, now and whenever it is opened anew. They
    /// are not, unless set.
    pub fn create_parents(mut self, create: bool) -> Self {
        self.create_parents = create;
        self
    }

    /// Sets the mode with which the file is made, if it is, less the umask: `0o600` unless set. The owner and the mode of a file
    /// that exists are neither changed nor checked. Unix only.
    pub fn mode(mut self, mode: u32) -> Self {
        self.shared.mode = mode;
        self
    }

    /// Sets whether the path may end in a symbolic link. It may not, unless set: in a directory that others can write to, a link
    /// could send the log over any file of the user's, or into a pipe that somebody else reads. The system's own links, which
    /// lie in `/dev` and among the descriptors of a process (`/dev/stdout`, `/dev/fd/3`), are followed always, whatever they lead
    /// to. Character devices and pipes that are named themselves are no links. Unix only.
    pub fn allow_symlink(mut self, allow: bool) -> Self {
        self.allow_symlink = allow;
        self
    }

    /// Spreads the log over several files, by size or by time: see [`Roll`]. The path then names the log, and the files are
    /// called after it: `logs/uno.log` is in `logs/uno.2026-11-26Z.log`. Each is made with the mode of the first, and none is
    /// a link.
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
    pub fn roll(mut self, roll: Roll) -> Self {
        self.shared.roll = Some(roll);
        self
    }

    pub(super) fn open_options(&self) -> OpenOptions {
        // The names of files that roll are made here, and no link has a place among them.
        OpenOptions { mode: self.shared.mode, follow_links: self.allow_symlink && self.shared.roll.is_none() }
    }
}
