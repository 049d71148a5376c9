//! The writer threads: a few, for any number of queues.
//!
//! A thread takes a queue from the list of ready queues, drains it until it is empty, and looks at it again a moment later. Only if the
//! queue is still empty then does it go idle. So a stream of records needs no wake-ups, and a silent process has no timer running.
//!
//! As many threads work at once as [`parallelism`] says. An output that stalls blocks the thread that writes to it, so there is always one
//! thread more than work, up to [`WRITER_THREADS`]. The idle thread takes over queues that have been waiting for [`TAKEOVER`], because they
//! wait that long only if the other threads are blocked. A thread that is not needed for a while ends.

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::time::Instant;

use super::fork_gate;
use super::queued::QueuedOutput;
use crate::fallback;
use crate::limits::{
    BATCHES_PER_TURN, ENQUEUE_YIELDS, KEPT_BATCH_BYTES, LINGER, SPARE_THREAD, TAKEOVER, WRITER_PARALLELISM,
    WRITER_THREADS, WRITER_THREADS_AT_EXIT,
};
use crate::output::InsideOutput;
use crate::queue::{Drained, NextStep, Stop};
use crate::record::drop_quietly;
use crate::sync::{Arc, Condvar, Mutex, OnceLock, thread};

/// Returns how many threads work at once as long as none is blocked in an output.
fn parallelism() -> usize {
    static PARALLELISM: OnceLock<usize> = OnceLock::new();
    *PARALLELISM.get_or_init(|| thread::available_parallelism().map_or(1, usize::from).clamp(1, WRITER_PARALLELISM))
}

static POOL: Pool = Pool { state: Mutex::new(PoolState::new()), work: Condvar::new() };

struct Pool {
    state: Mutex<PoolState>,
    work: Condvar,
}

struct PoolState {
    /// Ready queues, each with the moment at which it became ready.
    ready: VecDeque<(Instant, Arc<QueuedOutput>)>,
    /// Lingering queues, each with the moment at which a thread looks at it again, sorted by it.
    lingering: VecDeque<(Instant, u64, Arc<QueuedOutput>)>,
    /// Queues that a writer thread must drop: each of these may be the last reference to its queue, and so to its output.
    to_drop: Vec<Arc<QueuedOutput>>,
    threads: usize,
    /// How many of `threads` wait for work.
    idle: usize,
    /// How many of `idle` wait with a timeout, and so look for work without being notified.
    watching: usize,
    max_threads: usize,
}

/// Work that a thread has found.
enum PoolWork {
    /// A queue to drain.
    Drain(Arc<QueuedOutput>),
    /// A queue to drop outside the lock: see [`drop_on_writer_thread`].
    Drop(Arc<QueuedOutput>),
}

/// A thread that is counted already and must be started. Forks wait until it runs.
struct NewThread {
    _blocker: fork_gate::ForkBlocker,
}

impl PoolState {
    const fn new() -> Self {
        PoolState {
            ready: VecDeque::new(),
            lingering: VecDeque::new(),
            to_drop: Vec::new(),
            threads: 0,
            idle: 0,
            watching: 0,
            max_threads: WRITER_THREADS,
        }
    }

    fn running(&self) -> usize {
        self.threads - self.idle
    }

    /// Takes the work that an idle thread can do at `now`. The thread is still counted as idle.
    fn next(&mut self, now: Instant) -> Option<PoolWork> {
        let since = if self.running() < parallelism() { now } else { now.checked_sub(TAKEOVER)? };
        if let Some(queued) = self.to_drop.pop() {
            return Some(PoolWork::Drop(queued));
        }
        if self.ready.front().is_some_and(|(ready, _)| *ready <= since) {
            let (_, queued) = self.ready.pop_front()?;
            queued.schedule.start();
            return Some(PoolWork::Drain(queued));
        }
        if self.lingering.front().is_some_and(|(due, ..)| *due <= since) {
            let (_, lingered, queued) = self.lingering.pop_front()?;
            let starts = queued.schedule.start_after_linger(lingered);
            // If it does not start, the queue was notified meanwhile: then it is, or was, in `ready`.
            return Some(if starts { PoolWork::Drain(queued) } else { PoolWork::Drop(queued) });
        }
        None
    }

    fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.lingering.is_empty() && self.to_drop.is_empty()
    }

    /// Returns when an idle thread has to look for work again without being notified.
    fn next_look(&self, now: Instant) -> Option<Instant> {
        if self.running() >= parallelism() {
            return Some(now + TAKEOVER);
        }
        self.lingering.front().map(|(due, ..)| *due)
    }

    /// Returns one more thread to start, if one is needed. It is counted as idle from now on.
    fn new_thread_if_needed(&mut self) -> Option<NewThread> {
        let needs = self.idle == 0 && self.threads < self.max_threads && !self.is_empty();
        let blocker = needs.then(fork_gate::begin_start).flatten()?;
        self.threads += 1;
        self.idle += 1;
        Some(NewThread { _blocker: blocker })
    }
}

/// Puts a queue into the list of ready queues.
pub(super) fn put_ready(queued: Arc<QueuedOutput>) {
    add(|state| state.ready.push_back((Instant::now(), queued)));
}

/// Drops a reference to a queue on a writer thread. The last reference drops the output, whose `Drop` may be the program's own code and take
/// long.
pub(crate) fn drop_on_writer_thread(queued: Arc<QueuedOutput>) {
    add(|state| state.to_drop.push(queued));
}

fn add(add: impl FnOnce(&mut PoolState)) {
    let mut state = POOL.state.lock();
    add(&mut state);
    let new_thread = state.new_thread_if_needed();
    let needs_wake_up = state.idle > 0 && (state.running() < parallelism() || state.watching == 0);
    drop(state);
    if let Some(new_thread) = new_thread {
        new_thread.start();
    } else if needs_wake_up {
        POOL.work.notify_one();
    }
}

/// Allows more threads from now on, because the process exits.
pub(crate) fn prepare_for_exit() {
    let mut state = POOL.state.lock();
    state.max_threads = WRITER_THREADS_AT_EXIT;
    let new_thread = state.new_thread_if_needed();
    drop(state);
    if let Some(new_thread) = new_thread {
        new_thread.start();
    }
}

/// Starts a thread if one is needed: none was started while the fork was under way.
#[cfg(unix)]
pub(crate) fn after_fork() {
    let new_thread = POOL.state.lock().new_thread_if_needed();
    if let Some(new_thread) = new_thread {
        new_thread.start();
    }
}

impl NewThread {
    #[cold]
    fn start(self) {
        let started = thread::Builder::new().name("logscope-writer".into()).spawn(|| {
            drop(self);
            run();
            fork_gate::begin_end();
        });
        let Err(error) = started else { return };
        let mut state = POOL.state.lock();
        state.threads -= 1;
        state.idle -= 1;
        // If there are other threads, they do the work.
        if state.threads > 0 {
            return;
        }
        let (stranded, to_drop) = (std::mem::take(&mut state.ready), std::mem::take(&mut state.to_drop));
        drop(state);
        drop(to_drop);
        if stranded.is_empty() {
            return;
        }
        fallback::report(format_args!(
            "no writer thread can be started: {error}; what was to be queued is written by the calls that log"
        ));
        let _inside = InsideOutput::enter();
        for (_, queued) in stranded {
            queued.give_up(&mut Drained::default());
            queued.schedule.start();
            while let Some(PutBack::Ready) = drain(&queued, &mut Drained::default()) {
                queued.schedule.start();
            }
        }
    }
}

/// Runs a writer thread.
fn run() {
    // For the whole life of the thread: wakers, and the `Display` of an error, are the program's own code too. What they log must not wait
    // for room in a queue that this thread has to drain.
    let _inside = InsideOutput::enter();
    let mut drained = Drained::default();
    let mut state = POOL.state.lock();
    let mut idle_since = Instant::now();
    loop {
        let now = Instant::now();
        if let Some(found) = state.next(now) {
            state.idle -= 1;
            // Another thread must be there for the remaining queues, and must look at them again in case this one is blocked.
            let new_thread = state.new_thread_if_needed();
            let needs_watch =
                state.idle > 0 && state.watching == 0 && (state.running() >= parallelism() || !state.is_empty());
            drop(state);
            if let Some(new_thread) = new_thread {
                new_thread.start();
            } else if needs_watch {
                POOL.work.notify_one();
            }
            let put_back = do_work(found, &mut drained);
            if drained.bytes.capacity() > KEPT_BATCH_BYTES {
                drained = Drained::default();
            }
            state = POOL.state.lock();
            state.idle += 1;
            idle_since = Instant::now();
            match put_back {
                Some((PutBack::Linger(lingered), queued)) => {
                    state.lingering.push_back((idle_since + LINGER, lingered, queued));
                }
                Some((PutBack::Ready, queued)) => state.ready.push_back((idle_since, queued)),
                None => {}
            }
            continue;
        }
        let is_spare = state.threads > 1 && now.saturating_duration_since(idle_since) >= SPARE_THREAD;
        if is_spare && state.idle > 1 {
            state.threads -= 1;
            state.idle -= 1;
            return;
        }
        let end = (state.threads > 1).then(|| idle_since + SPARE_THREAD);
        let look = state.next_look(now);
        state.watching += usize::from(look.is_some());
        let deadline = look.into_iter().chain(end.filter(|end| *end > now)).min();
        match deadline {
            Some(deadline) => _ = POOL.work.wait_until(&mut state, deadline),
            None => POOL.work.wait(&mut state),
        }
        state.watching -= usize::from(look.is_some());
    }
}

/// The list into which a queue is put back after its batches were drained.
enum PutBack {
    Linger(u64),
    Ready,
}

/// Does the work that was found. A queue that is not put back is dropped here, outside the lock of the pool.
fn do_work(found: PoolWork, drained: &mut Drained) -> Option<(PutBack, Arc<QueuedOutput>)> {
    let (queued, was_drained) = match found {
        PoolWork::Drain(queued) => match drain(&queued, drained) {
            Some(put_back) => return Some((put_back, queued)),
            None => (queued, true),
        },
        PoolWork::Drop(queued) => (queued, false),
    };
    // Forks wait for this too: it takes the output's own locks, and that of the registry of open files.
    let _working = fork_gate::begin_work();
    if was_drained {
        queued.finish_if_last();
    }
    drop(queued);
    None
}

thread_local! {
    /// The queue that this thread drains.
    static DRAINING: Cell<*const QueuedOutput> = const { Cell::new(ptr::null()) };
}

/// True if this thread drains `queued`, and so may be inside its output.
pub(crate) fn is_draining(queued: &Arc<QueuedOutput>) -> bool {
    DRAINING.get() == Arc::as_ptr(queued)
}

/// Drains a queue until it is empty, or other queues should have their turn. `None` if the thread
/// leaves the queue, which is idle or written to the end then.
fn drain(queued: &Arc<QueuedOutput>, drained: &mut Drained) -> Option<PutBack> {
    let before = DRAINING.replace(Arc::as_ptr(queued));
    let put_back = drain_batches(queued, drained);
    DRAINING.set(before);
    put_back
}

fn drain_batches(queued: &Arc<QueuedOutput>, drained: &mut Drained) -> Option<PutBack> {
    let mut found = false;
    let mut yields = 0;
    for _ in 0..BATCHES_PER_TURN {
        // Unwind safety: after a panic of our own, the queue is given up, half done as it is.
        let stop = catch_unwind(AssertUnwindSafe(|| queued.drain_batch(drained))).unwrap_or_else(|payload| {
            drop_quietly(payload);
            queued.give_up(drained);
            fallback::report(format_args!(
                "a writer thread panicked over {}; it is written to directly now",
                queued.core().name()
            ));
            Some(Stop::Empty)
        });
        found |= !drained.labels.is_empty();
        match stop {
            Some(Stop::Enough) => continue,
            // The thread that has not committed its record may have been descheduled. If that lasts, look again later.
            Some(Stop::Uncommitted) if yields < ENQUEUE_YIELDS => {
                yields += 1;
                thread::yield_now();
                continue;
            }
            Some(Stop::Uncommitted) | None => found = true,
            Some(Stop::Empty) => {}
        }
        match queued.schedule.next_step(&queued.ring, found) {
            NextStep::Again => {}
            NextStep::Linger(lingered) => return Some(PutBack::Linger(lingered)),
            NextStep::Leave => {
                queued.note_if_done();
                return None;
            }
        }
    }
    queued.schedule.requeue();
    Some(PutBack::Ready)
}
