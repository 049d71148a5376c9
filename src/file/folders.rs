//! The directories of log files.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::os;

/// Creates the directory `path` and its missing parents. Returns how many directories are new: `path` and those above it, whose entries must
/// be synced.
pub(super) fn create(path: &Path) -> io::Result<usize> {
    if path.is_dir() {
        return Ok(0);
    }
    let mut new = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => create(parent)?,
        _ => 0,
    };
    match os::create_directory(path) {
        Ok(()) => new += 1,
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => {
            // Another thread or process has created it just now. Or the path goes back up (`..`): then those above are others.
            new = if path.file_name().is_some() { new + 1 } else { 0 };
        }
        Err(error) => return Err(error),
    }
    Ok(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_directories_are_counted_from_the_last_one_upwards() {
        let dir = tempfile::tempdir().unwrap();
        let create = |path: &str| create(&dir.path().join(path)).unwrap();
        assert_eq!([create("a/b/c"), create("a/b/c"), create("a/b/d"), create("")], [3, 0, 1, 0]);
        assert_eq!([create("new/../e"), create("f/../g/h")], [1, 2]);
    }
}
