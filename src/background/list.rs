//! The list of all queues of the process, for its exit.

use super::pool;
use super::queued::QueuedOutput;
use crate::process::is_forked;
use crate::sync::{Arc, Mutex, Weak};

static QUEUES: Mutex<QueueList> = Mutex::new(QueueList { queues: Vec::new(), exiting: false });

struct QueueList {
    queues: Vec<Weak<QueuedOutput>>,
    /// The process exits: new queues are closed at once.
    exiting: bool,
}

/// Enters a queue, so that the exit of the process waits until it is written.
pub(super) fn enter(queued: &Arc<QueuedOutput>) {
    // Nothing is ever put into a queue of a forked child.
    if is_forked() {
        return;
    }
    let mut list = QUEUES.lock();
    if list.queues.len() == list.queues.capacity() {
        list.queues.retain(|queued| queued.strong_count() > 0);
    }
    list.queues.push(Arc::downgrade(queued));
    let exiting = list.exiting;
    drop(list);
    if exiting {
        queued.close();
    }
}

/// Returns all queues. The caller may come to hold the last reference to one, and hands it to [`pool::drop_on_writer_thread`].
pub(crate) fn queues() -> Vec<Arc<QueuedOutput>> {
    QUEUES.lock().queues.iter().filter_map(Weak::upgrade).collect()
}

/// Closes all queues, and every queue that is made later.
pub(crate) fn close_all() {
    let mut list = QUEUES.lock();
    list.exiting = true;
    let queues: Vec<_> = list.queues.iter().filter_map(Weak::upgrade).collect();
    drop(list);
    // Outside the lock: if no writer thread can be started, this call writes the records that are in the queues.
    for queued in queues {
        queued.close();
        pool::drop_on_writer_thread(queued);
    }
}
