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
/// The guard is dropped with the last view of the sink, and waits for the writer's thread then, for about a second at most. A sink that lives as long
/// as the process, as that of a process default, is never dropped, and what the writer still has at the end is lost. The same holds for
/// [`flush`](Sink::flush): a `NonBlocking` cannot be flushed. The second step of a migration is a
/// [file](super::file()) that is [queued](Sink::queued), which has neither gap.
///
/// Writer and guard are those of `tracing-appender` 0.2: see [the types of other crates](crate#types-of-other-crates).
pub fn non_blocking(writer: NonBlocking, guard: WorkerGuard) -> Sink {
    let counter = writer.error_counter();
    let output = NonBlockingOutput {
        writers: MadeWriters::new(writer, "non-blocking writer"),
        counter: counter.clone(),
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
    /// True once it was reported that lines are dropped.
    is_reported: AtomicBool,
    /// Waits, when it is dropped, until the writer's thread has written what it has.
    _guard: WorkerGuard,
}

impl Output for NonBlockingOutput {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        self.writers.write(line)?;
        // Relaxed: the flag orders nothing. It picks one of several threads to report.
        if dropped(&self.counter) > 0 && !self.is_reported.swap(true, Ordering::Relaxed) {
            fallback::report(format_args!(
                "the non-blocking writer of a sink is full and drops lines; the ledger of the sink counts them"
            ));
        }
        Ok(())
    }

    fn flush(&self, deadline: Duration) -> io::Result<()> {
        self.writers.flush(deadline)
    }

    fn describe(&self) -> String {
        self.writers.describe()
    }
}
