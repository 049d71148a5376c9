//! Files, opened append-only, one output per file.
//!
//! Two handles with a lock each would tear each other's lines after a short write and give two ledgers for one file, so a file
//! has one output however it is reached. It is known by device and inode *after* it was opened: names prove nothing (relative
//! and absolute spellings, links, a file that was removed and made again), and asking before opening would race.

use std::fs::{self, File};
use std::io::{self, ErrorKind, IsTerminal, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::delivery::{Core, Target};
use super::registry::{Lease, Registry};
use super::whole::Whole;
use super::{Batch, Output, Sink};
use crate::error::{Error, Kind};
use crate::sync::{Arc, Mutex, OnceLock};

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
    FileOptions { path: path.into(), create_parents: false, allow_symlink: false, fixed: Fixed { mode: 0o600 } }
}

/// How a file is opened.
#[derive(Clone, Debug)]
#[must_use = "nothing is opened until `.open()` is called"]
pub struct FileOptions {
    path: PathBuf,
    create_parents: bool,
    allow_symlink: bool,
    fixed: Fixed,
}

/// The options that an open file has, and which all who open it must agree on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Fixed {
    mode: u32,
}

impl FileOptions {
    /// Sets whether directories that are missing on the way to the file are made. They are not, unless set.
    pub fn create_parents(mut self, create: bool) -> Self {
        self.create_parents = create;
        self
    }

    /// Sets the mode with which the file is made, if it is, less the umask: `0o600` unless set. The owner and the mode of a file
    /// that exists are neither changed nor checked. Unix only.
    pub fn mode(mut self, mode: u32) -> Self {
        self.fixed.mode = mode;
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

    /// Opens the file, append-only.
    ///
    /// Opened a second time while a sink on it lives, by whatever path, it gives a view of the same output. When the last
    /// view goes the file is closed. A file that was removed goes on being written to by the views that had it; opened again,
    /// it is a new one.
    ///
    /// A named pipe must have a reader, and is then like any pipe: a reader who stands still holds up the writers.
    ///
    /// # Errors
    ///
    /// [`is_open`](Error::is_open) if the file cannot be opened, and then the text names the path, the reason and what would
    /// help; [`is_option_mismatch`](Error::is_option_mismatch) if it is open with another mode.
    pub fn open(self) -> Result<Sink, Error> {
        if self.create_parents
            && let Some(parent) = self.path.parent()
        {
            fs::create_dir_all(parent).map_err(|error| {
                let reason = format!("its directory cannot be made: {error}");
                refused(Kind::Open, &self.path, &reason).with_source(error)
            })?;
        }
        let (file, key) = system::open(&self)?;
        let end = Whole::new(ends_inside_a_line(&file, &self.path));
        let output = Appender { file, path: self.path.clone(), end: Mutex::new(end) };
        let core = Arc::new(Core::new(Target::Lines(Box::new(output))));
        let lease = registry().share(key, OpenFile { core, fixed: self.fixed });
        let open = lease.value();
        if open.fixed != self.fixed {
            let reason = format!(
                "the same file is open already as {} with mode {:#o}, and is now asked for with mode {:#o} (0o600 unless set); \
                 open it with one mode everywhere",
                open.core.name(),
                open.fixed.mode,
                self.fixed.mode
            );
            return Err(refused(Kind::Options, &self.path, &reason));
        }
        Ok(Sink::on_file(Arc::clone(&open.core), lease))
    }
}

/// A file that is open, in the registry.
pub(super) struct OpenFile {
    core: Arc<Core>,
    fixed: Fixed,
}

/// A view's hold on its file.
pub(super) type FileLease = Lease<system::Identity, OpenFile>;

fn registry() -> &'static Registry<system::Identity, OpenFile> {
    static FILES: OnceLock<Registry<system::Identity, OpenFile>> = OnceLock::new();
    FILES.get_or_init(Registry::new)
}

struct Appender {
    file: File,
    path: PathBuf,
    end: Mutex<Whole>,
}

impl Output for Appender {
    fn write(&self, line: &[u8]) -> io::Result<()> {
        self.end.lock().write(&mut system::port(&self.file), line)
    }

    fn write_batch(&self, batch: &mut Batch<'_>) -> io::Result<()> {
        self.end.lock().write_batch(&mut system::port(&self.file), batch)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn is_terminal(&self) -> bool {
        self.file.is_terminal()
    }

    fn describe(&self) -> String {
        format!("file {}", self.path.display())
    }
}

#[cold]
fn refused(kind: Kind, path: &Path, reason: &str) -> Error {
    Error::new(kind, format!("cannot open {}: {reason}", path.display()))
}

/// The error for a path that the operating system refused, with what would help.
#[cold]
fn explain(path: &Path, error: io::Error, follows_links: bool) -> Error {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let reason = match (error.kind(), parent) {
        _ if path.is_symlink() && !follows_links => {
            "it is a symbolic link, and none is followed; name the file itself, or set allow_symlink(true)".into()
        }
        _ if path.is_symlink() => {
            let target = fs::read_link(path).unwrap_or_default();
            format!("it is a symbolic link to {}, and that cannot be opened: {error}", target.display())
        }
        _ if path.is_dir() => "it is a directory; name a file in it".into(),
        (ErrorKind::NotFound, Some(parent)) if !parent.exists() => {
            format!("there is no directory {}; make it, or set create_parents(true)", parent.display())
        }
        (ErrorKind::PermissionDenied, _) => {
            format!("{error}; the file, or its directory, is not writable for this user")
        }
        _ if system::lacks_reader(path, &error) => "it is a pipe that nobody reads; start the reader first".into(),
        _ => error.to_string(),
    };
    refused(Kind::Open, path, &reason).with_source(error)
}

/// True if what was written to `file` before, by a process that was cut short, ends in the middle of a line. A file that
/// cannot be read is taken to end well.
fn ends_inside_a_line(file: &File, path: &Path) -> bool {
    let last_byte = || -> io::Result<u8> {
        let mut last = [0];
        let mut reader = system::reader(file, path)?;
        reader.seek(SeekFrom::End(-1))?;
        reader.read_exact(&mut last)?;
        Ok(last[0])
    };
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0)
        && last_byte().is_ok_and(|last| last != b'\n')
}

#[cfg(unix)]
mod system {
    use std::ffi::OsStr;
    use std::fs::{self, File, OpenOptions};
    use std::io::{self, ErrorKind};
    use std::os::fd::AsFd;
    use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
    use std::path::{Path, PathBuf};

    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

    use super::{FileOptions, explain};
    use crate::error::Error;
    use crate::sink::whole::Fd;

    /// Device and inode: no other file has them while this one is open.
    #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
    pub(in crate::sink) struct Identity {
        device: u64,
        inode: u64,
    }

    impl Identity {
        fn of(file: &File) -> io::Result<Self> {
            file.metadata().map(|metadata| Identity { device: metadata.dev(), inode: metadata.ino() })
        }
    }

    pub(super) fn open(options: &FileOptions) -> Result<(File, Identity), Error> {
        let path = &options.path;
        let system_link = if options.allow_symlink { None } else { system_link(path) };
        let open = || {
            let file = match &system_link {
                Some(link) => appending(OFlags::empty()).open(link),
                None => open_file(options),
            }?;
            // Opening did not wait for the reader of a pipe; writing does.
            fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
            let identity = Identity::of(&file)?;
            Ok((file, identity))
        };
        open().map_err(|error| explain(path, error, options.allow_symlink || system_link.is_some()))
    }

    fn open_file(options: &FileOptions) -> io::Result<File> {
        let follow = if options.allow_symlink { OFlags::empty() } else { OFlags::NOFOLLOW };
        appending(follow).create(true).mode(options.fixed.mode).open(&options.path)
    }

    /// If `path` is one of the system's own links: the same link, by a path in which no other one is left that could be turned
    /// before it is opened.
    fn system_link(path: &Path) -> Option<PathBuf> {
        if !fs::symlink_metadata(path).ok()?.is_symlink() {
            return None;
        }
        let directory = path.parent()?.canonicalize().ok()?;
        let has_system_links = match directory.iter().filter_map(OsStr::to_str).collect::<Vec<_>>()[..] {
            ["/", "dev"] | ["/", "dev", "fd"] => true,
            ["/", "proc", process, "fd"] | ["/", "proc", process, "task", _, "fd"] => {
                process.bytes().all(|byte| byte.is_ascii_digit())
            }
            _ => false,
        };
        has_system_links.then(|| Some(directory.join(path.file_name()?))).flatten()
    }

    /// Options for appending. With `NONBLOCK`, opening a pipe that nobody reads is an error rather than a wait.
    fn appending(flags: OFlags) -> OpenOptions {
        let mut options = OpenOptions::new();
        options.append(true).custom_flags((flags | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed());
        options
    }

    /// The same file, for reading.
    pub(super) fn reader(file: &File, path: &Path) -> io::Result<File> {
        let reader = OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)?;
        if Identity::of(&reader)? == Identity::of(file)? { Ok(reader) } else { Err(ErrorKind::NotFound.into()) }
    }

    pub(super) fn lacks_reader(path: &Path, error: &io::Error) -> bool {
        error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error())
            && fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo())
    }

    pub(super) fn port(file: &File) -> Fd<'_> {
        Fd(file.as_fd())
    }
}

#[cfg(not(unix))]
mod system {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::path::Path;
    use std::time::Instant;

    use super::{FileOptions, explain};
    use crate::error::Error;
    use crate::sink::whole::Port;
    use crate::sync::Arc;

    pub(in crate::sink) type Identity = Arc<same_file::Handle>;

    pub(super) fn open(options: &FileOptions) -> Result<(File, Identity), Error> {
        let open = || {
            let file = OpenOptions::new().append(true).create(true).open(&options.path)?;
            let identity = same_file::Handle::from_file(file.try_clone()?)?;
            Ok((file, Arc::new(identity)))
        };
        open().map_err(|error| explain(&options.path, error, true))
    }

    pub(super) fn reader(_: &File, path: &Path) -> io::Result<File> {
        File::open(path)
    }

    pub(super) fn lacks_reader(_: &Path, _: &io::Error) -> bool {
        false
    }

    pub(super) fn port(file: &File) -> Blocking<'_> {
        Blocking(file)
    }

    /// A file, for which there is nothing to wait.
    pub(super) struct Blocking<'a>(&'a File);

    impl Port for Blocking<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            io::Write::write(&mut self.0, bytes)
        }

        fn wait(&mut self, _: Instant) -> bool {
            false
        }
    }
}

#[cfg(test)]
mod tests;
