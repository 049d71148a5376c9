//! The link to the file that a log is in at the moment.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path};

use crate::file::name::RolledNames;
use crate::file::os;

/// True if `name` can be the name of a link in the log's directory, and is not one of its files.
pub(in crate::file) fn is_link_name(names: &RolledNames, name: &str) -> bool {
    let mut components = Path::new(name).components();
    matches!(components.next(), Some(Component::Normal(only)) if only == name)
        && components.next().is_none()
        && names.parse(OsStr::new(name)).is_none()
}

/// Has the link `name` lead to the file called `target`, in the directory of the log: at no moment is there no link, or one
/// to somewhere else.
///
/// # Errors
///
/// If there is something else in its place, or it cannot be made.
pub(in crate::file) fn point(names: &RolledNames, name: &str, target: &OsStr) -> io::Result<()> {
    let link = names.directory.join(name);
    match fs::symlink_metadata(&link) {
        Err(error) if error.kind() == ErrorKind::NotFound => return os::link_to(target, &link),
        Err(error) => return Err(error),
        Ok(there) if !there.is_symlink() => {
            return Err(io::Error::other("there is something of this name that is no link"));
        }
        Ok(_) => {}
    }
    let before = fs::read_link(&link)?;
    if before == target {
        return Ok(());
    }
    if !names.was_ever(before.as_os_str()) {
        let reason = format!("it is a link to {}, which is no file of this log", before.display());
        return Err(io::Error::other(reason));
    }
    let temporary = names.directory.join(format!("{name}.{}.tmp", std::process::id()));
    // Left behind by a process of the same number that was killed here.
    if temporary.is_symlink() {
        fs::remove_file(&temporary)?;
    }
    os::link_to(target, &temporary)?;
    fs::rename(&temporary, &link).inspect_err(|_| drop(fs::remove_file(&temporary)))
}
