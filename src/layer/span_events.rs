//! The records of spans that are made and closed, for contexts that ask for them.
//!
//! A span that is to have a record when it is closed holds its context, and is [watched](Watched): each enter and exit adds to its times. A
//! span can be entered and closed anywhere, so whether it is watched must be found by its id alone, and for nearly all spans it is not. A fixed
//! array of counters answers that with one load: a span whose counter is zero is not watched. One whose counter is not zero may be another
//! span with the same counter, and its data says so.
//!
//! The span holds its context strongly. With a weak reference, the record of a span that outlives every other handle would be lost,
//! and no ledger would be left to count it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use tracing::span::Id;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::emit::emit;
use super::spans::ParentPath;
use crate::context::{OutputContext, SpanEvents};
use crate::record::{RecordMetadata, drop_quietly, with_span_close, with_span_new};
use crate::sync::{AtomicUsize, Ordering};

/// How many counters there are: a power of two.
const COUNTERS: usize = 512;

/// For each counter, how many watched spans have it.
static WATCHED: [AtomicUsize; COUNTERS] = [const { AtomicUsize::new(0) }; COUNTERS];

fn counter_of(id: &Id) -> usize {
    // Multiplying by 2^64 divided by the golden ratio spreads ids that differ in a few bits over the highest bits.
    (id.into_u64().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - COUNTERS.ilog2())) as usize
}

/// Returns false if the span is not watched.
#[inline]
pub(super) fn may_be_watched(id: &Id) -> bool {
    // Relaxed: whoever enters or closes a span has got it from the thread that made it, in a way that orders the two.
    WATCHED[counter_of(id)].load(Ordering::Relaxed) != 0
}

/// Counts a watched span until it is dropped.
struct Counted(usize);

impl Counted {
    fn new(id: &Id) -> Self {
        let counter = counter_of(id);
        // Relaxed: see `may_be_watched`.
        WATCHED[counter].fetch_add(1, Ordering::Relaxed);
        Counted(counter)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        // Relaxed: see `may_be_watched`. Another span with this counter has counted for itself.
        WATCHED[self.0].fetch_sub(1, Ordering::Relaxed);
    }
}

/// The data in the extensions of a span that is to have a record when it is closed.
struct Watched {
    context: OutputContext,
    busy: Duration,
    idle: Duration,
    /// When the span was made, or began or ceased to be entered.
    since: Instant,
    /// How often the span is entered now, by all threads.
    entered: usize,
    _counted: Counted,
}

impl Watched {
    fn new(context: OutputContext, id: &Id) -> Self {
        let since = context.inner().clock().now();
        Watched { context, busy: Duration::ZERO, idle: Duration::ZERO, since, entered: 0, _counted: Counted::new(id) }
    }

    /// Adds the time since the last change to `busy` if the span is entered now, or else to `idle`.
    fn add_time(&mut self, now: Instant) {
        let time = if self.entered == 0 { &mut self.idle } else { &mut self.busy };
        *time += now.saturating_duration_since(self.since);
        self.since = self.since.max(now);
    }

    fn enter(&mut self, now: Instant) {
        self.add_time(now);
        self.entered += 1;
    }

    fn exit(&mut self, now: Instant) {
        self.add_time(now);
        self.entered = self.entered.saturating_sub(1);
    }
}

/// Does what `context` asks for about a span that was just made, and that it wants.
pub(super) fn made<S>(span: &SpanRef<'_, S>, cx: &Context<'_, S>, context: OutputContext)
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    let events = context.inner().span_events();
    if events.contains(SpanEvents::CLOSE) {
        // Made and dropped without the lock, as below.
        let watched = Watched::new(context.clone(), &span.id());
        let before = span.extensions_mut().replace(watched);
        drop(before);
    }
    if events.contains(SpanEvents::NEW) {
        with_span_new(|event| emit_of_span(&context, event, (span.metadata(), &span.id()), cx));
    }
}

/// Notes that a span that may be watched is entered, or exited.
pub(super) fn moved<S>(id: &Id, cx: &Context<'_, S>, is_entered: bool)
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    contained(|| {
        let Some(span) = cx.span(id) else { return };
        let clock = span.extensions().get::<Watched>().map(|watched| watched.context.inner().clock().clone());
        let Some(clock) = clock else { return };
        // Asked without the lock: a clock of the program's own may log, which needs the fields of the span.
        let now = clock.now();
        if let Some(watched) = span.extensions_mut().get_mut::<Watched>() {
            if is_entered { watched.enter(now) } else { watched.exit(now) }
        }
    });
}

/// Writes the record of a span that is closed, if it is watched.
pub(super) fn closed<S>(id: &Id, cx: &Context<'_, S>)
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    contained(|| write_close(id, cx));
}

/// Calls `f` and catches its panic. A lock on the data of a span panics if another layer has panicked under it, and spans are exited and closed
/// by destructors, where a panic may abort the process.
fn contained(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        drop_quietly(payload);
    }
}

fn write_close<S>(id: &Id, cx: &Context<'_, S>)
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    let Some(span) = cx.span(id) else { return };
    // Taken out, so that nothing is locked while the record is written, and while the context is dropped.
    let watched = span.extensions_mut().remove::<Watched>();
    let Some(mut watched) = watched else { return };
    watched.add_time(watched.context.inner().clock().now());
    with_span_close(watched.busy, watched.idle, |event| {
        if watched.context.inner().verbosity().allows(span.metadata()) {
            emit_of_span(&watched.context, event, (span.metadata(), id), cx);
        }
    });
}

fn emit_of_span<S>(
    context: &OutputContext,
    event: &Event<'_>,
    (metadata, id): (&'static Metadata<'static>, &Id),
    cx: &Context<'_, S>,
) where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
{
    emit(context.inner(), event, &RecordMetadata::new(metadata), &ParentPath::new(Some(id), cx));
}

#[cfg(all(test, not(logscope_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_found_by_its_id_while_it_is_watched() {
        // Ids of other spans of this process may have the same counters, but nobody has these.
        let ids = [1_u64, 2, 3, 1 << 40, (1 << 40) + 1].map(Id::from_u64);
        let counters = ids.each_ref().map(counter_of);
        assert!(counters.iter().enumerate().all(|(n, counter)| !counters[..n].contains(counter)), "{counters:?}");
        let [first, second] = [Counted::new(&ids[0]), Counted::new(&ids[0])];
        assert!(may_be_watched(&ids[0]));
        drop(first);
        assert!(may_be_watched(&ids[0]));
        drop(second);
        assert!(!may_be_watched(&ids[0]));
    }
}
