//! Giving back a reference to an output that a flush held for a moment.

use std::time::Instant;

use super::Core;
use super::closing::ClosingGuard;
use crate::limits::DROPPED;
use crate::process::{is_forked, start_thread};
use crate::queue::FlushTicket;
use crate::sync::Arc;

/// Drops a reference to an output that a flush held.
///
/// If the last sink was dropped meanwhile, it is the last reference. The output's `Drop` may be the program's own code, take long, and need
/// what the caller holds. So a thread of its own runs it. The caller waits for a moment, because what the output writes when it is dropped is
/// a part of the log; the exit of the process waits longer.
pub(super) fn release(core: Arc<Core>) {
    if let Some(core) = Arc::into_inner(core) {
        drop_on_thread(core);
    }
}

/// [`release`]s several references.
pub(crate) fn release_all(cores: Vec<Arc<Core>>) {
    cores.into_iter().for_each(release);
}

/// The outputs that were made under an isolated test and have records that are not written: their names, and how many.
#[cfg(feature = "testing")]
pub(crate) fn unwritten_under(mark: crate::under_test::Mark) -> Vec<(String, u64)> {
    let (cores, _) = Core::all();
    let pending = |core: &Arc<Core>| (core.name().to_owned(), core.ledger().pending);
    let of_test = cores.iter().filter(|core| core.made_under() == mark);
    let unwritten = of_test.map(pending).filter(|(_, pending)| *pending > 0).collect();
    release_all(cores);
    unwritten
}

#[cold]
fn drop_on_thread(core: Core) {
    // A forked child may be about to call `exec`, and has no use for threads.
    if is_forked() {
        return drop(core);
    }
    let (closing, dropped) = (ClosingGuard::begun(), Arc::new(FlushTicket::new()));
    let is_dropped = Arc::clone(&dropped);
    // If no thread can be started, the output is dropped here, with the closure.
    let started = start_thread("logscope-drop", move || {
        drop(core);
        drop(closing);
        is_dropped.complete(Ok(()));
    });
    if started.is_ok() {
        let _ = dropped.wait(Some(Instant::now() + DROPPED));
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;
