//! The children that a test runs one after the other, by `run`.
//!
//! Each child runs the test from its beginning, so it comes to all the calls of `run` before its own. The parent has done those: the child finds what
//! came of each in the folders that the parent keeps until its test is over, and starts nothing.

use std::cell::RefCell;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::panic::Location;

use super::ended::{EndedChild, Folder};
use super::role::BEFORE;
use super::running::{STATUS, of_raw};

/// The file with the role of a child.
const ROLE_FILE: &str = "role";

#[derive(Default)]
struct Runs {
    /// How often each test came to each call.
    calls: Vec<(String, &'static Location<'static>, usize)>,
    ended: Vec<EndedChild>,
}

thread_local! {
    static RUNS: RefCell<Runs> = RefCell::default();
}

/// Returns the role of the next child that `test` runs at this place.
pub(super) fn next_role(test: &str, place: &'static Location<'static>) -> String {
    RUNS.with_borrow_mut(|runs| {
        if runs.calls.iter().any(|(name, ..)| name != test) {
            // Another test has run on this thread.
            *runs = Runs::default();
        }
        let index = runs.calls.iter().position(|(_, at, _)| *at == place).unwrap_or_else(|| {
            runs.calls.push((test.to_owned(), place, 0));
            runs.calls.len() - 1
        });
        let count = &mut runs.calls[index].2;
        *count += 1;
        format!("{place} ({count})")
    })
}

/// Keeps what a child has left until the test is over.
pub(super) fn remember(role: String, ended: &EndedChild) {
    // If it cannot be written, a later child fails, and says that it misses it.
    let _ = fs::write(ended.path(ROLE_FILE), role);
    RUNS.with_borrow_mut(|runs| runs.ended.push(ended.clone()));
}

/// The folders of the children that this test has run.
pub(super) fn folders() -> io::Result<OsString> {
    RUNS.with_borrow(|runs| env::join_paths(runs.ended.iter().map(|ended| ended.path("")))).map_err(io::Error::other)
}

/// What came of a child that the parent of this process has run.
pub(super) fn of_parent(role: &str) -> Option<EndedChild> {
    let folders = env::var_os(BEFORE)?;
    let folder = env::split_paths(&folders)
        .find(|folder| fs::read_to_string(folder.join(ROLE_FILE)).is_ok_and(|found| found == role))?;
    let status = of_raw(&fs::read_to_string(folder.join(STATUS)).ok()?)?;
    Some(EndedChild::read_from(Folder::OfParent(folder), status))
}
