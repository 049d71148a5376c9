//! The directories of log files.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::os;

/// Creates the directory `path` and its missing parents. Returns the directories in which one was created, whose entries must be synced.
pub(super) fn create(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut changed = Vec::new();
    create_below(path, &mut changed)?;
    Ok(changed)
}

fn create_below(path: &Path, changed: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let Some(parent) = path.parent() else { return os::create_directory(path) };
    if !parent.as_os_str().is_empty() {
        create_below(parent, changed)?;
    }
    match os::create_directory(path) {
        Ok(()) => changed.push(parent.to_owned()),
        // Another thread or process has created it just now.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => {}
        Err(error) => return Err(error),
    }
    Ok(())
}
