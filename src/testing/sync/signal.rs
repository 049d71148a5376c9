//! Signals: what one thread or task says, and others wait for.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::counted::Counted;
use crate::error::{Error, ErrorKind};
use crate::lock::{ForeignWaker, Parker, WakeUp};
use crate::sync::Arc;

/// Tells threads and tasks that something has happened: one type for both. Clones are the same signal.
///
/// ```
/// use std::time::Duration;
///
/// use logscope::testing::Signal;
///
/// let ready = Signal::named("the server is ready");
/// let server = std::thread::spawn({
///     let ready = ready.clone();
///     move || ready.set()
/// });
/// ready.wait(Duration::from_secs(10))?;
/// assert!(ready.is_set());
/// # server.join().unwrap();
/// # Ok::<(), logscope::Error>(())
/// ```
///
/// It is set once, or many times: each [`set`](Signal::set) counts, and [`wait_for`](Signal::wait_for) waits for a number of them. It is never
/// unset, so whoever comes late does not wait, and no order of the threads loses a signal. What was done before a signal was set has happened
/// for whoever has waited for it.
#[derive(Clone)]
pub struct Signal(Arc<Shared>);

struct Shared {
    counted: Counted,
    name: Option<String>,
    made: &'static Location<'static>,
}

impl Signal {
    /// Makes a signal that is not set. In failures it is called after the place where it was made.
    #[must_use]
    #[track_caller]
    #[expect(clippy::new_without_default, reason = "the place of the caller would be that of `default`")]
    pub fn new() -> Self {
        Signal::of(None)
    }

    /// Makes a signal with a name, for failures.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let ready = logscope::testing::Signal::named("the server is ready");
    /// let error = ready.wait(Duration::ZERO).unwrap_err();
    /// assert!(error.is_timeout());
    /// assert!(error.to_string().contains("\"the server is ready\""));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn named(name: impl Into<String>) -> Self {
        Signal::of(Some(name.into()))
    }

    #[track_caller]
    fn of(name: Option<String>) -> Self {
        Signal(Arc::new(Shared { counted: Counted::new(), name, made: Location::caller() }))
    }

    /// Sets the signal, or sets it once more, and wakes those who have waited for that.
    ///
    /// Wakers run here, on the calling thread. They may panic, which ends in here, and may use this signal.
    pub fn set(&self) {
        self.0.counted.raise();
    }

    /// Returns how often the signal was set.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.counted.number()
    }

    /// Returns true once the signal was set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.count() > 0
    }

    /// Waits on this thread until the signal was set, at most for `deadline` on the monotonic clock.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`] if it was not set in time. The text has the name of the signal and the place of this call.
    #[track_caller]
    pub fn wait(&self, deadline: Duration) -> Result<(), Error> {
        self.wait_for(1, deadline)
    }

    /// Waits on this thread until the signal was set so many `times` in all, at most for `deadline` on the monotonic clock.
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Signal::wait).
    #[track_caller]
    pub fn wait_for(&self, times: u64, deadline: Duration) -> Result<(), Error> {
        // A time that the clock does not reach is no deadline.
        let until = Instant::now().checked_add(deadline);
        let parker = Arc::new(Parker::new());
        let waker = Waker::from(Arc::clone(&parker));
        let mut place = Place { signal: self.clone(), times, ticket: None };
        while !place.ask(waker.clone()) {
            // It may have been set at the last moment.
            if !parker.wait_until(until) && self.count() < times {
                return Err(self.timed_out(times, deadline, Location::caller()));
            }
        }
        Ok(())
    }

    /// Waits in a task until the signal was set, at most for `deadline` from this call on.
    ///
    /// Works with any executor: a thread of the library wakes the task when the time is over. The deadline is one of real time, also where
    /// tokio's time is paused. A future that is dropped waits no more.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use logscope::testing::Signal;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let ready = Signal::new();
    /// tokio::spawn({
    ///     let ready = ready.clone();
    ///     async move { ready.set() }
    /// });
    /// ready.wait_async(Duration::from_secs(10)).await
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Signal::wait), and [`ErrorKind::Lock`] if that thread cannot be started.
    #[track_caller]
    pub fn wait_async(&self, deadline: Duration) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.wait_for_async(1, deadline)
    }

    /// Waits in a task until the signal was set so many `times` in all, at most for `deadline` from this call on.
    ///
    /// # Errors
    ///
    /// Those of [`wait_async`](Signal::wait_async).
    #[track_caller]
    pub fn wait_for_async(
        &self,
        times: u64,
        deadline: Duration,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        Waiting {
            place: Place { signal: self.clone(), times, ticket: None },
            until: Instant::now().checked_add(deadline),
            deadline,
            caller: Location::caller(),
            wake_up: None,
        }
    }

    #[cold]
    fn timed_out(&self, times: u64, deadline: Duration, caller: &Location<'_>) -> Error {
        let wanted = if times == 1 { String::new() } else { format!(" {times} times") };
        let count = self.count();
        Error::new(
            ErrorKind::TimedOut,
            format!("{caller}: {self} was not set{wanted} within {deadline:?}: it was set {count} times"),
        )
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.name {
            Some(name) => write!(f, "the signal {name:?}"),
            None => write!(f, "the signal that was made at {}", self.0.made),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signal").field("name", &self.0.name).field("count", &self.count()).finish()
    }
}

/// Somebody who waits. Dropping it gives up.
struct Place {
    signal: Signal,
    times: u64,
    ticket: Option<u64>,
}

impl Place {
    fn ask(&mut self, waker: Waker) -> bool {
        self.signal.0.counted.ask(self.times, &mut self.ticket, waker)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.signal.0.counted.leave(ticket);
        }
    }
}

/// A task that waits.
struct Waiting {
    place: Place,
    until: Option<Instant>,
    deadline: Duration,
    caller: &'static Location<'static>,
    wake_up: Option<WakeUp>,
}

impl Future for Waiting {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.wake_up = None;
        if self.place.ask(cx.waker().clone()) {
            return Poll::Ready(Ok(()));
        }
        if let Some(until) = self.until {
            if until <= Instant::now() {
                let Waiting { place: Place { signal, times, .. }, deadline, caller, .. } = &*self;
                return Poll::Ready(Err(signal.timed_out(*times, *deadline, caller)));
            }
            self.wake_up = Some(wake_up_at(until, cx)?);
        }
        Poll::Pending
    }
}

/// Has the task woken at some time.
pub(super) fn wake_up_at(when: Instant, cx: &mut Context<'_>) -> Result<WakeUp, Error> {
    WakeUp::at(when, ForeignWaker::new(cx.waker().clone())).map_err(|error| {
        Error::from_io(ErrorKind::Lock, "cannot start the thread that wakes tasks at their deadlines", error)
    })
}
