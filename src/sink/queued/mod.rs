//! Queued sinks: the call that logs puts the finished line into a queue, and a writer thread takes it to the output.
//!
//! The algorithm is in [`queue`](super::queue); the threads are in [`pool`], what happens when the process ends or forks in [`end`].
//! Here is what joins them to outputs and contexts: whose a record is ([`accounts`]), what becomes of one that there is no room for
//! ([`send`]), and how lines are written and their fate counted ([`pass`]).

mod accounts;
mod end;
mod flush;
mod options;
mod pass;
mod pool;
mod send;

use std::fmt;

pub(crate) use accounts::Account;
pub(crate) use end::{is_forked, set_exit_deadline, shutdown};
pub(crate) use flush::Flush;
pub use options::{Overflow, Queue};
pub(super) use send::Through;

use super::delivery::Core;
use super::file::FileLease;
use super::gap::Gap;
use super::queue::{Progress, Ring, Turn};
use crate::format::Renderer;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, Weak};
use accounts::{Accounts, tag};

/// An output with a queue in front of it.
pub(crate) struct Queued {
    core: Arc<Core>,
    options: Queue,
    ring: Ring,
    progress: Progress,
    turn: Turn,
    accounts: Accounts,
    /// What the lines in the queue were made by, so that notices can be made likewise.
    renderers: Mutex<Vec<Renderer>>,
    /// Records that were in the queue and were dropped to make room, not yet stated in the log.
    evicted: Gap,
    /// Records of which a notice was in the queue, and could not be written.
    unstated: Gap,
    /// A record that was to be flushed at once waited in vain.
    stalled: AtomicBool,
    /// A writer thread is at work on it.
    at_work: AtomicBool,
    /// The process has ended without its output having taken what was queued.
    abandoned: AtomicBool,
    /// The [forks](end::forks) before it was made.
    forks: usize,
    /// The one by which sinks hold it, if any do.
    handle: Mutex<Weak<Handle>>,
    /// Keeps the file registered until all is written, where it is one.
    _file: Option<FileLease>,
    /// The last: see there.
    leaving: end::Leaving,
}

/// What sinks hold a queue by. With the last one the queue is closed: what is in it is written by a writer thread, which then lets go of the
/// output.
pub(crate) struct Handle(Arc<Queued>);

impl Handle {
    /// A queue with these options in front of `core`: the one that there is, or a new one.
    pub(super) fn of(core: &Arc<Core>, file: Option<FileLease>, options: Queue) -> Arc<Handle> {
        let mut queues = core.queues().lock();
        queues.retain(|queue| queue.strong_count() > 0);
        // Collected, so that what is let go of here is not dropped under the lock.
        let known: Vec<Arc<Queued>> = queues.iter().filter_map(Weak::upgrade).collect();
        let mut same = known.iter().filter(|queued| queued.options == options);
        if let Some(handle) = same.find_map(|queued| queued.handle.lock().upgrade()) {
            drop(queues);
            return handle;
        }
        let queued = Arc::new(Queued {
            core: Arc::clone(core),
            ring: Ring::new(options.bytes),
            options,
            progress: Progress::new(),
            turn: Turn::new(),
            accounts: Accounts::default(),
            renderers: Mutex::new(Vec::new()),
            evicted: Gap::new(),
            unstated: Gap::new(),
            stalled: AtomicBool::new(false),
            at_work: AtomicBool::new(end::is_forked() && known.iter().any(|queued| queued.is_at_work())),
            abandoned: AtomicBool::new(false),
            forks: end::forks(),
            handle: Mutex::new(Weak::new()),
            _file: file,
            leaving: end::Leaving::default(),
        });
        let handle = Arc::new(Handle(Arc::clone(&queued)));
        *queued.handle.lock() = Arc::downgrade(&handle);
        queues.push(Arc::downgrade(&queued));
        drop(queues);
        end::watch(&queued);
        handle
    }

    pub(super) fn queued(&self) -> &Arc<Queued> {
        &self.0
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.leaving.begin();
        self.0.close();
    }
}

impl Queued {
    /// The number of a renderer, for those who put lines of it into the queue. There are few; what is too much counts as the first.
    pub(super) fn number_of(&self, renderer: &Renderer) -> u8 {
        // In a forked child, where it is not asked for, another thread's lock may be held for ever.
        if end::is_forked() {
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

    fn renderer(&self, number: u8) -> Option<Renderer> {
        self.renderers.lock().get(usize::from(number)).cloned()
    }

    /// True if a writer thread is at work on it. (In a process that was forked off there is none, and it may seem so for ever.)
    fn is_at_work(&self) -> bool {
        // Relaxed: a fork shows the child all that the parent's memory contained.
        self.at_work.load(Ordering::Relaxed)
    }

    /// The process ends, and what is in the queue will not be written.
    fn abandon(&self) {
        // Relaxed: a hint, for records that come later.
        self.abandoned.store(true, Ordering::Relaxed);
    }

    /// Has the output pass on what it holds back if no sink holds the queue any more: when the output is dropped nobody is told of errors.
    fn flush_if_last(&self) {
        if self.handle.lock().strong_count() == 0
            && let Err(error) = self.core.flush_output(end::exit_deadline())
        {
            self.core.tell_unflushed(error);
        }
    }

    /// Accepts nothing more, and has what is there written.
    fn close(self: &Arc<Self>) {
        self.ring.close();
        self.call();
    }

    /// Has a writer thread look at the queue at once.
    fn call(self: &Arc<Self>) {
        if !end::is_forked() && self.turn.call(&self.ring) {
            pool::put_ready(Arc::clone(self));
        }
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.core.tell_unstated(&self.evicted, "were dropped");
        self.core.tell_unstated(&self.unstated, "were dropped");
    }
}

/// A context's account with a queue, open until this is dropped.
pub(crate) struct Attachment {
    queued: Arc<Queued>,
    number: u32,
}

impl Attachment {
    pub(super) fn open(handle: &Handle, account: Arc<dyn Account>) -> Self {
        let queued = Arc::clone(handle.queued());
        // In a forked child another thread's lock may be held for ever, and nothing is settled later.
        let number = if end::is_forked() { tag::NOBODY } else { queued.accounts.open(account) };
        Attachment { queued, number }
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        if end::is_forked() {
            return;
        }
        let Queued { ring, accounts, .. } = &*self.queued;
        accounts.leave(self.number, ring.end());
        // Nobody will come by if there is nothing to do. (A ring that is at rest is empty, and what was in it is settled.)
        if ring.is_idle() {
            accounts.settle_up_to(ring.end());
        }
    }
}

impl fmt::Debug for Queued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queued").field("core", &self.core).field("options", &self.options).finish_non_exhaustive()
    }
}
