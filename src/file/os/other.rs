//! Windows, and what else is not Unix: files are known by the handles of `same-file`, a file that is removed or moved is not
//! noticed but by [`reopen`](crate::sink::Sink::reopen), and none is closed while it has a sink.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::{FileLocation, OpenOptions, OpenedFile};
use crate::bytes::ByteWriter;
use crate::sync::{Arc, OnceLock};

/// Whether it can be seen where a file is: only then is one that was removed or moved noticed, and may one be closed and
/// opened again.
pub(in crate::file) const CAN_TRACK: bool = false;

pub(crate) type Identity = Arc<same_file::Handle>;

pub(in crate::file) fn open(path: &Path, _: OpenOptions) -> io::Result<OpenedFile> {
    let file = fs::OpenOptions::new().append(true).read(true).create(true).open(path)?;
    let identity = Arc::new(same_file::Handle::from_file(file.try_clone()?)?);
    let metadata = file.metadata()?;
    Ok(OpenedFile { identity, is_plain: metadata.is_file(), readable: true, length: metadata.len(), file })
}

/// Where `file` is, which was opened as `path`. A file that is in use keeps its place on Windows, unless it was opened so
/// that others may move it; finding out would cost an opening.
pub(in crate::file) fn standing(file: &File, _: &Path, _: bool) -> io::Result<FileLocation> {
    file.metadata().map(|metadata| FileLocation::InPlace { length: metadata.len() })
}

/// True if `file` has no name left, which cannot be told.
pub(in crate::file) fn is_removed(_: &File) -> io::Result<bool> {
    Ok(false)
}

/// What is at `path`.
pub(in crate::file) fn identity_at(path: &Path) -> io::Result<Identity> {
    same_file::Handle::from_path(path).map(Arc::new)
}

/// Opens a file for reading.
#[cfg(feature = "gzip")]
pub(in crate::file) fn open_to_read(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Makes a file, where there is nothing.
#[cfg(feature = "gzip")]
pub(in crate::file) fn create_new(path: &Path) -> io::Result<File> {
    fs::OpenOptions::new().write(true).create_new(true).open(path)
}

/// Reads from a place in a file that was opened as readable.
pub(in crate::file) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::io::{Read as _, Seek as _, SeekFrom};

    // What is appended goes to the end, wherever the cursor is.
    let mut file = file;
    file.seek(SeekFrom::Start(offset))?;
    file.read(bytes)
}

/// Links are followed as Windows does.
pub(in crate::file) fn is_system_link(_: &Path) -> bool {
    true
}

pub(in crate::file) fn lacks_reader(_: &Path, _: &io::Error) -> bool {
    false
}

/// True if what failed lacked a descriptor.
pub(in crate::file) fn no_room(_: &io::Error) -> bool {
    false
}

/// How many files the process may have open; none if there is no limit.
pub(in crate::file) fn descriptor_limit() -> Option<u64> {
    None
}

pub(in crate::file) fn byte_writer(file: &File) -> Blocking<'_> {
    Blocking(file)
}

/// A file, for which there is nothing to wait.
pub(in crate::file) struct Blocking<'a>(&'a File);

impl ByteWriter for Blocking<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(&mut self.0, bytes)
    }

    fn wait_for_room(&mut self, _: Instant) -> bool {
        false
    }
}

/// Making a link needs a privilege on Windows.
pub(in crate::file) fn link_to(_: &OsStr, _: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

/// Nanoseconds on a monotonic clock.
pub(in crate::file) fn coarse_monotonic() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Seconds since 1970.
pub(in crate::file) fn coarse_unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
