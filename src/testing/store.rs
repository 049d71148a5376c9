//! The records of one test, and waiting for them.

use std::task::Waker;
use std::time::Instant;

use crate::output::wake_contained;
use crate::record::RecordBuf;
use crate::sync::{Arc, Condvar, Mutex};

/// A record that a test has kept. Clones are cheap.
pub(super) type Kept = Arc<RecordBuf>;

/// Keeps the records of one test in the order in which they came, and wakes those who wait for more.
///
/// No code of the program runs under the lock: who looks for a record copies the list first.
#[derive(Default)]
pub(super) struct Store {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    records: Vec<Kept>,
    /// The tasks that wait. Each is woken once, and comes back if it has to wait on.
    wakers: Vec<Waker>,
}

impl Store {
    /// Adds a record.
    pub(super) fn push(&self, record: Kept) {
        let wakers = {
            let mut state = self.state.lock();
            state.records.push(record);
            std::mem::take(&mut state.wakers)
        };
        self.arrived.notify_all();
        wakers.into_iter().for_each(wake_contained);
    }

    /// Returns the records from number `from` on.
    pub(super) fn since(&self, from: usize) -> Vec<Kept> {
        self.state.lock().records.get(from..).unwrap_or_default().to_vec()
    }

    /// Returns the number of records.
    pub(super) fn len(&self) -> usize {
        self.state.lock().records.len()
    }

    /// Waits until there are more than `known` records. False if the deadline passes first.
    pub(super) fn wait_for_more(&self, known: usize, deadline: Instant) -> bool {
        let mut state = self.state.lock();
        while state.records.len() <= known {
            if self.arrived.wait_until(&mut state, deadline).timed_out() {
                return state.records.len() > known;
            }
        }
        true
    }

    /// Has the next record after `known` ones wake `waker`. False if there are more records already.
    pub(super) fn wake_for_more(&self, known: usize, waker: &Waker) -> bool {
        // Cloned and dropped outside the lock: a waker is code of the program's.
        let mut waker = Some(waker.clone());
        let mut state = self.state.lock();
        let is_waiting = state.records.len() <= known;
        // Comparing runs none of its code.
        if is_waiting && !state.wakers.iter().any(|left| waker.as_ref().is_some_and(|waker| left.will_wake(waker))) {
            state.wakers.extend(waker.take());
        }
        drop(state);
        is_waiting
    }
}
