//! All queues of the process, for its end.

use super::pool;
use super::queued::QueuedOutput;
use crate::process::is_forked;
use crate::sync::{Arc, Mutex, Weak};

static QUEUES: Mutex<QueueList> = Mutex::new(QueueList { queues: Vec::new(), ended: false });

struct QueueList {
    queues: Vec<Weak<QueuedOutput>>,
    /// The process ends: new queues are closed at once.
    ended: bool,
}

/// Enters a queue, so that the end of the process has it written.
pub(super) fn enter(queued: &Arc<QueuedOutput>) {
    // Nothing will be in the queue of a forked child; and a thread that is not there may hold the lock.
    if is_forked() {
        return;
    }
    let mut list = QUEUES.lock();
    if list.queues.len() == list.queues.capacity() {
        list.queues.retain(|queued| queued.strong_count() > 0);
    }
    list.queues.push(Arc::downgrade(queued));
    let ended = list.ended;
    drop(list);
    if ended {
        queued.close();
    }
}

/// Returns all queues. The caller may be the last to let go of one, and hands it to [`pool::let_go`].
pub(crate) fn queues() -> Vec<Arc<QueuedOutput>> {
    QUEUES.lock().queues.iter().filter_map(Weak::upgrade).collect()
}

/// Closes all queues, and those that are made later.
pub(crate) fn close_all() {
    let mut list = QUEUES.lock();
    list.ended = true;
    let queues: Vec<_> = list.queues.iter().filter_map(Weak::upgrade).collect();
    drop(list);
    // Outside the lock: where no thread can be started, what is in the queues is written in this call.
    pool::prepare_for_the_end();
    for queued in queues {
        queued.close();
        pool::let_go(queued);
    }
}
