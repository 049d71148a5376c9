//! From a context and an event to its sinks.

use std::cell::Cell;

use tracing::Event;

use super::nesting::Nested;
use crate::clock::Counted;
use crate::context::{ContextCall, ContextInner};
use crate::delivery::{Counters, Fate, Loss};
use crate::fallback;
use crate::format::with_scratch;
use crate::output::is_inside_output;
use crate::record::{Record, RecordMetadata, SpanPath};
use crate::sink::Sink;

/// Gives `event` to each sink of `inner` that wants its level, and counts what became of it. Tells the program if there is no sink at all.
pub(super) fn emit(inner: &ContextInner, event: &Event<'_>, metadata: RecordMetadata<'_>, spans: &dyn SpanPath) {
    // Asked once: the verbosity of a sink may follow a dial, and what is counted must be what is delivered.
    let wanting = Wanting::of(inner.sinks(), &metadata);
    let deliveries = wanting.count();
    if deliveries == 0 {
        if inner.sinks().is_empty() {
            inner.warn_sinkless();
        }
        return;
    }
    let call = inner.begin_call(deliveries);
    let Some(seq) = call.number() else { return refuse(inner, deliveries) };
    let counters = inner.counters();
    let nested = Nested::enter();
    let inside_output = is_inside_output();
    if nested.is_too_deep() || inside_output {
        let loss = Loss { count: 1, context: inner.info(), elapsed: inner.elapsed() };
        wanting.of_all(inner.sinks()).for_each(|(_, sink)| sink.count_dropped(loss));
        counters.resolve(Fate::Dropped, deliveries);
        if nested.is_too_deep() {
            return;
        }
    }
    let reading = inner.clock().read();
    let record = Record {
        event,
        metadata,
        elapsed: inner.origin().elapsed_at(reading.instant),
        counted: Counted::FromContext(inner.origin()),
        clock: inner.clock(),
        wall: Cell::new(reading.wall),
        seq: Some(seq),
        context: inner.info(),
        spans,
    };
    if inside_output {
        // An output logs while it is called: its own lock may be held, and its record must not come back to it.
        return fallback::report_record(&record);
    }
    let mut fates = FateCounts::default();
    with_scratch(|scratch| {
        scratch.begin();
        for (n, sink) in wanting.of_all(inner.sinks()) {
            fates.count(sink.deliver(&record, scratch, inner.account(n)), &call);
        }
    });
    fates.resolve(counters);
}

/// Which of a context's sinks want a record.
struct Wanting {
    /// One bit for each of the first 64 sinks.
    first: u64,
    /// The others; hardly any context has so many.
    others: Vec<bool>,
}

impl Wanting {
    #[inline]
    fn of(sinks: &[Sink], metadata: &RecordMetadata<'_>) -> Self {
        let wants = |sink: &Sink| sink.wants(metadata);
        let bit = |(n, sink): (usize, &Sink)| u64::from(wants(sink)) << n;
        let first = sinks.iter().take(64).enumerate().map(bit).fold(0, |first, bit| first | bit);
        Wanting { first, others: sinks.iter().skip(64).map(wants).collect() }
    }

    #[inline]
    fn count(&self) -> u64 {
        u64::from(self.first.count_ones()) + self.others.iter().filter(|wants| **wants).count() as u64
    }

    /// Returns those of `sinks`, each with its place.
    #[inline]
    fn of_all<'s>(&self, sinks: &'s [Sink]) -> impl Iterator<Item = (usize, &'s Sink)> {
        let wants = |n: usize| if n < 64 { self.first >> n & 1 != 0 } else { self.others[n - 64] };
        sinks.iter().enumerate().filter(move |(n, _)| wants(*n))
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
    pub(super) fn resolve(self, counters: &Counters) {
        let fates = [(Fate::Written, self.written), (Fate::Failed, self.failed), (Fate::Dropped, self.dropped)];
        for (fate, count) in fates.into_iter().filter(|(_, count)| *count > 0) {
            counters.resolve(fate, count);
        }
    }
}
