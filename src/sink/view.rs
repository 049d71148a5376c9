//! [`Sink`]: a view of an output, which contexts are given.

use std::any::Any;
use std::fmt;

use tracing::level_filters::LevelFilter;

use crate::background::{Account, OpenAccount, QueueHandle, QueuedView};
use crate::delivery::{Core, Fate, Ledger, Loss};
use crate::error::Error;
use crate::format::{Format, Renderer, Scratch};
use crate::limits::REOPEN;
use crate::output::{AnyOutput, Output, reopen_error};
use crate::record::{Record, RecordMetadata};
use crate::sync::{Arc, Weak};
use crate::verbosity::Verbosity;

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
/// A sink is a *view* of an output: it has a format, and a verbosity, which says what it takes. Several views can share one output.
/// Clones are the same view, and cheap.
#[derive(Clone)]
#[must_use = "a sink receives records once a context is given it, with `.sink(…)`"]
pub struct Sink(pub(super) Arc<View>);

pub(super) struct View {
    pub(super) core: Arc<Core>,
    /// Keeps the entry of a file in its registry alive. After `core`: fields drop in order, so no view holds the output any more when the last
    /// `keep` goes, which therefore closes the file.
    pub(super) keep: Option<Arc<dyn Any + Send + Sync>>,
    /// After the other two, so that the queue, which also holds them, is the last that does.
    queue: Option<QueueView>,
    pub(super) renderer: Renderer,
    pub(super) options: ViewOptions,
}

/// What a view has of its own, beside its renderer.
#[derive(Clone)]
pub(super) struct ViewOptions {
    /// Which records it takes.
    pub(super) verbosity: Verbosity,
    /// It syncs the output after records up to this level.
    pub(super) sync_at: LevelFilter,
    /// What it is called in messages, if the program has named it.
    pub(super) name: Option<Arc<str>>,
}

/// The queue of a view that is queued.
struct QueueView {
    handle: Arc<QueueHandle>,
    /// The number that the queue gave the renderer of the view.
    renderer: u8,
}

impl Sink {
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

    /// Returns the name of the sink in messages: what the output is, as `stdout` or `file build/uno.log`, after what the sink was
    /// [named](Sink::named).
    #[must_use]
    pub fn describe(&self) -> &str {
        self.0.options.name.as_deref().unwrap_or_else(|| self.0.core.described())
    }

    /// Returns the first view of `output`, which takes lines: in text, without threshold.
    pub(super) fn of_output(output: impl Output) -> Sink {
        Sink::of_core(Core::new(AnyOutput::Lines(Box::new(output))), None)
    }

    /// Returns the first view of `core`: in text, without threshold. All views of the output keep `keep` alive.
    pub(super) fn of_core(core: Arc<Core>, keep: Option<Arc<dyn Any + Send + Sync>>) -> Sink {
        let renderer = Renderer::new(&Format::text(), core.screen());
        let options = ViewOptions { verbosity: LevelFilter::TRACE.into(), sync_at: LevelFilter::OFF, name: None };
        Sink::new_view(core, keep, None, renderer, options)
    }

    /// Returns another view of the same output, with the same queue.
    pub(super) fn with_view(&self, renderer: Renderer, options: ViewOptions) -> Sink {
        let View { core, keep, queue, .. } = &*self.0;
        let handle = queue.as_ref().map(|queue| Arc::clone(&queue.handle));
        Sink::new_view(Arc::clone(core), keep.clone(), handle, renderer, options)
    }

    pub(super) fn new_view(
        core: Arc<Core>,
        keep: Option<Arc<dyn Any + Send + Sync>>,
        handle: Option<Arc<QueueHandle>>,
        renderer: Renderer,
        options: ViewOptions,
    ) -> Sink {
        let queue = handle.map(|handle| QueueView { renderer: handle.queued().renderer_number(&renderer), handle });
        Sink(Arc::new(View { core, queue, keep, renderer, options }))
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

    /// True if this view takes a record with this metadata.
    #[inline(always)]
    pub(crate) fn wants(&self, metadata: &RecordMetadata<'_>) -> bool {
        let verbosity = &self.0.options.verbosity;
        verbosity.decide_by_level(&metadata.level).unwrap_or_else(|| match metadata.callsite {
            Some(callsite) => verbosity.allows(callsite),
            None => verbosity.allows_target(metadata.level, metadata.target),
        })
    }

    /// Returns which records this view takes.
    pub(crate) fn own_verbosity(&self) -> &Verbosity {
        &self.0.options.verbosity
    }

    /// Returns up to which level this view syncs the output after each record.
    #[cfg(feature = "file")]
    pub(crate) fn sync_level(&self) -> LevelFilter {
        self.0.options.sync_at
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
        let View { core, queue, renderer, options, .. } = &*self.0;
        if let Some(QueueView { handle, renderer: number }) = queue {
            let via = QueuedView { renderer, number: *number, sync_at: options.sync_at };
            return handle.queued().deliver(via, record, scratch, account);
        }
        let result = if core.has_missing() {
            core.write_notices(renderer, record).and_then(|()| core.write(renderer, record, scratch))
        } else {
            core.write(renderer, record, scratch)
        };
        let fate = core.count_result(record, result);
        if record.level() <= options.sync_at {
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
            .field("verbosity", &format_args!("{}", self.0.options.verbosity))
            .field("ledger", &format_args!("{}", self.ledger()))
            .finish()
    }
}

// A panic leaves nothing in a sink half changed: the record counts as failed, and the lock of the output is released.
impl std::panic::UnwindSafe for Sink {}
impl std::panic::RefUnwindSafe for Sink {}
