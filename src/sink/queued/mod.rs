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
    /// Queues in front of the same output that must be written to the end before.
    before: Mutex<Vec<Weak<Queued>>>,
    /// It is closed, and written to the end.
    done: AtomicBool,
    /// A writer thread is at work on it.
    at_work: AtomicBool,
    /// It is closed, and its output has not taken what was queued in the time that there was.
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
///
/// It is there until this is dropped, which hands it over.
pub(crate) struct Handle(Option<Arc<Queued>>);

impl Handle {
    /// A queue with these options in front of `core`: the one that there is, or a new one.
    pub(super) fn of(core: &Arc<Core>, file: Option<FileLease>, options: Queue) -> Arc<Handle> {
        let mut queues = match end::is_forked() {
            false => core.queues().lock(),
            // Another thread's lock may be held for ever. A queue that nobody finds does no harm there, since nothing is put into it.
            true => match core.queues().try_lock() {
                Some(queues) => queues,
                None => return Handle::new(core, file, options, &[]).1,
            },
        };
        queues.retain(|queue| queue.strong_count() > 0);
        // Collected, so that what is let go of here is not dropped under the lock.
        let known: Vec<Arc<Queued>> = queues.iter().filter_map(Weak::upgrade).collect();
        let mut same = known.iter().filter(|queued| queued.options == options);
        if let Some(handle) = same.find_map(|queued| queued.handle.lock().upgrade()) {
            drop(queues);
            return handle;
        }
        let (queued, handle) = Handle::new(core, file, options, &known);
        queues.push(Arc::downgrade(&queued));
        drop(queues);
        end::watch(&queued);
        handle
    }

    /// A new queue, and what sinks hold it by, where there are these already.
    fn new(
        core: &Arc<Core>,
        file: Option<FileLease>,
        options: Queue,
        known: &[Arc<Queued>],
    ) -> (Arc<Queued>, Arc<Handle>) {
        // Those whose sinks are gone, and that are not written to the end. What a thread has put into one comes before what it puts here.
        let leaving = known.iter().filter(|queued| queued.handle.lock().strong_count() == 0 && !queued.is_done());
        let before = leaving.map(Arc::downgrade).collect();
        let queued = Arc::new(Queued {
            core: Arc::clone(core),
            ring: Ring::new(options.bytes),
            options,
            progress: Progress::new(),
            turn: Turn::new(),
            accounts: Accounts::new(),
            renderers: Mutex::new(Vec::new()),
            evicted: Gap::new(),
            unstated: Gap::new(),
            stalled: AtomicBool::new(false),
            before: Mutex::new(before),
            done: AtomicBool::new(false),
            at_work: AtomicBool::new(end::is_forked() && known.iter().any(|queued| queued.is_at_work())),
            abandoned: AtomicBool::new(false),
            forks: end::forks(),
            handle: Mutex::new(Weak::new()),
            _file: file,
            leaving: end::Leaving::default(),
        });
        let handle = Arc::new(Handle(Some(Arc::clone(&queued))));
        *queued.handle.lock() = Arc::downgrade(&handle);
        (queued, handle)
    }

    #[inline]
    pub(super) fn queued(&self) -> &Arc<Queued> {
        match &self.0 {
            Some(queued) => queued,
            None => unreachable!("it is handed over when this is dropped"),
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let Some(queued) = self.0.take() else { return };
        queued.leaving.begin();
        queued.ring.close();
        if end::is_forked() {
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

    /// True if it is closed, and written to the end.
    fn is_done(&self) -> bool {
        // Acquire: what has become of its records is settled, as who sees this may rely on.
        self.done.load(Ordering::Acquire)
    }

    /// A writer thread leaves it, with nothing left to do.
    fn is_left(&self) {
        if self.ring.reader().is_finished() {
            self.done.store(true, Ordering::Release);
        }
    }

    /// True if another queue must be written to the end before anything of this one is.
    fn has_to_wait(&self) -> bool {
        let mut before = self.before.lock();
        before.retain(|queued| queued.upgrade().is_some_and(|queued| !queued.is_done()));
        !before.is_empty()
    }

    /// Up to where all is settled, if nobody is going to settle anything.
    fn settled_end(&self) -> Option<u64> {
        if self.is_done() { Some(self.ring.end()) } else { self.ring.rests_at() }
    }

    /// True if a writer thread is at work on it. (In a process that was forked off there is none, and it may seem so for ever.)
    fn is_at_work(&self) -> bool {
        // Relaxed: a fork shows the child all that the parent's memory contained.
        self.at_work.load(Ordering::Relaxed)
    }

    /// It is closed, and what is in it was waited for in vain.
    fn abandon(&self) {
        // Relaxed, here and where it is cleared: a hint, for records that come later.
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

/// True if there are queues in front of `core` whose sinks are gone, and which are being written to the end.
pub(super) fn are_leaving(core: &Core) -> bool {
    if end::is_forked() {
        return false;
    }
    let queues: Vec<Arc<Queued>> = core.queues().lock().iter().filter_map(Weak::upgrade).collect();
    let leaving = queues.iter().any(|queued| queued.handle.lock().strong_count() == 0);
    queues.into_iter().for_each(pool::let_go);
    leaving
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
        self.queued.accounts.close(self.number, &self.queued.ring, || self.queued.settled_end());
    }
}

impl fmt::Debug for Queued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queued").field("core", &self.core).field("options", &self.options).finish_non_exhaustive()
    }
}
