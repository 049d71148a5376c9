//! Helpers shared by the tests of the promises: in-memory logs that know which records are theirs, and ways to run work step by step.
//!
//! No helper waits by sleeping. A test fixes the order itself: it hands work from thread to thread, and polls futures by hand.

// Each test binary uses only some of these helpers, and clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(dead_code, clippy::unwrap_used)]

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any, resume_unwind, set_hook, take_hook};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Once, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use logscope::sink::{self, Line, Memory, Output};
use logscope::{Format, LevelFilter, OutputContext};
use serde_json::Value;
use tracing::{Level, Subscriber};
use tracing_subscriber::layer::Layer;
use tracing_subscriber::prelude::*;

/// How long a test waits for an event that must happen before the test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Runs `f` on a thread of its own. The returned function waits for its result, and fails if there is none in time.
pub(crate) fn on_thread<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> impl FnOnce() -> T {
    let (done, result) = channel();
    thread::spawn(move || done.send(f()));
    move || result.recv_timeout(DEADLINE).expect("the call does not hang")
}

static OUTSIDE: OnceLock<Memory> = OnceLock::new();

/// True if `LOGSCOPE_TEST_AMONG_LAYERS` is set: the tests then run with logscope as one layer among others. What logscope promises of
/// scopes and values must not depend on how it is installed.
pub(crate) fn among_layers() -> bool {
    std::env::var_os("LOGSCOPE_TEST_AMONG_LAYERS").is_some()
}

/// Installs logscope once for the binary, with a default context that keeps the unscoped records: see [`unscoped_messages`].
pub(crate) fn init() {
    OUTSIDE.get_or_init(|| {
        let (sink, memory) = sink::memory();
        let outside = OutputContext::builder("outside").sink(sink.format(Format::json())).build();
        let configure = logscope::configure().default_context(outside);
        if among_layers() {
            // This filter decides per event, so it keeps a verdict in the bit map that a thread holds for all layers.
            let wants = tracing_subscriber::filter::dynamic_filter_fn(|metadata, _| *metadata.level() <= Level::WARN);
            tracing_subscriber::registry().with(configure.layer()).with(Silent.with_filter(wants)).init();
        } else {
            configure.install().unwrap();
        }
        memory
    });
}

/// A layer that does nothing.
struct Silent;

impl<S: Subscriber> Layer<S> for Silent {}

/// The messages of unscoped records that contain `tag`. Tests that run at the same time use other tags.
pub(crate) fn unscoped_messages(tag: &str) -> Vec<String> {
    let lines = OUTSIDE.get().expect("`init` comes first").lines();
    lines
        .iter()
        .map(|line| ParsedLine::parse(line))
        .map(|line| line.message)
        .filter(|text| text.contains(tag))
        .collect()
}

/// One line of a JSON log.
#[derive(Debug)]
pub(crate) struct ParsedLine {
    pub(crate) context: String,
    pub(crate) id: u64,
    /// Notices have no sequence number.
    pub(crate) seq: Option<u64>,
    pub(crate) level: String,
    pub(crate) target: String,
    pub(crate) elapsed: Duration,
    pub(crate) message: String,
    /// The event's own fields, without the message.
    pub(crate) fields: Value,
    /// The fields of the context.
    pub(crate) context_fields: Value,
}

impl ParsedLine {
    #[track_caller]
    pub(crate) fn parse(line: &str) -> ParsedLine {
        let json: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in the line {line}"));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        ParsedLine {
            context: text(&json["context"]["name"]),
            id: json["context"]["id"].as_u64().expect("a record names its context's id"),
            seq: json["seq"].as_u64(),
            level: text(&json["level"]),
            target: text(&json["target"]),
            elapsed: Duration::from_secs_f64(json["elapsed"].as_f64().expect("a record has an elapsed time")),
            message: text(&json["fields"]["message"]),
            fields: json["fields"].clone(),
            context_fields: json["context"]["fields"].clone(),
        }
    }

    /// True for a notice, which the sink writes on its own behalf.
    pub(crate) fn is_notice(&self) -> bool {
        self.target == "logscope"
    }
}

/// A context with a log of its own.
pub(crate) struct Log {
    pub(crate) context: OutputContext,
    pub(crate) memory: Memory,
}

impl Log {
    pub(crate) fn new(name: impl Into<String>) -> Log {
        let (sink, memory) = sink::memory();
        let builder = OutputContext::builder(name).verbosity(LevelFilter::TRACE);
        Log { context: builder.sink(sink.format(Format::json())).build(), memory }
    }

    /// The lines, in the order of arrival.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<ParsedLine> {
        self.memory.lines().iter().map(|line| ParsedLine::parse(line)).collect()
    }

    /// Returns the messages of the records in the order of arrival. First checks what every log promises: no record of another
    /// context, and no record missing by `seq` and by the ledger.
    #[track_caller]
    pub(crate) fn messages(&self) -> Vec<String> {
        let lines = self.lines();
        for line in &lines {
            let owner = (line.context.as_str(), line.id);
            assert_eq!(owner, (self.context.name(), self.context.id()), "a foreign record: {line:?}");
        }
        let mut seqs: Vec<_> = lines.iter().map(|line| line.seq.expect("a record has a sequence number")).collect();
        seqs.sort_unstable();
        let count = lines.len() as u64;
        assert!(seqs.iter().copied().eq(1..=count), "the sequence numbers are not 1..={count}: {seqs:?}");
        let ledger = self.context.ledger();
        assert!(ledger.is_complete() && ledger.written == lines.len() as u64, "{} lines, but {ledger}", lines.len());
        lines.into_iter().map(|line| line.message).collect()
    }

    /// Checks that the log holds exactly these messages in this order.
    #[track_caller]
    pub(crate) fn assert_holds<S: AsRef<str> + fmt::Debug>(&self, expected: &[S]) {
        let messages = self.messages();
        assert!(
            messages.iter().map(String::as_str).eq(expected.iter().map(S::as_ref)),
            "the log of {:?} holds\n  {messages:?}, not\n  {expected:?}",
            self.context.name(),
        );
    }
}

/// Returns `Pending` from the current poll; the next poll continues behind this await.
pub(crate) async fn yield_once() {
    let mut passed = false;
    poll_fn(move |cx| {
        if std::mem::replace(&mut passed, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Polls `future` once.
pub(crate) fn poll<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls `future` to completion on this thread: a minimal executor, which also runs inside another executor's poll.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Runs `work` and the tasks that it spawns with `tokio::task::spawn_local` on a current-thread runtime.
pub(crate) fn on_one_worker<F: Future>(work: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, work)
}

type Job = Box<dyn FnOnce() + Send>;

/// A thread that runs one job after the other, while the test waits for each.
pub(crate) struct Worker {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(crate) fn start() -> Worker {
        let (jobs, inbox) = channel::<Job>();
        let thread = thread::spawn(move || inbox.into_iter().for_each(|job| job()));
        Worker { jobs: Some(jobs), thread: Some(thread) }
    }

    /// Runs `f` on this thread and returns its result. If `f` panics, this call panics with the same payload.
    pub(crate) fn run<R: Send + 'static>(&self, f: impl FnOnce() -> R + Send + 'static) -> R {
        let (sender, result) = channel();
        let job: Job = Box::new(move || {
            let _ = sender.send(catch_unwind(AssertUnwindSafe(f)));
        });
        self.jobs.as_ref().expect("the worker runs").send(job).expect("the worker takes jobs");
        result
            .recv_timeout(DEADLINE)
            .expect("the job ends within the deadline")
            .unwrap_or_else(|payload| resume_unwind(payload))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.jobs = None;
        // If the test has already failed, the thread may be in a job that never ends.
        if !thread::panicking()
            && let Some(thread) = self.thread.take()
            && let Err(payload) = thread.join()
        {
            resume_unwind(payload);
        }
    }
}

/// Looks until `done` returns true.
#[cfg(feature = "testing")]
#[track_caller]
pub(crate) fn wait_until(what: &str, done: impl FnMut() -> bool) {
    if let Err(error) = logscope::testing::wait_until(DEADLINE, done) {
        panic!("{what}: {error}");
    }
}

/// Runs `f`, which must panic, and returns the payload.
#[track_caller]
pub(crate) fn panic_of<R>(f: impl FnOnce() -> R) -> Box<dyn Any + Send> {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("the function did not panic"),
        Err(payload) => payload,
    }
}

/// Runs `f`, which must panic, and returns the place that the panic names.
pub(crate) fn place_of_panic<R>(f: impl FnOnce() -> R) -> (String, u32) {
    thread_local! {
        static NAMED: Cell<Option<(String, u32)>> = const { Cell::new(None) };
    }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |panic| {
            NAMED.set(panic.location().map(|place| (place.file().to_owned(), place.line())));
            others(panic);
        }));
    });
    drop(panic_of(f));
    NAMED.take().expect("a panic names its place")
}

/// Runs log calls that must not let a panic out.
#[track_caller]
pub(crate) fn without_panic<R>(f: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|payload| {
        // The payload may panic when it is dropped, which the test harness would not survive.
        std::mem::forget(payload);
        panic!("a panic came out of a log call")
    })
}

/// The message of a panic, from its payload.
pub(crate) fn text_of(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("")
}

/// Logs its text on drop.
pub(crate) struct LogsWhenDropped(pub(crate) &'static str);

impl Drop for LogsWhenDropped {
    fn drop(&mut self) {
        tracing::info!("{}", self.0);
    }
}

/// A value whose `Debug` calls the function and shows its result.
pub(crate) struct DebugRuns<F>(pub(crate) F);

impl<F: Fn() -> R, R: fmt::Display> fmt::Debug for DebugRuns<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", (self.0)())
    }
}

/// Panics on drop with a payload of the same type, this many times: so dropping a caught payload panics too.
pub(crate) struct PanicsWhenDropped(pub(crate) u32);

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        if let Some(left) = self.0.checked_sub(1) {
            panic_any(PanicsWhenDropped(left));
        }
    }
}

/// A flag that is set when its [`SetsWhenDropped`] is dropped.
#[derive(Clone, Default)]
pub(crate) struct DropFlag(Arc<AtomicBool>);

impl DropFlag {
    pub(crate) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Sets its flag on drop.
pub(crate) struct SetsWhenDropped(pub(crate) DropFlag);

impl Drop for SetsWhenDropped {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// An output that keeps lines like a memory sink, and sets a flag when it is closed.
struct Tracked {
    memory: Memory,
    _closed: SetsWhenDropped,
}

impl Output for Tracked {
    fn write(&self, line: Line<'_>) -> io::Result<()> {
        self.memory.write(line)
    }
}

/// Returns a context that only its scopes keep alive, its lines, and a flag that is set when the output is freed.
pub(crate) fn tracked(name: &str) -> (OutputContext, Memory, DropFlag) {
    let (memory, closed) = (Memory::default(), DropFlag::default());
    let output = Tracked { memory: memory.clone(), _closed: SetsWhenDropped(closed.clone()) };
    (OutputContext::builder(name).sink(sink::custom(output).format(Format::json())).build(), memory, closed)
}

/// The messages of a log that may also hold notices.
pub(crate) fn messages(memory: &Memory) -> Vec<String> {
    memory.lines().iter().map(|line| ParsedLine::parse(line).message).collect()
}
