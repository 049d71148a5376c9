//! How deep a thread is in rendering values that log.

use std::cell::Cell;

/// How deep a value that logs, or makes spans, from inside its own `Debug` may nest.
const MAX_DEPTH: u32 = 4;

thread_local! {
    /// The records and spans whose values this thread is in the middle of. Without destructor, so that it can be read in other
    /// destructors.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// One more record or span in the middle, until it is dropped.
pub(super) struct Nested {
    depth: u32,
}

impl Nested {
    pub(super) fn enter() -> Self {
        let depth = DEPTH.get() + 1;
        DEPTH.set(depth);
        Nested { depth }
    }

    /// True if this one must not render values any more: they would come back here for ever.
    pub(super) fn is_too_deep(&self) -> bool {
        self.depth > MAX_DEPTH
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}
