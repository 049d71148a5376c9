//! System calls of Unix.

use std::fs::{self, DirBuilder, File, Metadata, Permissions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use rustix::fs::OFlags;

/// Creates a file and takes its lock, with `permissions` at most. None if there is a file of this name, or somebody took it over at once.
pub(in super::super) fn create_held(path: &Path, permissions: Option<&Permissions>) -> io::Result<Option<File>> {
    // Never with more than it has in the end: it may hold secrets. Who may write to a file need not be able to open it.
    let mode = permissions.map_or(0o666, |permissions| permissions.mode() & 0o777);
    let file = match File::options().read(true).write(true).create_new(true).mode(mode).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(None),
        file => file?,
    };
    match lock(&file) {
        // Until it was locked, whoever clears the folder could take it over, and remove it.
        Ok(true) => Ok(is_at(&file, path).then_some(file)),
        Ok(false) => Ok(None),
        // Nobody can take it over either.
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(Some(file)),
        Err(error) => {
            let _ = fs::remove_file(path);
            Err(error)
        }
    }
}

/// Takes the lock of the file at `path`. None if somebody has it.
pub(in super::super) fn hold(path: &Path) -> io::Result<Option<File>> {
    // Not through a link, and without waiting for the other end of a pipe.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let open = |read, write| File::options().read(read).write(write).custom_flags(flags.cast_signed()).open(path);
    let file = match open(true, true) {
        // It was to replace a file that may only be read, or only be written to. NFS alone wants the right to write for a lock.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => open(true, false).or_else(|_| open(false, true)),
        file => file,
    };
    let file = file?;
    Ok((file.metadata()?.is_file() && lock(&file)? && is_at(&file, path)).then_some(file))
}

/// Takes the lock of `file`. False if somebody has it.
fn lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Gives the lock of `file` back, whoever shares its description.
pub(in super::super) fn release(file: &File) {
    // Closing it does the same, unless a forked child has it.
    let _ = File::unlock(file);
}

fn is_at(file: &File, path: &Path) -> bool {
    let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
    let (file, path) = (file.metadata().map(identity), fs::symlink_metadata(path).map(identity));
    file.is_ok_and(|file| path.is_ok_and(|path| path == file))
}

/// Returns true if both paths are names of one file. Links are not followed.
pub(in crate::lock) fn is_same_file(one: &Path, other: &Path) -> io::Result<bool> {
    let [one, other] = [fs::symlink_metadata(one)?, fs::symlink_metadata(other)?];
    Ok(one.dev() == other.dev() && one.ino() == other.ino())
}

/// Makes a folder: open to its owner alone, or as any new folder is.
pub(in super::super) fn make_folder(path: &Path, is_private: bool) -> io::Result<()> {
    DirBuilder::new().mode(if is_private { 0o700 } else { 0o777 }).create(path)
}

/// Has the last change of the folder at `path` be now, for [`age`].
pub(in super::super) fn touch(path: &Path) -> io::Result<()> {
    fs::set_permissions(path, fs::metadata(path)?.permissions())
}

/// Returns how long ago the folder at `path` was changed or renamed, by the clock that stamps the changes of `file`, which is in the same file
/// system. None if that cannot be told, or is in the future.
pub(in super::super) fn age(path: &Path, file: &File) -> Option<Duration> {
    let changed = |metadata: Metadata| {
        let [seconds, nanoseconds] = [metadata.ctime(), metadata.ctime_nsec()].map(u64::try_from);
        Some(Duration::from_secs(seconds.ok()?) + Duration::from_nanos(nanoseconds.ok()?))
    };
    file.set_permissions(file.metadata().ok()?.permissions()).ok()?;
    let now = changed(file.metadata().ok()?)?;
    now.checked_sub(changed(fs::symlink_metadata(path).ok()?)?)
}

/// Removes the folder at `path` and all that is in it, also from folders that only allow to be read, as those of toolchains often do.
pub(in super::super) fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let _ = allow_to_remove_from(path);
            fs::remove_dir_all(path)
        }
        removed => removed,
    }
}

/// Lets the owner of the folder at `path`, and of those in it, remove what is in them. Follows no link.
fn allow_to_remove_from(path: &Path) -> io::Result<()> {
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        let flags = (OFlags::NOFOLLOW | OFlags::DIRECTORY).bits().cast_signed();
        let opened = File::options().read(true).custom_flags(flags).open(&folder)?;
        let mode = opened.metadata()?.permissions().mode();
        opened.set_permissions(Permissions::from_mode(mode | 0o700))?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(())
}

pub(in super::super) fn make_link(to: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, link)
}

/// Exchanges what is at two paths in one step. False if the system or the file system cannot do that.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
pub(in super::super) fn exchange(one: &Path, other: &Path) -> io::Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;

    #[cfg(test)]
    if super::super::steps::cannot_exchange() {
        return Ok(false);
    }
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        // A folder from the lower layer of an overlay, as those of a container's image, cannot be moved.
        Err(Errno::XDEV) => Ok(false),
        // The two last are one on some systems, and two on others.
        Err(error) if [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP, Errno::OPNOTSUPP].contains(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
pub(in super::super) fn exchange(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Copies `from` to a new file without copying its blocks. False if the system or the file system cannot do that.
#[cfg(target_vendor = "apple")]
pub(in crate::lock) fn clone_file(from: &Path, to: &Path) -> io::Result<bool> {
    use rustix::fs::{CWD, CloneFlags, fclonefileat};
    use rustix::io::Errno;

    match fclonefileat(File::open(from)?, CWD, to, CloneFlags::empty()) {
        Ok(()) => Ok(true),
        Err(Errno::NOTSUP | Errno::XDEV) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Copying a file does it by itself on Linux, where the file system can.
#[cfg(not(target_vendor = "apple"))]
pub(in crate::lock) fn clone_file(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Has the names in the folder `path` survive a power cut.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        // A file system that cannot sync folders.
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        result => result,
    }
}

/// Has everything in the folder `path` survive a power cut.
pub(in super::super) fn sync_all_in(path: &Path) -> io::Result<()> {
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                let opened = match File::open(entry.path()) {
                    Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                        File::options().write(true).open(entry.path())
                    }
                    opened => opened,
                };
                opened?.sync_all()?;
            }
        }
        sync_folder(&folder)?;
    }
    Ok(())
}
