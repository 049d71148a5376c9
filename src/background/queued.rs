//! An output with a queue in front of it.

use std::any::Any;
use std::fmt;

use super::accounts::Accounts;
use super::closing::ClosingGuard;
use super::options::Queue;
use crate::delivery::{Core, Missing};
use crate::format::Renderer;
use crate::process::{exit_deadline, fork_generation, is_forked};
use crate::queue::{Progress, Ring, Turn};
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, Weak};

/// An output with a queue in front of it.
pub(crate) struct QueuedOutput {
    pub(super) core: Arc<Core>,
    pub(super) options: Queue,
    pub(super) ring: Ring,
    pub(super) progress: Progress,
    pub(super) turn: Turn,
    pub(super) accounts: Accounts,
    /// The renderers that made the lines in the queue, so that notices can be rendered likewise.
    renderers: Mutex<Vec<Renderer>>,
    /// Records that were in the queue and were dropped to make room, not yet stated in the log.
    pub(super) evicted: Missing,
    /// Records whose drop notice was in the queue and could not be written.
    pub(super) unstated: Missing,
    /// A record that was to be flushed at once waited in vain.
    pub(super) stalled: AtomicBool,
    /// Queues in front of the same output that must be written to the end before this one.
    before: Mutex<Vec<Weak<QueuedOutput>>>,
    /// The queue is closed, and written to the end.
    done: AtomicBool,
    /// A writer thread is inside the output.
    pub(super) being_written: AtomicBool,
    /// The queue is closed, and its output has not taken what was queued in the time that it had.
    pub(super) abandoned: AtomicBool,
    /// The [fork generation](fork_generation) in which the queue was made.
    pub(super) fork_generation: usize,
    /// What sinks hold the queue by, if any do.
    pub(super) handle: Mutex<Weak<QueueHandle>>,
    /// Keeps open what the output needs (the entry of a file in its registry) until all is written.
    keep: Mutex<Option<Arc<dyn Any + Send + Sync>>>,
    /// Must stay the last field: fields drop in order, and the guard's `Drop` tells the exit handler that the others are gone.
    pub(super) closing: ClosingGuard,
}

/// A sink's hold on a queue. With the last handle the queue is closed: a writer thread writes what is in it, and then lets go of the output.
///
/// The queue is `Some` until the handle is dropped, which hands it over. How handles are made and dropped is in `handle`.
pub(crate) struct QueueHandle(pub(super) Option<Arc<QueuedOutput>>);

impl QueuedOutput {
    /// A queue in front of `core`, which begins to be written when those in `before` are written to the end.
    pub(super) fn new(
        core: &Arc<Core>,
        keep: Option<Arc<dyn Any + Send + Sync>>,
        options: Queue,
        before: Vec<Weak<QueuedOutput>>,
        being_written: bool,
    ) -> Self {
        QueuedOutput {
            core: Arc::clone(core),
            ring: Ring::new(options.bytes),
            options,
            progress: Progress::new(),
            turn: Turn::new(),
            accounts: Accounts::new(),
            renderers: Mutex::new(Vec::new()),
            evicted: Missing::new(),
            unstated: Missing::new(),
            stalled: AtomicBool::new(false),
            before: Mutex::new(before),
            done: AtomicBool::new(false),
            being_written: AtomicBool::new(being_written),
            abandoned: AtomicBool::new(false),
            fork_generation: fork_generation(),
            handle: Mutex::new(Weak::new()),
            keep: Mutex::new(keep),
            closing: ClosingGuard::default(),
        }
    }

    /// The output behind the queue, with its counts.
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Returns the number of a renderer, which goes with the lines that it makes. There are few renderers; where there are more than 256,
    /// the others have the number of the first.
    pub(crate) fn renderer_number(&self, renderer: &Renderer) -> u8 {
        // In a forked child, where the number is not used, another thread's lock may be held for ever.
        if is_forked() {
            return 0;
        }
        let mut renderers = self.renderers.lock();
        let known = renderers.iter().position(|known| known == renderer);
        let number = known.unwrap_or_else(|| {
            renderers.push(renderer.clone());
            renderers.len() - 1
        });
        u8::try_from(number).unwrap_or(0)
    }

    /// Returns the renderer with this number.
    pub(super) fn renderer(&self, number: u8) -> Option<Renderer> {
        self.renderers.lock().get(usize::from(number)).cloned()
    }

    /// True if the queue is closed, and written to the end.
    pub(crate) fn is_done(&self) -> bool {
        // Acquire: whoever sees this may rely on the counts of the queue's records.
        self.done.load(Ordering::Acquire)
    }

    /// Notes, when a writer thread leaves the queue, whether it is closed and written to the end.
    pub(super) fn note_if_done(&self) {
        if self.ring.reader().is_finished() {
            self.done.store(true, Ordering::Release);
        }
    }

    /// True if another queue must be written to the end before anything of this one is.
    pub(super) fn has_to_wait(&self) -> bool {
        let mut before = self.before.lock();
        before.retain(|queued| queued.upgrade().is_some_and(|queued| !queued.is_done()));
        !before.is_empty()
    }

    /// Returns the position up to which every record is accounted for, if no writer thread is going to account for any: none runs on this
    /// queue.
    pub(super) fn resting_end(&self) -> Option<u64> {
        if self.is_done() { Some(self.ring.end()) } else { self.ring.rests_at() }
    }

    /// True while a writer thread is inside the output. In a forked child the thread is not there, and this may stay true for ever.
    pub(super) fn is_being_written(&self) -> bool {
        // Relaxed: a fork shows the child all that the parent's memory contained.
        self.being_written.load(Ordering::Relaxed)
    }

    /// Gives the queue up: its output was waited for in vain.
    pub(crate) fn abandon(&self) {
        // Relaxed, here and where it is cleared: a hint, for records that come later.
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// Flushes the output when a writer thread has left the queue and no sink holds it any more, and lets its file go.
    pub(super) fn finish_if_last(&self) {
        if self.handle.lock().strong_count() > 0 {
            return;
        }
        // Now, because nobody would be told of an error when the output is dropped.
        if let Err(error) = self.core.flush_output(exit_deadline()) {
            self.core.report_unflushed(error);
        }
        // While the queue still exists: a caller that waits for the file to be free waits for one of the two.
        if self.is_done() {
            let keep = self.keep.lock().take();
            drop(keep);
        }
    }
}

impl Drop for QueuedOutput {
    fn drop(&mut self) {
        self.core.report_unnoticed(&self.evicted, "were dropped");
        self.core.report_unnoticed(&self.unstated, "were dropped");
    }
}

impl fmt::Debug for QueuedOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueuedOutput").field("core", &self.core).field("options", &self.options).finish_non_exhaustive()
    }
}
