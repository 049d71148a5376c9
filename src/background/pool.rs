//! The writer threads: a few, for any number of queues.
//!
//! A thread takes a queue from the list of ready queues, drains it until it is empty, and looks at it again a moment later. Only if the
//! queue is still empty then does it go idle. So a stream of records needs no wake-ups, and a silent process has no timer running.
//!
//! As many threads work at once as [`parallelism`] says. An output that stands still holds up the thread that writes to it. After [`STUCK`]
//! that thread no longer counts: it belongs to its output, and another one works in its place. So any number of outputs may stand still, up to
//! [`WRITER_THREADS`]. Threads that are not needed for a while end.
//!
//! [`Plan`] decides who does what, and [`Pool`] keeps it under a lock; both are checked with loom. The rest of this file is what needs real
//! threads and queues.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::time::Instant;

use super::fork_gate;
use super::inside::{self, Inside};
use super::queued::QueuedOutput;
use crate::fallback;
use crate::limits::{
    BATCHES_PER_TURN, ENQUEUE_YIELDS, KEPT_BATCH_BYTES, LINGER, REST, SPARE_THREAD, STUCK, WRITER_PARALLELISM,
    WRITER_THREADS,
};
use crate::output::{InsideOutput, allocating_under_lock};
use crate::queue::{Drained, NextStep, Stop};
use crate::record::drop_quietly;
use crate::sync::model::{Condvar, Mutex, MutexGuard};
use crate::sync::{Arc, AtomicBool, OnceLock, Ordering, Weak, thread};

mod plan;
mod threads;

use plan::{Need, Plan, Turn, Work};
use threads::Refused;

/// Returns how many threads work at once as long as none is stuck.
fn parallelism() -> usize {
    thread::available_parallelism().map_or(1, usize::from).clamp(1, WRITER_PARALLELISM)
}

/// The pool of the process. A queue that rests is held weakly, since it may be dropped meanwhile.
type QueuePool = Pool<Arc<QueuedOutput>, Weak<QueuedOutput>>;

fn pool() -> &'static QueuePool {
    static POOL: OnceLock<QueuePool> = OnceLock::new();
    POOL.get()
        .unwrap_or_else(|| allocating_under_lock(|| POOL.get_or_init(|| Pool::new(parallelism(), WRITER_THREADS))))
}

/// A plan under a lock, and the threads that wait for work.
struct Pool<Q, R> {
    plan: Mutex<Plan<Q, R>>,
    work: Condvar,
}

/// A writer thread, as the pool sees it.
struct Worker<Q, R> {
    /// The work that the thread has done.
    done: Option<(Turn, Option<Done<Q, R>>)>,
    idle_since: Instant,
    /// True while the thread is inside an output.
    is_inside: Arc<AtomicBool>,
}

/// What becomes of a queue whose batches were drained.
enum Done<Q, R> {
    /// It is put back into a list. `is_slow` if its output has held the thread up.
    Back { put_back: PutBack, queue: Q, is_slow: bool },
    /// It is idle, and its memory is given back later.
    Rest(R),
}

/// What the pool tells one of its threads.
enum Next<Q, R> {
    Work(Work<Q, R>, Turn),
    End,
}

/// What a call has to do for the pool after it has released its lock.
#[must_use = "the pool needs it"]
enum Errand {
    Nothing,
    /// Start a thread, which is counted already. Forks wait until it runs.
    Start(fork_gate::ForkBlocker<'static>),
    /// Report that every thread is stuck.
    Report,
}

impl<Q, R> Pool<Q, R> {
    fn new(parallelism: usize, max_threads: usize) -> Self {
        Pool { plan: Mutex::new(Plan::new(parallelism, max_threads)), work: Condvar::new() }
    }

    /// Changes the plan, and has the other threads know.
    fn change(&self, change: impl FnOnce(&mut Plan<Q, R>)) -> Errand {
        allocating_under_lock(|| {
            let mut plan = self.plan.lock();
            change(&mut plan);
            self.provide(plan)
        })
    }

    /// Provides what the plan needs from others, and releases the lock.
    fn provide(&self, mut plan: MutexGuard<'_, Plan<Q, R>>) -> Errand {
        match plan.need() {
            Need::Nothing => Errand::Nothing,
            Need::Report => Errand::Report,
            Need::WakeUp => {
                drop(plan);
                self.work.notify_one();
                Errand::Nothing
            }
            // Not while the gate is shut: whoever opens it asks again.
            Need::Thread => fork_gate::begin_start().map_or(Errand::Nothing, |blocker| {
                plan.begin_start();
                Errand::Start(blocker)
            }),
        }
    }

    /// Notes what `worker` has done, and waits until there is work for it, or it has to end.
    fn next(&self, worker: &mut Worker<Q, R>) -> (Next<Q, R>, Errand) {
        let mut plan = self.plan.lock();
        if let Some((turn, done)) = worker.done.take() {
            let now = now();
            worker.idle_since = now.max(worker.idle_since);
            plan.finish(turn, now);
            match done {
                Some(Done::Back { put_back: PutBack::Linger(lingered), queue, is_slow }) => {
                    plan.add_lingering(now + LINGER, lingered, queue, is_slow);
                }
                Some(Done::Back { put_back: PutBack::Ready, queue, is_slow }) => plan.add_ready(queue, is_slow),
                Some(Done::Rest(queue)) => plan.add_resting(now + REST, queue),
                None => {}
            }
        }
        loop {
            let now = now();
            if let Some((work, turn)) = plan.take(now, &worker.is_inside) {
                // Another thread must be there for the remaining work, and must look whether this one is stuck.
                return (Next::Work(work, turn), self.provide(plan));
            }
            if plan.ends(worker.idle_since, now) {
                // This thread may have been woken to watch.
                return (Next::End, self.provide(plan));
            }
            let look = plan.begin_wait();
            let end = worker.idle_since + SPARE_THREAD;
            let end = (plan.threads() > 1 && end > now).then_some(end);
            plan = self.wait_until(plan, look.into_iter().chain(end).min());
            plan.end_wait(look);
        }
    }

    #[cfg(not(all(test, logscope_loom)))]
    fn wait_until<'a>(
        &self,
        plan: MutexGuard<'a, Plan<Q, R>>,
        deadline: Option<Instant>,
    ) -> MutexGuard<'a, Plan<Q, R>> {
        self.work.wait_until(plan, deadline).0
    }
}

#[cfg(not(all(test, logscope_loom)))]
fn now() -> Instant {
    Instant::now()
}

/// Puts a queue into the list of ready queues.
pub(super) fn put_ready(queued: Arc<QueuedOutput>) {
    let this = Arc::as_ptr(&queued);
    // Relaxed: a hint for the order of queues.
    let is_slow = queued.is_slow.load(Ordering::Relaxed);
    if !pool().change(|plan| plan.add_ready(queued, is_slow)).run() {
        write_here(this);
    }
}

/// Drops a reference to a queue. If it is the last one, a writer thread drops the queue and its output, whose `Drop` may be the program's own
/// code and take long.
pub(crate) fn drop_on_writer_thread(queued: Arc<QueuedOutput>) {
    let Some(last) = Arc::into_inner(queued) else { return };
    if !pool().change(|plan| plan.add_to_drop(Arc::new(last))).run() {
        write_here(ptr::null());
    }
}

/// Waits for writer threads before a fork.
#[cfg(unix)]
pub(crate) fn before_fork() {
    fork_gate::before_fork(start_needed_thread);
}

/// Lets writer threads go on after a fork.
#[cfg(unix)]
pub(crate) fn after_fork() {
    fork_gate::after_fork();
    start_needed_thread();
}

/// Starts a thread if one is needed: none was started while the gate was shut.
#[cfg(unix)]
fn start_needed_thread() {
    pool().change(|_| ()).run();
}

/// Tries again to start a thread, if the last attempt has failed. If this one fails too, writes `queued` in this call.
pub(super) fn start_refused_thread(queued: &Arc<QueuedOutput>) {
    if threads::is_refused() && !pool().change(|_| ()).run() {
        write_here(Arc::as_ptr(queued));
    }
}

impl Errand {
    /// False if a thread could not be started.
    fn run(self) -> bool {
        match self {
            Errand::Nothing => true,
            Errand::Start(blocker) => {
                let started = threads::start(blocker, run);
                pool().plan.lock().end_start(started.is_err());
                started.inspect_err(Refused::report).is_ok()
            }
            Errand::Report => {
                fallback::report(format_args!(
                    "{WRITER_THREADS} outputs hold up their writer threads, and there can be no more threads: other queued records wait"
                ));
                true
            }
        }
    }
}

/// Does the work that this call has given to the pool, because no thread can be started: drains the queue at `this`, and only that one, since
/// another output could hold this call up.
#[cold]
fn write_here(this: *const QueuedOutput) {
    let mut plan = pool().plan.lock();
    // An idle thread does the work.
    if plan.sure_to_be_idle() > 0 {
        return;
    }
    let own = plan.remove_ready(|queued| Arc::as_ptr(queued) == this);
    let to_drop = if plan.threads() == 0 { plan.remove_to_drop() } else { Vec::new() };
    drop(plan);
    let _inside = InsideOutput::enter();
    for work in to_drop.into_iter().map(Work::Drop).chain(own) {
        let mut next = Some(work);
        while let Some(work) = next {
            next = match do_work(work, &mut Drained::default()) {
                Some(Done::Back { put_back: PutBack::Linger(lingered), queue, .. }) => {
                    Some(Work::DrainLingered(lingered, queue))
                }
                Some(Done::Back { put_back: PutBack::Ready, queue, .. }) => Some(Work::Drain(queue)),
                Some(Done::Rest(_)) | None => None,
            };
        }
    }
}

/// Runs a writer thread.
fn run() {
    // For the whole life of the thread: wakers, and the `Display` of an error, are the program's own code too. What they log must not wait
    // for room in a queue that this thread has to drain.
    let _inside = InsideOutput::enter();
    let mut drained = Drained::default();
    let mut worker = Worker { done: None, idle_since: now(), is_inside: inside::flag() };
    loop {
        let (next, errand) = pool().next(&mut worker);
        errand.run();
        let Next::Work(work, turn) = next else { return };
        worker.done = Some((turn, do_work(work, &mut drained)));
        if drained.bytes.capacity() > KEPT_BATCH_BYTES {
            drained = Drained::default();
        }
    }
}

/// The list into which a queue is put back after its batches were drained.
enum PutBack {
    Linger(u64),
    Ready,
}

/// Does a piece of work. A queue that is not put back is dropped here, outside the lock of the pool.
fn do_work(
    work: Work<Arc<QueuedOutput>, Weak<QueuedOutput>>,
    drained: &mut Drained,
) -> Option<Done<Arc<QueuedOutput>, Weak<QueuedOutput>>> {
    let (queued, is_drained) = match work {
        Work::Drain(queued) => {
            queued.schedule.start();
            (queued, true)
        }
        // If it does not start, the queue was notified meanwhile: then it is, or was, in the list of ready queues.
        Work::DrainLingered(lingered, queued) => {
            let starts = queued.schedule.start_after_linger(lingered);
            (queued, starts)
        }
        Work::Drop(queued) => (queued, false),
        Work::GiveMemoryBack(queued) => {
            let queued = queued.upgrade()?;
            queued.ring.give_back_memory();
            // Later, so that a queue that is idle again by then does not rest twice.
            queued.is_resting.store(false, Ordering::Relaxed);
            (queued, false)
        }
    };
    let mut done = None;
    if is_drained {
        let start = Instant::now();
        let put_back = drain(&queued, drained);
        let is_slow = start.elapsed() >= STUCK;
        // Relaxed: see `put_ready`.
        queued.is_slow.store(is_slow, Ordering::Relaxed);
        if let Some(put_back) = put_back {
            return Some(Done::Back { put_back, queue: queued, is_slow });
        }
        // Relaxed: a queue that rests twice does no harm.
        if queued.ring.is_spread() && !queued.is_resting.swap(true, Ordering::Relaxed) {
            done = Some(Done::Rest(Arc::downgrade(&queued)));
        }
    }
    // Forks wait for this too: it takes the output's own locks, and that of the registry of open files.
    let _working = fork_gate::begin_work(None);
    let _inside = Inside::enter();
    if is_drained {
        queued.finish_if_last();
    }
    drop(queued);
    done
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

#[cfg(all(test, logscope_loom))]
mod loom_tests;
#[cfg(all(test, logscope_loom))]
use loom_tests::now;
