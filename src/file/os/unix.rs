//! Unix. Files are identified by device and inode. Links are followed only where allowed.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt as _;
#[cfg(feature = "gzip")]
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fcntl_getfl, fcntl_setfl, openat, statat};
use rustix::io::{Errno, retry_on_intr};

use super::folder::Folder;
use super::identity::Identity;
use super::streams::{above_streams, own_descriptor, standard_stream, system_link};
use super::{FileLocation, OpenOptions, OpenedFile};
use crate::bytes::{FdWriter, StandardStream};
use crate::sync::Arc;

/// How a file is opened. With `NONBLOCK`, opening a pipe that nobody reads fails instead of waiting.
const APPENDING: OFlags = OFlags::APPEND.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// Whether [`locate`] works. Only then are removed and moved files noticed, and only then may a file be parked.
pub(in crate::file) const CAN_TRACK: bool = true;

pub(in crate::file) fn open(path: &Path, options: OpenOptions) -> io::Result<OpenedFile> {
    let Some(link) = system_link(path, options.follow_links) else {
        let is_file_name = !path.as_os_str().as_bytes().ends_with(b"/");
        return match (path.parent(), is_file_name) {
            (Some(parent), true) => {
                // Not through a descriptor that is held already: it may have come through another mount, which is writable.
                let folder = Folder::open(parent)?;
                let opened = open_named(&folder, path, options)?;
                Ok(OpenedFile { folder: opened.is_regular().then(|| folder.shared()), ..opened })
            }
            _ => Err(Errno::ISDIR.into()),
        };
    };
    if let Some((stream, file)) = own_descriptor(&link)? {
        return OpenedFile::of_descriptor(file, stream);
    }
    let (file, readable) = open_link(&link)?;
    OpenedFile::new(file, readable, false)
}

/// Opens the file with the name of `path` in `folder`, and creates it if there is none.
pub(in crate::file) fn open_in(folder: &Arc<Folder>, path: &Path, options: OpenOptions) -> io::Result<OpenedFile> {
    let opened = open_named(folder, path, options)?;
    Ok(OpenedFile { folder: opened.is_regular().then(|| Arc::clone(folder)), ..opened })
}

fn open_named(folder: &Folder, path: &Path, options: OpenOptions) -> io::Result<OpenedFile> {
    let name = path.file_name().ok_or(Errno::ISDIR)?;
    let (file, readable) = match open_at(folder, name, options) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => match stream_at(path, options.follow_links) {
            Some((stream, file)) => return OpenedFile::of_descriptor(file, Some(stream)),
            None => return Err(error),
        },
        opened => opened?,
    };
    let opened = OpenedFile::new(file, readable, true)?;
    if !options.allow_pipe && opened.file.metadata()?.file_type().is_fifo() { Err(pipe_refused()) } else { Ok(opened) }
}

impl OpenedFile {
    /// Returns true if this, which was opened by its own name, is a regular file.
    fn is_regular(&self) -> bool {
        // A regular file that is a standard stream counts as one without a name.
        self.is_named_regular || self.stream.is_some()
    }

    /// Returns a file that was opened by its own name if `is_named`, and else through a link of the system.
    fn new(file: File, readable: bool, is_named: bool) -> io::Result<Self> {
        // The file was opened with `NONBLOCK`, but writes to a pipe must wait for its reader.
        fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
        let metadata = file.metadata()?;
        let identity = Identity::of(&metadata);
        if metadata.is_file()
            && let Some((stream, file)) = standard_stream(&identity)?
        {
            return OpenedFile::of_descriptor(file, Some(stream));
        }
        let is_named_regular = metadata.is_file() && is_named;
        Ok(OpenedFile {
            file,
            identity,
            is_named_regular,
            readable,
            length: metadata.len(),
            is_shared: false,
            stream: None,
            folder: None,
        })
    }

    /// Returns a file that is written to through a duplicate of a descriptor of the process.
    fn of_descriptor(file: File, stream: Option<StandardStream>) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let readable = metadata.is_file() && fcntl_getfl(&file)? & OFlags::RWMODE == OFlags::RDWR;
        let (identity, length) = (Identity::of(&metadata), metadata.len());
        Ok(OpenedFile {
            file,
            identity,
            is_named_regular: false,
            readable,
            length,
            is_shared: true,
            stream,
            folder: None,
        })
    }
}

#[cold]
fn pipe_refused() -> io::Error {
    io::Error::other("it is a named pipe; name a file, or set allow_pipe(true)")
}

/// If stdout or stderr is the regular file at `path`, returns that stream, and a duplicate of its descriptor.
fn stream_at(path: &Path, follow_links: bool) -> Option<(StandardStream, File)> {
    let metadata = if follow_links { fs::metadata(path) } else { fs::symlink_metadata(path) }.ok()?;
    standard_stream(&Identity::of(&metadata)).ok()?
}

/// If stdout or stderr is the regular file `identity`, returns that file, to be written to through a duplicate of the stream's descriptor.
pub(in crate::file) fn through_stream(identity: &Identity) -> Option<OpenedFile> {
    let (stream, file) = standard_stream(identity).ok()??;
    OpenedFile::of_descriptor(file, Some(stream)).ok()
}

/// Returns true if `path`, or what a link at `path` leads to, is a standard stream of this process.
pub(in crate::file) fn is_standard_stream(path: &Path) -> bool {
    system_link(path, true).is_some_and(|link| matches!(own_descriptor(&link), Ok(Some((Some(_), _)))))
        || stream_at(path, true).is_some()
}

/// Opens the file `name` in `folder` for appending, and creates it if there is none. Returns whether it can be read.
fn open_at(folder: &Folder, name: &OsStr, options: OpenOptions) -> io::Result<(File, bool)> {
    let (follow, nofollow) = match options.follow_links {
        true => (AtFlags::empty(), OFlags::empty()),
        false => (AtFlags::SYMLINK_NOFOLLOW, OFlags::NOFOLLOW),
    };
    let kind = statat(&folder.directory, name, follow).ok().map(|stat| FileType::from_raw_mode(stat.st_mode));
    // Before it is opened, because opening it would wake its reader. Whether it is one is checked again later.
    if !options.allow_pipe && kind == Some(FileType::Fifo) {
        return Err(pipe_refused());
    }
    let open = |access: OFlags| {
        let flags = access | APPENDING | OFlags::CREATE | nofollow;
        let open = || openat(&folder.directory, name, flags, Mode::from_raw_mode(options.mode as _));
        above_streams(|| Ok(retry_on_intr(open)?.into()))
    };
    read_too_if_regular(kind.is_none_or(|kind| kind == FileType::RegularFile), open)
}

/// Opens a link of the system for appending. Returns whether the file can be read.
fn open_link(link: &Path) -> io::Result<(File, bool)> {
    let is_regular = fs::metadata(link).map_or(true, |metadata| metadata.is_file());
    read_too_if_regular(is_regular, |access| {
        above_streams(|| Ok(retry_on_intr(|| openat(CWD, link, access | APPENDING, Mode::empty()))?.into()))
    })
}

/// Opens a file, for reading too if it is a regular file and the user may read it. A pipe that is opened for reading too would be its own
/// reader. Returns whether the file can be read.
fn read_too_if_regular(is_regular: bool, open: impl Fn(OFlags) -> io::Result<File>) -> io::Result<(File, bool)> {
    if is_regular {
        match open(OFlags::RDWR) {
            Ok(file) if file.metadata()?.is_file() => return Ok((file, true)),
            // The path was replaced by something else just now.
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            Err(error) => return Err(error),
        }
    }
    open(OFlags::WRONLY).map(|file| (file, false))
}

/// Returns true if `path` is one of the system's own links, such as `/dev/stdout`.
pub(in crate::file) fn is_system_link(path: &Path) -> bool {
    system_link(path, false).is_some()
}

/// Returns where `file` is, which was opened by `path`. Looks for it in `folder`, if given, and else by the path.
pub(in crate::file) fn locate(
    file: &File,
    folder: Option<&Folder>,
    path: &Path,
    follow_links: bool,
) -> io::Result<FileLocation> {
    let own = file.metadata()?;
    if own.nlink() == 0 {
        return Ok(FileLocation::Removed);
    }
    let follow = if follow_links { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
    let at_path = match (folder, path.file_name()) {
        (Some(folder), Some(name)) => statat(&folder.directory, name, follow),
        _ => statat(CWD, path, follow),
    };
    match at_path {
        Ok(at_path) if Identity::of_stat(&at_path) == Identity::of(&own) => {
            Ok(FileLocation::InPlace { length: own.len() })
        }
        // Removed between the two calls.
        _ if is_removed(file)? => Ok(FileLocation::Removed),
        Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => Ok(FileLocation::Moved),
        Err(error) => Err(error.into()),
    }
}

/// Makes `file` empty.
pub(in crate::file) fn truncate(file: &File, _: &Path, _: &Identity) -> io::Result<()> {
    #[cfg(test)]
    super::observed::before_truncation(file)?;
    file.set_len(0)
}

/// Returns true if `file` has no name left.
pub(in crate::file) fn is_removed(file: &File) -> io::Result<bool> {
    file.metadata().map(|metadata| metadata.nlink() == 0)
}

/// Creates a directory that only its owner can write to, whatever the umask.
pub(in crate::file) fn create_directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o755).create(path)
}

/// Brings the contents of `file` to the storage device.
pub(in crate::file) fn sync_data(file: &File) -> io::Result<()> {
    #[cfg(test)]
    super::observed::before_sync(file)?;
    file.sync_data()
}

/// Brings the entries of `folder`, and of the `parents` directories above it, to the storage device. A directory that was removed has none.
pub(in crate::file) fn sync_folder(folder: &Folder, parents: usize) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let open = |directory: BorrowedFd<'_>, name: &str| {
        above_streams(|| Ok(openat(directory, name, flags, Mode::empty())?.into()))
    };
    let mut opened = open(folder.directory.as_fd(), ".");
    for above in (0..=parents).rev() {
        let directory = match opened {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            opened => opened?,
        };
        #[cfg(test)]
        super::observed::before_sync(&directory)?;
        match directory.sync_all() {
            // A file system that cannot sync directories.
            Err(error) if error.kind() == ErrorKind::InvalidInput => {}
            result => result?,
        }
        if above == 0 {
            break;
        }
        opened = open(directory.as_fd(), "..");
    }
    Ok(())
}

/// Returns the identity of the file at `path`. A link is not followed.
pub(in crate::file) fn identity_at(path: &Path) -> io::Result<Identity> {
    fs::symlink_metadata(path).map(|metadata| Identity::of(&metadata))
}

/// Opens a regular file for reading. Does not follow a link.
#[cfg(feature = "gzip")]
pub(in crate::file) fn open_for_reading(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let file = above_streams(|| fs::OpenOptions::new().read(true).custom_flags(flags).open(path))?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
}

/// Creates a file that only its owner can read. Fails if the path exists.
#[cfg(feature = "gzip")]
pub(in crate::file) fn create_new(path: &Path) -> io::Result<File> {
    above_streams(|| fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path))
}

/// Reads from `offset` in a readable file.
pub(in crate::file) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(bytes, offset)
}

/// Returns true if opening `path` failed because it is a named pipe that nobody reads.
pub(in crate::file) fn is_pipe_without_reader(path: &Path, error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::NXIO.raw_os_error())
        && fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo())
}

/// Returns true if the process, or the system, has no descriptor left.
pub(in crate::file) fn is_out_of_descriptors(error: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Returns how many descriptors the process may have. None means no limit.
pub(in crate::file) fn descriptor_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

pub(in crate::file) fn byte_writer(file: &File) -> FdWriter<'_> {
    FdWriter(file.as_fd())
}

/// Creates a symbolic link `link` to `target`. Fails if the path exists.
pub(in crate::file) fn make_link(target: &OsStr, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

/// Returns the nanoseconds of a monotonic clock that is cheap to read, and up to a few milliseconds late.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(in crate::file) fn coarse_monotonic() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// Returns the seconds since 1970, by a clock that is cheap to read, and up to a few milliseconds late.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(in crate::file) fn coarse_unix_seconds() -> i64 {
    rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse).tv_sec
}

/// Returns the nanoseconds of a monotonic clock.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(in crate::file) fn coarse_monotonic() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs() as u64
}

/// Returns the seconds since 1970.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(in crate::file) fn coarse_unix_seconds() -> i64 {
    rustix::time::clock_gettime(rustix::time::ClockId::Realtime).tv_sec
}
