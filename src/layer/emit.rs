//! From a context and an event to the sinks.

use std::cell::Cell;

use tracing::Event;

use super::nesting::Nested;
use crate::context::Inner;
use crate::delivery::{Fate, Ledger, Loss};
use crate::fallback;
use crate::format::with_scratch;
use crate::output::is_inside_output;
use crate::record::{Record, Source, SpanPath};

/// Gives `event` to each sink of `inner` that wants its level, and counts what became of it.
pub(super) fn emit(inner: &Inner, event: &Event<'_>, source: Source<'_>, spans: &dyn SpanPath) {
    let wanting = || inner.sinks().iter().filter(|sink| sink.wants(&source.level));
    let deliveries = wanting().count() as u64;
    if deliveries == 0 {
        return;
    }
    let ledger = inner.ledger();
    let Some(seq) = inner.accept(deliveries) else {
        ledger.resolve(Fate::Dropped, deliveries);
        return inner.tell_closed();
    };
    let nested = Nested::enter();
    let inside_output = is_inside_output();
    if nested.is_too_deep() || inside_output {
        let loss = Loss { count: 1, context: inner.info(), elapsed: inner.elapsed() };
        wanting().for_each(|sink| sink.count_dropped(loss));
        ledger.resolve(Fate::Dropped, deliveries);
        if nested.is_too_deep() {
            return;
        }
    }
    let record = Record {
        event,
        source,
        elapsed: inner.elapsed(),
        clock: inner.clock(),
        wall: Cell::new(None),
        seq: Some(seq),
        context: inner.info(),
        spans,
    };
    if inside_output {
        // A sink that logs while it writes: its own lock may be held, and whatever it says about itself must not come back to it.
        return fallback::report_record(&record);
    }
    let mut settled = Settled::default();
    with_scratch(|scratch| {
        scratch.begin();
        for (n, sink) in inner.sinks().iter().enumerate().filter(|(_, sink)| sink.wants(&record.source.level)) {
            settled.count(sink.deliver(&record, scratch, inner.account(n)));
        }
    });
    settled.tell(ledger);
}

/// The deliveries of one record whose fate is known. The others are in queues, which tell it later.
#[derive(Default)]
struct Settled {
    written: u64,
    failed: u64,
    dropped: u64,
}

impl Settled {
    fn count(&mut self, delivery: Option<Fate>) {
        match delivery {
            Some(Fate::Written) => self.written += 1,
            Some(Fate::Failed) => self.failed += 1,
            Some(Fate::Dropped) => self.dropped += 1,
            None => {}
        }
    }

    fn tell(self, ledger: &Ledger) {
        let fates = [(Fate::Written, self.written), (Fate::Failed, self.failed), (Fate::Dropped, self.dropped)];
        for (delivery, count) in fates.into_iter().filter(|(_, count)| *count > 0) {
            ledger.resolve(delivery, count);
        }
    }
}
