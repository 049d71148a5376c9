//! Building contexts, and deriving them from others.

use tracing::level_filters::LevelFilter;

use super::ceiling::clamp;
use super::inner::{ContextInner, Family, LIVE, Own, Sinks};
use super::live_list::ListPosition;
use super::output_context::OutputContext;
use super::span_events::{SpanEvents, note_use};
use crate::background::OpenAccount;
use crate::clock::{Clock, CompactOrigin, Origin};
use crate::error::Error;
use crate::record::{ContextInfo, Value};
use crate::sink::Sink;
use crate::sync::{Arc, AtomicU64, Ordering};
use crate::trace::TraceContext;
use crate::under_test::clock_under_test;
use crate::verbosity::Verbosity;

/// Builds an [`OutputContext`]; from [`OutputContext::builder`], [`OutputContext::to_builder`] or [`OutputContext::child`].
///
/// A context that is neither derived nor a child has, unless it is set otherwise, the verbosity INFO, no sink, and as its origin the moment
/// of [`build`](ContextBuilder::build).
///
/// What is logged to a context without sinks goes nowhere, and no ledger counts it. One line on stderr names such a context, for each of the
/// first ten in a process, unless it is the process default, or a child of a context without sinks that is named or is the process default.
/// A context that is meant to write nothing has [`sink::null`](crate::sink::null).
///
/// # Spans that only errors need
///
/// A span that the verbosity does not let through does not exist for the context: a log at ERROR shows no INFO span around an error. Where an
/// error should come with its spans, leave the verbosity open, and set the level at the sinks:
///
/// ```
/// use logscope::{Format, LevelFilter, OutputContext, sink};
///
/// logscope::init();
/// let (memory, lines) = sink::memory();
/// let uno = OutputContext::builder("uno")
///     .verbosity(LevelFilter::DEBUG)
///     .sink(memory.format(Format::text()).max_level(LevelFilter::ERROR))
///     .build();
/// uno.scope(|| {
///     let _request = tracing::debug_span!("request", id = 7).entered();
///     tracing::debug!("looking for it");
///     tracing::error!("there is no such page");
/// });
/// let lines = lines.lines();
/// assert!(lines.len() == 1 && lines[0].contains("request{id=7}") && lines[0].contains("no such page"));
/// ```
///
/// Each such span then costs what a span costs: it is made, and its fields are rendered. An event that no sink wants costs little, because it
/// is refused before its fields are rendered. Directives keep the spans of other crates out: `"error,my_app=debug"`.
#[derive(Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ContextBuilder {
    start: Start,
    name: Option<String>,
    fields: Option<Vec<(String, Value)>>,
    origin: Option<Origin>,
    clock: Clock,
    verbosity: Verbosity,
    span_events: SpanEvents,
    trace: Option<TraceContext>,
    sinks: Sinks,
}

/// The field that shows the id of the trace.
pub(crate) const TRACE_ID: &str = "trace_id";

/// What a builder started from.
#[derive(Debug)]
enum Start {
    /// Nothing, or a parent, of which only this is left.
    New {
        parent_id: Option<u64>,
        sinkless_is_known: bool,
    },
    Derived(OutputContext),
}

impl ContextBuilder {
    pub(super) fn new(name: String) -> Self {
        ContextBuilder {
            start: Start::New { parent_id: None, sinkless_is_known: false },
            name: Some(name),
            fields: None,
            origin: None,
            clock: clock_under_test(),
            verbosity: Verbosity::from(LevelFilter::INFO),
            span_events: SpanEvents::NONE,
            trace: None,
            sinks: Sinks::new(),
        }
    }

    pub(super) fn derive(context: &OutputContext) -> Self {
        let inner = &context.inner;
        ContextBuilder {
            start: Start::Derived(context.clone()),
            name: None,
            fields: None,
            origin: Some(inner.origin()),
            clock: inner.clock().clone(),
            verbosity: inner.verbosity.clone(),
            span_events: inner.span_events,
            trace: inner.trace(),
            sinks: inner.sinks.clone(),
        }
    }

    pub(super) fn child_of(parent: &OutputContext, name: String) -> Self {
        // Relaxed: see `warn_sinkless`.
        let sinkless_is_known = parent.inner.family.sinkless_is_known.load(Ordering::Relaxed);
        ContextBuilder {
            start: Start::New { parent_id: Some(parent.id()), sinkless_is_known },
            name: Some(name),
            fields: Some(parent.fields().to_vec()),
            origin: None,
            ..ContextBuilder::derive(parent)
        }
    }

    /// Sets the name, in place of the one that the builder began with.
    ///
    /// ```
    /// use logscope::{OutputContext, sink};
    ///
    /// let job = OutputContext::builder("job").build();
    /// let linking = job.to_builder().name("job, linking").sink(sink::null()).build();
    /// assert_eq!((linking.name(), linking.id()), ("job, linking", job.id()));
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets which levels are let through: a `LevelFilter`, a [`Verbosity`] with directives, or a [`Dial`](crate::Dial) that can be
    /// turned later.
    pub fn verbosity(mut self, verbosity: impl Into<Verbosity>) -> Self {
        self.verbosity = verbosity.into();
        self
    }

    /// Sets which levels are let through, by a list of [directives](Verbosity#directives) in place of any other verbosity.
    ///
    /// ```
    /// use logscope::{LevelFilter, OutputContext};
    ///
    /// let uno = OutputContext::builder("uno").directives("info,linker=trace")?.build();
    /// assert_eq!(uno.verbosity().level_for("linker::symbols"), LevelFilter::TRACE);
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Parse`](crate::ErrorKind::Parse) if the text is no such list. The error names the wrong directive, and what to write instead.
    pub fn directives(self, directives: impl AsRef<str>) -> Result<Self, Error> {
        let verbosity: Verbosity = directives.as_ref().parse()?;
        Ok(self.verbosity(verbosity))
    }

    /// Sets for which events in the life of a span a record is written; for none unless set.
    ///
    /// ```
    /// use logscope::{Format, OutputContext, SpanEvents, sink};
    ///
    /// logscope::init();
    /// let (memory, lines) = sink::memory();
    /// let events = SpanEvents::NEW | SpanEvents::CLOSE;
    /// let uno = OutputContext::builder("uno").sink(memory.format(Format::text())).span_events(events).build();
    /// uno.scope(|| tracing::info_span!("link", unit = "core").in_scope(|| tracing::info!("linking")));
    /// let lines = lines.lines();
    /// assert!(lines[0].contains("link{unit=core}") && lines[0].ends_with(": new"));
    /// assert!(lines[1].ends_with(": linking"));
    /// assert!(lines[2].contains(": close time.busy=") && lines[2].contains(" time.idle="));
    /// ```
    ///
    /// The records are those of `FmtSpan` in `tracing_subscriber::fmt`. They have the level, the target and the place of the span, the span
    /// itself as the innermost one, and the message `new` or `close`. `time.busy` is how long the span was entered (by any thread), `time.idle`
    /// how long it was not, by the context's clock. Only spans that the context wants have records.
    ///
    /// The setting is one of the context. To have the records of one span only, make that span in a context that is derived for it, and run its
    /// work in the one that was there, or leave other spans out by their level or target:
    ///
    /// ```
    /// use logscope::{OutputContext, SpanEvents, sink};
    ///
    /// logscope::init();
    /// let (memory, lines) = sink::memory();
    /// let uno = OutputContext::builder("uno").sink(memory).build();
    /// let timed = uno.to_builder().span_events(SpanEvents::CLOSE).build();
    ///
    /// let link = timed.scope(|| tracing::info_span!("link"));
    /// uno.scope(|| link.in_scope(|| tracing::info_span!("search").in_scope(|| tracing::info!("linking"))));
    /// drop(link);
    /// let lines = lines.lines();
    /// assert!(lines[0].contains(" link:search ") && lines[0].ends_with(": linking"));
    /// assert!(lines[1].contains(" link ") && lines[1].contains(": close time.busy="));
    /// assert_eq!(lines.len(), 2);
    /// ```
    ///
    /// The context in which a span is made has both records, wherever the span is closed: on another thread, in another context, or outside
    /// all. For the record at the end, the span keeps the context and its sinks alive until it is closed. Closing the context is
    /// not held up: what is recorded later is dropped and counted in its ledger, like any other record.
    pub fn span_events(mut self, events: SpanEvents) -> Self {
        self.span_events = events;
        self
    }

    /// Adds a sink. A sink that is added twice gets each record twice.
    pub fn sink(mut self, sink: Sink) -> Self {
        self.sinks.push(sink);
        self
    }

    /// Sets the sinks, and drops those that were added or inherited.
    pub fn sinks(mut self, sinks: impl IntoIterator<Item = Sink>) -> Self {
        self.sinks = sinks.into_iter().collect();
        self
    }

    /// Adds a field to each record. A field that already has this name takes the new value.
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let fields = self.fields.get_or_insert_with(|| match &self.start {
            Start::New { .. } => Vec::new(),
            Start::Derived(context) => context.fields().to_vec(),
        });
        let (name, value) = (name.into(), value.into());
        match fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => {
                if fields.len() == fields.capacity() {
                    // Most contexts have two fields at most, and the list is kept without room to spare.
                    fields.reserve_exact(fields.len().max(2));
                }
                fields.push((name, value));
            }
        }
        self
    }

    /// Sets which distributed trace the work belongs to, and adds the field `trace_id`, which has the id of the trace.
    ///
    /// ```
    /// use logscope::{OutputContext, TraceContext};
    ///
    /// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"; // of a request
    /// let request = OutputContext::builder("request").trace(header.parse()?).build();
    /// assert_eq!(request.trace().unwrap().to_string(), header);
    /// assert_eq!(request.child("query").build().trace(), request.trace());
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// Contexts that are derived from this one, and its children, belong to the same trace. A field `trace_id` that is set later replaces the
    /// one that is shown, and leaves the trace alone.
    pub fn trace(self, trace: TraceContext) -> Self {
        self.trace_without_field(trace).field(TRACE_ID, trace.trace_id_text())
    }

    /// Does as [`trace`](ContextBuilder::trace), for a context whose fields have what is to be shown.
    pub(crate) fn trace_without_field(mut self, trace: TraceContext) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Makes the new context a child of `parent_id`, a context of another process. A context that is derived keeps its own parent.
    pub(crate) fn parent_in_other_process(mut self, parent_id: u64) -> Self {
        if let Start::New { parent_id: own, .. } = &mut self.start {
            *own = Some(parent_id);
        }
        self
    }

    /// Sets the origin, for work that began earlier or counts time from the same instant as other work.
    pub fn origin(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Sets the clock: a [`ManualClock`](crate::ManualClock) makes elapsed times exact in a test.
    ///
    /// A context that is not derived has the present of that clock as its origin, unless [`origin`](ContextBuilder::origin) is set.
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// Builds the context.
    #[must_use = "a context does nothing until work is given to it: use `scope`, `enter`, `bind` or `in_context`"]
    pub fn build(self) -> OutputContext {
        let ContextBuilder { start, name, fields, origin, clock, verbosity, span_events, trace, mut sinks } = self;
        note_use(span_events);
        if sinks.len() > 1 {
            group_by_renderer(&mut sinks);
        }
        let (origin, far_origin) = origin.map_or_else(|| clock.compact_origin(), CompactOrigin::new);
        // By reference: the context that this one is derived from stays a member of the family until this one is.
        let start = &start;
        let inner = Arc::new_cyclic(|this| {
            let (family, info, clock) = match start {
                Start::New { parent_id, sinkless_is_known } => {
                    let info = ContextInfo::new(name.unwrap_or_default(), next_id(), fields.unwrap_or_default())
                        .with_parent_id(*parent_id);
                    (Family::new(info, clock, this.clone(), *sinkless_is_known), None, None)
                }
                Start::Derived(context) => {
                    let inner = &context.inner;
                    inner.remember_outputs_before(&sinks);
                    let has_own_info = name.is_some() || fields.is_some() || inner.has_own_info();
                    let info = has_own_info.then(|| {
                        let name = name.unwrap_or_else(|| context.name().to_owned());
                        let fields = fields.unwrap_or_else(|| context.fields().to_vec());
                        ContextInfo::new(name, context.id(), fields).with_parent_id(context.parent_id())
                    });
                    let clock = (!clock.is_same(&inner.family.clock)).then_some(clock);
                    (Arc::clone(&inner.family), info, clock)
                }
            };
            let verbosity = clamp(verbosity, info.as_ref().unwrap_or(&family.info).name());
            let accounts = attach(&sinks, &family);
            family.begin_use(&sinks);
            match start {
                Start::New { .. } => family.count(),
                Start::Derived(_) => family.add_member(),
            }
            ContextInner {
                family,
                sinks,
                own: Own::boxed(info, clock, trace, far_origin, accounts),
                origin,
                verbosity,
                span_events,
                position: ListPosition::new(),
                #[cfg(feature = "testing")]
                made_under: crate::under_test::mark(),
            }
        });
        LIVE.insert(inner.info().id(), &inner, &inner.position);
        OutputContext { inner }
    }
}

/// Moves sinks that share a rendering together, and otherwise keeps their order.
fn group_by_renderer(sinks: &mut Sinks) {
    let mut grouped = Sinks::with_capacity(sinks.len());
    for sink in sinks.drain(..) {
        let after =
            grouped.iter().rposition(|known| known.renderer() == sink.renderer()).map_or(grouped.len(), |at| at + 1);
        grouped.insert(after, sink);
    }
    *sinks = grouped;
}

/// Opens an account with the queue of each queued sink.
fn attach(sinks: &[Sink], family: &Arc<Family>) -> Box<[Option<OpenAccount>]> {
    let mut accounts = Vec::new();
    for (n, sink) in sinks.iter().enumerate() {
        if let Some(account) = sink.attach(family) {
            accounts.resize_with(n, || None);
            accounts.push(Some(account));
        }
    }
    accounts.into()
}

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // Relaxed: ids only need to be unique.
    NEXT.fetch_add(1, Ordering::Relaxed)
}
