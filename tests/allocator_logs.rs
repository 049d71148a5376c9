//! P4 (harmless): a log call does not deadlock when the global allocator of the program logs, because logscope allocates under no lock that a
//! log call takes.
//!
//! A binary of its own, for its allocator, and a process for each case, with a time limit. The allocator logs through `tracing`, as a
//! program would write it: a thread that logs an allocation does not log the allocations of that log call. Such an allocator finds every
//! lock under which a log call allocates: the nested call waits for it on the same thread.

#![cfg(feature = "testing")]
#![cfg(feature = "file")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use logscope::sink::{self, Line, Output, Overflow, Queue, RecordOutput, Roll, Sink};
use logscope::{Dial, Format, InContext as _, LevelFilter, OutputContext, Record};
use serde_json::json;
use tracing::{info, warn};

use child::Child;

struct LoggingAllocator;

/// True while allocations are logged.
static LOGS: AtomicBool = AtomicBool::new(false);
/// How many were logged.
static LOGGED: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// True while this thread logs an allocation.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

fn log_allocation(what: &'static str, size: usize) {
    if LOGS.load(Ordering::Relaxed) && !INSIDE.replace(true) {
        LOGGED.fetch_add(1, Ordering::Relaxed);
        info!(target: "allocator", size, "{what}");
        INSIDE.set(false);
    }
}

// SAFETY: every call is passed on unchanged to the system's allocator. The flag is a thread-local without destructor, so reading it does
// not allocate.
unsafe impl GlobalAlloc for LoggingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        log_allocation("alloc", layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        log_allocation("realloc", size);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        log_allocation("dealloc", layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: LoggingAllocator = LoggingAllocator;

const PATIENCE: Duration = Duration::from_secs(20);
const THREADS: usize = 3;
const ROUNDS: usize = 40;

/// Runs `play` in a process of its own, in which the allocator logs as soon as logscope is installed. A child that stands still is killed,
/// and the test fails.
#[track_caller]
fn under_the_allocator(test: &str, play: fn(&Path)) {
    let config = || {
        let outside = OutputContext::builder("outside").sink(sink::null()).build();
        logscope::configure().default_context(outside)
    };
    under_the_allocator_with(test, config, play);
}

/// The same with a configuration of the test's own.
#[track_caller]
fn under_the_allocator_with(test: &str, config: fn() -> logscope::Config, play: fn(&Path)) -> child::Ended {
    child::in_child(test, |folder| {
        config().install().unwrap();
        let folder = folder.to_owned();
        grow_the_table_of_waiting_threads();
        thread::spawn(move || {
            LOGS.store(true, Ordering::Relaxed);
            play(&folder);
            LOGS.store(false, Ordering::Relaxed);
        })
        .join()
        .unwrap();
        json!(LOGGED.load(Ordering::Relaxed))
    });
    let ended = Child::new(test).run();
    assert!(ended.report.as_u64().is_some_and(|logged| logged > 0), "no allocation was logged");
    ended
}

/// parking_lot has a table of the threads that wait for locks. It grows with the number of threads that have ever waited, and allocates
/// meanwhile under locks of its own: a log call from there that has to wait, waits for ever. So let it grow to more threads than a test has.
fn grow_the_table_of_waiting_threads() {
    let all_wait = std::sync::Barrier::new(64);
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                let (lock, condvar) = (parking_lot::Mutex::new(()), parking_lot::Condvar::new());
                condvar.wait_for(&mut lock.lock(), Duration::ZERO);
                all_wait.wait();
            });
        }
    });
}

/// A value that allocates when it is rendered, and logs.
struct Allocates(usize);

impl fmt::Debug for Allocates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            info!("nested");
        }
        f.write_str(&"x".repeat(self.0))
    }
}

/// Panics when it is rendered.
struct Panics;

impl fmt::Debug for Panics {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        std::panic::resume_unwind(Box::new("rendered"))
    }
}

fn log_values(round: usize) {
    let text = "text".repeat(round);
    info!("plain");
    info!(round, text, value = ?Allocates(round), list = ?vec![round; 3], "fields of {}", text);
    warn!(error = &io::Error::other("an error") as &(dyn std::error::Error + 'static), "an error");
    info!(panics = ?Panics, nested = ?Allocates(0), "odd values");
    log::info!("of the log crate, {round}");
}

/// Logs on several threads at once in contexts that have `sinks`, then flushes and closes them.
fn log_to(sinks: &[Sink]) {
    let context = OutputContext::builder("uno").sinks(sinks.iter().cloned()).field("env", "uno").build();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let context = context.with_field("thread", thread as u64);
            scope.spawn(move || context.scope(|| (0..ROUNDS).for_each(log_values)));
        }
    });
    context.scope(|| {
        let _ = context.flush(PATIENCE);
        let _ = logscope::flush(PATIENCE);
        info!("after the flush");
        let _ = context.close(PATIENCE);
        info!("after the end");
    });
}

#[test]
fn direct_sinks() {
    struct Takes;
    impl Output for Takes {
        fn write(&self, line: Line<'_>) -> io::Result<()> {
            drop(line.bytes().to_vec());
            Ok(())
        }
    }
    impl RecordOutput for Takes {
        fn write(&self, record: &Record<'_>) -> io::Result<()> {
            drop(record.to_buf());
            Ok(())
        }
    }
    under_the_allocator("direct_sinks", |folder| {
        let formats = [Format::text().multiline(true), Format::build(), Format::json(), Format::logfmt()];
        let (memory, _lines) = sink::memory();
        log_to(&formats.map(|format| memory.format(format)));
        log_to(&[sink::custom(Takes), sink::records(Takes), sink::null(), sink::stdout(), sink::stderr()]);
        log_to(&[sink::file(folder.join("uno.log")).open().unwrap()]);
    });
}

#[test]
fn outputs_that_fail() {
    struct Fails(AtomicU64);
    impl Output for Fails {
        fn write(&self, line: Line<'_>) -> io::Result<()> {
            match self.0.fetch_add(1, Ordering::Relaxed) % 5 {
                0 => {
                    drop(line.bytes().to_vec());
                    Ok(())
                }
                1 => std::panic::resume_unwind(Box::new("an output")),
                _ => Err(io::Error::other(format!("no room for {} bytes", line.bytes().len()))),
            }
        }
    }
    let test = "outputs_that_fail";
    under_the_allocator(test, |_| {
        log_to(&[sink::custom(Fails(AtomicU64::new(0)))]);
        log_to(&[sink::custom(Fails(AtomicU64::new(0))).queued(Queue::new())]);
        #[cfg(target_os = "linux")]
        log_to(&[sink::file("/dev/full").open().unwrap()]);
    });
}

/// What a `writer` or `callback` logs goes to the fallback, because its sink is locked: see P4's exceptions.
#[test]
fn writers_and_callbacks() {
    under_the_allocator("writers_and_callbacks", |_| {
        log_to(&[sink::writer(Vec::new()), sink::callback(|line| drop(line.to_owned()))]);
    });
}

#[test]
fn files_that_roll_and_vanish() {
    under_the_allocator("files_that_roll_and_vanish", |folder| {
        let (rolls, vanishes) = (folder.join("rolls.log"), folder.join("vanishes.log"));
        let roll = Roll::by_size(2_000).keep(2).link_latest("latest");
        let sinks = [sink::file(rolls).roll(roll).open().unwrap(), sink::file(&vanishes).open().unwrap()];
        let context = OutputContext::builder("files").sinks(sinks.clone()).build();
        thread::scope(|scope| {
            scope.spawn(|| log_to(&sinks));
            scope.spawn(|| {
                for _ in 0..10 {
                    let _ = std::fs::remove_file(&vanishes);
                    context.scope(|| log_values(3));
                    let _ = logscope::sink::reopen_all();
                }
            });
        });
    });
}

/// The allocations of opening and parking are logged to a file that may be parked itself.
#[test]
fn files_that_are_opened_and_parked_inside_a_scope() {
    under_the_allocator("files_that_are_opened_and_parked_inside_a_scope", |folder| {
        let open = |name: String| sink::file(folder.join(name)).open().unwrap();
        sink::max_open_files(20);
        let context = OutputContext::builder("files").sink(open("uno.log".to_owned())).build();
        context.scope(|| {
            info!("first");
            let others: Vec<_> = (0..200).map(|number| open(format!("other {number}.log"))).collect();
            let queued: Vec<_> = others.iter().map(|other| other.queued(Queue::new().bytes(4_096))).collect();
            logscope::sink::max_open_files(5);
            logscope::sink::reopen_all().unwrap();
            drop((others, queued));
        });
    });
}

fn log_to_a_queue(overflow: Overflow) {
    let (memory, _lines) = sink::memory();
    let queue = || Queue::new().bytes(4_096).overflow(overflow);
    log_to(&[memory.queued(queue()), memory.format(Format::json()).queued(queue().flush_at(LevelFilter::WARN))]);
}

#[test]
fn queues_that_block() {
    under_the_allocator("queues_that_block", |_| log_to_a_queue(Overflow::Block));
}

#[test]
fn queues_that_drop_the_newest() {
    under_the_allocator("queues_that_drop_the_newest", |_| log_to_a_queue(Overflow::DropNewest));
}

#[test]
fn queues_that_drop_the_oldest() {
    under_the_allocator("queues_that_drop_the_oldest", |_| log_to_a_queue(Overflow::DropOldest));
}

#[test]
fn contexts_and_scopes() {
    under_the_allocator("contexts_and_scopes", |_| {
        let dial = Dial::new(LevelFilter::INFO);
        let work = || {
            for round in 0..ROUNDS {
                let (memory, _lines) = sink::memory();
                let context = OutputContext::builder("brief").verbosity(&dial).sink(memory).build();
                let guard = context.enter();
                dial.set("info,a=trace".parse::<logscope::Verbosity>().unwrap());
                logscope::update(|context| context.with_field("round", round as u64));
                log_values(round);
                let _ = (logscope::live(), format!("{context:?}"));
                drop(logscope::set_process_default(context.clone()));
                let task = Box::pin(async { info!("in a task") }.in_context(&context));
                drop(guard);
                let mut task = task;
                let waker = std::task::Waker::noop();
                assert!(task.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_ready());
                let _ = context.close(PATIENCE);
            }
        };
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(work);
            }
        });
    });
}

/// Waits while it is rendered.
struct Waits<'a>(&'a Barrier);

impl fmt::Debug for Waits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.wait();
        self.0.wait();
        f.write_str("rendered")
    }
}

/// More and more tasks wait for a call in flight of the context that the allocator logs to.
#[test]
fn tasks_that_flush() {
    under_the_allocator("tasks_that_flush", |_| {
        let (memory, _lines) = sink::memory();
        let context = OutputContext::builder("uno").sink(memory).build();
        let mut task = std::task::Context::from_waker(std::task::Waker::noop());
        let barrier = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| context.scope(|| info!(value = ?Waits(&barrier), "in flight")));
            barrier.wait();
            context.scope(|| {
                let mut flushes: Vec<_> = (0..ROUNDS).map(|_| Box::pin(context.flush_async())).collect();
                for flush in &mut flushes {
                    assert!(flush.as_mut().poll(&mut task).is_pending());
                }
                for flush in flushes.drain(..ROUNDS / 2) {
                    drop(flush);
                }
                barrier.wait();
            });
        });
    });
}

/// The built-in default is made by the first event, which the allocator logs as soon as it can.
#[test]
fn the_built_in_default() {
    child::in_child("the_built_in_default", |_| {
        let _ = logscope::try_init();
        LOGS.store(true, Ordering::Relaxed);
        log_values(1);
        LOGS.store(false, Ordering::Relaxed);
        json!(LOGGED.load(Ordering::Relaxed))
    });
    let ended = Child::new("the_built_in_default").run();
    assert!(ended.report.as_u64().is_some_and(|logged| logged > 0), "no allocation was logged");
    assert!(ended.stderr.contains("plain"), "{}", ended.stderr);
}

/// Spans whose path is known. (An event that asks for the current span while tracing-subscriber notes that a span is entered is not
/// supported: see the crate's docs.)
#[test]
fn spans() {
    under_the_allocator("spans", |_| {
        let (memory, _lines) = sink::memory();
        let context = OutputContext::builder("uno").sink(memory).build();
        context.scope(|| {
            for round in 0..ROUNDS {
                let span = tracing::info_span!("span", round, value = ?Allocates(round), later = tracing::field::Empty);
                span.record("later", "a".repeat(round));
                span.in_scope(|| log_values(round));
            }
        });
    });
}

/// Fields that are recorded on the span that is current, and whose path the allocator's events show.
#[test]
fn fields_of_the_current_span() {
    under_the_allocator("fields_of_the_current_span", |_| {
        let (memory, _lines) = sink::memory();
        OutputContext::builder("uno").sink(memory).build().scope(record_fields);
    });
}

/// The same where the spans around an event say whose it is.
#[test]
fn fields_of_the_current_span_that_routes() {
    let config = || logscope::configure().route_by_span(true);
    under_the_allocator_with("fields_of_the_current_span_that_routes", config, |_| {
        let (memory, _lines) = sink::memory();
        let context = OutputContext::builder("uno").sink(memory).build();
        let bound = context.scope(|| tracing::info_span!("bound"));
        LOGS.store(false, Ordering::Relaxed);
        bound.in_scope(record_fields);
    });
}

fn record_fields() {
    for round in 0..ROUNDS {
        // Silent: tracing-subscriber may allocate while it notes that a span is entered.
        LOGS.store(false, Ordering::Relaxed);
        let span = tracing::info_span!("span", round, later = tracing::field::Empty).entered();
        drop(tracing::info_span!("other").entered());
        LOGS.store(true, Ordering::Relaxed);
        span.record("later", "a".repeat(round));
        log_values(round);
    }
    LOGS.store(false, Ordering::Relaxed);
}

/// The first event of a place and of a thread allocates, and so does the record that tells of it: what the allocator logs meanwhile is
/// unclaimed, too.
#[test]
fn unclaimed_events() {
    let config = || {
        let outside = OutputContext::builder("outside").sink(sink::stderr()).build();
        logscope::configure().default_context(outside).unclaimed(logscope::Unclaimed::Warn)
    };
    let ended = under_the_allocator_with("unclaimed_events", config, |_| {
        let _uno = OutputContext::builder("uno").sink(sink::null()).build();
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for line in 0..ROUNDS as u32 {
                        let mut record = log::Record::builder();
                        record.level(log::Level::Info).target("app").file(Some("src/many.rs")).line(Some(line));
                        log::logger().log(&record.args(format_args!("forgotten")).build());
                    }
                });
            }
        });
        LOGS.store(false, Ordering::Relaxed);
        let report = logscope::unclaimed();
        let count =
            |target| report.entries.iter().filter(|entry| entry.target == target).map(|entry| entry.count).sum::<u64>();
        assert_eq!(count("app"), (THREADS * ROUNDS) as u64);
        assert!(count("allocator") > 0 && report.total == report.entries.iter().map(|entry| entry.count).sum::<u64>());
    });
    assert!(ended.stderr.contains("events reached the process default"), "{}", ended.stderr);
}
