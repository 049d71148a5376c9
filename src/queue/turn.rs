//! Who works on a queue: at most one thread at a time, and always one when there is something to do.
//!
//! A queue is in one of four places. It is called when something needs doing at once: the ring was at rest and is not empty any more,
//! is half full or full, or somebody waits for a flush. What is pushed at other times waits until the thread that worked on the queue
//! last looks again: it *lingers*, so that a stream of records costs those who push them no wake-up.

use super::ring::Ring;
use crate::sync::model::Mutex;

/// Where a queue is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Phase {
    /// At rest: its ring is empty, or closed and empty. Nobody will look at it until it is called.
    Idle,
    /// Among those that are ready: the next thread that is free works on it.
    Ready,
    /// A thread works on it.
    Running,
    /// It will be looked at in a moment.
    Lingering,
}

/// Where a queue is, and whether it was called.
#[derive(Debug)]
pub(crate) struct Turn(Mutex<TurnState>);

#[derive(Debug)]
struct TurnState {
    phase: Phase,
    /// It was called while a thread worked on it, which may have looked for work before.
    called: bool,
    /// How often it has lingered: what is noted elsewhere about an earlier time is out of date.
    lingered: u64,
}

/// What the thread that worked on a queue does next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum NextStep {
    /// Works on it again.
    Again,
    /// Looks at it in a moment, unless it is called before: see [`Turn::begin_after_lingering`].
    Linger(u64),
    /// Leaves it.
    Leave,
}

impl Turn {
    pub(crate) fn new() -> Self {
        Turn(Mutex::new(TurnState { phase: Phase::Idle, called: false, lingered: 0 }))
    }

    /// Calls for somebody to work on the queue of `ring`. True if the caller has to put it among those that are ready.
    pub(crate) fn call(&self, ring: &Ring) -> bool {
        let state = &mut *self.0.lock();
        match state.phase {
            Phase::Idle => {
                // Under the lock, as the resting in `end`: the ring rests if and only if the place is idle, as far as anyone who looks
                // under the lock can see.
                ring.rouse();
                state.phase = Phase::Ready;
                true
            }
            Phase::Lingering => {
                state.phase = Phase::Ready;
                true
            }
            Phase::Ready => false,
            Phase::Running => {
                state.called = true;
                false
            }
        }
    }

    /// The queue was taken from among those that are ready.
    pub(crate) fn begin(&self) {
        self.0.lock().phase = Phase::Running;
    }

    /// The moment is over that [`NextStep::Linger`] spoke of. False if the queue was called meanwhile.
    pub(crate) fn begin_after_lingering(&self, lingered: u64) -> bool {
        let state = &mut *self.0.lock();
        let begins = state.phase == Phase::Lingering && state.lingered == lingered;
        if begins {
            state.phase = Phase::Running;
        }
        begins
    }

    /// The queue goes back among those that are ready, so that others have their turn.
    pub(crate) fn give_way(&self) {
        self.0.lock().phase = Phase::Ready;
    }

    /// A thread has done what it found, if it `found` anything since it began.
    pub(crate) fn end(&self, ring: &Ring, found: bool) -> NextStep {
        let state = &mut *self.0.lock();
        if std::mem::take(&mut state.called) {
            return NextStep::Again;
        }
        if !found {
            let reader = ring.reader();
            // Under the lock: a call that comes now finds either a thread that will look at `called`, or an idle queue.
            if reader.is_finished() || reader.rest() {
                state.phase = Phase::Idle;
                return NextStep::Leave;
            }
        }
        state.phase = Phase::Lingering;
        state.lingered += 1;
        NextStep::Linger(state.lingered)
    }
}

#[cfg(all(test, logscope_loom))]
mod loom_tests;
