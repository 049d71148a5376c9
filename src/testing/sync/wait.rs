//! Waiting for what nobody signals: looking again and again, and trying again and again.

use std::fmt;
use std::future::poll_fn;
use std::panic::Location;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::backoff::Backoff;
use super::signal::wake_up_at;
use crate::error::{Error, ErrorKind};
use crate::sync::thread;

/// What a look at a condition finds; implemented for `bool`, `Option` and `Result`, for [`wait_until`].
///
/// `true`, `Some` and `Ok` end the wait. The last `Err` is shown in the failure.
pub trait Look {
    /// What the wait returns.
    type Found;

    /// Returns what was found, or what is there instead.
    ///
    /// # Errors
    ///
    /// If it is not what is waited for: a text of what is there instead, for the failure.
    fn found(self) -> Result<Self::Found, String>;
}

impl Look for bool {
    type Found = ();

    fn found(self) -> Result<(), String> {
        if self { Ok(()) } else { Err("false".to_owned()) }
    }
}

impl<T> Look for Option<T> {
    type Found = T;

    fn found(self) -> Result<T, String> {
        self.ok_or_else(|| "None".to_owned())
    }
}

impl<T, E: fmt::Debug> Look for Result<T, E> {
    type Found = T;

    fn found(self) -> Result<T, String> {
        self.map_err(|error| format!("Err({error:?})"))
    }
}

/// Looks until `look` returns true, `Some` or `Ok`, at most for `deadline` on the monotonic clock.
///
/// ```
/// use std::time::Duration;
///
/// use logscope::testing::wait_until;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("pid");
/// # std::fs::write(&path, "4711")?;
/// // The last error would be in the failure.
/// let pid = wait_until(Duration::from_secs(10), || std::fs::read_to_string(&path))?;
/// # assert_eq!(pid, "4711");
///
/// let error = wait_until(Duration::from_millis(5), || Err::<(), _>("3 of 4 workers")).unwrap_err();
/// assert!(error.to_string().contains(r#"last: Err("3 of 4 workers")"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It looks at once, and then after pauses, of a millisecond first and of 50 in the end, and a last time when the deadline is over. Where the code
/// under test can say that it is done, a [`Signal`](super::Signal) is quicker. For records of a log there is `within`, which is woken.
///
/// # Errors
///
/// [`ErrorKind::TimedOut`], with the place of this call, how often it looked, and what it saw last.
#[track_caller]
pub fn wait_until<L: Look>(deadline: Duration, mut look: impl FnMut() -> L) -> Result<L::Found, Error> {
    let mut looks = Looks::begin(deadline, Location::caller());
    loop {
        match looks.next(look())? {
            Next::Found(found) => return Ok(found),
            Next::Pause(until) => thread::sleep(until.saturating_duration_since(Instant::now())),
        }
    }
}

/// Looks as [`wait_until`] does, in a task: at most for `deadline` from this call on.
///
/// Works with any executor: a thread of the library wakes the task for each look.
///
/// ```
/// # use std::time::Duration;
/// # use logscope::testing::wait_until_async;
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let task = tokio::spawn(async {});
/// wait_until_async(Duration::from_secs(10), || task.is_finished()).await
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Those of [`wait_until`], and [`ErrorKind::Lock`] if that thread cannot be started.
#[track_caller]
pub fn wait_until_async<L: Look>(
    deadline: Duration,
    mut look: impl FnMut() -> L,
) -> impl Future<Output = Result<L::Found, Error>> {
    let mut looks = Looks::begin(deadline, Location::caller());
    async move {
        loop {
            match looks.next(look())? {
                Next::Found(found) => return Ok(found),
                Next::Pause(until) => pause_until(until).await?,
            }
        }
    }
}

/// Waits in a task until some time.
async fn pause_until(until: Instant) -> Result<(), Error> {
    let mut wake_up = None;
    poll_fn(|cx| {
        drop(wake_up.take());
        if until <= Instant::now() {
            return Poll::Ready(Ok(()));
        }
        wake_up = Some(wake_up_at(until, cx)?);
        Poll::Pending
    })
    .await
}

/// A wait that goes on.
struct Looks {
    until: Option<Instant>,
    deadline: Duration,
    caller: &'static Location<'static>,
    pauses: Box<dyn Iterator<Item = Duration> + Send>,
    count: u64,
}

enum Next<T> {
    Found(T),
    Pause(Instant),
}

impl Looks {
    fn begin(deadline: Duration, caller: &'static Location<'static>) -> Self {
        let until = Instant::now().checked_add(deadline);
        Looks { until, deadline, caller, pauses: Box::new(Backoff::new().pauses()), count: 0 }
    }

    fn next<L: Look>(&mut self, look: L) -> Result<Next<L::Found>, Error> {
        self.count += 1;
        let last = match look.found() {
            Ok(found) => return Ok(Next::Found(found)),
            Err(last) => last,
        };
        let now = Instant::now();
        if self.until.is_some_and(|until| until <= now) {
            let Looks { deadline, caller, count, .. } = self;
            let text = format!("{caller}: not within {deadline:?}: looked {count} times, last: {last}");
            return Err(Error::new(ErrorKind::TimedOut, text));
        }
        let next = now + self.pauses.next().unwrap_or_default();
        Ok(Next::Pause(self.until.map_or(next, |until| until.min(next))))
    }
}

/// Calls `attempt` until it returns `Ok`, with pauses as `backoff` says, and returns what the last attempt returned.
///
/// ```
/// use logscope::testing::{Backoff, retry};
///
/// # let mut connections = [Err("refused"), Ok("connected")].into_iter();
/// # let mut connect = || connections.next().unwrap();
/// let connected = retry(Backoff::new().attempts(5), || connect())?;
/// # assert_eq!(connected, "connected");
/// # Ok::<(), &'static str>(())
/// ```
///
/// Each failure is logged at DEBUG, with the target `logscope::testing`.
///
/// # Errors
///
/// The error of the last attempt.
pub fn retry<T, E: fmt::Debug>(backoff: Backoff, mut attempt: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    let mut pauses = backoff.pauses();
    for number in 1_u64.. {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(error) => {
                let Some(pause) = pauses.next() else { return Err(error) };
                tracing::debug!(target: "logscope::testing", ?error, "attempt {number} has failed: the next one in {pause:?}");
                thread::sleep(pause);
            }
        }
    }
    unreachable!("there are more numbers than attempts")
}
