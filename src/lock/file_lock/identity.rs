//! What identifies a file.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::str::FromStr;

/// Device and inode of a file, or the numbers that Windows has for them. No other file has the same while this one is open.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// True if they are the same file, or if machines that share it may number the device differently.
    pub(super) fn may_be(self, other: Self) -> bool {
        self.inode == other.inode
    }

    /// Returns what identifies the file at `path`, if there is one. A link is not followed.
    pub(super) fn at(path: &Path) -> io::Result<Option<Self>> {
        match Identity::of_path(path) {
            Ok(identity) => Ok(Some(identity)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(unix)]
impl Identity {
    pub(super) fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|metadata| Identity::of_metadata(&metadata))
    }

    fn of_path(path: &Path) -> io::Result<Self> {
        path.symlink_metadata().map(|metadata| Identity::of_metadata(&metadata))
    }

    fn of_metadata(metadata: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;

        Identity { device: metadata.dev(), inode: metadata.ino() }
    }
}

#[cfg(windows)]
impl Identity {
    pub(super) fn of(file: &File) -> io::Result<Self> {
        let information = winapi_util::file::information(winapi_util::HandleRef::from_file(file))?;
        Ok(Identity { device: information.volume_serial_number(), inode: information.file_index() })
    }

    fn of_path(path: &Path) -> io::Result<Self> {
        Identity::of(&File::open(path)?)
    }
}

#[cfg(not(any(unix, windows)))]
impl Identity {
    pub(super) fn of(_: &File) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn of_path(_: &Path) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.device, self.inode)
    }
}

impl FromStr for Identity {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (device, inode) = text.split_once(':').ok_or(())?;
        Ok(Identity { device: device.parse().map_err(|_| ())?, inode: inode.parse().map_err(|_| ())? })
    }
}
