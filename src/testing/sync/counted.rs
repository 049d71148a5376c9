//! The algorithm under a signal: a number that rises, and those who wait until it has reached theirs.
//!
//! It knows nothing of threads, tasks and time: who waits leaves a waker, as at the gates of [`lock`](crate::lock), and is woken once. Whether the
//! number is high enough is asked, and the waker left, under one lock: a number that rises between the two would wake nobody.
//!
//! Wakers are foreign code, which may panic, and which may come here again. They are woken and dropped outside the lock.

use std::task::Waker;

use crate::lock::ForeignWaker;
use crate::sync::model::Mutex;

/// A number that rises.
pub(super) struct Counted {
    state: Mutex<State>,
}

struct State {
    number: u64,
    waiting: Vec<Place>,
    next_ticket: u64,
}

/// Somebody who waits.
struct Place {
    ticket: u64,
    target: u64,
    waker: ForeignWaker,
}

impl Counted {
    pub(super) fn new() -> Self {
        Counted { state: Mutex::new(State { number: 0, waiting: Vec::new(), next_ticket: 0 }) }
    }

    /// Raises the number by one, and wakes those who wait for what it is then.
    pub(super) fn raise(&self) {
        let mut state = self.state.lock();
        state.number = state.number.saturating_add(1);
        let number = state.number;
        let woken: Vec<Place> = state.waiting.extract_if(.., |place| place.target <= number).collect();
        drop(state);
        woken.into_iter().for_each(|place| place.waker.wake());
    }

    pub(super) fn number(&self) -> u64 {
        self.state.lock().number
    }

    /// True if the number has reached `target`. If not, `waker` is woken when it has. `ticket` is that of the last call, if the caller has
    /// not left since.
    pub(super) fn ask(&self, target: u64, ticket: &mut Option<u64>, waker: Waker) -> bool {
        let mut waker = ForeignWaker::new(waker);
        // Dropped after the lock is released, with the one that it replaces.
        let state = &mut *self.state.lock();
        if state.number >= target {
            return true;
        }
        match state.waiting.iter_mut().find(|place| Some(place.ticket) == *ticket) {
            Some(place) => std::mem::swap(&mut place.waker, &mut waker),
            None => {
                state.waiting.push(Place { ticket: state.next_ticket, target, waker });
                *ticket = Some(state.next_ticket);
                state.next_ticket += 1;
            }
        }
        false
    }

    /// Waits no more.
    pub(super) fn leave(&self, ticket: u64) {
        let mut state = self.state.lock();
        let index = state.waiting.iter().position(|place| place.ticket == ticket);
        let place = index.map(|index| state.waiting.swap_remove(index));
        drop(state);
        drop(place);
    }
}

#[cfg(all(test, logscope_loom))]
mod loom_tests;
