//! Doing something on several threads at the same time.

use std::any::Any;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::signal::Signal;
use crate::context::OutputContext;
use crate::limits::{TEST_LOG_LINES, TEST_START};
use crate::output::Memory;
use crate::sink;
use crate::testing::seed_value::{self, VARIABLE};
use crate::thread;

/// Calls `work` with each number below `count`, each on a thread of its own, all of which begin at the same time. Returns the results in order.
///
/// ```
/// use logscope::testing::run_together;
///
/// let counter = std::sync::atomic::AtomicU32::new(0);
/// # use std::sync::atomic::Ordering::Relaxed;
/// let before = run_together(8, |_| counter.fetch_add(1, Relaxed));
/// assert_eq!(before.iter().sum::<u32>(), (0..8).sum::<u32>());
/// ```
///
/// No thread begins before all have been started. Each runs in the caller's context and span, and is named after the caller's thread and its
/// number: `my_test-3`. `work` may borrow. The call returns when all have returned or panicked: a thread that hangs holds it up, so give what
/// waits inside a deadline.
///
/// # Panics
///
/// If a thread has panicked: the message has each panic with its number, its text and the last records that this thread logged, if the
/// caller is in a context. If the system
/// cannot start so many threads.
#[track_caller]
pub fn run_together<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let (ready, begin) = (Signal::named("all threads are there"), Signal::named("all threads begin"));
    let name = thread::current().name().unwrap_or("together").to_owned();
    let results = thread::scope(|threads| {
        // If a thread cannot be started, those before it must not wait for ever.
        let opens = Opens(&begin);
        let handles: Vec<_> = (0..count)
            .map(|number| {
                let (ready, begin, work) = (&ready, &begin, &work);
                let started =
                    thread::Builder::new().name(format!("{name}-{number}")).spawn_scoped(threads, move || {
                        let log = Log::begin();
                        ready.set();
                        begin.wait(TEST_START).expect("the others were started");
                        let result = catch_unwind(AssertUnwindSafe(|| log.scope(|| work(number))));
                        result.map_err(|payload| (payload, log.text()))
                    });
                started.unwrap_or_else(|error| panic!("cannot start thread {number} of {count}: {error}"))
            })
            .collect();
        ready.wait_for(count as u64, TEST_START).expect("the threads were started");
        drop(opens);
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap_or_else(|payload| Err((payload, String::new()))))
            .collect()
    });
    all_or_panic(&name, results)
}

/// Lets the threads begin when it is dropped.
struct Opens<'a>(&'a Signal);

impl Drop for Opens<'_> {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// What a thread panicked with, and what it had logged.
type Failure = (Box<dyn Any + Send>, String);

#[track_caller]
fn all_or_panic<T>(name: &str, results: Vec<Result<T, Failure>>) -> Vec<T> {
    let (count, mut failed, mut report) = (results.len(), 0, String::new());
    let mut values = Vec::with_capacity(count);
    for (number, result) in results.into_iter().enumerate() {
        match result {
            Ok(value) => values.push(value),
            Err((payload, log)) => {
                failed += 1;
                let _ = write!(report, "\nthread {number} ({name}-{number}): {}", message_of(&*payload));
                for line in log.lines() {
                    let _ = write!(report, "\n    {line}");
                }
                // Its `Drop` may panic.
                std::mem::forget(payload);
            }
        }
    }
    if failed > 0 {
        panic!("{failed} of {count} threads panicked ({}={:#x}):{report}", VARIABLE, seed_value::value());
    }
    values
}

/// The message of a panic.
pub(crate) fn message_of(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("(a payload that is no text)")
}

/// What is logged in the current context from now on, in a context that is derived from it. Nothing outside every scope: there the thread is to be
/// outside, too.
struct Log(Option<(OutputContext, Memory)>);

impl Log {
    fn begin() -> Self {
        Log(OutputContext::try_current().map(|current| {
            let (sink, memory) = sink::memory();
            (current.to_builder().sink(sink).build(), memory)
        }))
    }

    fn scope<R>(&self, work: impl FnOnce() -> R) -> R {
        match &self.0 {
            Some((context, _)) => context.scope(work),
            None => work(),
        }
    }

    fn text(&self) -> String {
        self.0.as_ref().map(|(_, memory)| last_lines(memory)).unwrap_or_default()
    }
}

/// The last lines of a log, and how many are left out.
pub(crate) fn last_lines(log: &Memory) -> String {
    let lines = log.lines();
    let left_out = lines.len().saturating_sub(TEST_LOG_LINES);
    let mut text = if left_out == 0 { String::new() } else { format!("… {left_out} lines before\n") };
    for line in &lines[left_out..] {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
