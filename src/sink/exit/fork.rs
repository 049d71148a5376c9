//! Before and after a fork.
//!
//! The rule for forked children stands in [`process`]. Before a fork the parent waits until no writer thread is inside an
//! output: see `background::fork_gate`.

use crate::background::pool;
use crate::process;

/// Waits for writer threads. Called in the parent, before the fork.
pub(super) fn prepare() {
    pool::before_fork();
}

/// Lets writer threads go on. Called in the parent, after the fork.
pub(super) fn in_parent() {
    if !process::is_forked() {
        pool::after_fork();
    }
}
