//! From a context and an event to its sinks.

use std::cell::Cell;

use tracing::Event;

use super::nesting::Nested;
use crate::clock::Counted;
use crate::context::{ContextCall, ContextInner};
use crate::delivery::{DeferredCounters, Fate, Loss};
use crate::fallback;
use crate::format::with_scratch;
use crate::output::is_inside_output;
use crate::record::{Record, RecordMetadata, SpanPath};
use crate::sink::Sink;

/// Gives `event` to each sink of `inner` that wants its level, and counts what became of it. Tells the program if there is no sink at all.
pub(super) fn emit(inner: &ContextInner, event: &Event<'_>, metadata: &RecordMetadata<'_>, spans: &dyn SpanPath) {
    match inner.sinks() {
        // Most contexts have one sink: for them there are no loops.
        [sink] => {
            if sink.wants(metadata) {
                deliver(inner, event, metadata, spans, One(sink));
            }
        }
        [] => inner.warn_sinkless(),
        sinks => emit_to_some(inner, event, metadata, spans, sinks),
    }
}

#[inline(never)]
fn emit_to_some(
    inner: &ContextInner,
    event: &Event<'_>,
    metadata: &RecordMetadata<'_>,
    spans: &dyn SpanPath,
    sinks: &[Sink],
) {
    // Asked once: the verbosity of a sink may follow a dial, and what is counted must be what is delivered.
    let wanting = Wanting::of(sinks, metadata);
    if wanting.count() > 0 {
        deliver(inner, event, metadata, spans, wanting);
    }
}

/// The sinks of a context that want a record: one at least.
trait Receivers<'s> {
    fn count(&self) -> u64;

    /// Calls `each` with each of them, and its place in the context.
    fn give_to_each(&self, each: impl FnMut(usize, &'s Sink));

    /// Does the same, and counts what `each` returns: the fate of one delivery of `call`, or that it is in a queue.
    #[inline]
    fn deliver_to_each(
        &self,
        call: &ContextCall<'_>,
        counters: &DeferredCounters,
        mut each: impl FnMut(usize, &'s Sink) -> Option<Fate>,
    ) {
        let mut fates = FateCounts::default();
        self.give_to_each(|n, sink| fates.count(each(n, sink), call));
        fates.resolve(counters);
    }
}

/// The only sink of a context.
struct One<'s>(&'s Sink);

impl<'s> Receivers<'s> for One<'s> {
    #[inline]
    fn count(&self) -> u64 {
        1
    }

    #[inline]
    fn give_to_each(&self, mut each: impl FnMut(usize, &'s Sink)) {
        each(0, self.0);
    }

    #[inline]
    fn deliver_to_each(
        &self,
        call: &ContextCall<'_>,
        counters: &DeferredCounters,
        mut each: impl FnMut(usize, &'s Sink) -> Option<Fate>,
    ) {
        match each(0, self.0) {
            Some(fate) => counters.resolve(fate, 1),
            None => call.hand_over(),
        }
    }
}

#[inline(always)]
fn deliver<'s>(
    inner: &ContextInner,
    event: &Event<'_>,
    metadata: &RecordMetadata<'_>,
    spans: &dyn SpanPath,
    receivers: impl Receivers<'s>,
) {
    let call = inner.begin_call(receivers.count());
    let Some(seq) = call.number() else { return refuse(inner, receivers.count()) };
    let counters = inner.counters();
    let nested = Nested::enter();
    let inside_output = is_inside_output();
    if nested.is_too_deep() || inside_output {
        drop_all(inner, &receivers);
        if nested.is_too_deep() {
            return;
        }
    }
    let reading = inner.clock().read();
    let record = Record {
        event,
        metadata,
        elapsed: reading.elapsed_since(inner.started()),
        counted: Counted::FromContext(inner.started()),
        clock: inner.clock(),
        wall: Cell::new(reading.wall()),
        seq: Some(seq),
        context: inner.info(),
        spans,
    };
    if inside_output {
        // An output logs while it is called: its own lock may be held, and its record must not come back to it.
        return fallback::report_record(&record);
    }
    with_scratch(|scratch| {
        scratch.begin();
        receivers.deliver_to_each(&call, counters, |n, sink| sink.deliver(&record, scratch, inner.account(n)));
    });
}

/// Counts a record as dropped that is not delivered, because it was logged inside an output, or too deep in other records.
#[cold]
#[inline(never)]
fn drop_all<'s>(inner: &ContextInner, receivers: &impl Receivers<'s>) {
    let loss = Loss { count: 1, context: inner.info(), elapsed: inner.elapsed() };
    receivers.give_to_each(|_, sink| sink.count_dropped(loss));
    inner.counters().resolve(Fate::Dropped, receivers.count());
}

/// Which of a context's sinks want a record.
struct Wanting<'s> {
    sinks: &'s [Sink],
    /// One bit for each of the first 64 sinks.
    first: u64,
    /// The others; hardly any context has so many.
    others: Vec<bool>,
}

impl<'s> Wanting<'s> {
    fn of(sinks: &'s [Sink], metadata: &RecordMetadata<'_>) -> Self {
        let wants = |sink: &Sink| sink.wants(metadata);
        let bit = |(n, sink): (usize, &Sink)| u64::from(wants(sink)) << n;
        let first = sinks.iter().take(64).enumerate().map(bit).fold(0, |first, bit| first | bit);
        Wanting { sinks, first, others: sinks.iter().skip(64).map(wants).collect() }
    }
}

impl<'s> Receivers<'s> for Wanting<'s> {
    fn count(&self) -> u64 {
        u64::from(self.first.count_ones()) + self.others.iter().filter(|wants| **wants).count() as u64
    }

    #[inline]
    fn give_to_each(&self, mut each: impl FnMut(usize, &'s Sink)) {
        let wants = |n: usize| if n < 64 { self.first >> n & 1 != 0 } else { self.others[n - 64] };
        self.sinks.iter().enumerate().filter(|(n, _)| wants(*n)).for_each(|(n, sink)| each(n, sink));
    }
}

/// Counts the deliveries of a record to a closed context as dropped.
#[cold]
pub(super) fn refuse(inner: &ContextInner, deliveries: u64) {
    inner.counters().resolve(Fate::Dropped, deliveries);
    inner.warn_closed();
}

/// How many deliveries of one record have which fate. Those that are not counted here are in queues, which resolve them later.
#[derive(Default)]
pub(super) struct FateCounts {
    written: u64,
    failed: u64,
    dropped: u64,
}

impl FateCounts {
    /// Counts one delivery of `call`.
    #[inline]
    pub(super) fn count(&mut self, fate: Option<Fate>, call: &ContextCall<'_>) {
        match fate {
            Some(Fate::Written) => self.written += 1,
            Some(Fate::Failed) => self.failed += 1,
            Some(Fate::Dropped) => self.dropped += 1,
            None => call.hand_over(),
        }
    }

    /// Counts the deliveries in `ledger`, which has accepted them.
    #[inline]
    pub(super) fn resolve(self, counters: &DeferredCounters) {
        if self.written > 0 {
            counters.resolve(Fate::Written, self.written);
        }
        if self.failed > 0 {
            counters.resolve(Fate::Failed, self.failed);
        }
        if self.dropped > 0 {
            counters.resolve(Fate::Dropped, self.dropped);
        }
    }
}
