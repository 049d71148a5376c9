//! Flushes, of one sink and of the process: waiting until records are written. How a flush works is in `delivery::flush`.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::exit;
use super::view::Sink;
use crate::delivery::{Flush, Ledger, flush_all};
use crate::error::{Error, ErrorKind};
use crate::limits::TASK_FLUSH;

impl Sink {
    /// Waits until all records are written that were logged to this output before the call.
    ///
    /// ```
    /// use logscope::sink;
    /// use std::time::Duration;
    ///
    /// # fn main() -> Result<(), logscope::Error> {
    /// let log = sink::writer(Vec::new()).queued(sink::Queue::new());
    /// log.flush(Duration::from_secs(5)).into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// It writes the queues in front of the output, passes on what the output itself has buffered, and waits for `deadline` at most. It returns
    /// the counts of the output's records; [`Ledger::into_result`] makes an error of them if records are missing. It does not wait for records
    /// that other threads log meanwhile, and does not count them while they are pending. A failure is also reported on stderr.
    ///
    /// Called from inside an output (by a writer or a callback), where it could wait for itself, it returns the counts at once.
    #[must_use = "the ledger says whether records were lost: ask `is_complete()`"]
    pub fn flush(&self, deadline: Duration) -> Ledger {
        let until = Instant::now().checked_add(deadline);
        match Flush::begin(&self.0.core, until, false) {
            Some(flush) => flush.finish(until),
            None => self.ledger(),
        }
    }

    /// [Flushes](Sink::flush) without blocking, for tasks.
    ///
    /// ```
    /// # logscope::init();
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    /// # runtime.block_on(async {
    /// use logscope::sink;
    /// use std::time::Duration;
    ///
    /// let log = sink::writer(Vec::new()).queued(sink::Queue::new());
    /// let ledger = tokio::time::timeout(Duration::from_secs(5), log.flush_async()).await?;
    /// assert!(ledger.is_complete());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// The flush begins with the call, whether or not the returned future is polled. It has no deadline: use the timeout of your runtime. An
    /// output without queues is flushed in the call itself, which waits for a second at most if another thread is writing to it.
    pub fn flush_async(&self) -> Flushing {
        // Holds no reference to the output: dropping a task must not run the output's `Drop`.
        let flush = Flush::begin_for_task(&self.0.core, Instant::now().checked_add(TASK_FLUSH));
        let ledger_now = self.ledger();
        Flushing::new(async move {
            match flush {
                Some(flush) => flush.finish_as_task().await,
                None => ledger_now,
            }
        })
    }

    /// [Flushes](Sink::flush) and brings the records to the storage device, so that they survive a power cut.
    ///
    /// ```
    /// use logscope::sink;
    /// use std::time::Duration;
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("uno.log");
    /// let log = sink::file(path).open()?;
    /// log.sync(Duration::from_secs(5))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// For a file this is `fdatasync`. The call waits for `deadline` at most.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Incomplete`] if this is not certain: the deadline passed, the device failed, records are pending, or the
    /// output is not on a storage device. Records that failed or were dropped before are no error; the [ledger](Sink::ledger) counts them.
    pub fn sync(&self, deadline: Duration) -> Result<(), Error> {
        let until = Instant::now().checked_add(deadline);
        let result = match Flush::begin(&self.0.core, until, true) {
            Some(mut flush) => flush.wait(until),
            None => Err(io::Error::other("it cannot be waited for from inside an output")),
        };
        result.map_err(|error| {
            let name = self.describe();
            let reason = match error.kind() {
                io::ErrorKind::TimedOut => {
                    format!("it took longer than {deadline:?}, and {} records are pending", self.ledger().pending)
                }
                io::ErrorKind::Unsupported => String::from("it is not on a storage device"),
                _ => return Error::from_io(ErrorKind::Incomplete, format_args!("{name} cannot be synced"), error),
            };
            Error::new(ErrorKind::Incomplete, format!("{name} cannot be synced: {reason}"))
        })
    }
}

/// Awaits the end of a flush; from [`Sink::flush_async`] and [`OutputContext::flush_async`](crate::OutputContext::flush_async).
///
/// ```
/// use logscope::{Ledger, OutputContext, sink};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let uno = OutputContext::builder("uno").sink(sink::null()).build();
/// let ledger: Ledger = uno.flush_async().await;
/// ledger.into_result()?; // an error if a record is missing
/// # Ok::<(), logscope::Error>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Awaiting it gives the [`Ledger`] of what was flushed, the sink or the context, as `flush` returns it: the counts of its records, and in
/// [`unflushed`](Ledger::unflushed) whether the output failed to flush. It has no deadline: use the timeout of your runtime. The flush goes on
/// if this is dropped.
#[must_use = "this waits for nothing unless it is awaited, and its ledger says whether everything was written"]
pub struct Flushing(Pin<Box<dyn Future<Output = Ledger> + Send + Sync>>);

impl Flushing {
    pub(crate) fn new(flush: impl Future<Output = Ledger> + Send + Sync + 'static) -> Self {
        Flushing(Box::pin(flush))
    }
}

impl Future for Flushing {
    type Output = Ledger;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ledger> {
        self.0.as_mut().poll(context)
    }
}

impl fmt::Debug for Flushing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flushing").finish_non_exhaustive()
    }
}

/// Waits until all outputs of the process have written the records that were logged before the call.
///
/// ```
/// use std::time::Duration;
///
/// let ledger = logscope::flush(Duration::from_secs(5));
/// assert!(ledger.is_complete(), "{ledger}");
/// ```
///
/// It waits for `deadline` at most, and returns the counts of all records of the process, including those of closed outputs. It does for all
/// outputs what [`Sink::flush`] does for one.
///
/// The call blocks. A task makes it where blocking is allowed (`spawn_blocking`), or awaits [`flush_async`](Sink::flush_async) of its sinks.
#[must_use = "the ledger says whether records were lost: ask `is_complete()`"]
pub fn flush(deadline: Duration) -> Ledger {
    flush_all(Instant::now().checked_add(deadline))
}

/// Ends all queues of the process and [flushes](flush), because the process is about to end.
///
/// ```
/// use std::time::Duration;
///
/// let ledger = logscope::shutdown(Duration::from_secs(5));
/// assert!(ledger.is_complete(), "{ledger}");
/// ```
///
/// From now on nothing is queued: each record is written in the call that logs it. This holds for sinks that are made later, too, and cannot
/// be undone.
///
/// The call waits for `deadline` at most. If an output has not taken its queue by then, the queue is abandoned: records that are logged to it
/// later are dropped, and the end of the process does not wait for the output again. The call does not wait for files that are being
/// compressed. It blocks; a task makes it where blocking is allowed (`spawn_blocking`).
///
/// A program that returns from `main` or calls `std::process::exit` need not call this: queued sinks notice that end. They do not notice other
/// ends. Call it before `abort` or `_exit`, at the end of a handler of SIGTERM, before `exec`, and on Windows before `std::process::exit`,
/// which calls `ExitProcess` there.
#[must_use = "the ledger says whether records were lost: ask `is_complete()`"]
pub fn shutdown(deadline: Duration) -> Ledger {
    exit::shutdown(deadline)
}
