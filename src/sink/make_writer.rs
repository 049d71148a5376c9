//! Beside `tracing_subscriber::fmt`: its writers as sinks, and sinks as its writers.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::time::Duration;

use tracing::field::Value;
use tracing::{Event, Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use super::view::Sink;
use crate::clock::{Clock, Counted, Wall};
use crate::delivery::Loss;
use crate::fallback;
use crate::format::buffer::Buffer;
use crate::format::with_finished_line;
use crate::output::{MadeWriters, is_inside_output};
use crate::record::{ContextInfo, NoSpans, Record, RecordMetadata, line_metadata, max_record_bytes};

/// Returns a sink for a [`MakeWriter`], such as `std::io::stderr` or a file appender of the crate `tracing-appender`.
///
/// ```
/// use logscope::{OutputContext, sink};
/// use tracing_subscriber::fmt::writer::MakeWriterExt as _;
///
/// let warnings = sink::make_writer(std::io::stderr.with_max_level(tracing::Level::WARN));
/// let uno = OutputContext::builder("uno").sink(warnings).build();
/// # drop(uno);
/// ```
///
/// Each line is written with one `write` to a writer of its own, under a lock; if that takes only a part of the line, the rest follows. An
/// error is a failure of the record: see [I/O failures](super#io-failures). [`flush`](Sink::flush) flushes one more writer for each level that
/// was written, and believes what that returns: the `NonBlocking` of the crate `tracing-appender`, which returns `Ok` always, is for
/// `sink::non_blocking` (feature `appender`).
///
/// The writer is made for the metadata of the event, so filters such as `with_filter` work. Of a line that has been in a
/// [queue](Sink::queued), and of a record of the `log` crate, only the level is known: filters by level work, and others see the target
/// `logscope`. A line that such a filter takes away counts as written.
///
/// [`Color::Auto`](crate::Color::Auto) does not colour the lines, because nobody knows where they go.
pub fn make_writer(make: impl for<'a> MakeWriter<'a> + Send + Sync + 'static) -> Sink {
    Sink::of_output(MadeWriters::new(make, "writer"))
}

/// How many bytes are gathered beyond the bound of a record: more than a line that is not cut can have.
const BEYOND: usize = 64;

/// Takes what an `fmt` layer writes for one event, and gives it to the sink when it is dropped.
///
/// ```
/// use std::io::Write as _;
///
/// use logscope::sink;
/// use tracing_subscriber::fmt::MakeWriter as _;
///
/// let (log, memory) = sink::memory();
/// write!(log.make_writer(), "one {}", 1)?;
/// assert_eq!(memory.text(), "one 1\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct SinkWriter<'a> {
    /// `None` if the sink does not take the level.
    sink: Option<&'a Sink>,
    level: Level,
    text: Buffer,
}

/// Has `tracing_subscriber::fmt` write to a sink, and so to its queue and its file that rolls.
///
/// ```
/// use logscope::sink;
/// use tracing_subscriber::prelude::*;
///
/// let (log, memory) = sink::memory();
/// let layer = tracing_subscriber::fmt::layer().with_ansi(false).without_time().with_writer(log.queued(sink::Queue::new()));
/// tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || tracing::info!("hello"));
/// let ledger = log.flush(std::time::Duration::from_secs(5));
/// assert_eq!((ledger.written, memory.lines()[0].ends_with("hello")), (1, true));
/// ```
///
/// One event is one line, and one `write` of the output. The layer renders it, so the format of the sink is used for notices about missing
/// records only. Of what the layer writes, control characters are escaped but for line breaks: have it write no colours, by
/// `with_ansi(false)`. A line end is added if there is none. The verbosity of the sink holds.
///
/// The line counts in the ledger of the sink, and in that of no context. A [`records`](super::records()) sink gets a record whose message is
/// the line.
impl<'a> MakeWriter<'a> for Sink {
    type Writer = SinkWriter<'a>;

    /// Returns a writer for a line at INFO.
    fn make_writer(&'a self) -> SinkWriter<'a> {
        SinkWriter::new(self, Level::INFO, self.own_verbosity().max_level() >= Level::INFO)
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> SinkWriter<'a> {
        SinkWriter::new(self, *metadata.level(), self.own_verbosity().enabled(metadata))
    }
}

impl<'a> SinkWriter<'a> {
    fn new(sink: &'a Sink, level: Level, is_wanted: bool) -> Self {
        SinkWriter { sink: is_wanted.then_some(sink), level, text: Buffer::take() }
    }
}

impl io::Write for SinkWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.sink.is_some() {
            // What is beyond the bound has the line cut, and marked as such.
            let room = max_record_bytes().saturating_add(BEYOND).saturating_sub(self.text.len());
            self.text.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        Ok(bytes.len())
    }

    /// Does nothing: the sink gets the line when the writer is dropped.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SinkWriter<'_> {
    fn drop(&mut self) {
        let Some(sink) = self.sink else { return };
        if self.text.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(&self.text);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        with_line(self.level, text, |record| deliver(sink, record, text));
    }
}

/// Calls `f` with a record of no context, whose message is `text`.
fn with_line(level: Level, text: &str, f: impl FnOnce(&Record<'_>)) {
    let metadata = line_metadata(level);
    let Some(message) = metadata.fields().iter().next() else { unreachable!("it has one field") };
    let values = [(&message, Some(&text as &dyn Value))];
    let values = metadata.fields().value_set(&values);
    f(&Record {
        event: &Event::new(metadata, &values),
        metadata: &RecordMetadata::own(metadata),
        elapsed: Duration::ZERO,
        counted: Counted::Unknown,
        clock: &Clock::SYSTEM,
        wall: Cell::new(Wall::Unread),
        seq: None,
        context: &ContextInfo::nobody(),
        spans: &NoSpans,
    });
}

fn deliver(sink: &Sink, record: &Record<'_>, text: &str) {
    if is_inside_output() {
        // The layer writes what an output logs: the output's own lock may be held.
        sink.count_dropped(Loss { count: 1, context: record.context(), elapsed: Duration::ZERO });
        return fallback::report_record(record);
    }
    // A queue counts the line later.
    let _ = with_finished_line(text, |scratch| sink.deliver(record, scratch, None));
}

impl fmt::Debug for SinkWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkWriter")
            .field("sink", &self.sink)
            .field("text", &String::from_utf8_lossy(&self.text))
            .finish()
    }
}
