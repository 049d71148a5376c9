//! The layer for a subscriber of the program's own, which works beside other layers, and behind `tracing_subscriber::reload`.
//!
//! tracing-subscriber gives a per-layer filter its number when the layer is added to a subscriber. A layer that `Handle::reload` puts in is
//! never added: it has no number, and a `Filtered` without a number panics in debug builds, and loses events in others. Our filter never
//! rejects anything, so nothing depends on its number. What it is for is to tell `tracing` the ceiling, and to have it ask about each event
//! (see [`CeilingFilter`]). So a layer without a number leaves the filter out, and does both as a layer without a filter.
//!
//! Whether the other layers of a subscriber know that a layer has a filter is decided when the subscriber is put together: they ask by
//! `downcast_raw` for a private marker. `reload` answers that it has none, and from then on takes the maximum level of the layer in it for
//! one that holds for all layers. So the ceiling is the hint only if somebody has been told of the filter.

use std::any::TypeId;
use std::fmt;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record as SpanRecord};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_subscriber::filter::Filtered;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::ceiling::{CeilingFilter, note_question};
use super::context_layer::ContextLayer;
use crate::sync::{AtomicBool, Ordering};

/// Routes each event to the output context that is current where the event happens; from [`layer()`](crate::layer()) or
/// [`Config::layer`](crate::Config::layer).
///
/// ```
/// use tracing_subscriber::prelude::*;
/// use tracing_subscriber::{Registry, reload};
///
/// let (layer, handle) = reload::Layer::new(logscope::layer());
/// let subscriber = tracing_subscriber::registry().with(layer);
/// # tracing::subscriber::with_default(subscriber, || {
/// handle.reload(logscope::layer())?;
/// # Ok::<(), reload::Error>(()) })?;
/// # Ok::<(), reload::Error>(())
/// ```
///
/// It can be put into an `Option`, a `Vec`, a `Box` or a `reload::Layer`, and be given a filter by `with_filter`.
///
/// A layer that `Handle::reload` puts in learns that it is in use when the first event or span reaches it. Only then do its process default
/// and its other settings take effect. Between `Handle::reload` and the next scope, a value that logs while it is rendered can cost another
/// layer of the same `Vec` an event, as such values always can without logscope.
pub struct ScopedLayer<S> {
    filtered: Filtered<ContextLayer, CeilingFilter, S>,
    /// True if the layer was added to a subscriber, so that its filter has a number.
    has_number: bool,
    /// True if the subscriber was told that the layer has a filter.
    is_known_as_filtered: AtomicBool,
}

impl<S> ScopedLayer<S> {
    pub(super) fn new(layer: ContextLayer, ceiling: LevelFilter) -> Self {
        ScopedLayer {
            filtered: Filtered::new(layer, CeilingFilter::new(ceiling)),
            has_number: false,
            is_known_as_filtered: AtomicBool::new(false),
        }
    }

    fn layer(&self) -> &ContextLayer {
        self.filtered.inner()
    }
}

/// Calls a method of the layer, inside its filter if that has a number.
macro_rules! call {
    ($self:ident.$method:ident($($argument:ident),*)) => {
        if $self.has_number {
            $self.filtered.$method($($argument),*)
        } else {
            $self.layer().join();
            $self.layer().$method($($argument),*)
        }
    };
}

impl<S> Layer<S> for ScopedLayer<S>
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        Layer::<S>::on_register_dispatch(&self.filtered, subscriber);
    }

    fn on_layer(&mut self, subscriber: &mut S) {
        self.has_number = true;
        self.filtered.on_layer(subscriber);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.layer().answer_search(metadata);
        if self.has_number {
            return self.filtered.register_callsite(metadata);
        }
        // Not joined here, which drops what the settings replace: `tracing` holds locks.
        if self.layer().is_beside_filters() {
            // The registry adds up the answers of filters. There `sometimes` prevails, also where our own answer would be hidden by the `always` of
            // another layer in the same `Vec`.
            return self.filtered.register_callsite(metadata);
        }
        match Layer::<S>::register_callsite(self.layer(), metadata).is_never() {
            // Above the ceiling, the other layers decide.
            true => Interest::always(),
            false => Interest::sometimes(),
        }
    }

    #[inline]
    fn enabled(&self, metadata: &Metadata<'_>, cx: Context<'_, S>) -> bool {
        if !self.has_number {
            note_question();
        }
        call!(self.enabled(metadata, cx))
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        // Relaxed: the flag is set while the subscriber is put together.
        let is_known = self.has_number && self.is_known_as_filtered.load(Ordering::Relaxed);
        if is_known { Layer::<S>::max_level_hint(&self.filtered) } else { None }
    }

    #[inline]
    fn event_enabled(&self, event: &Event<'_>, cx: Context<'_, S>) -> bool {
        call!(self.event_enabled(event, cx))
    }

    #[inline]
    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        call!(self.on_event(event, cx))
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        call!(self.on_new_span(attributes, id, cx))
    }

    fn on_record(&self, id: &Id, values: &SpanRecord<'_>, cx: Context<'_, S>) {
        call!(self.on_record(id, values, cx))
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, cx: Context<'_, S>) {
        call!(self.on_follows_from(id, follows, cx))
    }

    fn on_enter(&self, id: &Id, cx: Context<'_, S>) {
        call!(self.on_enter(id, cx))
    }

    fn on_exit(&self, id: &Id, cx: Context<'_, S>) {
        call!(self.on_exit(id, cx))
    }

    fn on_close(&self, id: Id, cx: Context<'_, S>) {
        call!(self.on_close(id, cx))
    }

    fn on_id_change(&self, old: &Id, new: &Id, cx: Context<'_, S>) {
        call!(self.on_id_change(old, new, cx))
    }

    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        if id == TypeId::of::<Self>() {
            return Some(std::ptr::from_ref(self).cast());
        }
        // SAFETY: a caller must use the returned pointer only as one to a value of the type with this id, and no longer than `self` lives.
        // - The type: `Filtered` returns a pointer to a value of that type or `None`, and we pass its answer on.
        // - The lifetime: the value is in `self.filtered`, which lives as long as `self`.
        let found = unsafe { self.filtered.downcast_raw(id) };
        let ours = [TypeId::of::<Filtered<ContextLayer, CeilingFilter, S>>(), TypeId::of::<ContextLayer>()];
        if found.is_some() && !ours.contains(&id) && id != TypeId::of::<CeilingFilter>() {
            // Only the marker of a filter is left.
            self.is_known_as_filtered.store(true, Ordering::Relaxed);
        }
        found
    }
}

impl<S> fmt::Debug for ScopedLayer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ScopedLayer").field(self.layer()).finish()
    }
}
