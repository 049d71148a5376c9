//! What a child knows of itself: its role, its folder, and what came before it in its test.

use std::env;
use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::limit;
use crate::sync::{AtomicBool, Ordering};
use crate::testing::removal::end_before_exit;
use crate::testing::sync::message_of;

/// The environment variables by which a child is told of itself.
pub(super) const ROLE: &str = "LOGSCOPE_TEST_ROLE";
pub(super) const FOLDER: &str = "LOGSCOPE_TEST_FOLDER";
pub(super) const LIMITS: &str = "LOGSCOPE_TEST_LIMITS";
/// The folders of the children that the same test has run before this one.
pub(super) const BEFORE: &str = "LOGSCOPE_TEST_BEFORE";

/// The file with what the child reports.
pub(super) const REPORT: &str = "report";

/// This process has begun to play its role.
static PLAYS: AtomicBool = AtomicBool::new(false);

/// Tells what the role of a child has come to; implemented for `()`, for texts, and for results of these.
pub trait Report {
    /// Returns the text for the parent.
    ///
    /// # Errors
    ///
    /// If the role has failed: the text of its error.
    fn report(self) -> Result<String, String>;
}

impl Report for () {
    fn report(self) -> Result<String, String> {
        Ok(String::new())
    }
}

impl Report for String {
    fn report(self) -> Result<String, String> {
        Ok(self)
    }
}

impl Report for &str {
    fn report(self) -> Result<String, String> {
        Ok(self.to_owned())
    }
}

impl<T: Report, E: fmt::Debug> Report for Result<T, E> {
    fn report(self) -> Result<String, String> {
        self.map_err(|error| format!("{error:?}")).and_then(T::report)
    }
}

/// Returns the role and the folder of this process, if it is the [child](super::child()) of a test.
///
/// ```
/// assert!(logscope::testing::child_role().is_none());
/// ```
#[must_use]
pub fn child_role() -> Option<(String, PathBuf)> {
    Some((env::var(ROLE).ok()?, env::var_os(FOLDER)?.into()))
}

/// Plays a role, and ends the process, if this is a child that was started for that role. Otherwise does nothing.
///
/// This is for tests that start a child several times, or several at once. It stands at the beginning of the test, before the children are
/// [started](super::Child::start).
///
/// ```no_run
/// use std::path::Path;
///
/// use logscope::testing::{child, in_child};
///
/// #[test]
/// fn two_processes_write_one_file() {
///     in_child("writer", |folder: &Path| std::fs::write(folder.join("file"), "written").unwrap());
///
///     let writers = [child().role("writer").start(), child().role("writer").start()];
///     for writer in writers {
///         assert_eq!(writer.wait().read("file"), "written");
///     }
/// }
/// ```
///
/// `play` gets a folder, which the parent reads when the child has ended. What it returns is the [report](super::EndedChild::report). The process
/// exits with 0, or with 1 after a panic or an error, and does not return to libtest: `play` may have closed the streams.
pub fn in_child<R: Report>(role: &str, play: impl FnOnce(&Path) -> R) {
    if let Some((asked, folder)) = child_role()
        && asked == role
    {
        play_and_exit(&folder, || play(&folder));
    }
}

/// Plays the role of this process, and exits.
pub(super) fn play_and_exit<R: Report>(folder: &Path, play: impl FnOnce() -> R) -> ! {
    PLAYS.store(true, Ordering::Relaxed);
    // Opened first: `play` may close descriptors, and the next file to be opened would get one of those.
    let mut file = File::create(folder.join(REPORT)).expect("the folder of a child is there");
    let limits = env::var(LIMITS).map_or(Ok(()), |limits| limit::apply(&limits));
    let played = limits.and_then(|()| {
        catch_unwind(AssertUnwindSafe(|| play().report())).unwrap_or_else(|payload| {
            let text = message_of(&*payload).to_owned();
            // Its `Drop` may panic.
            std::mem::forget(payload);
            Err(text)
        })
    });
    let (report, code) = match played {
        Ok(report) => (report, 0),
        Err(error) => (error, 1),
    };
    // What cannot be written is missed by the parent.
    let _ = file.write_all(report.as_bytes());
    // Of what stands before this in the test: its destructors are not run.
    end_before_exit(code == 0);
    std::process::exit(code)
}

/// The role of this process, if it is a child that has not begun to play it.
pub(super) fn role_to_play() -> Option<(String, PathBuf)> {
    if PLAYS.load(Ordering::Relaxed) { None } else { child_role() }
}
