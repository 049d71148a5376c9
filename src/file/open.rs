//! Opening: one output per file, and errors that say what would help.

use std::any::Any;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::appender::{Appender, AppenderParts};
use super::descriptors;
use super::keys::OwnKeys;
use super::options::{FileOptions, SharedOptions};
use super::os::{self, OpenedFile};
use super::registry::{EntryId, Lease, Registry, Shared};
use super::roll::Roller;
use crate::error::{Error, Kind};
use crate::output::{Output as _, reopen_error};
use crate::sync::{Arc, OnceLock, model};

/// How often an output is asked where its file is, which has the key of the one that is being opened and may have it closed.
const TRIES: usize = 8;

/// A file that is open, in the registry.
pub(crate) struct OpenFile {
    appender: Arc<Appender>,
    options: SharedOptions,
    /// What the users of the file share beside it.
    attached: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl OpenFile {
    /// Returns what the users of the file share beside it, which the first of them makes. This room does not know what it is.
    pub(crate) fn attached<T: Any + Send + Sync>(
        &self,
        make: impl FnOnce(Arc<Appender>) -> Arc<T>,
    ) -> Arc<dyn Any + Send + Sync> {
        Arc::clone(self.attached.get_or_init(|| make(Arc::clone(&self.appender))))
    }

    /// True if the file is open with the options that are asked for, as far as all who open it must agree.
    pub(crate) fn agrees_with(&self, options: &FileOptions) -> bool {
        self.options == options.shared
    }

    /// Returns the error for a file that is open with other options than are asked for.
    #[cold]
    pub(crate) fn mismatch(&self, options: &FileOptions) -> Error {
        let (open, asked) = self.options.differences(&options.shared);
        let name = self.appender.describe();
        let reason = format!(
            "it is open already, as {name}, {open}, and is now asked for {asked}; open it with the same options everywhere, or clone \
             the sink that there is"
        );
        refused(Kind::Options, &options.path, &reason)
    }
}

/// Returns the output of an open file.
#[cfg(test)]
pub(crate) fn appender_of(path: &Path) -> Arc<Appender> {
    let lease = files().named(&path.to_owned()).expect("the file is open");
    Arc::clone(&lease.value().appender)
}

/// A view's hold on its file.
pub(crate) type FileLease = Lease<os::Identity, PathBuf, OpenFile>;

/// The files that are open, or parked.
pub(super) fn files() -> &'static Registry<os::Identity, PathBuf, OpenFile> {
    static FILES: OnceLock<Registry<os::Identity, PathBuf, OpenFile>> = OnceLock::new();
    FILES.get_or_init(Registry::new)
}

/// Opens a file, and returns a hold on its output: on the one that exists, or on a new one.
///
/// # Errors
///
/// [`is_open`](Error::is_open) if the operating system refuses, or the options make no sense.
pub(crate) fn open(options: &FileOptions) -> Result<FileLease, Error> {
    let path = &options.path;
    // The path that is opened anew must be the same one when the working directory is another.
    let log = std::path::absolute(path).unwrap_or_else(|_| path.clone());
    // One whose file was removed, and who has not noticed, would open it anew beside us. And a log that rolls may be in
    // another file by the time that we had found and opened this one.
    if let Some(lease) = files().named(&log)
        && lease.value().appender.stands_for(options.open_options())
    {
        return Ok(lease);
    }
    let OpenedLog { place, opened, roller } = open_log(&log, options)?;
    let (id, key) = (files().new_id(), opened.identity.clone());
    let appender = Appender::new(AppenderParts {
        keys: OwnKeys::new(id, files()),
        path: path.clone(),
        place,
        options: options.open_options(),
        create_parents: options.create_parents,
        opened,
        roller,
    });
    let own = model::Arc::new(OpenFile { appender, options: options.shared.clone(), attached: OnceLock::new() });
    let lease = share(id, &key, &log, &own);
    if model::Arc::ptr_eq(lease.value(), &own) {
        own.appender.begin();
    }
    Ok(lease)
}

/// The output that the file of `own` has, or `own`.
fn share(id: EntryId, key: &os::Identity, log: &PathBuf, own: &model::Arc<OpenFile>) -> FileLease {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match files().share(id, key, log, own, attempts == TRIES) {
            Shared::Lease(lease) => return lease,
            // What it has closed may be this file; we have that open, so that if it is, it finds it now. It may not get at
            // its file at all, or be parked again at once; what it has is not this one then, for all that anyone can tell.
            Shared::Unproven(other) => drop(other.appender.look_now()),
        }
    }
}

/// The file that a log is in.
struct OpenedLog {
    place: PathBuf,
    opened: OpenedFile,
    roller: Option<Roller>,
}

/// Opens the file that the log is in, or is to be in.
fn open_log(log: &Path, options: &FileOptions) -> Result<OpenedLog, Error> {
    let path = &options.path;
    if options.create_parents
        && let Some(parent) = log.parent()
    {
        fs::create_dir_all(parent).map_err(|error| {
            let reason = format!("its directory cannot be made: {error}");
            refused(Kind::Open, path, &reason).with_source(error)
        })?;
    }
    // A device, or a link to one, such as `/dev/stdout`: files beside it are not what anybody wants.
    let is_no_file = || fs::metadata(log).is_ok_and(|there| !there.is_file() && !there.is_dir());
    if options.shared.roll.is_some() && (os::is_system_link(log) || is_no_file()) {
        return Err(refused(
            Kind::Open,
            path,
            "it is a device or a pipe, and only regular files roll; open it without roll",
        ));
    }
    let roller = options.shared.roll.as_ref().map(|roll| Roller::new(log, roll)).transpose();
    let roller = roller.map_err(|error| {
        let reason = missing_directory(path, &error).unwrap_or_else(|| error.to_string());
        refused(Kind::Open, path, &reason).with_source(error)
    })?;
    let place = roller.as_ref().map_or_else(|| log.to_owned(), Roller::path);
    let named = if roller.is_some() { &place } else { path };
    let opened = descriptors::open(&place, options.open_options()).map_err(|error| {
        match roller.is_some() && place.is_symlink() {
            true => {
                let reason =
                    "it is a symbolic link, and none is followed where the files of a log that rolls are; remove it";
                refused(Kind::Open, &place, reason).with_source(error)
            }
            false => explain(named, error, options.allow_symlink),
        }
    })?;
    if roller.is_some() && !opened.is_plain {
        return Err(refused(Kind::Open, &place, "only regular files roll, and it is none"));
    }
    Ok(OpenedLog { place, opened, roller })
}

/// Has every file that a sink of this process writes to opened anew, by its name: what a handler of `SIGHUP` calls after
/// `logrotate` has moved the files away. For a file that is where it should be nothing changes, and no record is lost. Pipes,
/// devices and the standard streams are left alone.
///
/// It opens files and takes locks, so it is to be called on a thread or in a task that was told of the signal, not in a
/// signal handler itself.
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
/// # Errors
///
/// [`is_open`](Error::is_open) for the first file that could not be opened, after trying all. That one is written to as before.
pub fn reopen_all() -> Result<(), Error> {
    let mut result = Ok(());
    for open in files().values() {
        if !open.appender.is_reopenable() {
            continue;
        }
        if let Err(error) = open.appender.reopen()
            && result.is_ok()
        {
            result = Err(reopen_error(&open.appender.describe(), error));
        }
    }
    result
}

#[cold]
pub(super) fn refused(kind: Kind, path: &Path, reason: &str) -> Error {
    Error::new(kind, format!("cannot open {}: {reason}", path.display()))
}

/// The error for a path that the operating system refused, with what would help.
#[cold]
fn explain(path: &Path, error: io::Error, follows_links: bool) -> Error {
    let reason = match (error.kind(), missing_directory(path, &error)) {
        _ if path.is_symlink() && !follows_links && !os::is_system_link(path) => {
            "it is a symbolic link, and none is followed; name the file itself, or set allow_symlink(true)".into()
        }
        _ if path.is_symlink() => {
            let target = fs::read_link(path).unwrap_or_default();
            format!("it is a symbolic link to {}, and that cannot be opened: {error}", target.display())
        }
        _ if path.is_dir() => "it is a directory; name a file in it".into(),
        (_, Some(reason)) => reason,
        (ErrorKind::PermissionDenied, _) => {
            format!("{error}; the file, or its directory, is not writable for this user")
        }
        _ if os::lacks_reader(path, &error) => "it is a pipe that nobody reads; start the reader first".into(),
        _ => error.to_string(),
    };
    refused(Kind::Open, path, &reason).with_source(error)
}

/// What to say where a path could not be opened because its directory is missing.
fn missing_directory(path: &Path, error: &io::Error) -> Option<String> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty())?;
    let is_missing = error.kind() == ErrorKind::NotFound && !parent.exists();
    is_missing.then(|| format!("there is no directory {}; make it, or set create_parents(true)", parent.display()))
}
