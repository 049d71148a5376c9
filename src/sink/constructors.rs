//! The functions that make a sink of an output. The functions for files are in `file`, beside this file.

use std::io;

use super::view::Sink;
use crate::delivery::Core;
use crate::output::{
    AnyOutput, Callback, CopyOutput, Memory, MemoryRecords, Null, Output, Print, RecordOutput, Stream, Writer,
};
use crate::process::ForkLocal;
use crate::sync::{Arc, OnceLock};

/// Returns a sink for the process's standard output.
///
/// ```
/// let console = logscope::sink::stdout().format(logscope::Format::build());
/// assert_eq!(console.to_string(), "stdout");
/// ```
///
/// All these sinks are views of one output. On Unix the bytes do not go through std's buffer. That buffer keeps text that was `print!`ed
/// without a `\n`, on a terminal or not, until its `\n` comes or it is flushed. So lines that are logged meanwhile appear before that text.
///
/// A log that [`file()`](super::file()) opens as `/dev/stdout` shares the stream, and no line is mixed with another, but is an output of its own,
/// with its own [ledger](Sink::ledger). The output of a stream is never closed. If it fails until the process ends, the ledger alone says how
/// many records it has lost; that it failed is reported on stderr.
pub fn stdout() -> Sink {
    static STDOUT: ConsoleCell = ForkLocal::new(OnceLock::new(), OnceLock::clone);
    console(&STDOUT, Stream::stdout)
}

/// Returns a sink for the process's standard error.
///
/// ```
/// let console = logscope::sink::stderr().max_level(logscope::LevelFilter::WARN);
/// assert_eq!(console.to_string(), "stderr");
/// ```
///
/// All these sinks are views of one output.
pub fn stderr() -> Sink {
    static STDERR: ConsoleCell = ForkLocal::new(OnceLock::new(), OnceLock::clone);
    console(&STDERR, Stream::stderr)
}

/// The output of a standard stream, once a sink was made for it.
type ConsoleCell = ForkLocal<OnceLock<Arc<Core>>>;

/// Returns a sink for a standard stream. All sinks of one stream are views of one output.
fn console(core: &ConsoleCell, stream: fn() -> Stream) -> Sink {
    let core = core.get().get_or_init(|| Core::console(AnyOutput::Lines(Box::new(stream()))));
    Sink::of_core(Arc::clone(core), None)
}

/// Returns a sink for any [`io::Write`].
///
/// ```
/// let sink = logscope::sink::writer(Vec::new());
/// assert_eq!(sink.to_string(), "writer");
/// ```
///
/// The writer is called under a lock, with one line per call of `write`. It is not flushed after a line: pass a
/// [`BufWriter`](io::BufWriter) if lines may wait, and call [`Sink::flush`]. A write that returns `Interrupted` is repeated, and one that
/// returns `WouldBlock` is repeated up to a hundred times.
///
/// Events that the writer itself logs go to the fallback (stderr). The writer must not wait for another thread that logs to the same writer:
/// that thread waits for the lock.
///
/// [`Color::Auto`](crate::Color::Auto) does not colour its lines: see [`terminal_writer`].
pub fn writer(writer: impl io::Write + Send + 'static) -> Sink {
    Sink::of_output(Writer::new(writer, false))
}

/// Returns a sink for an [`io::Write`] that passes its lines on to a terminal if `is_terminal`, such as one that draws progress bars.
///
/// ```
/// use std::io::IsTerminal as _;
///
/// # let above_the_bars = Vec::new();
/// let sink = logscope::sink::terminal_writer(above_the_bars, std::io::stderr().is_terminal());
/// ```
///
/// It is a [`writer()`] whose lines [`Color::Auto`](crate::Color::Auto) colours if `is_terminal`, unless the environment says otherwise.
pub fn terminal_writer(writer: impl io::Write + Send + 'static, is_terminal: bool) -> Sink {
    Sink::of_output(Writer::new(writer, is_terminal))
}

/// Returns a sink that calls `take` with each line, without its `\n`.
///
/// ```
/// let (sender, lines) = std::sync::mpsc::channel();
/// let sink = logscope::sink::callback(move |line| {
///     let _ = sender.send(line.to_owned());
/// });
/// # drop((sink, lines));
/// ```
///
/// It suits a broadcast to WebSockets, or a text widget. The closure is called under a lock. A record in a multi-line format is one call with
/// several lines. Events that the closure itself logs go to the fallback (stderr). The closure must not wait for another thread that logs to
/// the same sink: that thread waits for the lock.
pub fn callback(take: impl FnMut(&str) + Send + 'static) -> Sink {
    Sink::of_output(Callback::new(take))
}

/// Returns a sink that keeps its lines in memory, and the [`Memory`] that reads them.
///
/// ```
/// let (sink, memory) = logscope::sink::memory();
/// assert!(memory.is_empty());
/// # drop(sink);
/// ```
///
/// The memory grows until it is [cleared](Memory::clear).
pub fn memory() -> (Sink, Memory) {
    let memory = Memory::default();
    (Sink::of_output(memory.clone()), memory)
}

/// Returns a sink that keeps its records in memory, and the [`MemoryRecords`] that reads them.
///
/// ```
/// let (sink, memory) = logscope::sink::memory_records();
/// assert!(memory.is_empty());
/// # drop(sink);
/// ```
///
/// For tests, and for programs that show their log. The memory grows until it is [cleared](MemoryRecords::clear). Like every
/// [`records`] sink it stays direct, and its format is not used. What a value logs while its record is copied is logged as usual, and so comes
/// before that record.
pub fn memory_records() -> (Sink, MemoryRecords) {
    let memory = MemoryRecords::default();
    (copies(memory.clone()), memory)
}

/// Returns a sink for an output of this crate that takes copies of records.
pub(crate) fn copies(output: impl CopyOutput) -> Sink {
    Sink::of_core(Core::new(AnyOutput::Copies(Box::new(output))), None)
}

/// Returns a sink that uses `print!`, so that the test harness shows the lines with a test that fails.
///
/// ```
/// let sink = logscope::sink::test();
/// # drop(sink);
/// ```
///
/// The harness captures the lines of the test's own thread, and of threads that this thread started through std. If `print!` panics, because
/// stdout is closed, the record counts as failed.
pub fn test() -> Sink {
    Sink::of_output(Print)
}

/// Returns a sink for an [`Output`] of the program's own.
///
/// ```
/// use std::io;
/// use std::sync::mpsc::{Sender, channel};
/// use logscope::sink;
///
/// struct Channel(Sender<Vec<u8>>);
///
/// impl sink::Output for Channel {
///     fn write(&self, line: sink::Line<'_>) -> io::Result<()> {
///         self.0.send(line.bytes().to_vec()).map_err(|_| io::ErrorKind::BrokenPipe.into())
///     }
/// }
///
/// let (sender, lines) = channel();
/// let sink = sink::custom(Channel(sender)).format(logscope::Format::json());
/// # drop((sink, lines));
/// ```
pub fn custom(output: impl Output) -> Sink {
    Sink::of_output(output)
}

/// Returns a sink for a [`RecordOutput`] of the program's own.
///
/// ```
/// use std::io;
/// use std::sync::{Arc, Mutex};
/// use logscope::{Record, RecordBuf, sink};
///
/// #[derive(Default)]
/// struct Capture(Mutex<Vec<RecordBuf>>);
///
/// impl sink::RecordOutput for Capture {
///     fn write(&self, record: &Record<'_>) -> io::Result<()> {
///         let record = record.to_buf(); // before the lock: this renders values, which may log themselves
///         self.0.lock().unwrap().push(record);
///         Ok(())
///     }
/// }
///
/// let capture = Arc::new(Capture::default());
/// let sink = sink::records(Arc::clone(&capture)); // for contexts, while the program reads `capture`
/// # drop(sink);
/// ```
///
/// No record is rendered, so the format of the sink is not used, and nothing is escaped: a message, a name or a value may hold line ends and
/// escape sequences of a terminal. [`Format::render`](crate::Format::render) makes a line of a record that is safe to print. The sink cannot be
/// [queued](Sink::queued).
pub fn records(output: impl RecordOutput) -> Sink {
    Sink::of_core(Core::new(AnyOutput::Records(Box::new(output))), None)
}

/// Returns a sink that renders each record and discards the line.
///
/// ```
/// let sink = logscope::sink::null();
/// assert_eq!(sink.to_string(), "null");
/// ```
///
/// It suits benchmarks, and code that requires a sink.
pub fn null() -> Sink {
    Sink::of_output(Null)
}
