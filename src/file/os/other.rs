//! Windows, and other systems that are not Unix. Files are identified by the handles of `same-file`. Only
//! [`reopen`](crate::sink::Sink::reopen) notices that a file was removed or moved. No file is parked.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::{FileLocation, OpenOptions, OpenedFile};
use crate::bytes::{ByteWriter, StandardStream};
use crate::sync::{Arc, OnceLock};

/// Whether [`locate`] works. Only then are removed and moved files noticed, and only then may a file be parked.
pub(in crate::file) const CAN_TRACK: bool = false;

pub(crate) type Identity = Arc<same_file::Handle>;

/// A directory that is held open. There are none on these systems.
#[derive(Debug)]
pub(in crate::file) enum Folder {}

impl Folder {
    pub(in crate::file) fn hold(_: &Path) -> io::Result<Arc<Self>> {
        Err(ErrorKind::Unsupported.into())
    }

    pub(in crate::file) fn count() -> usize {
        0
    }

    pub(in crate::file) fn identity(&self) -> &Identity {
        match *self {}
    }

    pub(in crate::file) fn is_gone(&self) -> bool {
        match *self {}
    }
}

pub(in crate::file) fn open_in(folder: &Arc<Folder>, _: &Path, _: OpenOptions) -> io::Result<OpenedFile> {
    match **folder {}
}

pub(in crate::file) fn open(path: &Path, _: OpenOptions) -> io::Result<OpenedFile> {
    let file = fs::OpenOptions::new().append(true).read(true).create(true).open(path)?;
    let identity = Arc::new(same_file::Handle::from_file(file.try_clone()?)?);
    let metadata = file.metadata()?;
    Ok(OpenedFile {
        identity,
        is_named_regular: metadata.is_file(),
        readable: true,
        length: metadata.len(),
        file,
        is_shared: false,
        stream: None,
        folder: None,
    })
}

/// Returns that `file` is at its path. Windows keeps open files where they are, unless they were opened so that others may move them.
/// Finding out would cost opening the path.
pub(in crate::file) fn locate(file: &File, _: Option<&Folder>, _: &Path, _: bool) -> io::Result<FileLocation> {
    file.metadata().map(|metadata| FileLocation::InPlace { length: metadata.len() })
}

/// Makes the file `identity`, which was opened by `path`, empty. Windows does not let a handle that only appends do this.
pub(in crate::file) fn truncate(_: &File, path: &Path, identity: &Identity) -> io::Result<()> {
    let file = fs::OpenOptions::new().write(true).open(path)?;
    if same_file::Handle::from_file(file.try_clone()?)? != **identity {
        return Err(io::Error::other("another file has taken its place"));
    }
    file.set_len(0)
}

/// Returns false: this system cannot tell whether `file` has a name left.
pub(in crate::file) fn is_removed(_: &File) -> io::Result<bool> {
    Ok(false)
}

/// Creates a directory.
pub(in crate::file) fn create_directory(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

/// Brings the contents of `file` to the storage device.
pub(in crate::file) fn sync_data(file: &File) -> io::Result<()> {
    file.sync_data()
}

/// These systems hold no directory, and have no way to sync one.
pub(in crate::file) fn sync_folder(folder: &Folder, _: usize) -> io::Result<()> {
    match *folder {}
}

/// A file that was closed. It is found by its path alone: recognising it would take a handle, which would keep it open.
#[derive(Clone, Debug)]
pub(in crate::file) struct ClosedFile;

impl ClosedFile {
    pub(in crate::file) fn new(_: &Identity) -> Self {
        ClosedFile
    }

    /// Returns true if there is a file at `path`.
    pub(in crate::file) fn is_at(&self, _: Option<&Folder>, path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    /// Opens the file at `path` to sync it.
    pub(in crate::file) fn open(&self, _: Option<&Folder>, path: &Path) -> io::Result<Option<File>> {
        match fs::OpenOptions::new().append(true).open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            file => file.map(Some),
        }
    }
}

/// The names of what is in a directory. No directory is held on these systems, and so none is listed.
pub(in crate::file) enum FolderNames {}

impl FolderNames {
    pub(in crate::file) fn list(folder: &Folder) -> io::Result<Self> {
        match *folder {}
    }

    pub(in crate::file) fn get(&self, _: &ClosedFile) -> Option<&OsStr> {
        match *self {}
    }
}

/// Returns the identity of the file at `path`.
pub(in crate::file) fn identity_at(path: &Path) -> io::Result<Identity> {
    same_file::Handle::from_path(path).map(Arc::new)
}

/// Opens a file for reading.
#[cfg(feature = "gzip")]
pub(in crate::file) fn open_for_reading(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Creates a file. Fails if the path exists.
#[cfg(feature = "gzip")]
pub(in crate::file) fn create_new(path: &Path) -> io::Result<File> {
    fs::OpenOptions::new().write(true).create_new(true).open(path)
}

/// Reads from `offset` in a readable file.
pub(in crate::file) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::io::{Read as _, Seek as _, SeekFrom};

    // Moving the cursor does no harm: appended bytes go to the end, wherever it is.
    let mut file = file;
    file.seek(SeekFrom::Start(offset))?;
    file.read(bytes)
}

/// Returns true: links are followed as the system does.
pub(in crate::file) fn is_system_link(_: &Path) -> bool {
    true
}

/// Returns none: no file is written to through a standard stream on these systems.
pub(in crate::file) fn through_stream(_: &Identity) -> Option<OpenedFile> {
    None
}

/// Returns false: no file is written to through a standard stream on these systems.
pub(in crate::file) fn is_stream(_: StandardStream, _: &Identity) -> bool {
    false
}

/// Returns false: no file is opened through a standard stream on these systems.
pub(in crate::file) fn is_standard_stream(_: &Path) -> bool {
    false
}

pub(in crate::file) fn is_pipe_without_reader(_: &Path, _: &io::Error) -> bool {
    false
}

/// Returns false: no file is parked on this system.
pub(in crate::file) fn is_out_of_descriptors(_: &io::Error) -> bool {
    false
}

/// Returns how many files the process may have open. None means no limit.
pub(in crate::file) fn descriptor_limit() -> Option<u64> {
    None
}

pub(in crate::file) fn byte_writer(file: &File) -> Blocking<'_> {
    Blocking(file)
}

/// Writes to a file, which never has to be waited for.
pub(in crate::file) struct Blocking<'a>(&'a File);

impl ByteWriter for Blocking<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(&mut self.0, bytes)
    }

    fn wait_for_room(&mut self, _: Instant) -> bool {
        false
    }
}

/// Returns `Unsupported`: creating a link needs a privilege on Windows.
pub(in crate::file) fn make_link(_: &OsStr, _: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

/// Returns the nanoseconds of a monotonic clock.
pub(in crate::file) fn coarse_monotonic() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Returns the seconds since 1970.
pub(in crate::file) fn coarse_unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
