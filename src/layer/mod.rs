//! The `tracing` layer: from an event to the context that it belongs to.
//!
//! Two ways lead here. Under [`init`] the whole subscriber is ours, so the layer vetoes by the current context in
//! `enabled`, and what a context does not want costs a few nanoseconds. As [`layer()`](crate::layer()) among others it must not: a
//! veto would take the event from the other layers too, and a dynamic per-layer `Filter` keeps its verdict in one bit map per
//! thread, which a value that logs (or asks `enabled!`) inside another layer's formatting overwrites. There the filter is
//! only the static [ceiling], and the verbosity is decided in `on_event`.

mod capped;
mod ceiling;
mod emit;
mod first_scope;
mod install;
mod nesting;
mod spans;

use std::fmt;

use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::filter::Filtered;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

pub use ceiling::CeilingFilter;
pub use install::{Configure, configure, init};

use crate::LevelFilter;
use crate::context::{ContextInner, add_ceiling, with_default};
use crate::record::Source;
use crate::scope;
use crate::sync::Arc;
use crate::verbosity::learn_callsite;
use ceiling::keeping_verdicts;
use emit::emit;
use first_scope::FirstScope;
use spans::{CurrentPath, ParentPath};

/// The layer that [`layer()`] returns, behind its per-layer filter.
pub type ScopedLayer<S> = Filtered<ContextLayer, CeilingFilter, S>;

/// Routes each event to the output context that is current where it happens. Made by [`layer()`] and by
/// [`configure`].
pub struct ContextLayer {
    ceiling: LevelFilter,
    /// True where the whole subscriber is ours.
    vetoes: bool,
    route_by_span: bool,
    first_scope: Arc<FirstScope>,
    /// Tells the spans of this layer's registry from those of another in one process.
    id: u32,
}

/// The layer for a subscriber of one's own: `registry().with(logscope::layer()).with(other)`.
///
/// Every level up to TRACE may be wanted by some context, so spans and events of every level are enabled for this layer;
/// the verbosity of the current context then decides which it takes. `tracing::enabled!` can therefore not answer by the current
/// context here, as it does under [`init`]. [`Configure::layer`] makes one with a lower ceiling.
///
/// What no scope claims still goes to the process default, which is text on stderr unless another is set: beside a layer that prints to
/// the terminal too, give it one without sinks, `configure().default_context(OutputContext::builder("main").build()).layer()`.
///
/// Records of the `log` crate come here if something forwards them: `.init()` of `tracing_subscriber` does; beside
/// `set_global_default`, call `tracing_log::LogTracer::init()`.
///
/// ```
/// use tracing_subscriber::prelude::*;
///
/// let subscriber = tracing_subscriber::registry().with(logscope::layer());
/// # tracing::subscriber::with_default(subscriber, || tracing::info!("hello"));
/// ```
#[must_use = "a layer does nothing until it is added to a subscriber: `registry().with(logscope::layer())`"]
pub fn layer<S>() -> ScopedLayer<S> {
    configure().layer()
}

impl ContextLayer {
    fn new(ceiling: LevelFilter, vetoes: bool, route_by_span: bool) -> Self {
        let first_scope = FirstScope::new((!vetoes).then_some(ceiling));
        ContextLayer { ceiling, vetoes, route_by_span, first_scope, id: spans::next_layer_id() }
    }

    /// Whether the context that is current here wants what `metadata` describes.
    #[inline(never)]
    fn wanted_here<S>(&self, metadata: &Metadata<'_>, cx: Context<'_, S>) -> bool
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let wants = |inner: &ContextInner| *metadata.level() <= self.ceiling && inner.verbosity().allows_any(metadata);
        scope::with_current(|current| match current {
            Some(inner) => wants(inner),
            // An event may name another parent than the current span, so only `on_event` knows whose it is.
            None if self.route_by_span && metadata.is_event() => true,
            None if self.route_by_span => match spans::bound_context(cx.lookup_current()) {
                Some(context) => wants(&context),
                None => with_default(wants),
            },
            None => with_default(wants),
        })
    }

    /// Calls `f` with the context that `event` belongs to.
    fn route<S>(&self, event: &Event<'_>, cx: &Context<'_, S>, f: impl FnOnce(&ContextInner))
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        scope::with_current(|current| match current {
            Some(inner) => f(inner),
            None if self.route_by_span => match spans::bound_context(cx.event_span(event)) {
                Some(context) => f(&context),
                None => with_default(f),
            },
            None => with_default(f),
        });
    }

    /// Gives `event` to the context that it belongs to, if that wants it.
    #[inline(never)]
    fn take<S>(&self, event: &Event<'_>, cx: Context<'_, S>)
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let metadata = event.metadata();
        if *metadata.level() > self.ceiling {
            return;
        }
        #[cfg(feature = "log")]
        if metadata.target() == LOG_TARGET
            && let Some(normalized) = tracing_log::NormalizeEvent::normalized_metadata(event)
        {
            let source = Source { from_log: true, ..Source::of(&normalized) };
            let take = |inner: &ContextInner| {
                if inner.verbosity().allows_target(source.level, source.target) {
                    self.deliver(event, &cx, inner, source);
                }
            };
            return keeping_verdicts(&normalized, || self.route(event, &cx, take));
        }
        let take = |inner: &ContextInner| {
            if inner.verbosity().allows(metadata) {
                self.deliver(event, &cx, inner, Source::of(metadata));
            }
        };
        keeping_verdicts(metadata, || self.route(event, &cx, take));
    }

    fn deliver<S>(&self, event: &Event<'_>, cx: &Context<'_, S>, inner: &ContextInner, source: Source<'_>)
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        if event.is_contextual() {
            emit(inner, event, source, &CurrentPath::new(self.id, cx));
        } else {
            emit(inner, event, source, &ParentPath::new(event.parent(), cx));
        }
    }
}

impl<S> Layer<S> for ContextLayer
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    // Not `on_register_dispatch`, which a layer inside an `Option` or a `Vec` is not told.
    fn on_layer(&mut self, _: &mut S) {
        add_ceiling(self.ceiling);
        self.first_scope.arm();
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
            self.take(event, cx);
        }
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        let metadata = attributes.metadata();
        // Under `init` a span that the current context does not want is never made. Among others it may be, for another layer.
        if !self.vetoes && (*metadata.level() > self.ceiling || !self.wanted_here(metadata, cx.clone())) {
            return;
        }
        keeping_verdicts(metadata, || {
            if let Some(span) = cx.span(id) {
                spans::attach(&span, attributes, self.route_by_span);
            }
        });
    }

    fn on_record(&self, id: &Id, values: &SpanRecord<'_>, cx: Context<'_, S>) {
        if let Some(span) = cx.span(id) {
            spans::record(&span, values);
        }
    }

    fn on_enter(&self, _: &Id, _: Context<'_, S>) {
        spans::moved();
    }

    fn on_exit(&self, _: &Id, _: Context<'_, S>) {
        spans::moved();
    }
}

/// The target that every event of the `log` bridge carries in place of its own.
#[cfg(feature = "log")]
const LOG_TARGET: &str = "log";

impl fmt::Debug for ContextLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextLayer")
            .field("ceiling", &self.ceiling)
            .field("vetoes", &self.vetoes)
            .field("route_by_span", &self.route_by_span)
            .finish()
    }
}
