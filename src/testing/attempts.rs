//! The attempts of tests, one after the other on one thread, and captures that are over: what is known of those before.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use super::log_file::Place;

thread_local! {
    /// How many attempts are running on this thread, one inside the other.
    static RUNNING: Cell<usize> = const { Cell::new(0) };
    /// Whether the file of the attempt that is over has the text already with which its thread is about to panic.
    static IS_WRITTEN: Cell<bool> = const { Cell::new(false) };
    /// The file of the last capture on this thread that has passed, if no other test runs on the thread.
    static PASSED: RefCell<Option<Place>> = const { RefCell::new(None) };
    static ATTEMPTS: RefCell<Attempts> = const { RefCell::new(Attempts { places: BTreeMap::new(), failed: None }) };
}

/// What is known of the attempts on this thread. One test may make attempts of several names in turn, where nothing tells the name of the test.
struct Attempts {
    /// Where the file of each name is, if there are files.
    places: BTreeMap<String, Option<Place>>,
    /// The last one that has failed, unless it was shown.
    failed: Option<Failed>,
}

/// An attempt that has failed.
struct Failed {
    test: String,
    /// What is to be shown of it.
    text: String,
}

/// Calls `f` with what is known of the attempts on this thread; `None` where the thread is ending.
fn with_attempts<R>(f: impl FnOnce(&mut Attempts) -> R) -> Option<R> {
    ATTEMPTS.try_with(|attempts| f(&mut attempts.borrow_mut())).ok()
}

/// Notes that an attempt begins on this thread.
pub(super) fn begin() {
    RUNNING.set(RUNNING.get() + 1);
}

/// Notes that the newest attempt of this thread is over.
pub(super) fn leave() {
    RUNNING.set(RUNNING.get().saturating_sub(1));
    // The panic hook can be one that does not take it.
    IS_WRITTEN.set(false);
}

/// Notes that the file has the text already with which this thread is about to panic.
pub(super) fn note_written() {
    IS_WRITTEN.set(true);
}

/// Returns true once for a panic whose text the file has already.
pub(super) fn take_written() -> bool {
    IS_WRITTEN.try_with(Cell::take).unwrap_or(false)
}

/// Returns true while this thread makes an attempt.
pub(super) fn are_running() -> bool {
    RUNNING.get() > 0
}

/// Returns the place of the file that all attempts of `test` on this thread share, if there are files. If this is the first one, and inside no other,
/// a failure before is taken for that of a test that is over, and is forgotten.
pub(super) fn place(test: &str) -> Option<Place> {
    with_attempts(|attempts| match attempts.places.get(test) {
        Some(place) => place.clone(),
        None => {
            if !are_running() {
                attempts.failed = None;
            }
            attempts.places.entry(test.to_owned()).or_insert_with(|| Place::of_test(test)).clone()
        }
    })
    .flatten()
}

/// Keeps what is to be shown of an attempt that has failed, in place of the one before.
pub(super) fn keep_failed(test: &str, text: String) {
    let _ = with_attempts(|attempts| attempts.failed = Some(Failed { test: test.to_owned(), text }));
}

/// Returns what is to be shown of the last attempt that has failed on this thread, unless that was shown.
pub(super) fn take_failed() -> String {
    with_attempts(|attempts| attempts.failed.take()).flatten().map(|failed| failed.text).unwrap_or_default()
}

/// Keeps the file of a capture of this thread's test that has passed: the test can still fail.
pub(super) fn keep_passed(place: Option<&Place>) {
    let _ = PASSED.try_with(|passed| passed.replace(place.cloned()));
}

/// Adds why the test fails to the file of the last attempt that has failed on this thread, unless that was shown: then its test is over, and what
/// panics is another one. Else to that of the last capture, which was said to have passed.
pub(super) fn add_reason(text: &str) {
    let place = with_attempts(|attempts| attempts.places.get(&attempts.failed.as_ref()?.test)?.clone());
    if let Some(place) = place.flatten() {
        place.add_reason(text);
    } else if let Some(passed) = PASSED.try_with(RefCell::take).ok().flatten() {
        passed.fail_late(text);
    }
}
