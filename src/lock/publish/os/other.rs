//! System calls of systems other than Unix, which is to say of Windows.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

#[cfg(windows)]
use std::os::windows::fs::OpenOptionsExt as _;

/// Windows's error for a file that others have open in another way than they allow.
#[cfg(windows)]
const SHARING_VIOLATION: i32 = 32;

/// Creates a file and holds it open. None if there is a file of this name.
pub(in super::super) fn create_held(path: &Path, _: Option<&Permissions>) -> io::Result<Option<File>> {
    match File::options().read(true).write(true).create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
        file => file.map(Some),
    }
}

/// Opens the file at `path`. None if somebody has it open.
#[cfg(windows)]
pub(in super::super) fn hold(path: &Path) -> io::Result<Option<File>> {
    // Nobody may have it open for anything while it is held, but for those who remove it, which its holder does.
    const SHARE_DELETE: u32 = 4;
    match File::options().read(true).write(true).share_mode(SHARE_DELETE).open(path) {
        Err(error) if error.raw_os_error() == Some(SHARING_VIOLATION) => Ok(None),
        file => file.map(Some),
    }
}

/// Nobody knows here who has a file open.
#[cfg(not(windows))]
pub(in super::super) fn hold(_: &Path) -> io::Result<Option<File>> {
    Ok(None)
}

/// The file is held until it is closed.
pub(in super::super) fn release(_: &File) {}

/// Returns true if both paths are names of one file.
pub(in crate::lock) fn is_same_file(one: &Path, other: &Path) -> io::Result<bool> {
    same_file::is_same_file(one, other)
}

pub(in super::super) fn make_folder(path: &Path, _: bool) -> io::Result<()> {
    fs::create_dir(path)
}

/// A folder in which somebody has something open cannot be removed here anyway.
pub(in super::super) fn touch(_: &Path) -> io::Result<()> {
    Ok(())
}

pub(in super::super) fn age(_: &Path, _: &File) -> Option<Duration> {
    None
}

pub(in super::super) fn remove_folder(path: &Path) -> io::Result<()> {
    fs::remove_dir_all(path)
}

#[cfg(windows)]
pub(in super::super) fn make_link(to: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_dir(to, link)
}

#[cfg(not(windows))]
pub(in super::super) fn make_link(_: &Path, _: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

/// There is no such step.
pub(in super::super) fn exchange(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(false)
}

pub(in crate::lock) fn clone_file(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(false)
}

/// The system does this by itself.
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Has all files in the folder `path` survive a power cut.
pub(in super::super) fn sync_all_in(path: &Path) -> io::Result<()> {
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && !entry.metadata()?.permissions().readonly() {
                File::options().write(true).open(entry.path())?.sync_all()?;
            }
        }
    }
    Ok(())
}
