//! Folders that appear whole: exchanged with the old folder, or the newest one that a link leads to.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::os;
use super::target::Target;
use super::temporary::{Temporary, clear_leftovers, published_stem};
use crate::error::Error;
use crate::limits::EXCHANGE_ATTEMPTS;

/// Replaces the folder at `path` by one that `fill` fills: whoever opens the path finds the old folder or the new one, never a part.
///
/// `fill` gets the path of an empty folder beside it, whose name it must not remember. When it returns, everything in it is synced and put in
/// place in one step, and the folder around it is synced. If `fill` fails or panics, what is at `path` stays. Several
/// threads and processes may publish the same path at once: each folder is whole, and the last one stays.
///
/// ```
/// use std::fs;
///
/// # let folder = tempfile::tempdir()?; let path = folder.path().join("toolchain");
/// logscope::lock::publish_dir(&path, |new| {
///     fs::write(new.join("cc"), "the compiler")?;
///     fs::write(new.join("ld"), "the linker")
/// })?;
/// assert_eq!(fs::read_to_string(path.join("ld"))?, "the linker");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The step is an exchange of two names on Linux and macOS (`renameat2`, `renamex_np`). Where the system or the file system cannot do that, `path`
/// is a symbolic link from the beginning, which leads to a folder beside it (`.logscope-….dir`), and the step replaces the link. Windows gives the
/// right to make such links to administrators and in its developer mode.
///
/// The old folder stays beside it (`.logscope-….dir`), for those who are on the way through it. The first publication in the folder around it that
/// comes ten seconds later, or on Windows at any time, removes it; who may be ten seconds in it keeps publishers away, by a file lock that readers
/// share and publishers hold alone. Each use of the path finds one of the folders, and two uses may find two: so a reader that needs several files
/// of one version opens the folder once, or has such a lock.
///
/// # Errors
///
/// As [`publish`](super::publish()); and if `path` is a file. Where folders cannot be exchanged, `path` must not be a folder that something else
/// has made, because no link can replace that in one step. Those of a container's image are such folders, on an overlay.
pub fn publish_dir<T>(path: impl AsRef<Path>, fill: impl FnOnce(&Path) -> io::Result<T>) -> Result<T, Error> {
    let target = Target::new(path.as_ref())?;
    clear_leftovers(target.folder());
    let (temporary, replaced) = prepare(&target).map_err(|error| target.error(error))?;
    let value = fill(&temporary.folder_path()).map_err(|error| target.write_error(error))?;
    #[cfg(test)]
    super::steps::reach("filled");
    let finish = || {
        if let Some(replaced) = replaced {
            fs::set_permissions(temporary.folder_path(), replaced.permissions())?;
        }
        os::sync_all_in(&temporary.folder_path())?;
        #[cfg(test)]
        super::steps::reach("synced");
        put_in_place(temporary, &target)
    };
    finish().map_err(|error| target.error(error))?;
    target.sync_folder()?;
    Ok(value)
}

/// Makes an empty folder for what will replace the target. Returns it, and the folder that it will replace.
fn prepare(target: &Target) -> io::Result<(Temporary, Option<Metadata>)> {
    let present = target.present()?;
    if present.as_ref().is_some_and(|present| !present.is_dir() && !present.is_symlink()) {
        return Err(io::Error::other("it is a file: publish a file with `publish`, or remove it first"));
    }
    let replaced = present.filter(Metadata::is_dir);
    let temporary = Temporary::new_in(target.folder(), None)?;
    // The old folder may be closed to others, so what is about to replace it is closed too.
    os::make_folder(&temporary.folder_path(), replaced.is_some())?;
    #[cfg(test)]
    super::steps::reach("folder made");
    Ok((temporary, replaced))
}

/// Puts the folder of `temporary` at the target. What was there is left for the next publication, because others may be on the way through it.
fn put_in_place(temporary: Temporary, target: &Target) -> io::Result<()> {
    let folder = temporary.folder_path();
    // Others may publish and remove the target all the time.
    for _ in 0..EXCHANGE_ATTEMPTS {
        let moved = match target.present()? {
            None if can_exchange(&temporary)? => fs::rename(&folder, target.path()),
            Some(present) if present.is_dir() => match os::exchange(&folder, target.path()) {
                Ok(false) => return Err(io::Error::other(NO_EXCHANGE)),
                exchanged => exchanged.map(|_| ()),
            },
            _ => return link(temporary, target),
        };
        match moved {
            // It was removed in the meantime, or is there now.
            Err(error) if is_overtaken(error.kind()) => {}
            moved => {
                moved?;
                #[cfg(test)]
                super::steps::reach("exchanged");
                // What was there has the temporary's name now, and no owner.
                temporary.keep_folder();
                return Ok(());
            }
        }
    }
    Err(io::Error::other("others publish and remove it all the time"))
}

const NO_EXCHANGE: &str = "it is a folder, and the file system cannot exchange it for another: remove it first";

fn is_overtaken(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotFound | ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty | ErrorKind::NotADirectory
    )
}

/// Returns true if the file system can exchange folders. If it cannot, the target must be a link from the beginning.
fn can_exchange(temporary: &Temporary) -> io::Result<bool> {
    let (folder, probe) = (temporary.folder_path(), temporary.probe_path());
    os::make_folder(&probe, true)?;
    // To and fro.
    let can = os::exchange(&folder, &probe)? && os::exchange(&folder, &probe)?;
    fs::remove_dir(&probe)?;
    Ok(can)
}

/// Has the target be a link to the folder of `temporary`.
fn link(temporary: Temporary, target: &Target) -> io::Result<()> {
    let (folder, link) = (temporary.folder_path(), temporary.link_path());
    let Some(name) = folder.file_name() else { return Err(ErrorKind::InvalidInput.into()) };
    os::make_link(Path::new(name), &link)?;
    // The one that is replaced stays for a while from now; and so does this one, if others replace it at once. If that fails, they stay less long.
    let _ = os::touch(&folder);
    // Only one of ours: a link of somebody else's leads to what is never written to.
    if published_stem(target.path()).is_some() {
        let _ = os::touch(target.path());
    }
    #[cfg(test)]
    super::steps::reach("link made");
    fs::rename(&link, target.path())?;
    #[cfg(test)]
    super::steps::reach("linked");
    // Nobody owns the folder from now on. It stays as long as a link leads to it.
    temporary.keep_folder();
    Ok(())
}
