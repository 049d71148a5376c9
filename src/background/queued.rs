//! An output with a queue in front of it.

use std::any::Any;
use std::fmt;

use tracing::level_filters::LevelFilter;

use super::accounts::Accounts;
use super::options::Queue;
use crate::delivery::closing::ClosingGuard;
use crate::delivery::{Core, Missing};
use crate::format::Renderer;
use crate::process::{fork_generation, is_forked};
use crate::queue::{Progress, Ring, Schedule};
use crate::record::Record;
use crate::sync::{Arc, AtomicBool, AtomicU8, Mutex, Ordering, Weak};

/// An output with a queue in front of it.
pub(crate) struct QueuedOutput {
    pub(super) core: Arc<Core>,
    pub(super) options: Queue,
    pub(super) ring: Ring,
    pub(super) progress: Progress,
    pub(super) schedule: Schedule,
    pub(super) accounts: Accounts,
    /// The renderers that made the lines in the queue. Drop notices are rendered by the renderer of the record that follows.
    renderers: Mutex<Vec<Renderer>>,
    /// The number of the renderer of the last record that was drained, evicted or dropped. It makes the notices that no record follows.
    pub(super) last_renderer: AtomicU8,
    /// Records that were evicted from the queue to make room, and that no drop notice in the log counts yet.
    pub(super) evicted: Missing,
    /// Dropped records whose notice a writer thread has to write: the output behind the queue had no room for them, or their drop notice was in
    /// the queue and could not be written.
    pub(super) late_drops: Missing,
    /// The last wait of a record at a level of [`Queue::flush_at`] was in vain, and the output was not written to since. Such records do not
    /// wait then.
    pub(super) stalled: AtomicBool,
    /// Queues in front of the same output that must be written to the end before this one.
    predecessors: Mutex<Vec<Weak<QueuedOutput>>>,
    /// The queue is closed and written to the end.
    done: AtomicBool,
    /// A writer thread drains the queue and may be inside the output.
    pub(super) being_written: AtomicBool,
    /// The output has held up the writer thread that drained the queue last.
    pub(super) is_slow: AtomicBool,
    /// The queue has held up a fork, which may be under way. See `fork_gate`.
    pub(super) was_late: AtomicBool,
    /// The pool will give back the memory of the ring in a moment.
    pub(super) is_resting: AtomicBool,
    /// The queue is closed, and its output has not taken the records in time. Later records are dropped at once.
    pub(super) abandoned: AtomicBool,
    /// The [fork generation](fork_generation) of the process that made the queue.
    pub(super) fork_generation: usize,
    /// The handle by which sinks hold the queue, if any sink does.
    pub(super) handle: Mutex<Weak<QueueHandle>>,
    /// Keeps alive what the output needs until every record is written: for a file, its lease in the registry.
    pub(super) keep: Mutex<Option<Arc<dyn Any + Send + Sync>>>,
    /// Must stay the last field: fields drop in order, and the guard's `Drop` lets the exit handler know that the others are gone.
    pub(super) closing: ClosingGuard,
}

/// The handle by which sinks hold a queue. When it is dropped, the queue is closed, and a writer thread writes its records and then drops it.
///
/// The field is `Some` until the handle is dropped. `handle` makes and drops handles.
pub(crate) struct QueueHandle(pub(super) Option<Arc<QueuedOutput>>);

/// A view of a queued output, as its queue sees it.
#[derive(Clone, Copy)]
pub(crate) struct QueuedView<'a> {
    pub(crate) renderer: &'a Renderer,
    /// The number of the renderer in the queue.
    pub(crate) number: u8,
    /// The view syncs the output after records up to this level.
    pub(crate) sync_at: LevelFilter,
}

impl QueuedOutput {
    /// Makes a queue in front of `core`. Its records are written after the queues in `predecessors` are written to the end.
    pub(super) fn new(
        core: &Arc<Core>,
        keep: Option<Arc<dyn Any + Send + Sync>>,
        options: Queue,
        predecessors: Vec<Weak<QueuedOutput>>,
        being_written: bool,
    ) -> Self {
        QueuedOutput {
            core: Arc::clone(core),
            ring: Ring::new(options.bytes),
            options,
            progress: Progress::new(),
            schedule: Schedule::new(),
            accounts: Accounts::new(),
            renderers: Mutex::new(Vec::new()),
            last_renderer: AtomicU8::new(0),
            evicted: Missing::new(),
            late_drops: Missing::new(),
            stalled: AtomicBool::new(false),
            predecessors: Mutex::new(predecessors),
            done: AtomicBool::new(false),
            being_written: AtomicBool::new(being_written),
            is_slow: AtomicBool::new(false),
            was_late: AtomicBool::new(false),
            is_resting: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            fork_generation: fork_generation(),
            handle: Mutex::new(Weak::new()),
            keep: Mutex::new(keep),
            closing: ClosingGuard::default(),
        }
    }

    /// True if the call that logs `record` waits until it is written.
    #[inline]
    pub(super) fn flushes(&self, via: QueuedView<'_>, record: &Record<'_>) -> bool {
        record.level() <= self.options.flush_at || self.syncs(via, record)
    }

    /// True if the call that logs `record` waits until it is synced.
    #[inline]
    pub(super) fn syncs(&self, via: QueuedView<'_>, record: &Record<'_>) -> bool {
        record.level() <= self.options.sync_at || record.level() <= via.sync_at
    }

    /// Returns the output behind the queue.
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Returns the number of a renderer, which is queued with the lines that it makes. There are few renderers; if there are more than 256,
    /// the others get the number of the first.
    pub(crate) fn renderer_number(&self, renderer: &Renderer) -> u8 {
        // The number is not used in a forked child.
        if is_forked() {
            return 0;
        }
        let mut renderers = self.renderers.lock();
        let known = renderers.iter().position(|known| known == renderer);
        let number = known.or_else(|| {
            let next = renderers.len();
            (next <= usize::from(u8::MAX)).then(|| {
                renderers.push(renderer.clone());
                next
            })
        });
        number.and_then(|number| u8::try_from(number).ok()).unwrap_or(0)
    }

    /// Returns the renderer with this number.
    pub(super) fn renderer(&self, number: u8) -> Option<Renderer> {
        self.renderers.lock().get(usize::from(number)).cloned()
    }

    /// Returns how many records the queue has lost that no notice in the log counts yet. See also [`Core::unnoticed`].
    #[cold]
    pub(crate) fn unnoticed(&self) -> u64 {
        self.evicted.count() + self.late_drops.count()
    }

    /// True if the queue is closed and written to the end.
    pub(crate) fn is_done(&self) -> bool {
        // Acquire, and Release where it is set: whoever sees true also sees the final counts of the queue's records.
        self.done.load(Ordering::Acquire)
    }

    /// Notes whether the queue is closed and written to the end. Called when a writer thread leaves the queue.
    pub(super) fn note_if_done(&self) {
        if self.ring.reader().is_finished() {
            self.done.store(true, Ordering::Release);
        }
    }

    /// True if another queue must be written to the end before a record of this one is.
    pub(super) fn has_unwritten_predecessor(&self) -> bool {
        // Dropped after the lock is released: each may be the last reference to a queue, and so drop an output.
        let mut queues = Vec::new();
        let mut predecessors = self.predecessors.lock();
        // From the newest, which is written last. Few are looked at again, however many there are.
        while let Some(predecessor) = predecessors.last() {
            let queued = predecessor.upgrade();
            if queued.as_ref().is_some_and(|queued| !queued.is_done()) {
                queues.extend(queued);
                break;
            }
            queues.extend(queued);
            predecessors.pop();
        }
        let has_some = !predecessors.is_empty();
        drop(predecessors);
        has_some
    }

    /// Returns the position up to which every record is resolved, if no writer thread drains the queue. `None` if one does, and so resolves
    /// records later.
    pub(super) fn idle_at(&self) -> Option<u64> {
        if self.is_done() { Some(self.ring.end()) } else { self.ring.idle_at() }
    }

    /// True while a writer thread drains the queue. In a forked child the thread does not exist, and this may stay true for ever.
    pub(super) fn is_being_written(&self) -> bool {
        // Relaxed: it is read in forked children only, and a fork copies the parent's memory as it is.
        self.being_written.load(Ordering::Relaxed)
    }
}

impl Drop for QueuedOutput {
    fn drop(&mut self) {
        self.core.report_unnoticed(&self.evicted, "never reached it");
        self.core.report_unnoticed(&self.late_drops, "never reached it");
    }
}

impl fmt::Debug for QueuedOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueuedOutput").field("core", &self.core).field("options", &self.options).finish_non_exhaustive()
    }
}
