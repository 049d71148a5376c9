//! Opens files: one output per file, and errors that say what to do.

use std::any::Any;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::appender::{Appender, AppenderParts};
use super::descriptors;
use super::folders;
use super::keys::OwnKeys;
use super::name::shown;
use super::options::{FileOptions, SharedOptions, file};
use super::os::{self, OpenOptions, OpenedFile};
use super::roll::Roller;
use crate::error::{Error, ErrorKind};
use crate::fallback::report;
use crate::limits::REOPEN;
use crate::output::{Output as _, allocating_under_lock, call_contained, reopen_error};
use crate::process::ForkLocal;
use crate::registry::{Acquired, EntryId, KeyedRegistry as Registry, Lease};
use crate::sync::{Arc, OnceLock, model};

/// How often a lease is asked for, before a key is taken from an output that does not hold it.
const MAX_ATTEMPTS: usize = 8;

/// The registry's value for an open or parked file.
pub(crate) struct OpenFile {
    appender: Arc<Appender>,
    options: SharedOptions,
    /// The absolute path that the log was opened by.
    path: PathBuf,
    /// A value that the users of the file share beside the output.
    attached: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl OpenFile {
    /// Returns the value that the users of the file share beside the output. The first user makes it. This module does not know its type:
    /// it is the core of the file's sinks.
    pub(crate) fn attached<T: Any + Send + Sync>(
        &self,
        make: impl FnOnce(Arc<Appender>) -> Arc<T>,
    ) -> Arc<dyn Any + Send + Sync> {
        Arc::clone(self.attached.get_or_init(|| make(Arc::clone(&self.appender))))
    }

    /// Returns true if the file is open with these options, as far as everybody who opens it must agree.
    pub(crate) fn agrees_with(&self, options: &FileOptions) -> bool {
        self.options == options.shared
    }

    /// Returns the options with which another process opens the same file for appending. `None` if the log rolls, and if the file is a device,
    /// a pipe, or written to through a descriptor of this process, at an offset that the other process does not know.
    pub(crate) fn options_elsewhere(&self) -> Option<FileOptions> {
        let (OpenOptions { mode, follow_links, .. }, create_parents) = self.appender.options_elsewhere()?;
        let options = file(&self.path).mode(mode).allow_symlink(follow_links).create_parents(create_parents);
        self.options.roll.is_none().then_some(options)
    }

    /// Returns the error for a file that is already open with other options.
    #[cold]
    pub(crate) fn mismatch(&self, options: &FileOptions) -> Error {
        let (open, requested) = self.options.differences(&options.shared);
        let name = self.appender.describe();
        let reason = format!(
            "it is already open, as {name}, {open}, and this call requests it {requested}; open it with the same options everywhere, \
             or clone the existing sink"
        );
        open_error(ErrorKind::OptionMismatch, &options.path, &reason)
    }
}

/// Returns the output of the open file `path`.
#[cfg(test)]
pub(crate) fn appender_of(path: &Path) -> Arc<Appender> {
    let lease = files().find_by_name(&path.to_owned()).expect("the file is open");
    Arc::clone(&lease.value().appender)
}

/// A user's share in an open file. The last lease closes the file.
pub(crate) type FileLease = Lease<os::Identity, PathBuf, OpenFile>;

/// A lease on an open file, and whether the call that returns it has opened the file.
pub(crate) struct Opening {
    pub(crate) lease: FileLease,
    /// False if the file was open already.
    pub(crate) is_first: bool,
}

/// Returns the registry of the files that are open or parked.
pub(super) fn files() -> &'static Registry<os::Identity, PathBuf, OpenFile> {
    static FILES: ForkLocal<OnceLock<Registry<os::Identity, PathBuf, OpenFile>>> =
        ForkLocal::new(OnceLock::new(), OnceLock::clone);
    FILES.get().get_or_init(Registry::new)
}

/// Opens a file, and returns a lease on its output. If the file has an output already, the lease is on that one.
///
/// # Errors
///
/// [`ErrorKind::Open`] if the operating system refuses, or the options make no sense.
pub(crate) fn open(options: &FileOptions) -> Result<Opening, Error> {
    // A record that the allocator logs may need the lock of the registry, of the list of open files, or of the file itself.
    allocating_under_lock(|| open_or_share(options))
}

fn open_or_share(options: &FileOptions) -> Result<Opening, Error> {
    let path = &options.path;
    if options.truncate && options.shared.roll.is_some() {
        let reason = "a log that rolls has several files, and truncate makes one file empty; open it without truncate or without roll";
        return Err(open_error(ErrorKind::Open, path, reason));
    }
    // Made absolute, so that a change of the working directory does not change which path is reopened.
    let log = std::path::absolute(path).unwrap_or_else(|_| path.clone());
    // First ask the output that was opened by this path. If its file was removed without its notice, it would later reopen the path
    // beside our output. And a log that rolls may have rolled by the time that we have found and opened its newest file.
    if let Some(lease) = files().find_by_name(&log)
        && lease.value().appender.would_open_this_file(options.open_options())
    {
        return Ok(Opening { lease, is_first: false });
    }
    let OpenedLogFile { path: file_path, opened, roller, new_folders } = open_log(&log, options)?;
    let (id, key) = (files().new_id(), opened.identity.clone());
    // Others have the file that a descriptor of the process leads to, and devices and pipes cannot be made empty.
    let truncate = options.truncate && opened.is_named_regular;
    let appender = Appender::new(AppenderParts {
        keys: OwnKeys::new(id, files()),
        display_path: path.clone(),
        absolute_path: file_path,
        options: options.open_options(),
        create_parents: options.create_parents,
        opened,
        roller,
        new_folders,
    });
    let own = model::Arc::new(OpenFile {
        appender,
        options: options.shared.clone(),
        path: log.clone(),
        attached: OnceLock::new(),
    });
    let lease = register(id, &key, &log, &own, truncate)
        .map_err(|error| open_error(ErrorKind::Open, path, "it cannot be made empty").with_source(error))?;
    let is_first = model::Arc::ptr_eq(lease.value(), &own);
    if is_first {
        own.appender.on_registered();
    } else if lease.value().agrees_with(options) {
        let shared = lease.value().appender.share_descriptor_of(&own.appender);
        shared.map_err(|error| refused(path, None, error))?;
    }
    Ok(Opening { lease, is_first })
}

/// Returns a lease on the output that the file `key` has already, or on `own`, whose file is then made empty if `truncate`.
///
/// # Errors
///
/// The file could not be made empty.
fn register(
    id: EntryId,
    key: &os::Identity,
    log: &PathBuf,
    own: &model::Arc<OpenFile>,
    truncate: bool,
) -> io::Result<FileLease> {
    // Locked before other threads can find the output, and until the file is empty. So what they log is written after that. Nobody else can
    // have this lock yet, so no other thread waits for it while `acquire` waits for an output of theirs.
    let current = truncate.then(|| own.appender.lock_new());
    let (lease, is_proven) = acquire(id, key, log, own);
    if let Some(mut current) = current.filter(|_| model::Arc::ptr_eq(lease.value(), own)) {
        if is_proven {
            current.truncate()?;
        } else {
            drop(current);
            report(format_args!(
                "{} is not made empty, because another log of this process may be in this file",
                own.appender.describe()
            ));
        }
    }
    Ok(lease)
}

/// Returns a lease on the output that the file `key` has already, or on `own`, and whether it is certain that no other output has the file.
fn acquire(id: EntryId, key: &os::Identity, log: &PathBuf, own: &model::Arc<OpenFile>) -> (FileLease, bool) {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match files().acquire(id, key, log, own, attempts == MAX_ATTEMPTS) {
            Acquired::Lease(lease) => return (lease, attempts < MAX_ATTEMPTS),
            // The other output is parked, and this may be its file. We have the file open, so if it is the same one, the other output
            // finds it now. It may fail to open its file, or be parked again at once. After some attempts we take the key: nothing shows
            // that the files are the same.
            Acquired::Unproven(other) => drop(other.appender.check_location_now()),
        }
    }
}

/// The file that a log is written to, just opened.
struct OpenedLogFile {
    /// Absolute.
    path: PathBuf,
    opened: OpenedFile,
    roller: Option<Roller>,
    /// How many directories were created for the file.
    new_folders: usize,
}

/// Opens the file that the log is written to: `log` itself, or the newest file of a log that rolls.
fn open_log(log: &Path, options: &FileOptions) -> Result<OpenedLogFile, Error> {
    let path = &options.path;
    let mut new_folders = 0;
    if options.create_parents
        && let Some(parent) = log.parent()
    {
        new_folders =
            folders::create(parent).map_err(|error| refused(path, Some("its directory cannot be created"), error))?;
    }
    // A device, or a link to one, such as `/dev/stdout`. Nobody wants rolled files beside it.
    let is_not_a_file = || fs::metadata(log).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
    if options.shared.roll.is_some() && os::is_standard_stream(log) {
        return Err(open_error(
            ErrorKind::Open,
            path,
            "it is a standard stream of this process, which cannot roll; open it without roll",
        ));
    }
    if options.shared.roll.is_some() && (os::is_system_link(log) || is_not_a_file()) {
        return Err(open_error(
            ErrorKind::Open,
            path,
            "it is a device or a pipe, and only regular files roll; open it without roll",
        ));
    }
    let roller = options.shared.roll.as_ref().map(|roll| Roller::new(log, roll)).transpose();
    let roller = roller.map_err(|error| {
        let reason = missing_directory(path, &error);
        refused(path, reason.as_deref(), error)
    })?;
    let file_path = roller.as_ref().map_or_else(|| log.to_owned(), Roller::path);
    let display_path = if roller.is_some() { &file_path } else { path };
    let opened = descriptors::open(&file_path, options.open_options()).map_err(|error| {
        match roller.is_some() && file_path.is_symlink() {
            true => {
                let reason =
                    "it is a symbolic link, which is not followed among the files of a log that rolls; remove it";
                refused(&file_path, Some(reason), error)
            }
            false => explain(display_path, error, options.allow_symlink),
        }
    })?;
    if roller.is_some() && opened.stream.is_some() {
        let reason = "it is a standard stream of this process, which cannot be among the files of a log that rolls; redirect the stream \
                      to another file";
        return Err(open_error(ErrorKind::Open, &file_path, reason));
    }
    if roller.is_some() && !opened.is_named_regular {
        return Err(open_error(ErrorKind::Open, &file_path, "only regular files roll, and it is not one"));
    }
    Ok(OpenedLogFile { path: file_path, opened, roller, new_folders })
}

/// Opens every log file of this process anew, by its path, after `logrotate` has moved the files away.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// # let path = dir.path().join("uno.log");
/// let log = logscope::sink::file(&path).open()?;
/// std::fs::rename(&path, dir.path().join("uno.log.1")).unwrap();
/// logscope::sink::reopen_all()?;
/// assert!(path.exists());
/// # Ok::<(), logscope::Error>(())
/// ```
///
/// Nothing changes for a file that is still at its path. No record is lost. Pipes, devices and the standard streams are left alone. A file
/// that another thread has been writing to for a second is left to its next write, which opens it anew; the error names it.
///
/// Programs call this when they receive `SIGHUP`. It opens files and takes locks, so call it on a thread or in a task that waits for the
/// signal, not in the signal handler.
///
/// # Errors
///
/// [`ErrorKind::Open`] for the first file that could not be opened anew, after all files were tried. Records still go to the file
/// that was open before.
pub fn reopen_all() -> Result<(), Error> {
    let mut result = Ok(());
    let deadline = Instant::now() + REOPEN;
    for open in allocating_under_lock(|| files().values()) {
        if !open.appender.is_reopenable(deadline) {
            continue;
        }
        if let Err(error) = call_contained(|| open.appender.reopen(deadline.saturating_duration_since(Instant::now())))
            && result.is_ok()
        {
            result = Err(reopen_error(&open.appender.describe(), error));
        }
    }
    result
}

#[cold]
fn open_error(kind: ErrorKind, path: &Path, reason: &str) -> Error {
    // The reason may contain a path, too.
    Error::new(kind, shown(&format!("cannot open {}: {reason}", path.display())))
}

/// Returns the error for a path that was refused with `error`, whose text is a part of the message unless there is a better `reason`.
#[cold]
fn refused(path: &Path, reason: Option<&str>, error: io::Error) -> Error {
    match reason {
        Some(reason) if error.raw_os_error().is_some() => open_error(ErrorKind::Open, path, reason).with_source(error),
        Some(reason) => open_error(ErrorKind::Open, path, reason),
        None => Error::from_io(ErrorKind::Open, shown(&format!("cannot open {}", path.display())), error),
    }
}

/// Returns the error for a path that the operating system did not open, with advice.
#[cold]
fn explain(path: &Path, error: io::Error, follows_links: bool) -> Error {
    let reason = match (error.kind(), missing_directory(path, &error)) {
        _ if path.is_symlink() && !follows_links && !os::is_system_link(path) => Some(
            "it is a symbolic link, which is not followed; name the file itself, or set allow_symlink(true)".into(),
        ),
        _ if path.is_symlink() => {
            let target = fs::read_link(path).unwrap_or_default();
            Some(format!("it is a symbolic link to {}, which cannot be opened", target.display()))
        }
        _ if path.as_os_str().is_empty() => Some("the path is empty; name a file".into()),
        _ if path.is_dir() => Some("it is a directory; name a file in it".into()),
        (_, Some(reason)) => Some(reason),
        (io::ErrorKind::PermissionDenied, _) => {
            Some("the file, or its directory, is not writable for this user".into())
        }
        _ if os::is_pipe_without_reader(path, &error) => {
            Some("it is a pipe that nobody reads; start the reader first".into())
        }
        _ => None,
    };
    refused(path, reason.as_deref(), error)
}

/// Returns the reason and the advice if a path could not be opened because its directory is missing.
fn missing_directory(path: &Path, error: &io::Error) -> Option<String> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty())?;
    let is_missing = error.kind() == io::ErrorKind::NotFound && !parent.exists();
    is_missing.then(|| format!("there is no directory {}; create it, or set create_parents(true)", parent.display()))
}
