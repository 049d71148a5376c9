//! Waiting for a ring: for room, and for a flush.
//!
//! A thread waits for room at most as long as its output stands still: see [`Patience`]. The time counts from the output's last progress, and not
//! from the record, so a queue whose output has stopped holds up its threads once, and not once for each record.
//!
//! One lock protects all of it. A reader takes the lock once or twice for each batch, other threads only when they have to wait. A thread
//! that waits for room tries to push again *under the lock* before it sleeps. The reader makes room first and then takes the lock to
//! notify. So either the thread finds the room, or it sleeps before the reader notifies, and is woken.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::output::wake_contained;
use crate::sync::model::{Condvar, Mutex};
use crate::sync::{Arc, AtomicU64, Ordering, prepare_to_wait};

/// The threads that wait for room in a ring, and the flushes that were requested of it.
#[derive(Debug)]
pub(crate) struct Progress {
    state: Mutex<ProgressState>,
    room_made: Condvar,
    /// Changes whenever the output takes something.
    taken: AtomicU64,
}

/// How long a thread waits for room in a ring.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience {
    /// Until then.
    Until(Instant),
    /// As long as the output makes progress at least once in this time.
    Without(Duration),
}

#[derive(Debug)]
struct ProgressState {
    /// How many threads wait for room.
    waiters: usize,
    /// Since when a batch is being written, if one is.
    writing_since: Option<Instant>,
    /// Since when a thread has waited while the output made no progress, and how much the output had taken then.
    stall: Option<(Instant, u64)>,
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
    /// The tag of the record whose log call waits for this, if one does.
    pub(crate) call: Option<u32>,
    /// Where the caller waits for the result.
    pub(crate) ticket: Arc<FlushTicket>,
}

impl ProgressState {
    /// Returns since when the output makes no progress.
    fn stalled_since(&mut self, taken: u64) -> Instant {
        match self.stall {
            Some((since, then)) if then == taken => since,
            stall => {
                // The first thread that waits since the last progress: the output may have stood still for a while already.
                let began = if stall.is_none() { self.writing_since } else { None };
                let since = began.unwrap_or_else(Instant::now);
                self.stall = Some((since, taken));
                since
            }
        }
    }
}

impl Progress {
    pub(crate) fn new() -> Self {
        let state = ProgressState { waiters: 0, writing_since: None, stall: None, requests: Vec::new() };
        Progress { state: Mutex::new(state), room_made: Condvar::new(), taken: AtomicU64::new(0) }
    }

    /// Notes that the output has taken something, and so does not stand still.
    pub(crate) fn note_taken(&self) {
        // Relaxed: only whether it changes matters.
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// Calls `attempt` until it returns something, and waits for room in between. `attempt` runs under the lock and must not wait. `None`
    /// if the patience ends before.
    #[cold]
    pub(crate) fn wait_for_room<R>(&self, patience: Patience, mut attempt: impl FnMut() -> Option<R>) -> Option<R> {
        prepare_to_wait();
        let mut state = self.state.lock();
        loop {
            if let Some(result) = attempt() {
                return Some(result);
            }
            let deadline = match patience {
                Patience::Until(deadline) => Some(deadline),
                // Relaxed: only whether it changes matters, and `stall` is under the lock.
                Patience::Without(time) => state.stalled_since(self.taken.load(Ordering::Relaxed)).checked_add(time),
            };
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return None;
            }
            state.waiters += 1;
            (state, _) = self.room_made.wait_until(state, deadline);
            state.waiters -= 1;
        }
    }

    /// Returns when the patience of a thread ends that waits for the ring to be empty, if the output makes no progress until then. `None` if
    /// never.
    pub(crate) fn patience_ends(&self, time: Duration) -> Option<Instant> {
        self.state.lock().stalled_since(self.taken.load(Ordering::Relaxed)).checked_add(time)
    }

    /// Notes that a batch was drained, which made room, and is written now. Wakes the threads that wait for room.
    pub(crate) fn begin_batch(&self) {
        let now = Instant::now();
        let mut state = self.state.lock();
        state.writing_since = Some(now);
        state.stall = None;
        let waiters = state.waiters;
        drop(state);
        if waiters > 0 {
            self.room_made.notify_all();
        }
    }

    /// Wakes the threads that wait for room, so that they try again: after the ring was closed, or their wait was given up.
    pub(crate) fn notify_room(&self) {
        // The lock ensures that a thread whose attempt failed before is asleep by now.
        if self.state.lock().waiters > 0 {
            self.room_made.notify_all();
        }
    }

    /// Enters a request that is due once every record up to `position` is resolved. The caller must then have a thread drain the queue.
    pub(crate) fn request_flush(&self, position: u64, request: FlushRequest) {
        let mut space = Vec::new();
        loop {
            let mut state = self.state.lock();
            let count = state.requests.len();
            if count == state.requests.capacity() {
                if space.capacity() <= count {
                    // Allocated outside the lock: the program's allocator may log, and that call may need the lock.
                    drop(state);
                    space = Vec::with_capacity(2 * count + 2);
                    continue;
                }
                space.append(&mut state.requests);
                std::mem::swap(&mut space, &mut state.requests);
            }
            return state.requests.push((position, request));
        }
    }

    /// Notes that every record up to `position` is resolved, and returns the requests that are due.
    pub(crate) fn take_due(&self, position: u64) -> Vec<FlushRequest> {
        let mut state = self.state.lock();
        state.writing_since = None;
        state.stall = None;
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

    /// Removes and returns the requests of log calls whose records have a tag that `is_given_up`.
    pub(crate) fn take_calls(&self, mut is_given_up: impl FnMut(u32) -> bool) -> Vec<FlushRequest> {
        let mut state = self.state.lock();
        let is_call = |(_, request): &mut (u64, FlushRequest)| request.call.is_some_and(&mut is_given_up);
        state.requests.extract_if(.., is_call).map(|(_, request)| request).collect()
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
        // Outside the lock, because a waker is the program's own code.
        waker.into_iter().for_each(wake_contained);
    }

    /// Waits for the result; `None` if the deadline passes before.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Option<io::Result<()>> {
        prepare_to_wait();
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

#[cfg(all(test, not(logscope_loom)))]
mod tests;
