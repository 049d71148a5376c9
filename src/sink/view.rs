//! Views of outputs: what contexts are given.

use std::any::Any;
use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use tracing::Level;
use tracing::level_filters::LevelFilter;

use super::exit;
use crate::background::{Account, NumberedRenderer, OpenAccount, Queue, QueueHandle};
use crate::delivery::{Core, Fate, Flush, Loss, Outcome};
use crate::error::{Error, Kind};
use crate::format::{Format, Renderer, Scratch};
use crate::output::{Output, Target, not_reopened};
use crate::record::Record;
use crate::sync::{Arc, Weak};

/// A view of an output: with a format and a threshold. Clones are the same view, and cheap.
///
/// ```
/// use logscope::{Format, LevelFilter, sink};
///
/// let (log, memory) = sink::memory();
/// let summary = log.max_level(LevelFilter::WARN).format(Format::build());
/// assert_eq!(summary.to_string(), "memory");
/// # drop(memory);
/// ```
#[derive(Clone)]
#[must_use = "a sink receives records once a context is given it, with `.sink(…)`"]
pub struct Sink(pub(super) Arc<View>);

pub(super) struct View {
    pub(super) core: Arc<Core>,
    /// Keeps open what the output needs: the entry of a file in its registry. After `core`, so that the last view closes the file.
    keep: Option<Arc<dyn Any + Send + Sync>>,
    /// After both: where there is a queue, it and not this is the last that holds them.
    queue: Option<QueueView>,
    renderer: Renderer,
    max_level: LevelFilter,
}

/// A view's way through a queue.
struct QueueView {
    handle: Arc<QueueHandle>,
    /// The number by which the queue knows the view's renderer.
    renderer: u8,
}

impl Sink {
    /// This output seen in another format; the threshold stays. A sink's format is [`Format::text`] unless set.
    pub fn format(&self, format: Format) -> Sink {
        self.with(Renderer::new(&format, self.0.core.screen()), self.0.max_level)
    }

    /// Returns a view of this output with another threshold: records above `max_level` do not go there. The format stays.
    ///
    /// A log that prints `seq` ([`Format::json`], [`Format::logfmt`]) then lacks the numbers of those records. A reader learns the threshold
    /// from [`SinkSnapshot::max_level`](crate::SinkSnapshot::max_level).
    pub fn max_level(&self, max_level: impl Into<LevelFilter>) -> Sink {
        self.with(self.0.renderer.clone(), max_level.into())
    }

    /// This output with a queue in front of it: the call that logs puts the finished line into the queue, and a writer thread takes it to
    /// the output, with many others in one write. There are few such threads for any number of queues.
    ///
    /// What is in a queue is written within a few milliseconds; when the process ends in an ordinary way, for which it is given
    /// [five seconds](crate::Configure::exit_deadline); soon after the last sink is dropped, which does not wait; and when it is asked for, by
    /// [`flush`](Sink::flush), [`logscope::flush`](crate::flush) or [`logscope::shutdown`](crate::shutdown). A process that is killed
    /// loses it: see [the module](crate::sink#durability).
    ///
    /// Views with equal options share a queue. Those that are not queued, or otherwise, go on writing to the same output, in an order
    /// that is not defined.
    ///
    /// A [`records`](super::records()) sink stays as it is: what it is given lives only as long as the call. A [`test`](super::test()) sink can be queued, but the test
    /// harness captures what the test's own thread prints only.
    ///
    /// ```
    /// use logscope::{OutputContext, sink};
    /// use std::time::Duration;
    ///
    /// let (memory, lines) = sink::memory();
    /// let uno = OutputContext::builder("uno").sink(memory.queued(sink::Queue::new())).build();
    /// # logscope::init()?;
    /// uno.scope(|| tracing::info!("compiling"));
    /// uno.flush(Duration::from_secs(5)).into_result()?;
    /// assert_eq!(lines.len(), 1);
    /// # Ok::<(), logscope::Error>(())
    /// ```
    pub fn queued(&self, queue: Queue) -> Sink {
        let View { core, keep, renderer, max_level, .. } = &*self.0;
        if !core.takes_lines() {
            return self.clone();
        }
        exit::install();
        let handle = QueueHandle::find_or_make(core, keep.clone(), queue);
        Sink::view(Arc::clone(core), keep.clone(), Some(handle), renderer.clone(), *max_level)
    }

    /// What became of all the records that were delivered to this output, through any of its views.
    #[must_use = "the outcome says whether records were lost: ask `is_complete()`"]
    pub fn ledger(&self) -> Outcome {
        self.0.core.outcome()
    }

    /// Has everything that was logged before this call written, passed on by the output if it holds anything back, and waits for that no longer
    /// than `deadline`. Returns what became of the output's records: [`Outcome::into_result`] makes an error of it if one is missing.
    /// What others log meanwhile is not waited for, and not counted as long as it is pending. A failure is told on stderr too.
    ///
    /// Called from inside an output (by a writer, a callback), where waiting could be waiting for oneself, it only says what
    /// became of the records so far.
    #[must_use = "the outcome says whether records were lost: ask `is_complete()`"]
    pub fn flush(&self, deadline: Duration) -> Outcome {
        let until = Instant::now().checked_add(deadline);
        match Flush::begin(&self.0.core, until, false) {
            Some(flush) => flush.finish(until),
            None => self.ledger(),
        }
    }

    /// [`flush`](Sink::flush) for a task: it begins when this is called, whether or not what is returned is polled. It has no deadline
    /// of its own: put it under your runtime's timeout.
    ///
    /// A sink that is not queued is flushed in the call itself.
    ///
    /// ```
    /// # logscope::init()?;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    /// # runtime.block_on(async {
    /// use logscope::sink;
    /// use std::time::Duration;
    ///
    /// let log = sink::writer(Vec::new()).queued(sink::Queue::new());
    /// let outcome = tokio::time::timeout(Duration::from_secs(5), log.flush_async()).await?;
    /// assert!(outcome.is_complete());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use = "a future does nothing unless it is awaited, and its outcome says whether everything was written"]
    pub fn flush_async(&self) -> impl Future<Output = Outcome> + Send + use<> {
        let core = Arc::clone(&self.0.core);
        let flush = Flush::begin_for_task(&core);
        async move {
            match flush {
                Some(flush) => flush.finish_as_task().await,
                None => core.outcome(),
            }
        }
    }

    /// [Flushes](Sink::flush), and then has the storage device take what was written (`fdatasync`), so that it survives a power cut.
    ///
    /// # Errors
    ///
    /// [`is_incomplete`](Error::is_incomplete) if that is not certain: the deadline has passed, the device failed, records are pending, or
    /// the output is not on a storage device. Records that failed or were dropped before are in the [ledger](Sink::ledger).
    pub fn sync(&self, deadline: Duration) -> Result<(), Error> {
        let until = Instant::now().checked_add(deadline);
        let result = match Flush::begin(&self.0.core, until, true) {
            Some(flush) => flush.wait(until).1,
            None => Err(io::Error::other("it cannot be waited for from inside an output")),
        };
        result.map_err(|error| {
            let name = self.describe();
            let reason = match error.kind() {
                io::ErrorKind::Unsupported => String::from("it is not on a storage device"),
                io::ErrorKind::TimedOut => {
                    format!("it took longer than {deadline:?}, and {} records are pending", self.ledger().pending)
                }
                _ => error.to_string(),
            };
            Error::new(Kind::Incomplete, format!("{name} cannot be synced: {reason}")).with_source(error)
        })
    }

    /// Has the output open anew what it writes to, by the name that it has: for a file that `logrotate`, or another program, has
    /// moved away. No record is lost: what is being written meanwhile goes to the one file or to the other.
    ///
    /// # Errors
    ///
    /// [`is_open`](Error::is_open) if it cannot be opened, or is not a file; then everything is as before.
    pub fn reopen(&self) -> Result<(), Error> {
        self.0.core.reopen().map_err(|error| not_reopened(self.describe(), error))
    }

    /// What the output is called in messages: `stdout`, `file build/uno.log`.
    #[must_use]
    pub fn describe(&self) -> &str {
        self.0.core.name()
    }

    /// The first view of an output that takes lines: in text, without threshold.
    pub(super) fn over(output: impl Output) -> Sink {
        Sink::on(Core::new(Target::Lines(Box::new(output))), None)
    }

    /// The first view of `core`, which keeps `keep` as long as it lives: in text, without threshold.
    pub(super) fn on(core: Arc<Core>, keep: Option<Arc<dyn Any + Send + Sync>>) -> Sink {
        let renderer = Renderer::new(&Format::text(), core.screen());
        Sink::view(core, keep, None, renderer, LevelFilter::TRACE)
    }

    /// Another view of the same output.
    fn with(&self, renderer: Renderer, max_level: LevelFilter) -> Sink {
        let View { core, keep, queue, .. } = &*self.0;
        let handle = queue.as_ref().map(|queue| Arc::clone(&queue.handle));
        Sink::view(Arc::clone(core), keep.clone(), handle, renderer, max_level)
    }

    fn view(
        core: Arc<Core>,
        keep: Option<Arc<dyn Any + Send + Sync>>,
        handle: Option<Arc<QueueHandle>>,
        renderer: Renderer,
        max_level: LevelFilter,
    ) -> Sink {
        let queue = handle.map(|handle| QueueView { renderer: handle.queued().renderer_number(&renderer), handle });
        Sink(Arc::new(View { core, queue, keep, renderer, max_level }))
    }

    /// Opens an account with the sink's queue, if it has one, for a context that is given the sink.
    pub(crate) fn attach(&self, account: &Arc<impl Account + 'static>) -> Option<OpenAccount> {
        let queue = self.0.queue.as_ref()?;
        Some(OpenAccount::open(&queue.handle, Arc::clone(account) as Arc<dyn Account>))
    }

    /// Begins to flush the output.
    pub(crate) fn begin_flush(&self, deadline: Option<Instant>) -> Option<Flush> {
        Flush::begin(&self.0.core, deadline, false)
    }

    /// Begins to flush the output for a task.
    pub(crate) fn begin_flush_for_task(&self) -> Option<Flush> {
        Flush::begin_for_task(&self.0.core)
    }

    /// What is left of the output where no sink of it is, as long as something is on its way there.
    pub(crate) fn output_ref(&self) -> OutputRef {
        OutputRef(Arc::downgrade(&self.0.core))
    }

    /// True if this and `other` are views of one output.
    pub(crate) fn has_output_of(&self, other: &Sink) -> bool {
        Arc::ptr_eq(&self.0.core, &other.0.core)
    }

    /// True if a record of this level goes here.
    #[inline]
    pub(crate) fn wants(&self, level: &Level) -> bool {
        *level <= self.0.max_level
    }

    /// The most verbose level that goes here.
    pub(crate) fn threshold(&self) -> LevelFilter {
        self.0.max_level
    }

    /// What makes lines of the records. Views of equal renderers, delivered to in a row, share a rendering.
    pub(crate) fn renderer(&self) -> &Renderer {
        &self.0.renderer
    }

    /// Delivers `record`, counts what became of it, and states in the log what is missing from it. Never panics. Returns what became of it,
    /// if that is known: a queue tells the account of `account` later.
    #[inline]
    pub(crate) fn deliver(
        &self,
        record: &Record<'_>,
        scratch: &mut Scratch,
        account: Option<&OpenAccount>,
    ) -> Option<Fate> {
        let View { core, queue, renderer, .. } = &*self.0;
        if let Some(QueueView { handle, renderer: number }) = queue {
            let via = NumberedRenderer { renderer, number: *number };
            return handle.queued().deliver(via, record, scratch, account);
        }
        let result = if core.owes() {
            core.state(renderer, record).and_then(|()| core.write(renderer, record, scratch))
        } else {
            core.write(renderer, record, scratch)
        };
        Some(core.count_result(record, result))
    }

    /// Counts records that were given up before they reached this sink; the log states them before the next record.
    pub(crate) fn count_dropped(&self, loss: Loss<'_>) {
        self.0.core.count_dropped(loss);
    }
}

/// An output that records may be on their way to although none of their sinks is left.
#[derive(Clone)]
pub(crate) struct OutputRef(Weak<Core>);

impl OutputRef {
    /// True if there is nothing on its way there any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }

    pub(crate) fn is_of(&self, sink: &Sink) -> bool {
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(&sink.0.core))
    }

    /// Begins to flush the output.
    pub(crate) fn begin_flush(&self, deadline: Option<Instant>) -> Option<Flush> {
        Flush::begin(&self.0.upgrade()?, deadline, false)
    }

    /// Begins to flush the output for a task.
    pub(crate) fn begin_flush_for_task(&self) -> Option<Flush> {
        Flush::begin_for_task(&self.0.upgrade()?)
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.describe())
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink")
            .field("output", &self.describe())
            .field("format", &format_args!("{}", self.0.renderer.format()))
            .field("max_level", &format_args!("{}", self.0.max_level))
            .field("ledger", &format_args!("{}", self.ledger()))
            .finish()
    }
}

// Nothing in a sink is left half-changed by a panic: an output that panics is counted, and its lock lets go.
impl std::panic::UnwindSafe for Sink {}
impl std::panic::RefUnwindSafe for Sink {}
