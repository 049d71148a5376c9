//! How sinks and contexts hold a queue: the handles of sinks, and the accounts of contexts.

use std::any::Any;

use super::accounts::{Account, tag};
use super::options::Queue;
use super::queued::{QueueHandle, QueuedOutput};
use super::{list, pool};
use crate::delivery::{Core, Front};
use crate::process::is_forked;
use crate::sync::{Arc, Weak};

impl QueueHandle {
    /// Returns a handle on the queue with these options in front of `core`, and makes the queue if it does not exist.
    pub(crate) fn find_or_make(
        core: &Arc<Core>,
        keep: Option<Arc<dyn Any + Send + Sync>>,
        options: Queue,
    ) -> Arc<QueueHandle> {
        let mut fronts = match is_forked() {
            false => core.fronts().lock(),
            // If the lock is taken, the new queue stays out of the list. That does no harm, since nothing is put into a queue of a forked
            // child.
            true => match core.fronts().try_lock() {
                Some(fronts) => fronts,
                None => return QueueHandle::new(core, keep, options, &[]).1,
            },
        };
        fronts.retain(|front| front.strong_count() > 0);
        // Collected, so that no queue is dropped under the lock.
        let known = queues(fronts.iter());
        let mut same = known.iter().filter(|queued| queued.options == options);
        let handle = same.find_map(|queued| queued.handle.lock().upgrade());
        let handle = if let Some(handle) = handle {
            drop(fronts);
            handle
        } else {
            let (queued, handle) = QueueHandle::new(core, keep, options, &known);
            let front: Weak<dyn Front> = Arc::downgrade(&queued) as Weak<dyn Front>;
            fronts.push(front);
            drop(fronts);
            list::enter(&queued);
            handle
        };
        known.into_iter().for_each(pool::drop_on_writer_thread);
        handle
    }

    /// Makes a queue and the first handle on it. `known` are the queues in front of `core` that exist already.
    fn new(
        core: &Arc<Core>,
        keep: Option<Arc<dyn Any + Send + Sync>>,
        options: Queue,
        known: &[Arc<QueuedOutput>],
    ) -> (Arc<QueuedOutput>, Arc<QueueHandle>) {
        // Queues without sinks that are not written to the end yet: a record that a thread has put into one of them comes before a record
        // that it puts into the new queue.
        let closing = known.iter().filter(|queued| queued.handle.lock().strong_count() == 0 && !queued.is_done());
        let predecessors = closing.map(Arc::downgrade).collect();
        let being_written = is_forked() && known.iter().any(|queued| queued.is_being_written());
        let queued = Arc::new(QueuedOutput::new(core, keep, options, predecessors, being_written));
        let handle = Arc::new(QueueHandle(Some(Arc::clone(&queued))));
        *queued.handle.lock() = Arc::downgrade(&handle);
        (queued, handle)
    }

    #[inline]
    pub(crate) fn queued(&self) -> &Arc<QueuedOutput> {
        match &self.0 {
            Some(queued) => queued,
            None => unreachable!("the queue is handed over when the handle is dropped"),
        }
    }
}

impl Drop for QueueHandle {
    fn drop(&mut self) {
        let Some(queued) = self.0.take() else { return };
        queued.closing.begin();
        queued.ring.close();
        if is_forked() {
            return;
        }
        // Not dropped here: see `pool::drop_on_writer_thread`.
        if queued.schedule.notify(&queued.ring) {
            pool::put_ready(queued);
        } else {
            pool::drop_on_writer_thread(queued);
        }
    }
}

/// Returns the queues in `fronts` that still exist.
fn queues<'a>(fronts: impl Iterator<Item = &'a Weak<dyn Front>>) -> Vec<Arc<QueuedOutput>> {
    fronts.filter_map(|front| front.upgrade()?.into_any().downcast().ok()).collect()
}

/// True if there are queues without sinks in front of `core`, which are being written to the end.
#[cfg(feature = "file")]
pub(crate) fn has_closing_queues(core: &Core) -> bool {
    if is_forked() {
        return false;
    }
    let queues = queues(core.fronts().lock().iter());
    let closing = queues.iter().any(|queued| queued.handle.lock().strong_count() == 0);
    queues.into_iter().for_each(pool::drop_on_writer_thread);
    closing
}

/// A context's account with a queue, open until this is dropped. See `accounts`.
pub(crate) struct OpenAccount {
    queued: Arc<QueuedOutput>,
    pub(super) number: u32,
}

impl OpenAccount {
    pub(crate) fn open(handle: &QueueHandle, account: Arc<dyn Account>) -> Self {
        let queued = Arc::clone(handle.queued());
        // In a forked child no record goes into the queue, so none is counted later.
        let number = if is_forked() { tag::NOBODY } else { queued.accounts.open(account) };
        OpenAccount { queued, number }
    }
}

impl Drop for OpenAccount {
    fn drop(&mut self) {
        if is_forked() {
            return;
        }
        self.queued.accounts.close(self.number, &self.queued.ring, || self.queued.idle_at());
    }
}
