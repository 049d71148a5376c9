//! Which writer threads are inside an output at this moment: only those can be held up by it.

use crate::sync::{Arc, AtomicBool, Ordering};

thread_local! {
    static INSIDE: Arc<AtomicBool> = Arc::default();
}

/// Returns the flag of this thread: true while the thread is inside an output, or in other code that may stand still.
pub(super) fn flag() -> Arc<AtomicBool> {
    INSIDE.with(Arc::clone)
}

/// Marks this thread as inside an output, until this is dropped.
pub(super) struct Inside(());

impl Inside {
    pub(super) fn enter() -> Self {
        set(true);
        Inside(())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        set(false);
    }
}

fn set(is_inside: bool) {
    // Relaxed: the pool looks at it from time to time. `try_with`: a log call that drains its queue can run while its thread ends.
    let _ = INSIDE.try_with(|flag| flag.store(is_inside, Ordering::Relaxed));
}
