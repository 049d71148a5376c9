//! Unix: device and inode, links that are not followed, descriptors that run out.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;

use super::{FileLocation, OpenOptions, OpenedFile};
use crate::bytes::FdWriter;

/// Whether it can be seen where a file is: only then is one that was removed or moved noticed, and may one be closed and
/// opened again.
pub(in crate::file) const CAN_TRACK: bool = true;

/// Device and inode: no other file has them while this one is open.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Identity { device: metadata.dev(), inode: metadata.ino() }
    }
}

pub(in crate::file) fn open(path: &Path, options: OpenOptions) -> io::Result<OpenedFile> {
    let link = system_link(path);
    let (file, readable) = match &link {
        Some(link) => open_appending(link, &appending(OFlags::empty())),
        None => {
            let mut appending = appending(if options.follow_links { OFlags::empty() } else { OFlags::NOFOLLOW });
            open_appending(path, appending.create(true).mode(options.mode))
        }
    }?;
    // Opening did not wait for the reader of a pipe; writing does.
    fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
    let metadata = file.metadata()?;
    let identity = Identity::of(&metadata);
    Ok(OpenedFile { file, identity, is_plain: metadata.is_file() && link.is_none(), readable, length: metadata.len() })
}

/// Opens `path`; true if the file can also be read. Only a regular one is asked for that: a pipe that is opened for reading
/// too would be its own reader.
fn open_appending(path: &Path, options: &fs::OpenOptions) -> io::Result<(File, bool)> {
    if fs::metadata(path).map_or(true, |metadata| metadata.is_file()) {
        match options.clone().read(true).open(path) {
            Ok(file) if file.metadata()?.is_file() => return Ok((file, true)),
            // It was replaced in this very moment.
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            Err(error) => return Err(error),
        }
    }
    options.open(path).map(|file| (file, false))
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

/// True if `path` is one of the system's own links.
pub(in crate::file) fn is_system_link(path: &Path) -> bool {
    system_link(path).is_some()
}

/// Options for appending. With `NONBLOCK`, opening a pipe that nobody reads is an error rather than a wait.
fn appending(flags: OFlags) -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.append(true).custom_flags((flags | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed());
    options
}

/// Where `file` is, which was opened as `path`.
pub(in crate::file) fn standing(file: &File, path: &Path, follow_links: bool) -> io::Result<FileLocation> {
    let own = file.metadata()?;
    if own.nlink() == 0 {
        return Ok(FileLocation::Removed);
    }
    let there = if follow_links { fs::metadata(path) } else { fs::symlink_metadata(path) };
    match there {
        Ok(there) if Identity::of(&there) == Identity::of(&own) => Ok(FileLocation::InPlace { length: own.len() }),
        Ok(_) => Ok(FileLocation::Moved),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(FileLocation::Moved),
        Err(error) => Err(error),
    }
}

/// True if `file` has no name left.
pub(in crate::file) fn is_removed(file: &File) -> io::Result<bool> {
    file.metadata().map(|metadata| metadata.nlink() == 0)
}

/// What is at `path`, which is not followed if it is a link.
pub(in crate::file) fn identity_at(path: &Path) -> io::Result<Identity> {
    fs::symlink_metadata(path).map(|metadata| Identity::of(&metadata))
}

/// Opens a regular file that is no link, for reading.
#[cfg(feature = "gzip")]
pub(in crate::file) fn open_to_read(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
}

/// Makes a file that only its owner can read, where there is nothing.
#[cfg(feature = "gzip")]
pub(in crate::file) fn create_new(path: &Path) -> io::Result<File> {
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Reads from a place in a file that was opened as readable.
pub(in crate::file) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(bytes, offset)
}

pub(in crate::file) fn lacks_reader(path: &Path, error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::NXIO.raw_os_error())
        && fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo())
}

/// True if what failed lacked a descriptor: the process has as many as it may, or the system has.
pub(in crate::file) fn no_room(error: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// How many descriptors the process may have; none if there is no limit.
pub(in crate::file) fn descriptor_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

pub(in crate::file) fn byte_writer(file: &File) -> FdWriter<'_> {
    FdWriter(file.as_fd())
}

/// Makes `link` a symbolic link to `target`, if nothing has this name.
pub(in crate::file) fn link_to(target: &OsStr, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

/// Nanoseconds on a monotonic clock that costs next to nothing to read, and is a few milliseconds late.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(in crate::file) fn coarse_monotonic() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// Seconds since 1970, by a clock that costs next to nothing to read, and is a few milliseconds late.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(in crate::file) fn coarse_unix_seconds() -> i64 {
    rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse).tv_sec
}

/// Nanoseconds on a monotonic clock.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(in crate::file) fn coarse_monotonic() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs() as u64
}

/// Seconds since 1970.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(in crate::file) fn coarse_unix_seconds() -> i64 {
    rustix::time::clock_gettime(rustix::time::ClockId::Realtime).tv_sec
}
