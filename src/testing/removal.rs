//! Folders of tests, and when they are removed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::told::tell;
use crate::sync::{Mutex, thread};

/// The folders of this process that are neither removed nor kept.
static LIVE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// The environment variable that has all folders kept.
const KEEP: &str = "LOGSCOPE_TEST_KEEP";

/// Notes a folder that was made.
pub(super) fn note_made(folder: PathBuf) {
    LIVE.lock().push(folder);
}

fn is_kept_by_variable() -> bool {
    std::env::var_os(KEEP).is_some()
}

/// Returns true if a folder that is dropped now stays: a panic drops it, or all are kept.
pub(super) fn is_kept_now() -> bool {
    thread::panicking() || is_kept_by_variable()
}

/// Tells that a folder stays.
pub(super) fn tell_kept(folder: &Path) {
    LIVE.lock().retain(|live| live != folder);
    tell(format_args!("kept {}", folder.display()));
}

/// Removes a folder when it is dropped.
#[derive(Debug)]
pub(super) struct Removal(pub(super) PathBuf);

impl Removal {
    /// Keeps the folder.
    pub(super) fn give_up(mut self) {
        tell_kept(&std::mem::take(&mut self.0));
    }
}

impl Drop for Removal {
    fn drop(&mut self) {
        if self.0.as_os_str().is_empty() {
            return;
        }
        LIVE.lock().retain(|path| *path != self.0);
        match fs::remove_dir_all(&self.0) {
            // The test has removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tell(format_args!("cannot remove {}: {error}", self.0.display())),
            Ok(()) => {}
        }
    }
}

/// Ends the folders of this process that are left, because it exits: they are removed, or named if it has failed.
pub(super) fn end_before_exit(has_succeeded: bool) {
    let left = std::mem::take(&mut *LIVE.lock());
    if has_succeeded && !is_kept_by_variable() {
        // What cannot be removed is in a folder for temporary files.
        left.iter().for_each(|path| drop(fs::remove_dir_all(path)));
    } else {
        left.iter().for_each(|path| tell(format_args!("kept {}", path.display())));
    }
}
