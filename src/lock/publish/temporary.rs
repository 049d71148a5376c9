//! The temporary of a publication: who owns it, and the clearing of those whose owner is dead.
//!
//! # Who owns a temporary
//!
//! All temporaries of one publication share a stem, `.logscope-<process>-<number>`:
//!
//! | name | what |
//! |---|---|
//! | `<stem>.tmp` | a new file; for a folder or a link an empty file, which is only held |
//! | `<stem>.dir` | a new folder; or an old one, which was exchanged with the new one; or one that the published link leads to, or led to |
//! | `<stem>.probe` | an empty folder, to learn whether the file system can exchange folders |
//! | `<stem>.link` | a new link |
//!
//! Whoever holds `<stem>.tmp` owns the stem, and nobody else makes, renames or removes anything under it. On Unix to hold means: to have the lock
//! of the file, and to have seen the file at its name after that. The kernel releases the lock when its holder dies. So a temporary that can be
//! taken over is one of a dead process, whatever its age and whatever became of its process's number. On Windows to hold means: to have it open,
//! because there a file can be opened on the condition that nobody else has it open.
//!
//! A stem without `<stem>.tmp` has no owner. Whoever clears its rest creates `<stem>.tmp` first, as a new owner would.
//!
//! The process in the name tells people whose it is. It makes no name unique: processes of other machines and containers, and of the past, have
//! the same number. The other number is random, and a new owner takes no stem under which there is something already: that may be a folder
//! that is published.
//!
//! # Folders that are in use
//!
//! Once a folder is published, nobody holds the stem. What is at `<stem>.dir` then is not removed at once, because somebody may just be on the way
//! through it: then a path that leads through the published folder would lead nowhere. Nothing tells who is on the way, so it is removed by the
//! first publication in the folder around it that comes [`REPLACED_FOLDER`] later. Both times are of the clock that stamps the changes of the
//! two inodes, which is that of one host. The exchange is such a change of the old folder; where a link is replaced, its publisher makes one.
//!
//! Where folders cannot be exchanged, the published path is a link to `<stem>.dir`. Such a folder may be removed
//! when no link leads to it, and that must be looked for by the owner of the stem: only the owner of a stem makes a link to its folder, so if
//! there is none now, there will be none.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::os;
use crate::limits::{REPLACED_FOLDER, TEMPORARY_NAMES};
use crate::lock::token::random;

const PREFIX: &str = ".logscope-";

const FILE: &str = ".tmp";
const FOLDER: &str = ".dir";
const PROBE: &str = ".probe";
const LINK: &str = ".link";

/// A stem that this process owns. Dropping it removes everything under it that was not published.
#[derive(Debug)]
pub(in crate::lock) struct Temporary {
    folder: PathBuf,
    stem: String,
    file: File,
    /// The process that owns it. A child that is forked off in the middle has a copy of this, and owns nothing.
    process: u32,
    /// The file has another name now, and the stem no owner.
    is_published: bool,
    /// The folder stays: it is an old one, or a link leads to it.
    keeps_folder: bool,
}

impl Temporary {
    /// Creates a file in `folder` under a new stem: with `permissions`, or those of any new file.
    pub(in crate::lock) fn new_in(folder: &Path, permissions: Option<Permissions>) -> io::Result<Self> {
        for _ in 0..TEMPORARY_NAMES {
            let number = random();
            #[cfg(test)]
            let number = super::steps::number().unwrap_or(number);
            let stem = format!("{PREFIX}{}-{number}", std::process::id());
            let Some(file) = os::create_held(&folder.join(format!("{stem}{FILE}")), permissions.as_ref())? else {
                continue;
            };
            let mut temporary = Temporary::held(folder, stem, file);
            if temporary.has_folder() {
                temporary.keeps_folder = true;
                continue;
            }
            #[cfg(test)]
            super::steps::reach("created");
            if let Some(permissions) = permissions
                && temporary.file.metadata()?.permissions() != permissions
            {
                // The mask of the process has taken something away.
                temporary.file.set_permissions(permissions)?;
            }
            return Ok(temporary);
        }
        Err(io::Error::new(ErrorKind::AlreadyExists, "others take or remove each of its temporaries at once"))
    }

    fn held(folder: &Path, stem: String, file: File) -> Self {
        let (folder, process) = (folder.to_owned(), std::process::id());
        Temporary { folder, stem, file, process, is_published: false, keeps_folder: false }
    }

    /// Takes over a stem that nobody owns; none if it has an owner.
    fn take_over(folder: &Path, stem: &str) -> Option<Self> {
        let path = folder.join(format!("{stem}{FILE}"));
        // An error says that this cannot be cleared, and the next publication tries again.
        let file = match os::hold(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => os::create_held(&path, None),
            held => held,
        };
        Some(Temporary::held(folder, stem.to_owned(), file.ok()??))
    }

    /// Returns true if there is a folder under the stem, or nobody can tell.
    fn has_folder(&self) -> bool {
        !matches!(fs::symlink_metadata(self.folder_path()), Err(error) if error.kind() == ErrorKind::NotFound)
    }

    /// Returns true if the folder was replaced a short while ago, so that somebody may be on the way through it.
    fn has_recent_folder(&self) -> bool {
        let stays = REPLACED_FOLDER;
        #[cfg(test)]
        let stays = super::steps::replaced_folder_stays().unwrap_or(stays);
        // What was changed in the future, by a clock that was put back since, is not recent: it could stay for years.
        os::age(&self.folder_path(), &self.file).is_some_and(|age| age < stays)
    }

    pub(in crate::lock) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    pub(super) fn folder_path(&self) -> PathBuf {
        self.path(FOLDER)
    }

    pub(super) fn probe_path(&self) -> PathBuf {
        self.path(PROBE)
    }

    pub(in crate::lock) fn link_path(&self) -> PathBuf {
        self.path(LINK)
    }

    fn path(&self, suffix: &str) -> PathBuf {
        self.folder.join(format!("{}{suffix}", self.stem))
    }

    /// Has the file's contents survive a power cut.
    pub(in crate::lock) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Renames the file to `path`.
    pub(in crate::lock) fn publish_as(mut self, path: &Path) -> io::Result<()> {
        if self.process != std::process::id() {
            return Err(io::Error::other("it is the parent's, in the middle of which this process was forked off"));
        }
        fs::rename(self.path(FILE), path)?;
        self.is_published = true;
        // A forked child could have the descriptor, and so the lock, of a file that is published.
        os::release(&self.file);
        Ok(())
    }

    /// Gives the stem up, and leaves the folder there.
    pub(super) fn keep_folder(mut self) {
        self.keeps_folder = true;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.is_published || self.process != std::process::id() {
            return;
        }
        // What cannot be removed now is a leftover for the next publication. The file is last: it is the ownership of the others.
        if !self.keeps_folder {
            let _ = os::remove_folder(&self.path(FOLDER));
        }
        let _ = fs::remove_dir(self.path(PROBE));
        let _ = fs::remove_file(self.path(LINK));
        let _ = fs::remove_file(self.path(FILE));
        os::release(&self.file);
    }
}

/// Removes the temporaries in `folder` that nobody owns. What cannot be removed is left for the next call.
pub(in crate::lock) fn clear_leftovers(folder: &Path) {
    let Ok(found) = Found::list(folder) else { return };
    for stem in found.stems.difference(&found.linked) {
        let Some(mut leftover) = Temporary::take_over(folder, stem) else { continue };
        // Looked for again, now by the owner.
        leftover.keeps_folder = found.folders.contains(stem)
            && (leftover.has_recent_folder() || Found::list(folder).map_or(true, |found| found.linked.contains(stem)));
    }
}

/// What a folder holds of publications.
#[derive(Default)]
struct Found {
    stems: BTreeSet<String>,
    /// The stems of folders.
    folders: BTreeSet<String>,
    /// The stems of folders that a link leads to.
    linked: BTreeSet<String>,
}

impl Found {
    fn list(folder: &Path) -> io::Result<Self> {
        let mut found = Found::default();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if let Some((stem, suffix)) = parse(&entry.file_name()) {
                if suffix == FOLDER {
                    found.folders.insert(stem.clone());
                }
                found.stems.insert(stem);
            } else if entry.file_type()?.is_symlink()
                && let Some(stem) = published_stem(&entry.path())
            {
                found.linked.insert(stem);
            }
        }
        Ok(found)
    }
}

/// Returns the stem of the folder beside it that the link at `path` leads to, if a publication could have made both.
pub(super) fn published_stem(path: &Path) -> Option<String> {
    match parse(fs::read_link(path).ok()?.as_os_str())? {
        (stem, FOLDER) => Some(stem),
        _ => None,
    }
}

/// Returns the stem and the suffix of a name that a publication could have made.
fn parse(name: &OsStr) -> Option<(String, &'static str)> {
    let name = name.to_str()?;
    let suffix = [FILE, FOLDER, PROBE, LINK].into_iter().find(|suffix| name.ends_with(suffix))?;
    let stem = name.strip_suffix(suffix)?;
    let (process, number) = stem.strip_prefix(PREFIX)?.split_once('-')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(process) && is_number(number)).then(|| (stem.to_owned(), suffix))
}

#[cfg(all(test, target_os = "linux", not(logscope_loom)))]
impl Temporary {
    /// As a process has it that was forked off in the middle.
    pub(super) fn of_a_fork(self) -> Self {
        let (folder, stem) = (self.folder.clone(), self.stem.clone());
        let file = self.file.try_clone().expect("it is open");
        std::mem::forget(self);
        Temporary { folder, stem, file, process: 0, is_published: false, keeps_folder: false }
    }
}
