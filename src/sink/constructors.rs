//! The functions that make a sink of an output; those for files are in `file`.

use std::io;

use super::view::Sink;
use crate::delivery::Core;
use crate::output::{Callback, Captured, Memory, Null, Output, RecordOutput, Stream, Target, Writer};
use crate::sync::{Arc, OnceLock};

/// The process's standard output. All views share one output.
///
/// On Unix the bytes go past std's buffer: what was `print!`ed without a `\n` appears after the lines that are logged before
/// its `\n` comes, unless it is flushed. (To a terminal or not, std's stdout is buffered by line.)
///
/// ```
/// let console = logscope::sink::stdout().format(logscope::Format::build());
/// assert_eq!(console.to_string(), "stdout");
/// ```
pub fn stdout() -> Sink {
    static STDOUT: OnceLock<Arc<Core>> = OnceLock::new();
    console(&STDOUT, Stream::stdout)
}

/// The process's standard error. All views share one output.
///
/// ```
/// let console = logscope::sink::stderr().max_level(logscope::LevelFilter::WARN);
/// assert_eq!(console.to_string(), "stderr");
/// ```
pub fn stderr() -> Sink {
    static STDERR: OnceLock<Arc<Core>> = OnceLock::new();
    console(&STDERR, Stream::stderr)
}

/// The sink of a standard stream, whose views all share one output.
fn console(core: &OnceLock<Arc<Core>>, stream: fn() -> Stream) -> Sink {
    let core = core.get_or_init(|| Core::console(Target::Lines(Box::new(stream()))));
    Sink::on(Arc::clone(core), None)
}

/// A sink for any [`io::Write`], which is called under a lock, one line per call of `write`.
///
/// Nothing is flushed after a line: give it a [`BufWriter`](io::BufWriter) if lines may wait, and call [`Sink::flush`]. An
/// `Interrupted` write is repeated and a `WouldBlock` tried a hundred times more. What the writer itself logs goes to the
/// fallback (stderr). It must not wait for another thread that logs to the same writer: that thread waits for the lock.
///
/// ```
/// let sink = logscope::sink::writer(Vec::new());
/// assert_eq!(sink.to_string(), "writer");
/// ```
pub fn writer(writer: impl io::Write + Send + 'static) -> Sink {
    Sink::over(Writer::new(writer))
}

/// A sink that calls `take` with each line, without its `\n`, under a lock: for a broadcast to WebSockets, a text widget.
///
/// (A record in a multi-line format is one call with several lines.) What the closure itself logs goes to the fallback
/// (stderr). It must not wait for another thread that logs to the same sink.
///
/// ```
/// let (sender, lines) = std::sync::mpsc::channel();
/// let sink = logscope::sink::callback(move |line| {
///     let _ = sender.send(line.to_owned());
/// });
/// # drop((sink, lines));
/// ```
pub fn callback(take: impl FnMut(&str) + Send + 'static) -> Sink {
    Sink::over(Callback::new(take))
}

/// A sink that keeps its lines in memory, and the [`Memory`] to read them from. It grows until it is cleared.
///
/// ```
/// let (sink, memory) = logscope::sink::memory();
/// assert!(memory.is_empty());
/// # drop(sink);
/// ```
pub fn memory() -> (Sink, Memory) {
    let memory = Memory::default();
    (Sink::over(memory.clone()), memory)
}

/// A sink that goes through `print!`, so that the test harness captures it and shows it with a test that fails.
///
/// The harness captures what the test's own thread prints, and the threads that it started through std. Where `print!`
/// panics, because stdout is closed, the record counts as failed.
///
/// ```
/// let sink = logscope::sink::test();
/// # drop(sink);
/// ```
pub fn test() -> Sink {
    Sink::over(Captured)
}

/// A sink for an [`Output`] of the program's own.
///
/// ```
/// use std::io;
/// use std::sync::mpsc::{Sender, channel};
///
/// struct Channel(Sender<Vec<u8>>);
///
/// impl logscope::sink::Output for Channel {
///     fn write(&self, line: &[u8]) -> io::Result<()> {
///         self.0.send(line.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe.into())
///     }
/// }
///
/// let (sender, lines) = channel();
/// let sink = logscope::sink::custom(Channel(sender)).format(logscope::Format::json());
/// # drop((sink, lines));
/// ```
pub fn custom(output: impl Output) -> Sink {
    Sink::over(output)
}

/// A sink for a [`RecordOutput`] of the program's own. Its format is not used: nothing is rendered.
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
pub fn records(output: impl RecordOutput) -> Sink {
    Sink::on(Core::new(Target::Records(Box::new(output))), None)
}

/// A sink that renders each record and discards the line: for benchmarks, and where a sink is required.
///
/// ```
/// let sink = logscope::sink::null();
/// assert_eq!(sink.to_string(), "null");
/// ```
pub fn null() -> Sink {
    Sink::over(Null)
}
