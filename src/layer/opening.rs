//! Opening records: a log says, where the program asks for it, which levels it has.

use std::cell::Cell;

use super::emit::{FateCounts, refuse};
use crate::LevelFilter;
use crate::context::OutputContext;
use crate::delivery::{Fate, Loss};
use crate::format::with_scratch;
use crate::output::is_inside_output;
use crate::record::{NoSpans, Record, RecordMetadata, with_opening};

impl OutputContext {
    /// Writes a record to each sink that says which levels its log has: a reader then knows why numbers are missing.
    ///
    /// ```
    /// use logscope::{Format, LevelFilter, OutputContext, Time, sink};
    ///
    /// let (memory, lines) = sink::memory();
    /// let errors = memory.format(Format::logfmt().time(Time::None)).max_level(LevelFilter::ERROR);
    /// let uno = OutputContext::builder("uno").sink(errors).build();
    /// uno.write_opening_record();
    /// assert_eq!(
    ///     lines.lines(),
    ///     [r#"level=info context=uno seq=1 target=logscope msg="records above max_level are not in this log" max_level=error"#]
    /// );
    /// ```
    ///
    /// The record is at INFO and has the target `logscope` and the field `max_level`: the threshold of the sink, or the most verbose level of
    /// the context if that is lower. It passes the threshold that it states, except that a sink at OFF gets no record. It counts as an
    /// ordinary record in the ledgers, and its number is the same in all sinks.
    ///
    /// Nothing is written without this call. A program learns the same from [`snapshot`](OutputContext::snapshot).
    pub fn write_opening_record(&self) {
        let inner = self.inner();
        let max_level = inner.verbosity().max_level();
        let opened = || {
            inner.sinks().iter().enumerate().filter(|(_, sink)| sink.own_verbosity().max_level() != LevelFilter::OFF)
        };
        let deliveries = opened().count() as u64;
        if deliveries == 0 {
            return;
        }
        let call = inner.begin_call(deliveries);
        let Some(seq) = call.number() else { return refuse(inner, deliveries) };
        let counters = inner.counters();
        if is_inside_output() {
            let loss = Loss { count: 1, context: inner.info(), elapsed: inner.elapsed() };
            opened().for_each(|(_, sink)| sink.count_dropped(loss));
            return counters.resolve(Fate::Dropped, deliveries);
        }
        let mut fates = FateCounts::default();
        for (n, sink) in opened() {
            with_opening(max_level.min(sink.own_verbosity().max_level()), |event| {
                let record = Record {
                    event,
                    metadata: RecordMetadata::own(event.metadata()),
                    elapsed: inner.elapsed(),
                    origin: Some(inner.origin()),
                    clock: inner.clock(),
                    wall: Cell::new(None),
                    seq: Some(seq),
                    context: inner.info(),
                    spans: &NoSpans,
                };
                fates.count(with_scratch(|scratch| sink.deliver(&record, scratch, inner.account(n))), &call);
            });
        }
        fates.resolve(counters);
    }
}
