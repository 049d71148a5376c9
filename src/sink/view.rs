//! [`Sink`]: a view of an output, which contexts are given.

use std::any::Any;
use std::fmt;

use tracing::Level;
use tracing::level_filters::LevelFilter;

use super::exit;
use crate::background::{Account, OpenAccount, Queue, QueueHandle, QueuedView};
use crate::delivery::{Core, Fate, Ledger, Loss};
use crate::error::Error;
use crate::format::{Format, Renderer, Scratch};
use crate::limits::REOPEN;
use crate::output::{AnyOutput, Output, reopen_error};
use crate::record::Record;
use crate::sync::{Arc, Weak};

/// Gives records a format, and an output to go to.
///
/// ```
/// use logscope::{Format, LevelFilter, sink};
///
/// let (log, memory) = sink::memory();
/// let summary = log.max_level(LevelFilter::WARN).format(Format::build());
/// assert_eq!(summary.to_string(), "memory");
/// # drop(memory);
/// ```
///
/// A sink is a *view* of an output: it has a format and a threshold, the most verbose level that it takes. Several views can share one output.
/// Clones are the same view, and cheap.
#[derive(Clone)]
#[must_use = "a sink receives records once a context is given it, with `.sink(…)`"]
pub struct Sink(pub(super) Arc<View>);

pub(super) struct View {
    pub(super) core: Arc<Core>,
    /// Keeps the entry of a file in its registry alive. After `core`: fields drop in order, so no view holds the output any more when the last
    /// `keep` goes, which therefore closes the file.
    keep: Option<Arc<dyn Any + Send + Sync>>,
    /// After the other two, so that the queue, which also holds them, is the last that does.
    queue: Option<QueueView>,
    renderer: Renderer,
    levels: Levels,
}

/// What a view does with records by their level.
#[derive(Clone, Copy)]
struct Levels {
    /// It takes records up to this level.
    max: LevelFilter,
    /// It syncs the output after records up to this level.
    sync_at: LevelFilter,
}

/// The queue of a view that is queued.
struct QueueView {
    handle: Arc<QueueHandle>,
    /// The number that the queue gave the renderer of the view.
    renderer: u8,
}

impl Sink {
    /// Returns a view of this output with another format.
    ///
    /// ```
    /// use logscope::{Format, sink};
    ///
    /// let (sink, memory) = sink::memory();
    /// let json = sink.format(Format::json());
    /// # drop((json, memory));
    /// ```
    ///
    /// The threshold stays the same. The format of a sink is [`Format::text`] unless it is set.
    pub fn format(&self, format: Format) -> Sink {
        self.with_view(Renderer::new(&format, self.0.core.screen()), self.0.levels)
    }

    /// Returns a view of this output that takes only records up to `max_level`.
    ///
    /// ```
    /// use logscope::{LevelFilter, sink};
    ///
    /// let console = sink::stderr().max_level(LevelFilter::WARN);
    /// # drop(console);
    /// ```
    ///
    /// The format stays the same. With a format that prints [`seq`](Format::seq), the log lacks the numbers of the records that this view does
    /// not take. The program learns the threshold from [`SinkSnapshot::max_level`](crate::SinkSnapshot::max_level). A reader of the log
    /// learns it from an opening record, if the program has it written by
    /// [`write_opening_record`](crate::OutputContext::write_opening_record).
    pub fn max_level(&self, max_level: impl Into<LevelFilter>) -> Sink {
        self.with_view(self.0.renderer.clone(), Levels { max: max_level.into(), ..self.0.levels })
    }

    /// Returns a view of this output that brings records up to `level` to the storage device at once.
    ///
    /// ```
    /// use logscope::{LevelFilter, sink};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("uno.log");
    /// let log = sink::file(path).open()?.sync_at(LevelFilter::ERROR);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// With `LevelFilter::ERROR`, a call that logs an error returns after that record, and every record that was logged before it, would
    /// survive a power cut. The call waits one second at most, if other threads write to the output or the sink has a queue. A sync that
    /// fails is reported on stderr, once until one succeeds. [`Queue::sync_at`](super::Queue::sync_at) does the same for all views of a queue.
    pub fn sync_at(&self, level: impl Into<LevelFilter>) -> Sink {
        self.with_view(self.0.renderer.clone(), Levels { sync_at: level.into(), ..self.0.levels })
    }

    /// Returns a view of this output with a queue in front of it.
    ///
    /// ```
    /// use logscope::{OutputContext, sink};
    /// use std::time::Duration;
    ///
    /// let (memory, lines) = sink::memory();
    /// let uno = OutputContext::builder("uno").sink(memory.queued(sink::Queue::new())).build();
    /// # logscope::init();
    /// uno.scope(|| tracing::info!("compiling"));
    /// uno.flush(Duration::from_secs(5)).into_result()?;
    /// assert_eq!(lines.len(), 1);
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// The call that logs enqueues the finished line, and a writer thread writes it to the output, with many others in one write. There are
    /// few writer threads for any number of queues.
    ///
    /// The lines in a queue are written
    ///
    /// - within a few milliseconds, while the output keeps up;
    /// - when the process ends in an ordinary way, for [five seconds](crate::Config::exit_deadline) at most;
    /// - soon after the last sink is dropped; the drop does not wait for it;
    /// - on request, by [`flush`](Sink::flush), [`logscope::flush`](crate::flush) or [`logscope::shutdown`](crate::shutdown).
    ///
    /// A process that is killed loses the lines in the queue: see [Durability](crate::sink#durability).
    ///
    /// Views of one output with equal options share a queue. Views of the same output that are direct, or that have a queue with other
    /// options, go on writing to it, and the order between their lines and those of this queue is not defined.
    ///
    /// A [`records`](super::records()) sink stays direct, because its records live only as long as the call. A [`test`](super::test()) sink
    /// can be queued, but a writer thread prints its lines then, and the test harness captures only what the test's own thread prints.
    pub fn queued(&self, queue: Queue) -> Sink {
        let View { core, keep, renderer, levels, .. } = &*self.0;
        if !core.takes_lines() {
            return self.clone();
        }
        exit::install();
        let handle = QueueHandle::find_or_make(core, keep.clone(), queue);
        Sink::new_view(Arc::clone(core), keep.clone(), Some(handle), renderer.clone(), *levels)
    }

    /// Returns the counts of what became of all records that were delivered to this output, through any of its views.
    ///
    /// ```
    /// let (sink, _memory) = logscope::sink::memory();
    /// assert_eq!(sink.ledger().accepted, 0);
    /// ```
    #[must_use = "the ledger says whether records were lost: ask `is_complete()`"]
    pub fn ledger(&self) -> Ledger {
        self.0.core.ledger()
    }

    /// Opens the file of this output anew, by its name.
    ///
    /// ```
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("uno.log");
    /// let log = logscope::sink::file(&path).open()?;
    /// std::fs::rename(&path, path.with_extension("log.1"))?;
    /// log.reopen()?;
    /// assert!(path.exists());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// It is for a file that `logrotate` or another program has moved away. No record is lost: a record that is written meanwhile goes to the
    /// old file or to the new one. If another thread writes to the file, the call waits for a second at most; the next write then opens the
    /// file anew.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Open`](crate::ErrorKind::Open) if the file cannot be opened, or if the output is not a file. The output then goes on as before.
    pub fn reopen(&self) -> Result<(), Error> {
        self.0.core.reopen(REOPEN).map_err(|error| reopen_error(self.describe(), error))
    }

    /// Returns the name of the output in messages, such as `stdout` or `file build/uno.log`.
    #[must_use]
    pub fn describe(&self) -> &str {
        self.0.core.name()
    }

    /// Returns the first view of `output`, which takes lines: in text, without threshold.
    pub(super) fn of_output(output: impl Output) -> Sink {
        Sink::of_core(Core::new(AnyOutput::Lines(Box::new(output))), None)
    }

    /// Returns the first view of `core`: in text, without threshold. All views of the output keep `keep` alive.
    pub(super) fn of_core(core: Arc<Core>, keep: Option<Arc<dyn Any + Send + Sync>>) -> Sink {
        let renderer = Renderer::new(&Format::text(), core.screen());
        Sink::new_view(core, keep, None, renderer, Levels { max: LevelFilter::TRACE, sync_at: LevelFilter::OFF })
    }

    /// Returns another view of the same output, with the same queue.
    fn with_view(&self, renderer: Renderer, levels: Levels) -> Sink {
        let View { core, keep, queue, .. } = &*self.0;
        let handle = queue.as_ref().map(|queue| Arc::clone(&queue.handle));
        Sink::new_view(Arc::clone(core), keep.clone(), handle, renderer, levels)
    }

    fn new_view(
        core: Arc<Core>,
        keep: Option<Arc<dyn Any + Send + Sync>>,
        handle: Option<Arc<QueueHandle>>,
        renderer: Renderer,
        levels: Levels,
    ) -> Sink {
        let queue = handle.map(|handle| QueueView { renderer: handle.queued().renderer_number(&renderer), handle });
        Sink(Arc::new(View { core, queue, keep, renderer, levels }))
    }

    /// Opens an account in the sink's queue, if it has one, for a context that is given the sink.
    pub(crate) fn attach(&self, account: &Arc<impl Account + 'static>) -> Option<OpenAccount> {
        let queue = self.0.queue.as_ref()?;
        Some(OpenAccount::open(&queue.handle, Arc::clone(account) as Arc<dyn Account>))
    }

    /// Returns the output.
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.0.core
    }

    /// Returns a reference that can flush the output when all its sinks are gone, while records are still on their way to it.
    pub(crate) fn output_ref(&self) -> OutputRef {
        OutputRef(Arc::downgrade(&self.0.core))
    }

    /// True if this and `other` are views of one output.
    pub(crate) fn has_output_of(&self, other: &Sink) -> bool {
        Arc::ptr_eq(&self.0.core, &other.0.core)
    }

    /// True if this view takes records of `level`.
    #[inline]
    pub(crate) fn wants(&self, level: &Level) -> bool {
        *level <= self.0.levels.max
    }

    /// Returns the most verbose level that this view takes.
    pub(crate) fn threshold(&self) -> LevelFilter {
        self.0.levels.max
    }

    /// Returns the renderer, which makes lines of records. If views with equal renderers get a record one after the other, they share the line.
    pub(crate) fn renderer(&self) -> &Renderer {
        &self.0.renderer
    }

    /// Delivers `record`, after the notices about missing records, and counts its fate. Never panics.
    ///
    /// Returns the fate of the record, or `None` if it is in the queue, which resolves the fate for `account` later.
    #[inline]
    pub(crate) fn deliver<'r>(
        &'r self,
        record: &Record<'_>,
        scratch: &mut Scratch<'r>,
        account: Option<&OpenAccount>,
    ) -> Option<Fate> {
        let View { core, queue, renderer, levels, .. } = &*self.0;
        if let Some(QueueView { handle, renderer: number }) = queue {
            let via = QueuedView { renderer, number: *number, sync_at: levels.sync_at };
            return handle.queued().deliver(via, record, scratch, account);
        }
        let result = if core.has_missing() {
            core.write_notices(renderer, record).and_then(|()| core.write(renderer, record, scratch))
        } else {
            core.write(renderer, record, scratch)
        };
        let fate = core.count_result(record, result);
        if record.level() <= levels.sync_at {
            core.sync_record();
        }
        Some(fate)
    }

    /// Counts records that were dropped before they reached this sink. A drop notice precedes the next record in the log.
    pub(crate) fn count_dropped(&self, loss: Loss<'_>) {
        self.0.core.count_dropped(loss);
    }
}

/// A weak reference to an output. Records can be on their way to it after all its sinks are gone.
#[derive(Clone)]
pub(crate) struct OutputRef(Weak<Core>);

impl OutputRef {
    /// True if the output is closed, so no record is on its way to it.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }

    /// True if `sink` is a view of this output.
    pub(crate) fn is_of(&self, sink: &Sink) -> bool {
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(&sink.0.core))
    }

    /// Returns the output, unless it is closed.
    pub(crate) fn upgrade(&self) -> Option<Arc<Core>> {
        self.0.upgrade()
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
            .field("max_level", &format_args!("{}", self.0.levels.max))
            .field("ledger", &format_args!("{}", self.ledger()))
            .finish()
    }
}

// A panic leaves nothing in a sink half changed: the record counts as failed, and the lock of the output is released.
impl std::panic::UnwindSafe for Sink {}
impl std::panic::RefUnwindSafe for Sink {}
