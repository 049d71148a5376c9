//! Which thread drains a queue: at most one at a time, and always one when there is something to do.
//!
//! A queue is [notified](Schedule::notify) when a writer thread should look at it at once: the ring was idle and has a record now, the
//! ring is half full or full, or somebody waits for a flush. A record that is pushed at any other time waits until the thread that drained
//! the queue last looks at it again. Until then the queue *lingers*, so that a stream of records costs the threads that push them no
//! wake-up.

use super::ring::Ring;
use crate::sync::model::Mutex;

/// The state of a queue between its writer threads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// The ring is idle, or closed and empty. No thread looks at the queue until it is notified.
    Idle,
    /// The queue is in the list of ready queues. The next free writer thread drains it.
    Ready,
    /// A writer thread drains the queue.
    Running,
    /// A writer thread will look at the queue again in a moment.
    Lingering,
}

/// The phase of a queue, and whether the queue was notified while a thread drained it.
#[derive(Debug)]
pub(crate) struct Schedule(Mutex<ScheduleState>);

#[derive(Debug)]
struct ScheduleState {
    phase: Phase,
    /// The queue was notified while it was `Running`. The thread that drains it may have looked for work before that.
    notified: bool,
    /// How often the queue has lingered. An entry in the pool's list of lingering queues with a lower number is out of date.
    lingered: u64,
}

/// What the thread that drained a queue does next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NextStep {
    /// The thread drains the queue again.
    Again,
    /// The thread looks at the queue again in a moment, unless the queue is notified before. The number is for
    /// [`Schedule::start_after_linger`].
    Linger(u64),
    /// The thread leaves the queue, which is idle now.
    Leave,
}

impl Schedule {
    pub(crate) fn new() -> Self {
        Schedule(Mutex::new(ScheduleState { phase: Phase::Idle, notified: false, lingered: 0 }))
    }

    /// Has a thread drain the queue of `ring`. True if the caller must put the queue into the list of ready queues.
    pub(crate) fn notify(&self, ring: &Ring) -> bool {
        let state = &mut *self.0.lock();
        match state.phase {
            Phase::Idle => {
                // Under the lock, under which `next_step` sets `IDLE` too: so a ring is never `IDLE` while its queue is in another phase,
                // and `Ring::idle_at` shows that no thread is draining.
                ring.clear_idle();
                state.phase = Phase::Ready;
                true
            }
            Phase::Lingering => {
                state.phase = Phase::Ready;
                true
            }
            Phase::Ready => false,
            Phase::Running => {
                state.notified = true;
                false
            }
        }
    }

    /// Notes that a thread has taken the queue from the list of ready queues and drains it now.
    pub(crate) fn start(&self) {
        self.0.lock().phase = Phase::Running;
    }

    /// Starts to drain a queue whose moment of [`NextStep::Linger`] is over. False if the queue was notified meanwhile: then it is, or was,
    /// in the list of ready queues.
    pub(crate) fn start_after_linger(&self, lingered: u64) -> bool {
        let state = &mut *self.0.lock();
        let starts = state.phase == Phase::Lingering && state.lingered == lingered;
        if starts {
            state.phase = Phase::Running;
        }
        starts
    }

    /// Notes that the queue goes back to the list of ready queues, so that other queues have their turn.
    pub(crate) fn requeue(&self) {
        self.0.lock().phase = Phase::Ready;
    }

    /// Returns what the thread that drained the queue does next. `found` is true if it has drained a record since it started.
    pub(crate) fn next_step(&self, ring: &Ring, found: bool) -> NextStep {
        let state = &mut *self.0.lock();
        if std::mem::take(&mut state.notified) {
            return NextStep::Again;
        }
        if !found {
            let reader = ring.reader();
            // Under the lock: whoever notifies the queue now finds either a thread that will look at `notified`, or an idle queue.
            if reader.is_finished() || reader.go_idle() {
                state.phase = Phase::Idle;
                return NextStep::Leave;
            }
        }
        state.phase = Phase::Lingering;
        state.lingered += 1;
        NextStep::Linger(state.lingered)
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;

#[cfg(all(test, logscope_loom))]
mod loom_tests;
