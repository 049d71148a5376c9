//! Mirrors of an entry: its file, or a copy of it, under another path.

use std::fs::{self, File};
use std::io::{self, ErrorKind as IoErrorKind, Read};
use std::path::Path;

use crate::error::Error;
use crate::lock::publish::{Target, Temporary, clear_leftovers, clone_file, is_same_file};

/// Says what a mirror is to its cache entry; for [`Fetch::mirror_by`](super::Fetch::mirror_by).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum MirrorBy {
    /// The same file, by a hard link; a copy where there can be no link, as on another file system. Costs neither time nor space, but who writes
    /// to such a mirror writes to the cache, and to all its mirrors.
    #[default]
    Link,
    /// A copy, which may be changed. It shares its blocks with the entry where the file system can do that (reflink).
    Copy,
}

/// What was done for a mirror.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mirrored {
    /// It was there already, and whole.
    Found,
    Linked,
    Copied,
}

impl Mirrored {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Mirrored::Found => "found whole",
            Mirrored::Linked => "linked",
            Mirrored::Copied => "copied",
        }
    }
}

/// Has `path` be a mirror of `entry`, unless it is one. What is at `path` is replaced and never written to.
pub(super) fn mirror(entry: &Path, path: &Path, by: MirrorBy) -> Result<Mirrored, Error> {
    let target = Target::new(path)?;
    target.replaced()?;
    let fail = |error| target.error(error);
    if is_whole(entry, target.path(), by).map_err(fail)? {
        return Ok(Mirrored::Found);
    }
    clear_leftovers(target.folder());
    // A copy never has more permissions than the entry, from the beginning.
    let permissions = fs::metadata(entry).map_err(fail)?.permissions();
    let temporary = target.temporary_with(Some(permissions))?;
    let made = match by {
        MirrorBy::Link => match link(entry, &temporary, &target) {
            Ok(()) => Mirrored::Linked,
            // Another file system, one without links, too many links, or links to files of others are not allowed.
            Err(_) => copy(entry, temporary, &target).map_err(fail)?,
        },
        MirrorBy::Copy => copy(entry, temporary, &target).map_err(fail)?,
    };
    target.sync_folder()?;
    Ok(made)
}

fn link(entry: &Path, temporary: &Temporary, target: &Target) -> io::Result<()> {
    let link = temporary.link_path();
    fs::hard_link(entry, &link)?;
    // If the target is a link of the same file by now, this does nothing. The owner of the temporary removes its name.
    fs::rename(&link, target.path())
}

fn copy(entry: &Path, mut temporary: Temporary, target: &Target) -> io::Result<Mirrored> {
    let link = temporary.link_path();
    if clone_file(entry, &link)? {
        File::open(&link)?.sync_all()?;
        fs::rename(&link, target.path())?;
        return Ok(Mirrored::Copied);
    }
    let mut from = File::open(entry)?;
    io::copy(&mut from, temporary.file())?;
    temporary.sync()?;
    temporary.publish_as(target.path())?;
    Ok(Mirrored::Copied)
}

/// Returns true if the file at `path` is the entry, or has its contents and may be changed without changing another file, if it must.
fn is_whole(entry: &Path, path: &Path, by: MirrorBy) -> io::Result<bool> {
    let present = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(false),
        present => present?,
    };
    if !present.is_file() {
        return Ok(false);
    }
    if by == MirrorBy::Link && is_same_file(entry, path)? {
        return Ok(true);
    }
    if (by == MirrorBy::Copy && has_other_names(&present)) || present.len() != fs::metadata(entry)?.len() {
        return Ok(false);
    }
    match File::open(path) {
        // Nobody can tell. It is replaced.
        Err(_) => Ok(false),
        Ok(file) => has_same_contents(File::open(entry)?, file),
    }
}

#[cfg(unix)]
fn has_other_names(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) > 1
}

/// Nobody can tell here, so it is replaced.
#[cfg(not(unix))]
fn has_other_names(_: &fs::Metadata) -> bool {
    true
}

fn has_same_contents(mut one: impl Read, mut other: impl Read) -> io::Result<bool> {
    const CHUNK: u64 = 64 << 10;
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        left.clear();
        right.clear();
        one.by_ref().take(CHUNK).read_to_end(&mut left)?;
        other.by_ref().take(CHUNK).read_to_end(&mut right)?;
        if left != right {
            return Ok(false);
        }
        if left.is_empty() {
            return Ok(true);
        }
    }
}

#[cfg(all(test, unix, not(logscope_loom)))]
mod tests;
