//! Giving back a reference to an output that a flush held for a moment.

use std::time::Instant;

use super::Core;
use crate::process::{is_forked, start_thread};
use crate::queue::FlushTicket;
use crate::sync::{Arc, Mutex};

/// Drops a reference to an output that a flush held.
///
/// If the last sink was dropped meanwhile, it is the last reference. The output's `Drop` may be the program's own code and take long, so a
/// thread of its own runs it, and the caller waits for that until `deadline`, because what the output writes when it is dropped is a part of
/// the log.
pub(super) fn release(core: Arc<Core>, deadline: Option<Instant>) {
    if let Some(core) = Arc::into_inner(core) {
        drop_in_time(core, deadline);
    }
}

/// [`release`]s several references.
pub(crate) fn release_all(cores: Vec<Arc<Core>>, deadline: Option<Instant>) {
    cores.into_iter().for_each(|core| release(core, deadline));
}

#[cold]
fn drop_in_time(core: Core, deadline: Option<Instant>) {
    // A forked child may be about to call `exec`, and has no use for threads.
    if is_forked() {
        return drop(core);
    }
    let dropped = Arc::new(FlushTicket::new());
    // Shared, so that the output is not dropped with the closure if no thread can be started.
    let last = Arc::new((Mutex::new(Some(core)), Arc::clone(&dropped)));
    let run = |(core, dropped): &(Mutex<Option<Core>>, Arc<FlushTicket>)| {
        let core = core.lock().take();
        drop(core);
        dropped.complete(Ok(()));
    };
    let on_thread = Arc::clone(&last);
    if start_thread("logscope-drop", move || run(&on_thread)).is_err() {
        run(&last);
    }
    let _ = dropped.wait(deadline);
}
