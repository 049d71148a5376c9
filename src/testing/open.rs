//! The tests that are being recorded.

use std::cell::Cell;

use super::harness::{harness, is_stack_of_libtest};
use super::recording::Recording;
use crate::clock::Clock;
use crate::scope::with_current;
use crate::sync::{Arc, Mutex, Weak};

/// The open recordings, each with the id of its context, the newest last. Tests enter and leave; log calls inside contexts never look.
static OPEN: Mutex<Vec<(u64, Weak<Recording>)>> = Mutex::new(Vec::new());

thread_local! {
    static IS_OF_TEST: Cell<bool> = const { Cell::new(false) };
    /// Whether libtest has started this thread, once that was asked.
    static IS_OF_LIBTEST: Cell<Option<bool>> = const { Cell::new(None) };
}

/// Notes that this thread runs a test.
pub(super) fn note_test_thread() {
    let _ = IS_OF_TEST.try_with(|is_of_test| is_of_test.set(true));
}

/// Enters a recording, which takes the records of the context with the id `context`.
pub(super) fn enter(recording: &Arc<Recording>, context: u64) {
    OPEN.lock().push((context, Arc::downgrade(recording)));
}

/// Takes a recording off the list.
pub(super) fn leave(recording: &Arc<Recording>) {
    OPEN.lock().retain(|(_, open)| !std::ptr::eq(open.as_ptr(), Arc::as_ptr(recording)));
}

/// Returns the open recordings, the newest last.
pub(super) fn all() -> Vec<Arc<Recording>> {
    OPEN.lock().iter().filter_map(|(_, open)| open.upgrade()).collect()
}

/// Returns the open recording whose context this thread is in.
pub(super) fn of_current_context() -> Option<Arc<Recording>> {
    let current = with_current(|current| current.map(|context| context.info().id()))?;
    OPEN.lock().iter().find(|(context, _)| *context == current)?.1.upgrade()
}

/// Returns the open recordings of tests that run on this thread, the newest last.
pub(super) fn of_this_thread() -> Vec<Arc<Recording>> {
    let mut recordings = all();
    recordings.retain(|recording| recording.is_of_this_thread());
    recordings
}

/// What this thread logs outside every context: the tests that it can be of, and whether that is certain.
pub(super) fn owners_of_unclaimed() -> (Vec<Arc<Recording>>, bool) {
    let mut open = all();
    if open.is_empty() || harness().is_serial {
        return (open, true);
    }
    if !runs_test() {
        return (open, false);
    }
    if open.iter().any(|recording| recording.is_of_this_test()) {
        open.retain(|recording| recording.is_of_this_test());
        return (open, true);
    }
    // The test of this thread may have begun a recording elsewhere, such as on a thread of a pool.
    open.retain(|recording| !recording.is_on_test_thread);
    let is_certain = open.is_empty();
    (open, is_certain)
}

/// Returns true if this thread is known to be the own thread of a test.
///
/// A thread of a pool may have begun a recording, too, and run tasks of others; and whoever starts a thread may name it as tests are named. So the
/// stack is asked.
fn runs_test() -> bool {
    IS_OF_TEST.try_with(Cell::get).unwrap_or(false)
        && harness().is_named_after_test()
        && IS_OF_LIBTEST
            .try_with(|known| {
                let is_of_libtest = known.get().unwrap_or_else(is_stack_of_libtest);
                known.set(Some(is_of_libtest));
                is_of_libtest
            })
            .unwrap_or(false)
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
