//! Opening records: a log says, where the program asks for it, which records it has.

use std::cell::Cell;

use super::emit::{FateCounts, refuse};
use crate::LevelFilter;
use crate::clock::Counted;
use crate::context::OutputContext;
use crate::delivery::{Fate, Loss};
use crate::format::with_scratch;
use crate::output::is_inside_output;
use crate::record::{NoSpans, Record, RecordMetadata, with_opening};

impl OutputContext {
    /// Writes a record to each sink that says which levels of which targets its log has: a reader then knows why numbers are missing.
    ///
    /// ```
    /// use logscope::{Format, LevelFilter, OutputContext, Time, sink};
    ///
    /// let (memory, lines) = sink::memory();
    /// let warnings = memory.format(Format::logfmt().context(false).time(Time::None)).max_level(LevelFilter::WARN);
    /// let uno = OutputContext::builder("uno").directives("info,hyper=error")?.sink(warnings).build();
    /// uno.write_opening_record();
    /// let opening = r#"level=info seq=1 target=logscope msg="records above this verbosity are not in this log" verbosity="warn,hyper=error""#;
    /// assert_eq!(lines.lines(), [opening]);
    /// # Ok::<(), logscope::Error>(())
    /// ```
    ///
    /// The record is at INFO and has the target `logscope` and the field `verbosity`: what both the context and the sink let through, as
    /// [directives](crate::Verbosity#directives) that can be parsed. Of a dial it is the present setting. The record passes the verbosity that
    /// it states. It counts as an ordinary record in the ledgers, and its number is the same in all sinks.
    ///
    /// Two kinds of sinks get none: one that gets no records at all, and one whose format shows no fields ([`raw`](crate::Format::raw), and
    /// those with [`fields(false)`](crate::Format::fields)), because its line could not say which records are missing.
    ///
    /// Nothing is written without this call. A program learns the same from [`snapshot`](OutputContext::snapshot).
    pub fn write_opening_record(&self) {
        let inner = self.inner();
        // Asked once: a dial may change meanwhile.
        let verbosities = inner.sinks().iter().map(|sink| inner.verbosity().min(sink.own_verbosity()));
        let opened: Vec<_> = inner.sinks().iter().zip(verbosities).enumerate().collect();
        let opened = || {
            opened.iter().filter(|(_, (sink, verbosity))| {
                verbosity.max_level() != LevelFilter::OFF && sink.renderer().format().has_fields()
            })
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
            opened().for_each(|(_, (sink, _))| sink.count_dropped(loss));
            return counters.resolve(Fate::Dropped, deliveries);
        }
        let reading = inner.clock().read();
        let mut fates = FateCounts::default();
        for (n, (sink, verbosity)) in opened() {
            with_opening(&verbosity.to_string(), |event| {
                let record = Record {
                    event,
                    metadata: &RecordMetadata::own(event.metadata()),
                    elapsed: reading.elapsed_since(inner.started()),
                    counted: Counted::FromContext(inner.started()),
                    clock: inner.clock(),
                    wall: Cell::new(reading.wall()),
                    seq: Some(seq),
                    context: inner.info(),
                    spans: &NoSpans,
                };
                fates.count(with_scratch(|scratch| sink.deliver(&record, scratch, inner.account(*n))), &call);
            });
        }
        fates.resolve(counters);
    }
}
