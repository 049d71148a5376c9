//! Before and after a fork.
//!
//! The rule for forked children stands in [`process`]. Before a fork the parent waits until no writer thread is inside an
//! output: see [`fork_gate`].

use crate::background::{fork_gate, pool};
use crate::process;

/// Waits for writer threads. Called in the parent, before the fork.
pub(super) fn prepare() {
    fork_gate::before_fork();
}

/// Lets writer threads go on. Called in the parent, after the fork.
pub(super) fn in_parent() {
    if process::is_forked() {
        return;
    }
    fork_gate::after_fork();
    // No thread was started while the fork was under way.
    pool::after_fork();
}
