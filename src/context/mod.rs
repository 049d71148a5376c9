//! Output contexts: since when time counts, how much is said, and where it goes.

mod builder;
mod ceiling;
mod counter;
mod default;
mod live;
mod snapshot;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::{Duration, Instant};

pub use builder::Builder;
pub(crate) use ceiling::add_ceiling;
pub use default::set_default;
pub(crate) use default::{built_in, default_context, replace_default, with_default};
pub use live::live;
pub use snapshot::{SinkSnapshot, Snapshot};

use counter::Counter;

use crate::background::{Account, OpenAccount};
use crate::clock::{Clock, Origin};
use crate::delivery::{Fate, Flush, Ledger, Outcome};
use crate::fallback;
use crate::output::is_inside_output;
use crate::process::is_forked;
use crate::record::{ContextInfo, Value};
use crate::sink::{OutputRef, Sink};
use crate::sync::{Arc, AtomicBool, Mutex, OnceLock, Ordering, Weak, thread};
use crate::verbosity::Verbosity;

/// An output context: an immutable value that says since when time is counted, how much is said, and where it goes.
///
/// Cloning it costs one count. It is given to work by [`scope`](OutputContext::scope), [`enter`](OutputContext::enter),
/// [`bind`](OutputContext::bind) or [`in_context`](crate::FutureExt::in_context), and everything below logs to it through
/// plain `tracing` macros.
///
/// ```
/// use logscope::{LevelFilter, OutputContext, sink};
///
/// let (memory, lines) = sink::memory();
/// let uno = OutputContext::builder("uno").verbosity(LevelFilter::DEBUG).sink(memory).build();
/// assert_eq!(uno.name(), "uno");
///
/// let quieter = uno.with_verbosity(LevelFilter::ERROR);
/// assert_eq!(quieter.id(), uno.id()); // derived: the same work, said more quietly
/// # assert!(lines.lines().is_empty());
/// ```
#[derive(Clone)]
#[repr(transparent)]
pub struct OutputContext {
    inner: Arc<Inner>,
}

/// What a context is made of. The scope chain holds it by raw pointer, so it is a type of its own.
pub(crate) struct Inner {
    identity: Arc<Identity>,
    /// Who the context is, where a derivation gave it other fields than its identity has.
    info: Option<ContextInfo>,
    origin: Origin,
    clock: Clock,
    verbosity: Verbosity,
    /// The accounts with the queues of the sinks, one for each; empty where none of them is queued. Before the sinks, which hold the queues.
    accounts: Vec<Option<OpenAccount>>,
    /// Views with the same format are neighbours, so that one rendering serves them all.
    sinks: Vec<Sink>,
    live: live::Slot,
}

/// What contexts that were derived from one another share.
pub(crate) struct Identity {
    info: ContextInfo,
    /// By which what is said on behalf of the context is dated, where none of its records is at hand.
    clock: Clock,
    counter: Counter,
    ledger: Ledger,
    /// The outputs of all queued sinks that it has, or had: records may be on their way there.
    output_refs: Mutex<Vec<OutputRef>>,
    /// The context that the others were derived from.
    root: OnceLock<Weak<Inner>>,
    /// It was said that something is logged to this context although it is closed.
    told_closed: AtomicBool,
}

impl OutputContext {
    /// Starts a context called `name`. The name appears on its records; it need not be unique.
    #[must_use = "a builder does nothing until `build` is called"]
    pub fn builder(name: impl Into<String>) -> Builder {
        Builder::new(name.into())
    }

    /// A builder that starts from this context and shares its id, counter and ledger: for the same work, said otherwise.
    #[must_use = "a builder does nothing until `build` is called"]
    pub fn to_builder(&self) -> Builder {
        Builder::derive(self)
    }

    /// This context with another verbosity.
    #[must_use = "a context is immutable: this returns a derived one"]
    pub fn with_verbosity(&self, verbosity: impl Into<Verbosity>) -> OutputContext {
        self.to_builder().verbosity(verbosity).build()
    }

    /// This context with another origin: its elapsed time starts anew.
    #[must_use = "a context is immutable: this returns a derived one"]
    pub fn with_origin(&self, origin: Origin) -> OutputContext {
        self.to_builder().origin(origin).build()
    }

    /// This context with its origin at the present of its clock.
    #[must_use = "a context is immutable: this returns a derived one"]
    pub fn with_origin_now(&self) -> OutputContext {
        self.with_origin(self.inner.clock.origin())
    }

    /// This context with one more field, or another value for a field that it has.
    #[must_use = "a context is immutable: this returns a derived one"]
    pub fn with_field(&self, name: impl Into<String>, value: impl Into<Value>) -> OutputContext {
        self.to_builder().field(name, value).build()
    }

    /// This context with one more sink.
    #[must_use = "a context is immutable: this returns a derived one"]
    pub fn with_sink(&self, sink: Sink) -> OutputContext {
        self.to_builder().sink(sink).build()
    }

    /// This context with these sinks and no others.
    #[must_use = "a context is immutable: this returns a derived one"]
    pub fn with_sinks(&self, sinks: impl IntoIterator<Item = Sink>) -> OutputContext {
        self.to_builder().sinks(sinks).build()
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.inner.info().name()
    }

    /// The id: unique in this process, shared by contexts that were derived from one another.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.inner.info().id()
    }

    /// The fields that are on each of its records, in the order in which they were given.
    #[must_use]
    pub fn fields(&self) -> &[(String, Value)] {
        self.inner.info().fields()
    }

    /// The instant from which elapsed time counts.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.inner.origin
    }

    /// The time since the origin, by this context's clock.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.inner.elapsed()
    }

    /// How much is let through.
    #[must_use]
    pub fn verbosity(&self) -> &Verbosity {
        &self.inner.verbosity
    }

    /// Where it goes. Views with the same format stand together, whatever the order in which they were given.
    pub fn sinks(&self) -> &[Sink] {
        &self.inner.sinks
    }

    /// The deliveries of this context and of all that were derived from it, so far. One record that goes to two sinks is
    /// two deliveries.
    #[must_use = "the outcome says whether records were lost: ask `is_complete()`"]
    pub fn ledger(&self) -> Outcome {
        let Identity { counter, ledger, .. } = &*self.inner.identity;
        ledger.outcome_with(|| counter.taken())
    }

    /// Brings what was logged before this call to the operating system, waiting for `deadline` at most, and returns the
    /// ledger: [`Outcome::into_result`] makes an error of it if a record is missing. Of direct sinks it waits for a delivery that another
    /// thread is in the middle of. What others log meanwhile is not waited for, and not counted as long as it is pending.
    ///
    /// Called from inside an output (by a writer, a callback), where waiting could be waiting for oneself, it returns the ledger at once.
    #[must_use = "the outcome says whether everything was written: ask `is_complete()`"]
    pub fn flush(&self, deadline: Duration) -> Outcome {
        self.settle(Instant::now().checked_add(deadline))
    }

    /// [`flush`](OutputContext::flush) for a task: it begins when this is called, whether or not what is returned is polled. It has no
    /// deadline of its own: put it under your runtime's timeout. Sinks that are not queued are flushed in the call itself.
    #[must_use = "a future does nothing unless it is awaited, and its outcome says whether everything was written"]
    pub fn flush_async(&self) -> impl Future<Output = Outcome> + Send + use<> {
        let context = self.clone();
        let accepted_before = self.ledger().accepted;
        let flushes = self.begin_flushes(Sink::begin_flush_for_task, OutputRef::begin_flush_for_task);
        async move {
            let mut unflushed = false;
            for flush in flushes {
                unflushed |= flush.finish_as_task().await.unflushed;
            }
            let outcome = Outcome { unflushed, ..context.ledger() };
            let all_are_settled = outcome.accepted - outcome.pending >= accepted_before;
            if all_are_settled && !unflushed { outcome.without_pending() } else { outcome }
        }
    }

    /// Ends this context and all that were derived from it: what is logged to them from now on is counted as dropped, and told on
    /// stderr once. Then flushes, waiting for `deadline` at most, and returns the ledger, in which `pending` is what was abandoned.
    /// From inside an output it does not wait, as [`flush`](OutputContext::flush).
    ///
    /// The sinks stay open for the other contexts that have them; an output is closed when its last sink is dropped.
    #[must_use = "the outcome says whether everything was written: ask `is_complete()`"]
    pub fn close(&self, deadline: Duration) -> Outcome {
        self.inner.identity.counter.close();
        self.settle(Instant::now().checked_add(deadline))
    }

    /// True once [`close`](OutputContext::close) was called on this context or one that it shares its id with.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inner.identity.counter.is_closed()
    }

    /// Begins to flush each output that this context or one that it shares its id with has: of the contexts that were derived from one
    /// another, each may have sinks that the others do not have, and one that is gone may have left records in a queue. All begin before the
    /// first is waited for.
    fn begin_flushes(
        &self,
        begin: impl Fn(&Sink) -> Option<Flush>,
        begin_output_ref: impl Fn(&OutputRef) -> Option<Flush>,
    ) -> Vec<Flush> {
        let family = live::family(&self.inner);
        let mut sinks: Vec<&Sink> = Vec::new();
        for sink in family.iter().flat_map(|inner| &inner.sinks) {
            if !sinks.iter().any(|known| known.has_output_of(sink)) {
                sinks.push(sink);
            }
        }
        // In a forked child another thread's lock may be held for ever, and nothing is on its way.
        let output_refs = if is_forked() { Vec::new() } else { self.inner.identity.output_refs.lock().clone() };
        let output_refs = output_refs.iter().filter(|output_ref| !sinks.iter().any(|sink| output_ref.is_of(sink)));
        output_refs.filter_map(begin_output_ref).chain(sinks.iter().filter_map(|sink| begin(sink))).collect()
    }

    fn settle(&self, deadline: Option<Instant>) -> Outcome {
        // The delivery that this thread is in the middle of ends after this call.
        if is_inside_output() {
            return self.ledger();
        }
        let accepted_before = self.ledger().accepted;
        let flushes =
            self.begin_flushes(|sink| sink.begin_flush(deadline), |output_ref| output_ref.begin_flush(deadline));
        let mut unflushed = false;
        for flush in flushes {
            unflushed |= flush.finish(deadline).unflushed;
        }
        // What is pending in a process that was forked off was so in its parent, where it will be settled.
        if is_forked() {
            return Outcome { unflushed, ..self.ledger() }.without_pending();
        }
        // A direct delivery counts itself when it returns, so what is pending here is being written on another thread at this
        // moment, or on this one, below a value that asks from inside its own `Debug`: then waiting cannot help, and the deadline ends it.
        let mut pause = Duration::from_micros(10);
        loop {
            let outcome = Outcome { unflushed, ..self.ledger() };
            if !unflushed && outcome.accepted - outcome.pending >= accepted_before {
                return outcome.without_pending();
            }
            let left = match deadline {
                Some(deadline) => deadline.saturating_duration_since(Instant::now()),
                None => Duration::MAX,
            };
            if outcome.pending == 0 || left.is_zero() || unflushed {
                return outcome;
            }
            // Not `park_timeout`: it would take a wake-up that is meant for an executor which polls on this thread.
            thread::sleep(pause.min(left));
            pause = (pause * 2).min(Duration::from_millis(5));
        }
    }

    #[inline]
    pub(crate) fn into_inner(self) -> Arc<Inner> {
        self.inner
    }

    #[inline]
    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }
}

impl Inner {
    #[inline]
    pub(crate) fn info(&self) -> &ContextInfo {
        self.info.as_ref().unwrap_or(&self.identity.info)
    }

    #[inline]
    pub(crate) fn elapsed(&self) -> Duration {
        self.origin.elapsed_at(self.clock.now())
    }

    #[inline]
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    #[inline]
    pub(crate) fn verbosity(&self) -> &Verbosity {
        &self.verbosity
    }

    #[inline]
    pub(crate) fn sinks(&self) -> &[Sink] {
        &self.sinks
    }

    /// The account of the sink with this number, if that is queued.
    #[inline]
    pub(crate) fn account(&self, sink: usize) -> Option<&OpenAccount> {
        self.accounts.get(sink)?.as_ref()
    }

    #[inline]
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.identity.ledger
    }

    /// The context that this one and its like were derived from in the beginning, if it lives.
    pub(crate) fn root(&self) -> Weak<Inner> {
        self.identity.root.get().cloned().unwrap_or_default()
    }

    /// Says, once, that something is logged to this context although it is closed.
    #[cold]
    pub(crate) fn tell_closed(&self) {
        // Relaxed: the flag orders nothing; it only makes one thread of several the one that speaks.
        if !self.identity.told_closed.swap(true, Ordering::Relaxed) {
            let name = self.info().name();
            fallback::tell(format_args!(
                "context {name:?} is closed, and is logged to all the same: those records are dropped, and counted in its ledger"
            ));
        }
    }

    /// Counts the deliveries of a record (one or more) as accepted, and returns its number; `None` if the context is closed.
    #[inline]
    pub(crate) fn accept(&self, deliveries: u64) -> Option<u64> {
        // The number counts the first, and must come last: see `Counter`.
        if deliveries > 1 {
            self.identity.ledger.accept(deliveries - 1);
        }
        self.identity.counter.take()
    }
}

impl Identity {
    /// Keeps in mind that records may be on their way to the output of `sink`.
    fn remember(&self, sink: &Sink) {
        let output_refs = &mut *self.output_refs.lock();
        if output_refs.iter().any(|output_ref| output_ref.is_of(sink)) {
            return;
        }
        if output_refs.len() == output_refs.capacity() {
            output_refs.retain(|output_ref| !output_ref.is_gone());
        }
        output_refs.push(sink.output_ref());
    }
}

impl Account for Identity {
    fn resolve(&self, fate: Fate, count: u64) {
        self.ledger.resolve(fate, count);
    }

    fn info(&self) -> &ContextInfo {
        &self.info
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.live.release();
    }
}

impl fmt::Debug for OutputContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Fields<'a>(&'a [(String, Value)]);
        impl fmt::Debug for Fields<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_map().entries(self.0.iter().map(|(name, value)| (name, value.to_string()))).finish()
            }
        }
        struct Sinks<'a>(&'a [Sink]);
        impl fmt::Debug for Sinks<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_list()
                    .entries(self.0.iter().map(|sink| format!("{sink} ({})", sink.renderer().format())))
                    .finish()
            }
        }
        f.debug_struct("OutputContext")
            .field("name", &self.name())
            .field("id", &self.id())
            .field("elapsed", &self.elapsed())
            .field("verbosity", &format_args!("{}", self.verbosity()))
            .field("fields", &Fields(self.fields()))
            .field("sinks", &Sinks(self.sinks()))
            .field("closed", &self.is_closed())
            .finish()
    }
}

impl From<Arc<Inner>> for OutputContext {
    fn from(inner: Arc<Inner>) -> Self {
        OutputContext { inner }
    }
}

// Nothing in a context is left half-changed by a panic: what changes are counters, and what is under a lock is whole when it is let go.
impl std::panic::UnwindSafe for OutputContext {}
impl std::panic::RefUnwindSafe for OutputContext {}
