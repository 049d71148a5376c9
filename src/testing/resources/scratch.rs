//! Folders that go with their test.

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use super::folder::{file_name, shared_folder};
use crate::error::{Error, ErrorKind};
use crate::lock::ensure_dir_writable;
use crate::sync::{AtomicBool, AtomicU64, OnceLock, Ordering};
use crate::testing::harness::harness;
use crate::testing::open;
use crate::testing::removal::{Removal, is_kept_now, note_made, tell_kept};

/// How much of the name of a test is in that of its folder.
const NAME_BYTES: usize = 24;

/// Makes an empty folder for this test, which is removed with it, unless the test fails.
///
/// ```
/// let folder = logscope::testing::scratch_dir();
/// std::fs::write(folder.join("board.h"), "#define LED 13")?;
/// # let path = folder.to_path_buf();
/// # drop(folder);
/// # assert!(!path.exists());
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// What is dropped inside a [capture](crate::testing::capture()) is removed at the end of that, unless the capture has failed, for whatever reason.
/// Outside it is removed when it is dropped, and stays if a panic drops it: a test that fails by returning an error drops it before that is known.
/// It also stays if [`keep`](ScratchDir::keep) was called, and if the environment variable `LOGSCOPE_TEST_KEEP` is set. The path of a folder
/// that stays is printed on stderr.
///
/// Nobody else removes a folder that is kept: it stays in `scratch`, in the folder `logscope-testing-` and the user's number, which is in the
/// system's folder for temporary files (or in that of the variable `LOGSCOPE_TEST_SHARED`), until you, or what cleans the system's folder, remove it.
///
/// It is readable for this user only. Its name begins as that of the test does, and its path is short enough for sockets in it.
///
/// # Panics
///
/// If the folder cannot be made.
#[must_use = "the folder is removed when this is dropped: bind it to a variable for as long as you need it"]
#[track_caller]
pub fn scratch_dir() -> ScratchDir {
    match ScratchDir::make() {
        Ok(folder) => folder,
        Err(error) => panic!("no folder for this test: {error:#}"),
    }
}

/// Removes its folder with its test, unless that fails; from [`scratch_dir`].
#[derive(Debug)]
#[must_use = "the folder is removed when this is dropped: bind it to a variable for as long as you need it"]
pub struct ScratchDir {
    path: PathBuf,
    is_kept: AtomicBool,
}

impl ScratchDir {
    fn make() -> Result<Self, Error> {
        let folder = shared_folder()?.join("scratch");
        ensure_dir_writable(&folder)?;
        ScratchDir::make_in(&folder)
    }

    /// Makes one in a folder that is there.
    pub(crate) fn make_in(folder: &Path) -> Result<Self, Error> {
        let name = file_name(harness().test_name().as_deref().unwrap_or("test"));
        // Short: the path of a socket has about a hundred bytes. What is cut is ASCII.
        let name = &name[..name.len().min(NAME_BYTES)];
        loop {
            let path = folder.join(format!("{name}.{:08x}", unique() as u32));
            match make_private(&path) {
                Ok(()) => {
                    note_made(path.clone());
                    return Ok(ScratchDir { path, is_kept: AtomicBool::new(false) });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(Error::from_io(ErrorKind::Open, format!("cannot make {}", path.display()), error));
                }
            }
        }
    }

    /// Returns the path of the folder. It is absolute.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps the folder, and returns its path.
    pub fn keep(self) -> PathBuf {
        self.stay();
        self.path.clone()
    }

    /// Has the folder stay when this is dropped, and tells of it now: the test's output may have ended when this is dropped.
    pub(crate) fn stay(&self) {
        // Relaxed: whoever drops this last is told of it by the counter of the owners.
        if !self.is_kept.swap(true, Ordering::Relaxed) {
            tell_kept(&self.path);
        }
    }
}

/// Returns a number that no other call in this process returns, and that is about as different in other processes as chance has it. It is no choice
/// that the seed of the tests makes: the name of a folder that is gone should not come again.
fn unique() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    static START: OnceLock<u64> = OnceLock::new();
    let start = START.get_or_init(|| RandomState::new().hash_one(std::process::id()));
    // Relaxed: only its own value counts.
    start.wrapping_add(COUNT.fetch_add(1, Ordering::Relaxed))
}

fn make_private(path: &Path) -> io::Result<()> {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

impl std::ops::Deref for ScratchDir {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

impl AsRef<Path> for ScratchDir {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        if is_kept_now() {
            self.stay();
        }
        if *self.is_kept.get_mut() {
            return;
        }
        let removal = Removal(std::mem::take(&mut self.path));
        // The test can fail after this, by what it denies or by an error that it returns.
        let recording = open::of_current_context().or_else(|| open::of_this_thread().pop());
        drop(match recording {
            Some(recording) => recording.remove_at_end(removal),
            None => Some(removal),
        });
    }
}
