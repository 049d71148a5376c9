//! The tests that are being recorded.

use std::cell::Cell;

use super::harness::harness;
use super::recording::Recording;
use crate::clock::Clock;
use crate::scope::with_current;
use crate::sync::{Arc, Mutex, Weak};

/// The open recordings, the newest last. Tests enter and leave; log calls inside contexts never look.
static OPEN: Mutex<Vec<Weak<Recording>>> = Mutex::new(Vec::new());

thread_local! {
    static IS_OF_TEST: Cell<bool> = const { Cell::new(false) };
}

/// Notes that this thread runs a test.
pub(super) fn note_test_thread() {
    let _ = IS_OF_TEST.try_with(|is_of_test| is_of_test.set(true));
}

/// Enters a recording.
pub(super) fn enter(recording: &Arc<Recording>) {
    OPEN.lock().push(Arc::downgrade(recording));
}

/// Takes a recording off the list.
pub(super) fn leave(recording: &Arc<Recording>) {
    OPEN.lock().retain(|open| !std::ptr::eq(open.as_ptr(), Arc::as_ptr(recording)));
}

/// Returns the open recordings, the newest last.
pub(super) fn all() -> Vec<Arc<Recording>> {
    OPEN.lock().iter().filter_map(Weak::upgrade).collect()
}

/// Returns the open recordings of tests that run on this thread, the newest last.
pub(super) fn of_this_thread() -> Vec<Arc<Recording>> {
    let mut recordings = all();
    recordings.retain(|recording| recording.is_of_this_thread());
    recordings
}

/// What this thread logs outside every context: the tests that it can be of, and whether that is certain.
pub(super) fn owners_of_unclaimed() -> (Vec<Arc<Recording>>, bool) {
    if harness().is_serial {
        return (all(), true);
    }
    // A thread of a pool may have begun a recording, too, and run tasks of others: it has no name that a test has.
    let runs_test = IS_OF_TEST.try_with(Cell::get).unwrap_or(false) && harness().is_named_after_test();
    if runs_test { (of_this_thread(), true) } else { (all(), false) }
}

/// Returns the clock of the current context, if it is the clock of a test that is being recorded.
pub(super) fn clock_of_test() -> Option<Clock> {
    let current = with_current(|current| current.map(|context| context.clock().clone()))?;
    if current.is_system() {
        return None;
    }
    let is_of_test = |recording: &Arc<Recording>| recording.clock.as_ref().is_some_and(|clock| clock.is_same(&current));
    all().iter().any(is_of_test).then_some(current)
}
