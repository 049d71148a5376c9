//! The layer: which context an event belongs to, and whether that context wants it.

use std::fmt;

#[cfg(feature = "log")]
use tracing::Level;
use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber};
#[cfg(feature = "log")]
use tracing_subscriber::Registry;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::ceiling::keeping_verdicts;
use super::emit::emit;
use super::first_scope::{self, FirstScope};
use super::span_events;
#[cfg(feature = "log")]
use super::spans::CurrentSpan as _;
use super::spans::{self, CurrentPath, ParentPath};
use super::{forwarded, search, unclaimed};
use crate::LevelFilter;
use crate::clock::ask_system;
use crate::context::{
    ContextInner, OutputContext, SpanEvents, add_ceiling, are_span_events_used, default_context, with_default,
};
use crate::record::RecordMetadata;
use crate::scope;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering};
use crate::verbosity::learn_callsite;

/// Routes each event to the output context that is current where the event happens.
///
/// Under `init` and `install` it is the only layer of the subscriber. Among others it is inside a [`ScopedLayer`](crate::ScopedLayer).
pub(super) struct ContextLayer {
    ceiling: LevelFilter,
    /// True under `init` and `install`, where the whole subscriber is logscope's.
    vetoes: bool,
    route_by_span: bool,
    /// `None` under `init` and `install`, which rebuild themselves.
    first_scope: Option<Arc<FirstScope>>,
    /// True once the layer is in use, and `settings` are applied.
    is_joined: AtomicBool,
    /// Applies what the layer's configuration sets for the whole process.
    settings: Mutex<Option<Settings>>,
    /// Distinguishes the spans of this layer's registry from those of another in the same process.
    id: u32,
}

/// Applies the settings of a layer that is now in use.
type Settings = Box<dyn FnOnce() + Send>;

impl ContextLayer {
    fn new(ceiling: LevelFilter, route_by_span: bool, settings: Option<Settings>) -> Self {
        #[cfg(feature = "lock")]
        crate::lock::set_carrier(|job| Box::new(crate::scope::bind_current(job)));
        let (vetoes, first_scope) = match settings {
            None => (true, None),
            Some(_) => (false, Some(FirstScope::new(ceiling, first_scope_in, entering_scope))),
        };
        let (is_joined, settings) = (AtomicBool::new(false), Mutex::new(settings));
        ContextLayer { ceiling, vetoes, route_by_span, first_scope, is_joined, settings, id: spans::next_layer_id() }
    }

    /// Makes the layer of a subscriber that is all logscope's.
    pub(super) fn alone(ceiling: LevelFilter, route_by_span: bool) -> Self {
        ContextLayer::new(ceiling, route_by_span, None)
    }

    /// Makes a layer for a subscriber of the program's own. It calls `settings` once it is in use.
    pub(super) fn among_others(
        ceiling: LevelFilter,
        route_by_span: bool,
        settings: impl FnOnce() + Send + 'static,
    ) -> Self {
        ContextLayer::new(ceiling, route_by_span, Some(Box::new(settings)))
    }

    /// Has the layer take effect, the first time that this is called: it is in a subscriber.
    #[inline]
    pub(super) fn join(&self) {
        // Relaxed, here and below: the flag orders nothing. Not a `Once`: what the settings replace may log when it is dropped, and come back
        // here.
        if !self.is_joined.load(Ordering::Relaxed) {
            self.join_now();
        }
    }

    #[cold]
    fn join_now(&self) {
        if self.is_joined.swap(true, Ordering::Relaxed) {
            return;
        }
        add_ceiling(self.ceiling);
        let settings = self.settings.lock().take();
        if let Some(settings) = settings {
            settings();
        }
    }

    /// Returns true if the layer is known to stand beside per-layer filters.
    pub(super) fn is_beside_filters(&self) -> bool {
        self.first_scope.as_ref().is_some_and(|first_scope| first_scope.is_beside_filters())
    }

    /// Says that the layer is in the subscriber that is asked about a callsite, if this thread searches for it.
    pub(super) fn answer_search(&self, metadata: &'static Metadata<'static>) {
        search::answer(metadata, self.first_scope.as_ref());
    }

    /// Returns whether `dispatch` holds a layer of logscope.
    pub(super) fn is_in_some_form(dispatch: &Dispatch) -> bool {
        dispatch.downcast_ref::<ContextLayer>().is_some() || search::search(dispatch).is_some()
    }

    /// Returns true under `init` and `install`, where this is the only layer.
    #[cfg(feature = "log")]
    pub(super) fn is_alone(&self) -> bool {
        self.vetoes
    }

    pub(super) fn routes_by_span(&self) -> bool {
        self.route_by_span
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Returns whether `dispatch` holds the layer with this id.
    pub(super) fn is_in(id: u32, dispatch: &Dispatch) -> bool {
        dispatch.downcast_ref::<ContextLayer>().is_some_and(|layer| layer.id == id)
    }

    /// Returns whether the current context wants events or spans that `metadata` describes.
    #[inline(never)]
    fn wanted_here<S>(&self, metadata: &Metadata<'_>, cx: Context<'_, S>) -> bool
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        if let Some(wanted) = scope::glance_at(metadata) {
            return wanted && *metadata.level() <= self.ceiling;
        }
        let wants = |inner: &ContextInner| *metadata.level() <= self.ceiling && inner.verbosity().allows_any(metadata);
        let default_wants = || unclaimed::may_be_taken(metadata) && with_default(wants);
        scope::with_current(|current| match current {
            Some(inner) => wants(inner),
            // An event may name another parent than the current span, so only `on_event` knows its context.
            None if self.route_by_span && metadata.is_event() => true,
            None if self.route_by_span => match spans::bound_context(cx.lookup_current()) {
                Some(context) => wants(&context),
                None => default_wants(),
            },
            None => default_wants(),
        })
    }

    /// Calls `f` with the context that a span or event inside the span of `span` belongs to; calls `unclaimed` if that is the process default.
    #[inline]
    fn route<'a, S, R>(
        &self,
        span: impl FnOnce() -> Option<SpanRef<'a, S>>,
        f: impl FnOnce(&ContextInner) -> R,
        unclaimed: impl FnOnce() -> R,
    ) -> R
    where
        S: for<'span> LookupSpan<'span> + 'a,
    {
        scope::with_current(|current| match current {
            Some(inner) => f(inner),
            None if self.route_by_span => match spans::bound_context(span()) {
                Some(context) => f(&context),
                None => unclaimed(),
            },
            None => unclaimed(),
        })
    }

    /// Returns whether the current context wants a record of the `log` crate. The layer must be the only one.
    #[cfg(feature = "log")]
    pub(super) fn wants_log(&self, level: Level, target: &str, registry: &Registry) -> bool {
        let wants = |inner: &ContextInner| inner.verbosity().allows_target(level, target);
        level <= self.ceiling
            && self.route(|| registry.innermost(), wants, || unclaimed::is_taken_here(target) && with_default(wants))
    }

    /// Gives a record of the `log` crate to the context that it belongs to, if that context wants it. The layer must be the only one.
    #[cfg(feature = "log")]
    pub(super) fn deliver_log(&self, event: &Event<'_>, metadata: RecordMetadata<'_>, registry: &Registry) {
        if metadata.level > self.ceiling {
            return;
        }
        let wants = |inner: &ContextInner| inner.verbosity().allows_target(metadata.level, metadata.target);
        let deliver = |inner: &ContextInner, record| emit(inner, event, &record, &CurrentPath::new(self.id, registry));
        let claimed = |inner: &ContextInner| {
            if wants(inner) {
                deliver(inner, metadata);
            }
        };
        let unclaimed = || unclaimed::arrive(metadata.target, || metadata, wants, deliver);
        self.route(|| registry.innermost(), claimed, unclaimed);
    }

    /// Gives `event` to the context that it belongs to, if that context wants it.
    #[inline(never)]
    fn handle<S>(&self, event: &Event<'_>, cx: Context<'_, S>)
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let metadata = event.metadata();
        if *metadata.level() > self.ceiling {
            return;
        }
        if metadata.target() == forwarded::TARGET
            && let Some(call) = forwarded::LogCall::of(event)
        {
            let metadata = call.metadata();
            let record = RecordMetadata { from_log: true, ..RecordMetadata::without_callsite(&metadata) };
            let wants = |inner: &ContextInner| inner.verbosity().allows_target(record.level, record.target);
            let deliver = |inner: &ContextInner, record: RecordMetadata<'_>| self.deliver(event, &cx, inner, record);
            let claimed = |inner: &ContextInner| {
                if wants(inner) {
                    deliver(inner, record);
                }
            };
            let unclaimed = || unclaimed::arrive(record.target, || record, wants, deliver);
            return keeping_verdicts(&metadata, || self.route(|| cx.event_span(event), claimed, unclaimed));
        }
        // The closures hold nothing but a reference to this: whatever they hold is written to the stack for each event.
        let arrival = Arrival { layer: self, event, cx: &cx };
        let (claimed, unclaimed) = (|inner: &ContextInner| arrival.claimed(inner), || arrival.unclaimed());
        keeping_verdicts(metadata, || self.route(|| cx.event_span(event), claimed, unclaimed));
    }

    /// Does what the context of a span that was just made asks for.
    fn note_made<S>(&self, span: &SpanRef<'_, S>, cx: &Context<'_, S>)
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let metadata = span.metadata();
        let wants =
            |inner: &ContextInner| inner.span_events() != SpanEvents::NONE && inner.verbosity().allows(metadata);
        if self.route(|| cx.span(&span.id()), wants, || with_default(wants)) {
            let bound = || if self.route_by_span { spans::bound_context(cx.span(&span.id())) } else { None };
            let context = OutputContext::try_current().or_else(|| bound().map(OutputContext::of_inner));
            span_events::made(span, cx, context.unwrap_or_else(default_context));
        }
    }

    // In each of its callers: it would be a call more for each event otherwise.
    #[inline(always)]
    fn deliver<S>(&self, event: &Event<'_>, cx: &Context<'_, S>, inner: &ContextInner, metadata: RecordMetadata<'_>)
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        if event.is_contextual() {
            emit(inner, event, &metadata, &CurrentPath::new(self.id, cx));
        } else {
            emit(inner, event, &metadata, &ParentPath::new(event.parent(), cx));
        }
    }
}

/// An event of `tracing` on its way to its context.
struct Arrival<'a, S> {
    layer: &'a ContextLayer,
    event: &'a Event<'a>,
    cx: &'a Context<'a, S>,
}

impl<S> Arrival<'_, S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    /// Gives the event to a context that is not the process default, if that context wants it.
    fn claimed(&self, inner: &ContextInner) {
        let metadata = self.event.metadata();
        if inner.verbosity().allows(metadata) {
            self.layer.deliver(self.event, self.cx, inner, RecordMetadata::new(metadata));
        }
    }

    /// Gives the event to the process default.
    #[inline(never)]
    fn unclaimed(&self) {
        let metadata = self.event.metadata();
        let wants = |inner: &ContextInner| inner.verbosity().allows(metadata);
        let deliver = |inner: &ContextInner, record| self.layer.deliver(self.event, self.cx, inner, record);
        unclaimed::arrive(metadata.target(), || RecordMetadata::new(metadata), wants, deliver);
    }
}

/// The hook that scopes call while a layer is armed.
fn entering_scope() {
    first_scope::entering_scope(first_scope_in);
}

fn first_scope_in(dispatch: &Dispatch) -> Option<Arc<FirstScope>> {
    match dispatch.downcast_ref::<ContextLayer>() {
        Some(layer) => layer.first_scope.clone(),
        None => search::search(dispatch),
    }
}

impl<S> Layer<S> for ContextLayer
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    // Not `on_register_dispatch`, which is not called for a layer inside an `Option` or a `Vec`.
    fn on_layer(&mut self, _: &mut S) {
        // Now, because the program may give up the right to open files later.
        ask_system();
        self.join();
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if *metadata.level() > self.ceiling {
            return Interest::never();
        }
        learn_callsite(metadata);
        if self.vetoes { Interest::sometimes() } else { Interest::always() }
    }

    #[inline]
    fn enabled(&self, metadata: &Metadata<'_>, cx: Context<'_, S>) -> bool {
        if !self.vetoes {
            return true;
        }
        match scope::glance(metadata.level()) {
            Some(wanted) => wanted && *metadata.level() <= self.ceiling,
            None => self.wanted_here(metadata, cx),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.ceiling)
    }

    #[inline]
    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        if scope::glance(event.metadata().level()) != Some(false) {
            self.handle(event, cx);
        }
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        let metadata = attributes.metadata();
        // Under `init`, `enabled` has refused each span that the current context does not want. Among other layers such a span may exist,
        // because another layer wants it.
        if !self.vetoes && (*metadata.level() > self.ceiling || !self.wanted_here(metadata, cx.clone())) {
            return;
        }
        keeping_verdicts(metadata, || {
            if let Some(span) = cx.span(id) {
                spans::attach(&span, attributes, self.route_by_span);
                if are_span_events_used() {
                    self.note_made(&span, &cx);
                }
            }
        });
    }

    fn on_record(&self, id: &Id, values: &SpanRecord<'_>, cx: Context<'_, S>) {
        if let Some(span) = cx.span(id) {
            spans::record(&span, values);
        }
    }

    fn on_enter(&self, id: &Id, cx: Context<'_, S>) {
        spans::moved();
        if span_events::may_be_watched(id) {
            span_events::moved(id, &cx, true);
        }
    }

    fn on_exit(&self, id: &Id, cx: Context<'_, S>) {
        spans::moved();
        if span_events::may_be_watched(id) {
            span_events::moved(id, &cx, false);
        }
    }

    fn on_close(&self, id: Id, cx: Context<'_, S>) {
        if span_events::may_be_watched(&id) {
            span_events::closed(&id, &cx);
        }
    }
}

impl fmt::Debug for ContextLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextLayer")
            .field("ceiling", &self.ceiling)
            .field("vetoes", &self.vetoes)
            .field("route_by_span", &self.route_by_span)
            .finish()
    }
}
