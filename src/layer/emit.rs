//! From a context and an event to its sinks.

use std::cell::Cell;

use tracing::Event;

use super::nesting::Nested;
use crate::context::{ContextCall, ContextInner};
use crate::delivery::{Counters, Fate, Loss};
use crate::fallback;
use crate::format::with_scratch;
use crate::output::is_inside_output;
use crate::record::{Record, RecordMetadata, SpanPath};

/// Gives `event` to each sink of `inner` that wants its level, and counts what became of it. Tells the program if there is no sink at all.
pub(super) fn emit(inner: &ContextInner, event: &Event<'_>, metadata: RecordMetadata<'_>, spans: &dyn SpanPath) {
    let wanting = || inner.sinks().iter().filter(|sink| sink.wants(&metadata.level));
    let deliveries = wanting().count() as u64;
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
        wanting().for_each(|sink| sink.count_dropped(loss));
        counters.resolve(Fate::Dropped, deliveries);
        if nested.is_too_deep() {
            return;
        }
    }
    let record = Record {
        event,
        metadata,
        elapsed: inner.elapsed(),
        clock: inner.clock(),
        wall: Cell::new(None),
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
        for (n, sink) in inner.sinks().iter().enumerate().filter(|(_, sink)| sink.wants(&record.metadata.level)) {
            fates.count(sink.deliver(&record, scratch, inner.account(n)), &call);
        }
    });
    fates.resolve(counters);
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
