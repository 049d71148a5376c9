//! Two threads that each show something and then look for what the other one has shown: at least one of them finds it.
//!
//! (The pattern that Dekker's algorithm rests on: E. W. Dijkstra, "Cooperating Sequential Processes", 1965, section 2.1.)

use crate::sync::Ordering;
use crate::sync::model::fence;

/// Stands between showing and looking, on both sides.
pub(super) fn between_showing_and_looking() {
    // SeqCst: the two fences have one order. Whoever is later in it finds what was shown before the other one. With weaker fences each thread may
    // look before what it has shown reaches the other, and both find nothing.
    fence(Ordering::SeqCst);
}

#[cfg(all(test, logscope_loom))]
mod loom_tests;
