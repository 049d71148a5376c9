//! From a context and an event to the sinks.

use std::cell::Cell;

use tracing::Event;

use super::nesting::Nested;
use crate::context::Inner;
use crate::format::with_scratch;
use crate::record::{Record, Source, SpanPath};
use crate::sink::{self, Delivery, Loss, fallback};

/// Gives `event` to each sink of `inner` that wants its level, and counts what became of it.
pub(super) fn emit(inner: &Inner, event: &Event<'_>, source: Source<'_>, spans: &dyn SpanPath) {
    let wanting = || inner.sinks().iter().filter(|sink| sink.wants(&source.level));
    let deliveries = wanting().count() as u64;
    if deliveries == 0 {
        return;
    }
    let ledger = inner.ledger();
    let Some(seq) = inner.accept(deliveries) else {
        ledger.settle(Delivery::Dropped, deliveries);
        return inner.tell_closed();
    };
    let nested = Nested::enter();
    let inside_output = sink::in_output();
    if nested.is_too_deep() || inside_output {
        let loss = Loss { count: 1, context: inner.info(), elapsed: inner.elapsed() };
        wanting().for_each(|sink| sink.count_dropped(loss));
        ledger.settle(Delivery::Dropped, deliveries);
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
        return fallback::record(&record);
    }
    let mut written = 0;
    with_scratch(|scratch| {
        scratch.begin();
        for sink in wanting() {
            if sink.deliver(&record, scratch) == Delivery::Written {
                written += 1;
            }
        }
    });
    if written > 0 {
        ledger.settle(Delivery::Written, written);
    }
    if written < deliveries {
        ledger.settle(Delivery::Failed, deliveries - written);
    }
}
