//! How far a ring has come, for those who wait.
//!
//! Everything here is under one lock, which the reader takes once or twice for a batch and the others only when they have to wait. Who
//! waits for room tries again *under the lock* before it sleeps: the reader makes room first and takes the lock then, so either the
//! one who tries finds the room, or it sleeps before the reader notifies.

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::record::drop_quietly;
use crate::sync::Arc;
use crate::sync::model::{Condvar, Mutex};

/// How far a ring has come.
#[derive(Debug)]
pub(crate) struct Progress {
    state: Mutex<ProgressState>,
    room: Condvar,
}

#[derive(Debug)]
struct ProgressState {
    /// How many wait for room.
    waiting: usize,
    requests: Vec<(u64, FlushRequest)>,
}

/// What is to be done once everything up to a position is settled.
#[derive(Clone, Debug)]
pub(crate) struct FlushRequest {
    /// Until when the output has time to pass on what it holds back.
    pub(crate) deadline: Option<Instant>,
    /// Not only to the operating system: to the storage device.
    pub(crate) sync: bool,
    pub(crate) ticket: Arc<FlushTicket>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Progress { state: Mutex::new(ProgressState { waiting: 0, requests: Vec::new() }), room: Condvar::new() }
    }

    /// Waits until `attempt` gives something. It is called under the lock, and does not wait itself. `None` if the deadline passes before.
    #[cold]
    pub(crate) fn wait_for_room<R>(
        &self,
        deadline: Option<Instant>,
        mut attempt: impl FnMut() -> Option<R>,
    ) -> Option<R> {
        let mut state = self.state.lock();
        let mut timed_out = false;
        loop {
            if let Some(result) = attempt() {
                return Some(result);
            }
            if timed_out {
                return None;
            }
            state.waiting += 1;
            (state, timed_out) = self.room.wait_until(state, deadline);
            state.waiting -= 1;
        }
    }

    /// Wakes those who wait for room. Called after there is some, or after it has become certain that there will be none.
    pub(crate) fn notify_room(&self) {
        // The lock is what makes sure that who tried before is asleep by now.
        if self.state.lock().waiting > 0 {
            self.room.notify_all();
        }
    }

    /// Asks for `demand` to be met once all up to `position` is settled. Whoever asks then sees to it that a reader comes.
    pub(crate) fn request_flush(&self, position: u64, request: FlushRequest) {
        self.state.lock().requests.push((position, request));
    }

    /// All up to `position` is settled: returns the requests that can now be met.
    pub(crate) fn take_due(&self, position: u64) -> Vec<FlushRequest> {
        let mut state = self.state.lock();
        if state.requests.is_empty() {
            return Vec::new();
        }
        let (due, later) = state.requests.drain(..).partition(|(wanted, _)| *wanted <= position);
        state.requests = later;
        let due: Vec<(u64, FlushRequest)> = due;
        due.into_iter().map(|(_, request)| request).collect()
    }

    /// Nobody waits for this any more.
    pub(crate) fn withdraw(&self, ticket: &Arc<FlushTicket>) {
        self.state.lock().requests.retain(|(_, request)| !Arc::ptr_eq(&request.ticket, ticket));
    }

    /// Takes all requests, whatever they wait for.
    pub(crate) fn take_all(&self) -> Vec<FlushRequest> {
        std::mem::take(&mut self.state.lock().requests).into_iter().map(|(_, request)| request).collect()
    }
}

/// Where one waits until a demand is met: a thread, or a task.
#[derive(Debug)]
pub(crate) struct FlushTicket {
    state: Mutex<FlushTicketState>,
    done: Condvar,
}

#[derive(Debug, Default)]
struct FlushTicketState {
    result: Option<io::Result<()>>,
    waker: Option<Waker>,
}

impl FlushTicket {
    pub(crate) fn new() -> Self {
        FlushTicket { state: Mutex::new(FlushTicketState::default()), done: Condvar::new() }
    }

    /// The demand was met, or could not be.
    pub(crate) fn complete(&self, result: io::Result<()>) {
        let mut state = self.state.lock();
        state.result = Some(result);
        let waker = state.waker.take();
        drop(state);
        self.done.notify_all();
        // Outside the lock: a waker is a program's own code. And contained, since others wait for what comes after this.
        if let Some(waker) = waker
            && let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake()))
        {
            drop_quietly(payload);
        }
    }

    /// Waits for the result; `None` if the deadline passes before.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Option<io::Result<()>> {
        let mut state = self.state.lock();
        loop {
            if let Some(result) = state.result.take() {
                return Some(result);
            }
            let timed_out;
            (state, timed_out) = self.done.wait_until(state, deadline);
            if timed_out {
                return state.result.take();
            }
        }
    }
}

/// Waits for a ticket as a task.
#[derive(Debug)]
pub(crate) struct TicketFuture(pub(crate) Arc<FlushTicket>);

impl Future for TicketFuture {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Outside the lock, both this and the drop below: what wakers do is a program's own code too.
        let waker = context.waker().clone();
        let mut state = self.0.state.lock();
        if let Some(result) = state.result.take() {
            return Poll::Ready(result);
        }
        let before = state.waker.replace(waker);
        drop(state);
        drop(before);
        Poll::Pending
    }
}
