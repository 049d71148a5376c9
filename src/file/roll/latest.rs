//! The symbolic link to the file that a log is written to at the moment.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path};

use crate::file::name::RolledNames;
use crate::file::os;

/// Returns true if a link in the log's directory may have this name: a plain file name that no file of the log can have.
pub(in crate::file) fn is_allowed_link_name(names: &RolledNames, name: &str) -> bool {
    let mut components = Path::new(name).components();
    matches!(components.next(), Some(Component::Normal(only)) if only == name)
        && components.next().is_none()
        && names.parse(OsStr::new(name)).is_none()
}

/// Makes the link `name` lead to the file `target`, both in the directory of the log. An existing link is replaced by `rename`, so there
/// is no moment without a link, or with a link to somewhere else.
///
/// # Errors
///
/// Something else has the name, or the link cannot be created.
pub(in crate::file) fn set_link(names: &RolledNames, name: &str, target: &OsStr) -> io::Result<()> {
    let link = names.directory.join(name);
    match fs::symlink_metadata(&link) {
        Err(error) if error.kind() == ErrorKind::NotFound => return os::make_link(target, &link),
        Err(error) => return Err(error),
        Ok(metadata) if !metadata.is_symlink() => {
            return Err(io::Error::other("something that is not a link has this name"));
        }
        Ok(_) => {}
    }
    let old_target = fs::read_link(&link)?;
    if old_target == target {
        return Ok(());
    }
    if !names.ever_named(old_target.as_os_str()) {
        let reason = format!("it is a link to {}, which is not a file of this log", old_target.display());
        return Err(io::Error::other(reason));
    }
    let temporary = names.directory.join(format!("{name}.{}.tmp", std::process::id()));
    // Left behind by a process with the same id that was killed before the `rename`.
    if temporary.is_symlink() {
        fs::remove_file(&temporary)?;
    }
    os::make_link(target, &temporary)?;
    fs::rename(&temporary, &link).inspect_err(|_| drop(fs::remove_file(&temporary)))
}
