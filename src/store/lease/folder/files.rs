//! The folder of a lease on a file system: making it, listing it, renaming its file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::name::Name;
use super::steps::Names;
use crate::limits::{LEASE_LISTING_PAUSE, LEASE_QUICK_LISTINGS};
use crate::lock::{Token, ensure_last_io, jittered, sync_folder};
use crate::sync::thread;

/// The folder of a lease.
pub(super) struct Files {
    pub(super) folder: PathBuf,
}

impl Files {
    /// Makes the folder in which the folders of all leases are, and that of this lease, unless it is there. Not those above: who waits for a lease of a
    /// project that somebody deletes is not to bring back its folder.
    ///
    /// It comes into place with its file in it, in one step. If somebody else was faster, theirs stays: a folder that is not empty is never replaced. An
    /// empty one is: somebody has deleted the file.
    pub(super) fn make(&self, root: &Path) -> io::Result<()> {
        ensure_last_io(root)?;
        let new = root.join(format!(".{}.new", Token::random()));
        let first = Name::Free { fence: first_fence(), is_broken: false };
        let made = ensure_last_io(&new)
            .and_then(|()| fs::File::create_new(new.join(first.to_string()))?.sync_all())
            .and_then(|()| sync_folder(&new))
            .and_then(|()| fs::rename(&new, &self.folder))
            .and_then(|()| sync_folder(root));
        if made.is_err() {
            let _ = fs::remove_dir_all(&new);
        }
        match made {
            // Which of the errors says that the folder is there depends on the system.
            Err(_) if self.list().is_ok_and(|names| !names.is_empty()) => Ok(()),
            made => made,
        }
    }

    /// Has what was done last survive a power cut.
    pub(super) fn sync(&self) -> io::Result<()> {
        sync_folder(&self.folder)
    }
}

/// Returns the number that a new lease begins with: the microseconds since 1970. If somebody deletes the folder, the next one goes on with higher
/// numbers, unless the clock was turned back.
fn first_fence() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX / 2)
}

impl Names for Files {
    fn list(&self) -> io::Result<Vec<Name>> {
        let mut names = Vec::with_capacity(1);
        for entry in fs::read_dir(&self.folder)? {
            // What has another name is not ours: a `.nfs` file, or what a file manager leaves behind.
            if let Some(name) = entry?.file_name().to_str().and_then(Name::parse)
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn rename(&self, from: Name, to: Name) -> io::Result<()> {
        fs::rename(self.folder.join(from.to_string()), self.folder.join(to.to_string()))
    }

    fn pause(&self, looks: u32) {
        // A rename of another process is over at once. A cache of a network file system may take seconds.
        if looks < LEASE_QUICK_LISTINGS {
            thread::yield_now();
        } else {
            thread::sleep(jittered(LEASE_LISTING_PAUSE));
        }
    }
}
