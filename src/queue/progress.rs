//! Waiting for a ring: for room, and for a flush.
//!
//! One lock protects all of it. A reader takes the lock once or twice for each batch, other threads only when they have to wait. A thread
//! that waits for room tries to push again *under the lock* before it sleeps. The reader makes room first and then takes the lock to
//! notify. So either the thread finds the room, or it sleeps before the reader notifies, and is woken.

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::record::drop_quietly;
use crate::sync::Arc;
use crate::sync::model::{Condvar, Mutex};

/// The threads that wait for room in a ring, and the flushes that were requested of it.
#[derive(Debug)]
pub(crate) struct Progress {
    state: Mutex<ProgressState>,
    room_made: Condvar,
}

#[derive(Debug)]
struct ProgressState {
    /// How many threads wait for room.
    waiters: usize,
    /// Each with the position up to which records must be resolved before it is due.
    requests: Vec<(u64, FlushRequest)>,
}

/// A flush of the output, due once every record up to a position is resolved.
#[derive(Clone, Debug)]
pub(crate) struct FlushRequest {
    /// Until when the output has time to write what it buffers.
    pub(crate) deadline: Option<Instant>,
    /// True if the output must be synced to the storage device too.
    pub(crate) sync: bool,
    /// Where the caller waits for the result.
    pub(crate) ticket: Arc<FlushTicket>,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Progress { state: Mutex::new(ProgressState { waiters: 0, requests: Vec::new() }), room_made: Condvar::new() }
    }

    /// Calls `attempt` until it returns something, and waits for room in between. `attempt` runs under the lock and must not wait. `None`
    /// if the deadline passes before.
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
            state.waiters += 1;
            (state, timed_out) = self.room_made.wait_until(state, deadline);
            state.waiters -= 1;
        }
    }

    /// Wakes the threads that wait for room. To be called after room was made, or after the ring was closed.
    pub(crate) fn notify_room(&self) {
        // The lock ensures that a thread whose attempt failed before is asleep by now.
        if self.state.lock().waiters > 0 {
            self.room_made.notify_all();
        }
    }

    /// Enters a request that is due once every record up to `position` is resolved. The caller must then have a thread drain the queue.
    pub(crate) fn request_flush(&self, position: u64, request: FlushRequest) {
        self.state.lock().requests.push((position, request));
    }

    /// Returns the requests that are due, now that every record up to `position` is resolved.
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

    /// Removes the request with this ticket, on which nobody waits any more.
    pub(crate) fn withdraw(&self, ticket: &Arc<FlushTicket>) {
        self.state.lock().requests.retain(|(_, request)| !Arc::ptr_eq(&request.ticket, ticket));
    }

    /// Returns all requests, due or not.
    pub(crate) fn take_all(&self) -> Vec<FlushRequest> {
        std::mem::take(&mut self.state.lock().requests).into_iter().map(|(_, request)| request).collect()
    }
}

/// Where a thread or a task waits for the result of a flush.
#[derive(Debug)]
pub(crate) struct FlushTicket {
    state: Mutex<FlushTicketState>,
    completed: Condvar,
}

#[derive(Debug, Default)]
struct FlushTicketState {
    result: Option<io::Result<()>>,
    waker: Option<Waker>,
}

impl FlushTicket {
    pub(crate) fn new() -> Self {
        FlushTicket { state: Mutex::new(FlushTicketState::default()), completed: Condvar::new() }
    }

    /// Sets the result, and wakes the thread or the task that waits for it.
    pub(crate) fn complete(&self, result: io::Result<()>) {
        let mut state = self.state.lock();
        state.result = Some(result);
        let waker = state.waker.take();
        drop(state);
        self.completed.notify_all();
        // Outside the lock, because a waker is the program's own code. A panic of it is caught, because other callers wait for the flushes
        // that this thread completes next.
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
            (state, timed_out) = self.completed.wait_until(state, deadline);
            if timed_out {
                return state.result.take();
            }
        }
    }
}

/// Waits for the result of a flush as a task.
#[derive(Debug)]
pub(crate) struct TicketFuture(pub(crate) Arc<FlushTicket>);

impl Future for TicketFuture {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Cloned, and dropped below, outside the lock: both run the program's own code.
        let waker = context.waker().clone();
        let mut state = self.0.state.lock();
        if let Some(result) = state.result.take() {
            return Poll::Ready(result);
        }
        let previous = state.waker.replace(waker);
        drop(state);
        drop(previous);
        Poll::Pending
    }
}
