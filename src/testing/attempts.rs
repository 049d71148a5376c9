//! The attempts of one test, one after the other on one thread: what is known of those before.

use std::cell::{Cell, RefCell};

use super::log_file::Place;

thread_local! {
    /// How many attempts are running on this thread, one inside the other.
    static RUNNING: Cell<usize> = const { Cell::new(0) };
    static ATTEMPTS: RefCell<Option<Attempts>> = const { RefCell::new(None) };
}

/// What is known of the attempts of one test.
struct Attempts {
    test: String,
    /// What is to be shown of the last one that has failed, unless that was shown.
    failed: Option<String>,
    /// Where their file is, if there are files.
    place: Option<Place>,
}

/// Calls `f` with the attempts of `test` on this thread; those of another test are forgotten. `None` where the thread is ending.
fn with_attempts<R>(test: &str, f: impl FnOnce(&mut Attempts) -> R) -> Option<R> {
    let call = |attempts: &RefCell<Option<Attempts>>| {
        let mut attempts = attempts.borrow_mut();
        let known = attempts.take_if(|known| known.test == test);
        let make = || Attempts { test: test.to_owned(), failed: None, place: Place::of_test(test) };
        f(attempts.insert(known.unwrap_or_else(make)))
    };
    ATTEMPTS.try_with(call).ok()
}

/// Notes that an attempt begins on this thread.
pub(super) fn begin() {
    RUNNING.set(RUNNING.get() + 1);
}

/// Notes that the newest attempt of this thread is over.
pub(super) fn leave() {
    RUNNING.set(RUNNING.get().saturating_sub(1));
}

/// Returns true while this thread makes an attempt.
pub(super) fn are_running() -> bool {
    RUNNING.get() > 0
}

/// Returns the place of the file that all attempts of `test` on this thread share, if there are files.
pub(super) fn place(test: &str) -> Option<Place> {
    with_attempts(test, |attempts| attempts.place.clone()).flatten()
}

/// Keeps what is to be shown of an attempt that has failed, in place of the one before.
pub(super) fn keep_failed(test: &str, text: String) {
    let _ = with_attempts(test, |attempts| attempts.failed = Some(text));
}

/// Forgets the attempts of another test than `test`.
pub(super) fn forget_other_tests(test: &str) {
    let _ = with_attempts(test, |_| ());
}

/// Returns what is to be shown of the last attempt that has failed on this thread, unless that was shown.
pub(super) fn take_failed() -> String {
    let take = |attempts: &RefCell<Option<Attempts>>| attempts.borrow_mut().as_mut()?.failed.take();
    ATTEMPTS.try_with(take).ok().flatten().unwrap_or_default()
}

/// Adds why the test fails to the file of the last attempt that has failed on this thread, unless that was shown: then its test is over, and what
/// panics is another one.
pub(super) fn add_reason(text: &str) {
    let place = |attempts: &RefCell<Option<Attempts>>| {
        attempts.borrow().as_ref().filter(|attempts| attempts.failed.is_some())?.place.clone()
    };
    if let Some(place) = ATTEMPTS.try_with(place).ok().flatten() {
        place.add_reason(text);
    }
}
