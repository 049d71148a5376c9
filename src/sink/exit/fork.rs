//! Before and after a fork.
//!
//! A forked child has the memory of its parent, with all that the parent will write, but no writer threads. There, nothing goes through a
//! queue: each log call writes its own record, and what the queues contained at the fork is left to the parent, with the notices of missing
//! records. The parent waits before the fork until no writer thread is inside an output: see [`fork_gate`].

use crate::background::{fork_gate, pool};
use crate::process;

/// Called in the parent, before the fork.
pub(super) fn prepare() {
    fork_gate::before_fork();
}

/// Called in the parent, after the fork.
pub(super) fn in_parent() {
    if process::is_forked() {
        return;
    }
    fork_gate::after_fork();
    // No thread was started while the fork was under way.
    pool::after_fork();
}

/// Called in the child. Safe in a signal handler, as all code must be that runs in the child of a process with several threads.
pub(super) fn in_child() {
    process::enter_forked_child();
}
