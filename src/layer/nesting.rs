//! How deep values that log may nest inside one another.

use std::cell::Cell;

/// How deep a value that logs, or makes spans, inside its own `Debug` may nest.
const MAX_DEPTH: u32 = 4;

thread_local! {
    /// How many records and spans this thread is rendering, one inside the other. Without destructor, so that the destructors of other
    /// thread-locals can read it.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// Counts one more record or span that this thread is rendering, until it is dropped.
pub(super) struct Nested {
    depth: u32,
}

impl Nested {
    pub(super) fn enter() -> Self {
        let depth = DEPTH.get() + 1;
        DEPTH.set(depth);
        Nested { depth }
    }

    /// Returns true if values must no longer be rendered at this depth: each would log again, without end.
    pub(super) fn is_too_deep(&self) -> bool {
        self.depth > MAX_DEPTH
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}
