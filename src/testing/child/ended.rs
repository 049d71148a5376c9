//! A child that has ended.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use super::role::REPORT;
use crate::sync::{Arc, thread};
use crate::testing::resources::ScratchDir;

/// How much of a stream a failure shows, in bytes.
const SHOWN: usize = 16_384;

/// Has what a child has left when it ended; from [`Child::run`](super::Child::run) and [`RunningChild::wait`](super::RunningChild::wait).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EndedChild {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote to stdout, if that is no pipe. libtest writes some lines of its own there.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
    /// What its role has returned, or panicked with. None if it has not come to that.
    pub report: Option<String>,
    folder: Folder,
}

/// The folder of a child.
#[derive(Clone, Debug)]
pub(super) enum Folder {
    Own(KeptOnPanic),
    /// That of a child that the parent of this process has run.
    OfParent(PathBuf),
}

/// A folder that stays if a test drops this because it fails, also if the folder itself is dropped later.
#[derive(Clone, Debug)]
pub(super) struct KeptOnPanic(pub(super) Arc<ScratchDir>);

impl Drop for KeptOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stay();
        }
    }
}

impl Folder {
    pub(super) fn path(&self) -> &Path {
        match self {
            Folder::Own(KeptOnPanic(folder)) => folder.path(),
            Folder::OfParent(path) => path,
        }
    }
}

impl EndedChild {
    pub(super) fn read_from(folder: Folder, status: ExitStatus) -> Self {
        let bytes = |name: &str| fs::read(folder.path().join(name)).ok();
        let text = |name: &str| bytes(name).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        EndedChild {
            status,
            stdout: text("stdout").unwrap_or_default(),
            stderr: text("stderr").unwrap_or_default(),
            report: text(REPORT),
            folder,
        }
    }

    /// Returns the path of a file in the child's folder, which is there as long as this is.
    #[must_use]
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the text of a file in the child's folder.
    ///
    /// # Panics
    ///
    /// If it cannot be read.
    #[must_use]
    #[track_caller]
    pub fn read(&self, name: impl AsRef<Path>) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
    }

    /// What a failure shows of it.
    pub(super) fn shown(&self) -> String {
        let last = |text: &str| {
            let first = text.len().saturating_sub(SHOWN);
            let from = (first..text.len()).find(|index| text.is_char_boundary(*index)).unwrap_or(text.len());
            let shown = text[from..].trim_end();
            match (from, shown) {
                (_, "") => " (nothing)".to_owned(),
                (0, shown) => format!("\n{shown}"),
                (_, shown) => format!(" (the last part of it)\n{shown}"),
            }
        };
        let report = self.report.as_deref().unwrap_or("(none)");
        format!(
            "--- its report: {report}\n--- its stdout:{}\n--- its stderr:{}",
            last(&self.stdout),
            last(&self.stderr)
        )
    }
}
