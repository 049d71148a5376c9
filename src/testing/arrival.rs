//! Waiting for records in a task.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::query::Query;
use super::store::Kept;
use crate::output::wake_contained;
use crate::process::start_thread;
use crate::queue::FlushTicket;
use crate::sync::{Arc, Mutex};

impl Query {
    /// Waits, as a task, until there is a record that is asked for, or the [deadline](Query::within) is over. Then returns the query, which
    /// does not wait any more. Without a deadline it does not wait at all.
    ///
    /// ```
    /// use std::time::Duration;
    /// use logscope::{InContext as _, testing};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(
    /// testing::capture_async(|log| async move {
    ///     tokio::spawn(async { tracing::info!("linked") }.in_current_context());
    ///     log.records().message("linked").within(Duration::from_secs(5)).arrived().await.one();
    /// })
    /// # );
    /// ```
    ///
    /// It needs no runtime: a thread counts the time, until the future is dropped.
    pub fn arrived(self) -> impl Future<Output = Query> + Send {
        self.arrived_times(1)
    }

    /// Waits as [`arrived`](Query::arrived) does, until there are so many records, one at least.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use logscope::{InContext as _, testing};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(
    /// testing::capture_async(|log| async move {
    ///     for part in 0..3 {
    ///         tokio::spawn(async move { tracing::info!(part, "linked") }.in_current_context());
    ///     }
    ///     log.records().message("linked").within(Duration::from_secs(5)).arrived_times(3).await.exactly(3);
    /// })
    /// # );
    /// ```
    pub fn arrived_times(self, times: usize) -> impl Future<Output = Query> + Send {
        let deadline = self.deadline();
        Arrival { query: self, times: times.max(1), found: Vec::new(), seen: 0, deadline, timer: None }
    }
}

/// The future of [`Query::arrived`].
struct Arrival {
    query: Query,
    /// So many are waited for.
    times: usize,
    found: Vec<Kept>,
    seen: usize,
    deadline: Option<Instant>,
    /// Made when there is something to wait for.
    timer: Option<Timer>,
}

impl Future for Arrival {
    type Output = Query;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Query> {
        let this = &mut *self;
        loop {
            this.query.look(&mut this.found, &mut this.seen);
            let Some(deadline) = this.deadline else { break };
            if this.found.len() >= this.times {
                break;
            }
            // The waker is left before the time is looked at, so that no end of the time is missed.
            let timer = this.timer.get_or_insert_with(|| Timer::start(deadline));
            timer.leave(cx.waker());
            if Instant::now() >= deadline || timer.is_broken {
                break;
            }
            if this.query.store().wake_for_more(this.seen, cx.waker()) {
                return Poll::Pending;
            }
        }
        let mut query = this.query.clone();
        query.arrived_within = query.patience.take();
        Poll::Ready(query)
    }
}

/// A thread that wakes a task at a deadline, unless this is dropped before.
struct Timer {
    waker: Arc<Mutex<Option<Waker>>>,
    cancelled: Arc<FlushTicket>,
    /// True if there can be no thread.
    is_broken: bool,
}

impl Timer {
    fn start(deadline: Instant) -> Timer {
        let waker: Arc<Mutex<Option<Waker>>> = Arc::default();
        let cancelled = Arc::new(FlushTicket::new());
        let (to_wake, is_cancelled) = (Arc::clone(&waker), Arc::clone(&cancelled));
        let started = start_thread("logscope-testing", move || {
            if is_cancelled.wait(Some(deadline)).is_none() {
                let waker = to_wake.lock().take();
                waker.into_iter().for_each(wake_contained);
            }
        });
        Timer { waker, cancelled, is_broken: started.is_err() }
    }

    fn leave(&self, waker: &Waker) {
        let waker = waker.clone();
        let before = self.waker.lock().replace(waker);
        // Outside the lock: a waker is code of the program's.
        drop(before);
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.cancelled.complete(Ok(()));
    }
}
