//! Folders that go with their test.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::folder::{file_name, shared_folder};
use crate::error::{Error, ErrorKind};
use crate::lock::ensure_dir_writable;
use crate::sync::{AtomicBool, Mutex, Ordering, thread};
use crate::testing::harness::harness;
use crate::testing::seed::unique;
use crate::testing::told::tell;

/// The folders of this process that are not dropped.
static LIVE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// The environment variable that has all folders kept.
const KEEP: &str = "LOGSCOPE_TEST_KEEP";

/// How much of the name of a test is in that of its folder.
const NAME_BYTES: usize = 24;

/// Makes an empty folder for this test, which is removed when the result is dropped, unless the test has failed by then.
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
/// If a panic drops it, it stays, and its path is printed on stderr. So it does if [`keep`](ScratchDir::keep) was called, and if the environment
/// variable `LOGSCOPE_TEST_KEEP` is set. A test that fails by returning an error drops it before that is known: have such a test unwrap.
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

/// Removes its folder when it is dropped, unless the test has failed by then; from [`scratch_dir`].
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
                    LIVE.lock().push(path.clone());
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
            tell(format_args!("kept {}", self.path.display()));
        }
    }
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

/// Ends the folders of this process whose `ScratchDir`s are not dropped, because the process exits: they are removed, or named if it has failed.
pub(crate) fn end_before_exit(has_succeeded: bool) {
    let left = std::mem::take(&mut *LIVE.lock());
    if has_succeeded && std::env::var_os(KEEP).is_none() {
        // What cannot be removed is in a folder for temporary files.
        left.iter().for_each(|path| drop(fs::remove_dir_all(path)));
    } else {
        left.iter().for_each(|path| tell(format_args!("kept {}", path.display())));
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        LIVE.lock().retain(|path| *path != self.path);
        if thread::panicking() || std::env::var_os(KEEP).is_some() {
            self.stay();
        }
        if *self.is_kept.get_mut() {
            return;
        }
        match fs::remove_dir_all(&self.path) {
            // The test has removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tell(format_args!("cannot remove {}: {error}", self.path.display())),
            Ok(()) => {}
        }
    }
}
