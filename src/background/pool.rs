//! The writer threads: few, for any number of queues.
//!
//! A thread takes a queue from among those that are ready, works on it until there is nothing more, and looks at it again a moment
//! later; only if it finds nothing then does the queue come to rest. So a stream of records wakes nobody, and a process that is silent
//! has no timer running.
//!
//! As many as [`eager`] says work at once. A device that stands still holds the thread that writes to it, so there is always one more than are
//! at work, up to [`WRITER_THREADS`]: it takes what others have left lying for [`HELD_UP`], which they only do if they are held up. A thread that
//! is not needed for a while ends.

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::time::Instant;

use super::fork_gate;
use super::queued::QueuedOutput;
use crate::fallback;
use crate::limits::{
    BATCHES_PER_TURN, EAGER_WRITER_THREADS, ENQUEUE_YIELDS, HELD_UP, KEPT_BATCH_BYTES, LINGER, SPARE_THREAD,
    WRITER_THREADS, WRITER_THREADS_AT_EXIT,
};
use crate::output::InsideOutput;
use crate::queue::{Drained, NextStep, Stop};
use crate::record::drop_quietly;
use crate::sync::{Arc, Condvar, Mutex, OnceLock, thread};

/// How many threads work at once, where none is held up.
fn eager() -> usize {
    static EAGER: OnceLock<usize> = OnceLock::new();
    *EAGER.get_or_init(|| thread::available_parallelism().map_or(1, usize::from).clamp(1, EAGER_WRITER_THREADS))
}

static POOL: Pool = Pool { state: Mutex::new(PoolState::new()), work: Condvar::new() };

struct Pool {
    state: Mutex<PoolState>,
    work: Condvar,
}

struct PoolState {
    /// With the moment since when it is ready.
    ready: VecDeque<(Instant, Arc<QueuedOutput>)>,
    /// In the order of the moments at which they are looked at again.
    lingering: VecDeque<(Instant, u64, Arc<QueuedOutput>)>,
    /// Queues that somebody else has let go of, and that may be the last to hold their outputs.
    left: Vec<Arc<QueuedOutput>>,
    threads: usize,
    /// Of these, how many wait for work.
    waiting: usize,
    /// Of these, how many look again by themselves, without being told.
    watching: usize,
    most: usize,
}

/// What a thread has found.
enum PoolWork {
    /// A queue to work on.
    Work(Arc<QueuedOutput>),
    /// A queue to let go of, outside the lock: it may be the last that holds the output, whose `Drop` is the program's own.
    Left(Arc<QueuedOutput>),
}

/// A thread that is counted, and is to be started: forks wait until it runs.
struct NewThread {
    _starting: fork_gate::Counted,
}

impl PoolState {
    const fn new() -> Self {
        PoolState {
            ready: VecDeque::new(),
            lingering: VecDeque::new(),
            left: Vec::new(),
            threads: 0,
            waiting: 0,
            watching: 0,
            most: WRITER_THREADS,
        }
    }

    fn running(&self) -> usize {
        self.threads - self.waiting
    }

    /// Takes what a thread that waits can work on at `now`. That thread is counted as waiting.
    fn next(&mut self, now: Instant) -> Option<PoolWork> {
        let since = if self.running() < eager() { now } else { now.checked_sub(HELD_UP)? };
        if let Some(queued) = self.left.pop() {
            return Some(PoolWork::Left(queued));
        }
        if self.ready.front().is_some_and(|(ready, _)| *ready <= since) {
            let (_, queued) = self.ready.pop_front()?;
            queued.turn.begin();
            return Some(PoolWork::Work(queued));
        }
        if self.lingering.front().is_some_and(|(due, ..)| *due <= since) {
            let (_, lingered, queued) = self.lingering.pop_front()?;
            let begins = queued.turn.begin_after_lingering(lingered);
            // If not, it was called meanwhile, and is or was among those that are ready.
            return Some(if begins { PoolWork::Work(queued) } else { PoolWork::Left(queued) });
        }
        None
    }

    fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.lingering.is_empty() && self.left.is_empty()
    }

    /// When a thread that waits has to look again.
    fn next_look(&self, now: Instant) -> Option<Instant> {
        if self.running() >= eager() {
            return Some(now + HELD_UP);
        }
        self.lingering.front().map(|(due, ..)| *due)
    }

    /// One thread more, if it is needed: it is then counted as there, and waiting.
    fn one_more(&mut self) -> Option<NewThread> {
        let needs = self.waiting == 0 && self.threads < self.most && !self.is_empty();
        let starting = needs.then(fork_gate::begin_to_start).flatten()?;
        self.threads += 1;
        self.waiting += 1;
        Some(NewThread { _starting: starting })
    }
}

/// Puts a queue among those that are ready.
pub(super) fn put_ready(queued: Arc<QueuedOutput>) {
    add(|state| state.ready.push_back((Instant::now(), queued)));
}

/// Lets go of a queue, on a writer thread: whoever is the last drops the output, whose `Drop` is the program's own and takes its time.
pub(crate) fn let_go(queued: Arc<QueuedOutput>) {
    add(|state| state.left.push(queued));
}

fn add(add: impl FnOnce(&mut PoolState)) {
    let mut state = POOL.state.lock();
    add(&mut state);
    let one_more = state.one_more();
    let is_waited_for = state.waiting > 0 && (state.running() < eager() || state.watching == 0);
    drop(state);
    if let Some(one_more) = one_more {
        one_more.start();
    } else if is_waited_for {
        POOL.work.notify_one();
    }
}

/// The process ends: there may be more threads from now on.
pub(crate) fn prepare_for_the_end() {
    let mut state = POOL.state.lock();
    state.most = WRITER_THREADS_AT_EXIT;
    let one_more = state.one_more();
    drop(state);
    if let Some(one_more) = one_more {
        one_more.start();
    }
}

/// A fork is over, while which no thread was started.
pub(crate) fn after_fork() {
    let one_more = POOL.state.lock().one_more();
    if let Some(one_more) = one_more {
        one_more.start();
    }
}

impl NewThread {
    #[cold]
    fn start(self) {
        let started = thread::Builder::new().name("logscope-writer".into()).spawn(|| {
            drop(self);
            work();
            fork_gate::begin_to_end();
        });
        let Err(error) = started else { return };
        let mut state = POOL.state.lock();
        state.threads -= 1;
        state.waiting -= 1;
        // The threads that there are do what there is to do, if there are any.
        if state.threads > 0 {
            return;
        }
        let (stranded, left) = (std::mem::take(&mut state.ready), std::mem::take(&mut state.left));
        drop(state);
        drop(left);
        if stranded.is_empty() {
            return;
        }
        fallback::tell(format_args!(
            "no writer thread can be started: {error}; what was to be queued is written by the calls that log"
        ));
        let _inside = InsideOutput::enter();
        for (_, queued) in stranded {
            queued.give_up(&mut Drained::default());
            queued.turn.begin();
            while let Some(After::Ready) = run(&queued, &mut Drained::default()) {
                queued.turn.begin();
            }
        }
    }
}

/// What a writer thread does.
fn work() {
    // For its whole life: a waker, or an error that is shown, is a program's own code too, and what it logs must not wait for room in a queue
    // that this thread is to empty.
    let _inside = InsideOutput::enter();
    let mut drained = Drained::default();
    let mut state = POOL.state.lock();
    let mut idle_since = Instant::now();
    loop {
        let now = Instant::now();
        if let Some(found) = state.next(now) {
            state.waiting -= 1;
            // Somebody has to be there for what lies there meanwhile, and to look at it should this take long.
            let one_more = state.one_more();
            let needs_watch =
                state.waiting > 0 && state.watching == 0 && (state.running() >= eager() || !state.is_empty());
            drop(state);
            if let Some(one_more) = one_more {
                one_more.start();
            } else if needs_watch {
                POOL.work.notify_one();
            }
            let after = work_on(found, &mut drained);
            if drained.bytes.capacity() > KEPT_BATCH_BYTES {
                drained = Drained::default();
            }
            state = POOL.state.lock();
            state.waiting += 1;
            idle_since = Instant::now();
            match after {
                Some((After::Linger(lingered), queued)) => {
                    state.lingering.push_back((idle_since + LINGER, lingered, queued));
                }
                Some((After::Ready, queued)) => state.ready.push_back((idle_since, queued)),
                None => {}
            }
            continue;
        }
        let spare = state.threads > 1 && now.saturating_duration_since(idle_since) >= SPARE_THREAD;
        if spare && state.waiting > 1 {
            state.threads -= 1;
            state.waiting -= 1;
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

/// What becomes of a queue that was worked on, and is not left.
enum After {
    Linger(u64),
    Ready,
}

/// Works on what was found. What is left is let go of here, since it may be the last that holds the output, whose `Drop` is the program's
/// own and takes its time.
fn work_on(found: PoolWork, drained: &mut Drained) -> Option<(After, Arc<QueuedOutput>)> {
    let (queued, is_left) = match found {
        PoolWork::Work(queued) => match run(&queued, drained) {
            Some(after) => return Some((after, queued)),
            None => (queued, true),
        },
        PoolWork::Left(queued) => (queued, false),
    };
    // Forks wait for this too: the output's own locks are drained, and that of the files that are open.
    let _working = fork_gate::begin_to_work();
    if is_left {
        queued.finish_if_last();
    }
    drop(queued);
    None
}

thread_local! {
    /// The queue that this thread works on.
    static AT_HAND: Cell<*const QueuedOutput> = const { Cell::new(ptr::null()) };
}

/// True if this thread is working on `queued`, and so is inside its output.
pub(crate) fn is_at_hand(queued: &Arc<QueuedOutput>) -> bool {
    AT_HAND.get() == Arc::as_ptr(queued)
}

/// Works on a queue until there is nothing more, or others should have their turn.
fn run(queued: &Arc<QueuedOutput>, drained: &mut Drained) -> Option<After> {
    let before = AT_HAND.replace(Arc::as_ptr(queued));
    let after = run_at_hand(queued, drained);
    AT_HAND.set(before);
    after
}

fn run_at_hand(queued: &Arc<QueuedOutput>, drained: &mut Drained) -> Option<After> {
    let mut found = false;
    let mut yields = 0;
    for _ in 0..BATCHES_PER_TURN {
        // Unwind safety: what a panic of our own leaves half done is given up.
        let stop = catch_unwind(AssertUnwindSafe(|| queued.drain_batch(drained))).unwrap_or_else(|payload| {
            drop_quietly(payload);
            queued.give_up(drained);
            fallback::tell(format_args!(
                "a writer thread panicked over {}; it is written to directly now",
                queued.core().name()
            ));
            Some(Stop::Empty)
        });
        found |= !drained.labels.is_empty();
        match stop {
            Some(Stop::Enough) => continue,
            // The thread that is in the middle of a record may have been held up. If that takes long, it is better not waited for.
            Some(Stop::Unfinished) if yields < ENQUEUE_YIELDS => {
                yields += 1;
                thread::yield_now();
                continue;
            }
            Some(Stop::Unfinished) | None => found = true,
            Some(Stop::Empty) => {}
        }
        match queued.turn.end(&queued.ring, found) {
            NextStep::Again => {}
            NextStep::Linger(lingered) => return Some(After::Linger(lingered)),
            NextStep::Leave => {
                queued.note_if_done();
                return None;
            }
        }
    }
    queued.turn.give_way();
    Some(After::Ready)
}
