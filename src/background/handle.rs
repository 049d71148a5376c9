//! How sinks and contexts get hold of a queue, and let go of it.

use std::any::Any;

use super::accounts::{Account, tag};
use super::options::Queue;
use super::queued::{QueueHandle, QueuedOutput};
use super::{list, pool};
use crate::delivery::{Core, Front};
use crate::process::is_forked;
use crate::sync::{Arc, Weak};

impl QueueHandle {
    /// Returns a handle on the queue with these options in front of `core`: on the one that exists, or on a new one.
    pub(crate) fn find_or_make(
        core: &Arc<Core>,
        keep: Option<Arc<dyn Any + Send + Sync>>,
        options: Queue,
    ) -> Arc<QueueHandle> {
        let mut fronts = match is_forked() {
            false => core.fronts().lock(),
            // Another thread's lock may be held for ever. A queue that nobody finds does no harm in a forked child, since nothing is put
            // into it.
            true => match core.fronts().try_lock() {
                Some(fronts) => fronts,
                None => return QueueHandle::new(core, keep, options, &[]).1,
            },
        };
        fronts.retain(|front| front.strong_count() > 0);
        // Collected, so that none of them is dropped under the lock.
        let known = queues(fronts.iter());
        let mut same = known.iter().filter(|queued| queued.options == options);
        if let Some(handle) = same.find_map(|queued| queued.handle.lock().upgrade()) {
            drop(fronts);
            return handle;
        }
        let (queued, handle) = QueueHandle::new(core, keep, options, &known);
        let front: Weak<dyn Front> = Arc::downgrade(&queued) as Weak<dyn Front>;
        fronts.push(front);
        drop(fronts);
        list::enter(&queued);
        handle
    }

    /// A new queue and the first handle on it, where the queues in `known` exist already.
    fn new(
        core: &Arc<Core>,
        keep: Option<Arc<dyn Any + Send + Sync>>,
        options: Queue,
        known: &[Arc<QueuedOutput>],
    ) -> (Arc<QueuedOutput>, Arc<QueueHandle>) {
        // Queues whose sinks are gone and that are not written to the end yet: what a thread has put into one of them comes before what it
        // puts into this one.
        let closing = known.iter().filter(|queued| queued.handle.lock().strong_count() == 0 && !queued.is_done());
        let before = closing.map(Arc::downgrade).collect();
        let being_written = is_forked() && known.iter().any(|queued| queued.is_being_written());
        let queued = Arc::new(QueuedOutput::new(core, keep, options, before, being_written));
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
        // Not dropped here, where it could be the last: see `pool::let_go`.
        if queued.turn.call(&queued.ring) {
            pool::put_ready(queued);
        } else {
            pool::let_go(queued);
        }
    }
}

/// The queues among `fronts` that still exist.
fn queues<'a>(fronts: impl Iterator<Item = &'a Weak<dyn Front>>) -> Vec<Arc<QueuedOutput>> {
    fronts.filter_map(|front| front.upgrade()?.into_any().downcast().ok()).collect()
}

/// True if there are queues in front of `core` whose sinks are gone, and which are being written to the end.
pub(crate) fn has_closing_queues(core: &Core) -> bool {
    if is_forked() {
        return false;
    }
    let queues = queues(core.fronts().lock().iter());
    let closing = queues.iter().any(|queued| queued.handle.lock().strong_count() == 0);
    queues.into_iter().for_each(pool::let_go);
    closing
}

/// A context's account with a queue, open until this is dropped.
pub(crate) struct OpenAccount {
    queued: Arc<QueuedOutput>,
    pub(super) number: u32,
}

impl OpenAccount {
    pub(crate) fn open(handle: &QueueHandle, account: Arc<dyn Account>) -> Self {
        let queued = Arc::clone(handle.queued());
        // In a forked child another thread's lock may be held for ever, and no record is counted later.
        let number = if is_forked() { tag::NOBODY } else { queued.accounts.open(account) };
        OpenAccount { queued, number }
    }
}

impl Drop for OpenAccount {
    fn drop(&mut self) {
        if is_forked() {
            return;
        }
        self.queued.accounts.close(self.number, &self.queued.ring, || self.queued.resting_end());
    }
}
