//! Which events in the life of a span are records.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

use crate::sync::{AtomicBool, Ordering};

/// Says which events in the life of a span are records: see [`ContextBuilder::span_events`](crate::ContextBuilder::span_events).
///
/// ```
/// use logscope::SpanEvents;
///
/// let both = SpanEvents::NEW | SpanEvents::CLOSE;
/// assert!(both.contains(SpanEvents::CLOSE) && !SpanEvents::NEW.contains(both));
/// assert_eq!(format!("{both:?}"), "NEW | CLOSE");
/// ```
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct SpanEvents(u8);

impl SpanEvents {
    /// Nothing: no record is written for a span.
    pub const NONE: SpanEvents = SpanEvents(0);

    /// A record when a span is made.
    pub const NEW: SpanEvents = SpanEvents(1);

    /// A record when a span is closed, with the time that it was entered and the time that it was not: `time.busy` and `time.idle`, texts as
    /// `137µs` and `6.39ms`, in JSON too, like those of `tracing_subscriber::fmt`.
    pub const CLOSE: SpanEvents = SpanEvents(2);

    /// Returns true if `self` has all events of `other`.
    ///
    /// ```
    /// # use logscope::SpanEvents;
    /// assert!(SpanEvents::NEW.contains(SpanEvents::NONE));
    /// ```
    #[must_use]
    pub const fn contains(self, other: SpanEvents) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for SpanEvents {
    type Output = SpanEvents;

    fn bitor(self, other: SpanEvents) -> SpanEvents {
        SpanEvents(self.0 | other.0)
    }
}

impl BitOrAssign for SpanEvents {
    fn bitor_assign(&mut self, other: SpanEvents) {
        *self = *self | other;
    }
}

impl fmt::Debug for SpanEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.contains(SpanEvents::NEW), self.contains(SpanEvents::CLOSE)) {
            (false, false) => "NONE",
            (true, false) => "NEW",
            (false, true) => "CLOSE",
            (true, true) => "NEW | CLOSE",
        })
    }
}

/// True once a context was built that has span events.
static ARE_USED: AtomicBool = AtomicBool::new(false);

/// Notes that a context is built that has these events.
pub(super) fn note_use(events: SpanEvents) {
    if events != SpanEvents::NONE {
        // Relaxed: a thread in which this context is current has got it from this thread, in a way that orders the two.
        ARE_USED.store(true, Ordering::Relaxed);
    }
}

/// Returns false if no context has span events.
#[inline]
pub(crate) fn are_span_events_used() -> bool {
    // Relaxed: see `note_use`.
    ARE_USED.load(Ordering::Relaxed)
}
