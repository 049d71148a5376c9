//! Lets callers that need the same work at the same time share one round of it: the `fdatasync` of a log.
//!
//! A caller needs a round that *begins* after its call. A round that is under way may have begun before the caller's record was written, and
//! then says nothing about it. So a caller joins the next round, together with all others that call until that one begins. When no round is
//! under way, one of them leads the next: it takes the lock of the output, [closes](Lead::close) the round, so that whoever calls from now on
//! joins the one after it, notes what there is to do, releases the lock, and does the work. Any number of callers therefore wait for two
//! rounds at most: the one that is under way, and their own.
//!
//! The round must be closed under the output's lock. Who joined before has written its record before, so the leader, who holds the lock, has
//! the record before it. A round that is closed after the lock was released would be joined by a caller whose record the leader did not see.
//!
//! Deadlines: a caller whose deadline passes leaves. A leader that cannot get the output's lock in time resigns, and another caller of the
//! same round leads. The work of a leader with a deadline is done by a helper thread, because a call such as `fdatasync` can take any time
//! and cannot be interrupted.

use std::process;
use std::time::Instant;

use crate::process::start_thread;
use crate::sync::model::{Arc, Condvar, Mutex};
use crate::sync::{self, OnceLock};

/// Rounds of one kind of work, whose result is `R`. Clones are the same rounds.
pub(super) struct Rounds<R>(Arc<Shared<R>>);

struct Shared<R> {
    state: Mutex<State<R>>,
    /// Notified when a round has ended, and when a leader resigns.
    ended: Condvar,
}

struct State<R> {
    /// The process in which a caller leads a round. In the child of a fork, a leader of the parent does not count.
    led_by: Option<u32>,
    /// The round that callers join: it is not closed.
    next: Arc<Round<R>>,
}

/// One round. The result is set under the lock of the state.
struct Round<R>(OnceLock<R>);

/// The leadership of a round. Dropping it without a result resigns.
pub(super) struct Lead<R> {
    rounds: Rounds<R>,
    round: Arc<Round<R>>,
}

impl<R> Clone for Rounds<R> {
    fn clone(&self) -> Self {
        Rounds(Arc::clone(&self.0))
    }
}

impl<R: Clone + Send + Sync + 'static> Rounds<R> {
    pub(super) fn new() -> Self {
        let state = State { led_by: None, next: Arc::new(Round(OnceLock::new())) };
        Rounds(Arc::new(Shared { state: Mutex::new(state), ended: Condvar::new() }))
    }

    /// Joins the next round, and returns its result. Returns none if `deadline` passes first.
    ///
    /// `begin` is called if this caller leads. It takes the lock of the output, closes the round, and returns what there is to do; or none if
    /// it does not get the lock before the deadline. `work` does it.
    pub(super) fn join<S: Send + Sync + 'static>(
        &self,
        deadline: Option<Instant>,
        begin: impl FnOnce(&Lead<R>) -> Option<S>,
        work: fn(&S) -> R,
    ) -> Option<R> {
        let mut begin = Some(begin);
        let mut state = self.0.state.lock();
        let mut round = Arc::clone(&state.next);
        loop {
            if let Some(result) = round.0.get() {
                return Some(result.clone());
            }
            if state.led_by == Some(process::id()) || begin.is_none() {
                let (guard, timed_out) = self.0.ended.wait_until(state, deadline);
                state = guard;
                if timed_out {
                    return round.0.get().cloned();
                }
                continue;
            }
            // Nobody leads, so this round was not closed, or its leader has failed. Whoever joins the next round now gets what it needs.
            round = Arc::clone(&state.next);
            state.led_by = Some(process::id());
            drop(state);
            let lead = Lead { rounds: self.clone(), round: Arc::clone(&round) };
            let subject = begin.take().and_then(|begin| begin(&lead))?;
            lead.work(subject, work, deadline.is_some());
            state = self.0.state.lock();
        }
    }
}

#[cfg(all(test, not(logscope_loom)))]
impl<R> Rounds<R> {
    /// Returns how many callers have joined the next round.
    pub(super) fn waiting(&self) -> usize {
        // Each caller has one count, and the state another.
        Arc::strong_count(&self.0.state.lock().next) - 1
    }
}

impl<R: Clone + Send + Sync + 'static> Lead<R> {
    /// Closes the round: who calls from now on joins the next one.
    pub(super) fn close(&self) {
        self.rounds.0.state.lock().next = Arc::new(Round(OnceLock::new()));
    }

    /// Does the work and ends the round. If `in_background`, a helper thread does it, unless none can be started.
    fn work<S: Send + Sync + 'static>(self, subject: S, work: fn(&S) -> R, in_background: bool) {
        if !in_background {
            return self.end(work(&subject));
        }
        let shared = sync::Arc::new((subject, Mutex::new(Some(self))));
        let helper = sync::Arc::clone(&shared);
        let run = move |(subject, lead): &(S, Mutex<Option<Lead<R>>>)| {
            let lead = lead.lock().take();
            if let Some(lead) = lead {
                lead.end(work(subject));
            }
        };
        if start_thread("logscope-sync", move || run(&helper)).is_err() {
            run(&shared);
        }
    }

    fn end(self, result: R) {
        let mut state = self.rounds.0.state.lock();
        // Nobody else sets it: this is the only leader of the round.
        let _ = self.round.0.set(result);
        if Arc::ptr_eq(&state.next, &self.round) {
            state.next = Arc::new(Round(OnceLock::new()));
        }
        drop(state);
    }
}

impl<R> Drop for Lead<R> {
    fn drop(&mut self) {
        self.rounds.0.state.lock().led_by = None;
        self.rounds.0.ended.notify_all();
    }
}

#[cfg(all(test, not(logscope_loom)))]
mod tests;

#[cfg(all(test, logscope_loom))]
mod loom_tests;
