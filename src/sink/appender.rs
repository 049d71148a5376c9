//! The non-blocking writers of the crate `tracing-appender` as sinks. The signature of [`non_blocking`] has types of its version 0.2, so another
//! version of it that breaks is one of logscope, too.

use std::io;
use std::time::Duration;

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, WorkerGuard};

use super::view::Sink;
use crate::bytes::Line;
use crate::delivery::Core;
use crate::fallback;
use crate::output::{AnyOutput, MadeWriters, Output};
use crate::sync::{AtomicBool, Ordering};

/// Returns a sink for a `NonBlocking` of the crate `tracing-appender`, and keeps its `WorkerGuard`.
///
/// ```
/// use logscope::{OutputContext, sink};
///
/// # let folder = tempfile::tempdir().unwrap();
/// let appender = tracing_appender::rolling::daily(folder.path(), "app.log");
/// let (writer, guard) = tracing_appender::non_blocking(appender);
/// let uno = OutputContext::builder("uno").sink(sink::non_blocking(writer, guard)).build();
/// # logscope::init();
/// uno.scope(|| tracing::info!("hello"));
/// drop(uno); // the last that holds the sink: the thread of the writer has written what it had
/// # assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
/// ```
///
/// A line counts as written once the writer has taken it. A lossy writer, as they are unless built otherwise, drops lines when its channel is
/// full, and counts them: the [ledger](Sink::ledger) of the sink has that count in *dropped*, and not in *written*. That it drops lines is
/// reported on stderr, once; the log has no notice. The ledgers of contexts count such lines as written. The count is that of the
/// writer and all its clones: give no clone to another logger.
///
/// # Flushes and the end
///
/// A `NonBlocking` cannot be flushed: nothing tells how many of its lines its thread has written. So every [`flush`](Sink::flush), and every
/// close of a context that has the sink, is [`unflushed`](super::Ledger::unflushed), and its `into_result` an error, as soon as a line was
/// written. The reason is reported on stderr, once.
///
/// The guard is dropped with the last view of the sink, on the thread that drops it, and **blocks that thread** until the lines are written, for
/// 1.1 seconds at most: a tenth of a second until there is room in the channel of the writer (if there is none, the guard prints that on stdout),
/// or a second more until its thread has written what is there. What it has not written by then it writes later, if the process lasts. So do not
/// drop the last view in a task. Behind a [queue](Sink::queued) a writer thread drops it.
///
/// A sink that lives as long as the process, as that of a process default, is never dropped, and what the writer still has at the end is lost.
/// The second step of a migration is a [file](super::file()) that is [queued](Sink::queued), which has none of these gaps.
///
/// Writer and guard are those of `tracing-appender` 0.2: see [the types of other crates](crate#types-of-other-crates).
pub fn non_blocking(writer: NonBlocking, guard: WorkerGuard) -> Sink {
    let counter = writer.error_counter();
    let output = NonBlockingOutput {
        writers: MadeWriters::new(writer, "non-blocking writer"),
        counter: counter.clone(),
        has_lines: AtomicBool::new(false),
        is_reported: AtomicBool::new(false),
        _guard: guard,
    };
    let core = Core::new(AnyOutput::Lines(Box::new(output)));
    core.counters().count_dropped_behind(move || dropped(&counter));
    Sink::of_core(core, None)
}

fn dropped(counter: &ErrorCounter) -> u64 {
    counter.dropped_lines() as u64
}

struct NonBlockingOutput {
    writers: MadeWriters<NonBlocking>,
    counter: ErrorCounter,
    /// True once a line was written.
    has_lines: AtomicBool,
    /// True once it was reported that lines are dropped.
    is_reported: AtomicBool,
    /// Waits, when it is dropped, until the writer's thread has written what it has.
    _guard: WorkerGuard,
}

impl Output for NonBlockingOutput {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        // Relaxed: a flush vouches for the lines whose log calls it has synchronised with.
        if !self.has_lines.load(Ordering::Relaxed) {
            self.has_lines.store(true, Ordering::Relaxed);
        }
        self.writers.write(line)?;
        // Relaxed: the flag orders nothing. It picks one of several threads to report.
        if dropped(&self.counter) > 0 && !self.is_reported.swap(true, Ordering::Relaxed) {
            fallback::report(format_args!(
                "the non-blocking writer of a sink is full and drops lines; the ledger of the sink counts them"
            ));
        }
        Ok(())
    }

    /// Always fails once a line was written: nothing tells how far the writer's thread is, and its `flush` does nothing.
    fn flush(&self, _: Duration) -> io::Result<()> {
        // Relaxed: see `write`.
        if !self.has_lines.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "its lines are with a thread of tracing-appender, which cannot be waited for before the sink is dropped",
        ))
    }

    fn describe(&self) -> String {
        self.writers.describe()
    }
}
