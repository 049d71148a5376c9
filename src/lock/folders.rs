//! Folders that many may make at once.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use super::token::random;
use crate::error;
use crate::error::Error;
use crate::limits::{FOLDER_ATTEMPTS, FOLDER_RETRY};
use crate::sync::thread;

/// Makes the folder `path` and those above it, unless they are there, and checks that files can be made in it.
///
/// Folders that it makes can be changed by their owner only, whatever the umask; those that are there stay as they are. Many threads and
/// processes may make the same folders at once, and even remove them: errors that pass are retried a few times.
///
/// ```
/// use logscope::lock::ensure_dir_writable;
///
/// # let folder = tempfile::tempdir()?;
/// # let cache = folder.path().join("cache");
/// ensure_dir_writable(cache.join("toolchains"))?;
/// assert!(cache.join("toolchains").is_dir());
///
/// std::fs::write(cache.join("file"), "")?;
/// let error = ensure_dir_writable(cache.join("file/toolchains")).unwrap_err();
/// assert!(error.is_lock_failed());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`ErrorKind::Lock`](crate::ErrorKind::Lock) if a folder cannot be made, if something else than a folder is in the way, and if this process may not
/// make files in it.
pub fn ensure_dir_writable(path: impl AsRef<Path>) -> Result<(), Error> {
    fn ensure(path: &Path) -> Result<(), Error> {
        ensure_io(path).map_err(|error| {
            let message = format!("cannot make {} a folder that this process can write to", path.display());
            Error::from_io(error::ErrorKind::Lock, message, error)
        })
    }
    ensure(path.as_ref())
}

pub(crate) fn ensure_io(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    retry(|| {
        create_all(path)?;
        check_writable(path)
    })
}

/// Makes the folder `path`, unless it is there, and checks that files can be made in it. Makes none of those above it.
#[cfg(feature = "store")]
pub(crate) fn ensure_last_io(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !parent.is_dir() {
        let text = format!("there is no folder {}; `lock::ensure_dir_writable` makes it", parent.display());
        return Err(io::Error::new(ErrorKind::NotFound, text));
    }
    retry(|| {
        create(path)?;
        check_writable(path)
    })
}

/// Creates the folder `path`, which others may be making as well. Its parent must be there.
pub(super) fn create(path: &Path) -> io::Result<()> {
    match create_one(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => check_folder(path),
        result => result,
    }
}

/// Checks that what is at `path` is a folder. Fails with `NotFound`, which passes, if it was removed meanwhile.
fn check_folder(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(there) if there.is_dir() => Ok(()),
        // A link to nothing is there all the same.
        Err(error) if error.kind() == ErrorKind::NotFound && path.symlink_metadata().is_err() => Err(error),
        _ => Err(io::Error::new(ErrorKind::NotADirectory, format!("{} is not a folder", path.display()))),
    }
}

fn create_all(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_all(parent)?;
    }
    create(path)
}

/// Calls `make` until it succeeds or fails for a reason that does not pass.
fn retry(mut make: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    let mut pause = FOLDER_RETRY;
    for _ in 1..FOLDER_ATTEMPTS {
        match make() {
            Err(error) if passes(&error) => thread::sleep(jittered(pause)),
            result => return result,
        }
        pause *= 2;
    }
    make()
}

/// Returns between half of `most` and `most`.
pub(crate) fn jittered(most: Duration) -> Duration {
    let half = most / 2;
    half + Duration::from_nanos(random() % (u64::try_from(half.as_nanos()).unwrap_or(u64::MAX) + 1))
}

/// True for errors that go away by themselves: somebody removes a folder while we make those below it, or the file system is just busy.
fn passes(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Interrupted
            | ErrorKind::NotFound
            | ErrorKind::ResourceBusy
            | ErrorKind::StaleNetworkFileHandle
            | ErrorKind::TimedOut
            | ErrorKind::WouldBlock
    )
}

#[cfg(unix)]
fn create_one(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;

    fs::DirBuilder::new().mode(0o755).create(path)
}

#[cfg(not(unix))]
fn create_one(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

#[cfg(unix)]
fn check_writable(path: &Path) -> io::Result<()> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};

    // As the effective user, who is the one that makes files.
    Ok(accessat(CWD, path, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)?)
}

/// Only making a file shows what the access lists allow.
#[cfg(not(unix))]
fn check_writable(path: &Path) -> io::Result<()> {
    let probe = path.join(format!(".{}", super::token::Token::random()));
    drop(fs::File::create_new(&probe)?);
    fs::remove_file(&probe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_passes_is_retried_and_another_one_is_not() {
        let tries = |fails: u32, kind: ErrorKind| {
            let mut tries = 0;
            let result = retry(|| {
                tries += 1;
                if tries <= fails { Err(kind.into()) } else { Ok(()) }
            });
            (tries, result.is_ok())
        };
        assert_eq!(tries(0, ErrorKind::NotFound), (1, true));
        assert_eq!(tries(3, ErrorKind::NotFound), (4, true));
        assert_eq!(tries(3, ErrorKind::Interrupted), (4, true));
        assert_eq!(tries(3, ErrorKind::PermissionDenied), (1, false));
        assert_eq!(tries(u32::MAX, ErrorKind::ResourceBusy), (FOLDER_ATTEMPTS, false));
    }

    #[test]
    fn jitter_stays_between_half_and_all() {
        let most = Duration::from_millis(8);
        let pauses: Vec<Duration> = (0..200).map(|_| jittered(most)).collect();
        assert!(pauses.iter().all(|pause| (most / 2..=most).contains(pause)), "{pauses:?}");
        assert!(pauses.iter().any(|pause| *pause < most * 5 / 8) && pauses.iter().any(|pause| *pause > most * 7 / 8));
        assert_eq!(jittered(Duration::ZERO), Duration::ZERO);
    }

    #[cfg(unix)]
    #[test]
    fn many_make_and_remove_the_same_folders_at_once_and_only_the_owner_can_write() {
        use std::os::unix::fs::PermissionsExt as _;

        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b/c/d");
        for _ in 0..20 {
            thread::scope(|scope| {
                (0..8).for_each(|_| drop(scope.spawn(|| ensure_io(&deep).unwrap())));
            });
            for made in deep.ancestors().take(4) {
                assert_eq!(made.metadata().unwrap().permissions().mode() & 0o022, 0, "{}", made.display());
            }
            fs::remove_dir_all(folder.path().join("a")).unwrap();
        }
    }
}
