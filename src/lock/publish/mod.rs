//! Files and folders that appear whole.
//!
//! A publication writes to a temporary beside the target, syncs it, gives it the target's name by one `rename`, and syncs the folder. Whatever
//! ends the process, the target is the old one or the new one.
//!
//! | file | what |
//! |---|---|
//! | `target` | the path that is published, and what is there already |
//! | `temporary` | the temporary, who owns it, and the clearing of those whose owner is dead |
//! | `folder` | folders: exchanged, or a link to the newest one |
//! | `os` | system calls, for Unix and for other systems |
//! | `steps` | for tests: the steps of a publication, at which they end the process |

mod folder;
mod os;
#[cfg(test)]
pub(in crate::lock) mod steps;
mod target;
mod temporary;
#[cfg(all(test, target_os = "linux", not(logscope_loom)))]
mod tests;

use std::fs::File;
use std::io;
use std::path::Path;

pub use folder::publish_dir;
pub(crate) use os::sync_folder;
pub(in crate::lock) use os::{clone_file, is_same_file};
#[cfg(all(test, feature = "store", not(logscope_loom)))]
pub(crate) use steps::fail_next_folder_sync;
pub(in crate::lock) use target::Target;
pub(in crate::lock) use temporary::{Temporary, clear_leftovers};

use crate::error::Error;

/// Replaces the file at `path` by what `write` writes: readers see the old file or the new one, never a part.
///
/// `write` gets a new file in the same folder. When it returns, the file is synced and renamed to `path`, and the folder is synced. If it fails
/// or panics, what is at `path` stays. Several threads and processes may publish the same path at once: each file is whole, and the last one
/// stays.
///
/// ```
/// use std::io::Write as _;
///
/// # let folder = tempfile::tempdir()?; let path = folder.path().join("platforms.json");
/// logscope::lock::publish(&path, |file| file.write_all(b"{}"))?;
/// assert_eq!(std::fs::read(&path)?, b"{}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// - A relative path is meant from the current directory as it is at the call.
/// - The new file has the permissions of the old one, or those of any new file. `write` may set others. Its owner is that of the process.
/// - A symbolic link at `path` is replaced, and so is one of several hard links: what they lead to is never written to.
/// - A process that dies leaves a temporary (`.logscope-….tmp`), which has its owner's lock. The next call that publishes in this folder removes
///   those that nobody holds. For that it reads the names in the folder each time, which takes milliseconds where there are many thousands.
/// - Readers that have the old file open go on reading it.
///
/// # Errors
///
/// `write` fails, and its error is the source; or the folder of `path` is missing or may not be written to, or `path` is a folder or a mount
/// point. The kind is [`ErrorKind::Publish`](crate::ErrorKind::Publish). If only the folder could not be synced, the new file is in place, but
/// may not survive a power cut; the error says so.
pub fn publish<T>(path: impl AsRef<Path>, write: impl FnOnce(&mut File) -> io::Result<T>) -> Result<T, Error> {
    let target = Target::new(path.as_ref())?;
    clear_leftovers(target.folder());
    let mut temporary = target.temporary()?;
    let value = write(temporary.file()).map_err(|error| target.write_error(error))?;
    #[cfg(test)]
    steps::reach("written");
    temporary.sync().map_err(|error| target.error(error))?;
    #[cfg(test)]
    steps::reach("synced");
    temporary.publish_as(target.path()).map_err(|error| target.error(error))?;
    #[cfg(test)]
    steps::reach("renamed");
    target.sync_folder()?;
    Ok(value)
}
