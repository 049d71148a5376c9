//! The event path does not allocate once a thread is warm: in every format, in spans and outside, on threads and in tasks.
//!
//! The allocator of this binary counts the allocations of each thread.

#![cfg(feature = "testing")]
#![cfg(feature = "file")]
#![allow(clippy::unwrap_used)]

mod layers;

use std::alloc::{self, GlobalAlloc, System};
use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::io;

use logscope::sink::{self, Line, Output, RecordOutput, Sink};
use logscope::{
    Color, Dial, Format, InContext as _, Layout, LayoutWriter, LevelFilter, OutputContext, Record, Time, Verbosity,
};
use tracing::{Dispatch, debug, dispatcher, info, info_span, trace, warn};
use tracing_subscriber::prelude::*;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

// SAFETY: every call is passed on unchanged to the system's allocator. The count is a thread-local without destructor, so counting does
// not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: alloc::Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: alloc::Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: alloc::Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: alloc::Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const WARM_UP: usize = 10;
/// Each call logs several events, so this makes thousands of records.
const CALLS: usize = 500;

/// How often `f` allocates on this thread in [`CALLS`] calls, after [`WARM_UP`] calls.
fn allocations(mut f: impl FnMut()) -> u64 {
    (0..WARM_UP).for_each(|_| f());
    let before = ALLOCATIONS.get();
    (0..CALLS).for_each(|_| f());
    ALLOCATIONS.get() - before
}

#[derive(Debug)]
struct Failed(Option<Box<Failed>>);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it \"failed\"\n")
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.as_ref().map(|cause| &**cause as &(dyn Error + 'static))
    }
}

fn error() -> Failed {
    Failed(Some(Box::new(Failed(Some(Box::new(Failed(None)))))))
}

/// Logs events with everything that an event can have, some events that are not enabled, and records of the `log` crate.
fn say(error: &Failed) {
    info!("linking");
    info!(unit = "main o", size = 12_u64, "linking {}", "main.o");
    warn!(
        n = -3_i32,
        big = u128::MAX,
        ratio = 0.25,
        ok = true,
        list = ?[1, 2, 3],
        shown = %format_args!("a={}", 1),
        text = "ein \"Wort\"\u{1b}",
        error = error as &(dyn Error + 'static),
        message = "late",
        r#type = 1,
        level = 2,
    );
    debug!(unit = "main.o", "not wanted");
    trace!("not wanted");
    log::info!(target: "linker", size = 12, path = "a b", shown:? = Some(1); "from the log crate: {}", 3);
    log::debug!("not wanted");
}

/// A layout of a program's own.
#[derive(Debug)]
struct Own;

impl Layout for Own {
    fn render(&self, record: &Record<'_>, line: &mut LayoutWriter<'_>) {
        line.push_time(record);
        line.gap();
        line.push_level(record.level());
        line.gap();
        line.push_context(record);
        line.gap();
        line.push_spans(record);
        line.gap();
        line.push_message_and_fields(record);
    }
}

/// Those that allocate for no event. The other layouts: see [`layouts`].
fn formats() -> [(&'static str, Format); 7] {
    [
        ("text", Format::text()),
        ("text with all and in colour", {
            Format::text()
                .time(Time::Both)
                .seq(true)
                .thread_name(true)
                .location(true)
                .multiline(true)
                .color(Color::Always)
        }),
        ("json", Format::json()),
        ("json with all", Format::json().thread_name(true).location(true)),
        ("logfmt", Format::logfmt().thread_name(true).location(true)),
        ("build", Format::build()),
        ("raw", Format::raw()),
    ]
}

/// Layouts that join the name of a field anew for each event if it has to be made unique or has a suffix, as the sources of errors have.
fn layouts() -> [(&'static str, Format); 3] {
    [
        ("pretty", Format::pretty()),
        ("pretty in colour", Format::pretty().color(Color::Always)),
        ("a layout of one's own", Format::custom(Own)),
    ]
}

struct Nothing;

impl Output for Nothing {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        Ok(())
    }
}

impl RecordOutput for Nothing {
    fn write(&self, record: &Record<'_>) -> io::Result<()> {
        record.for_each_span(|_| ());
        Ok(())
    }
}

/// A context of the verbosity INFO with a field.
fn context(sinks: impl IntoIterator<Item = Sink>) -> OutputContext {
    OutputContext::builder("uno").field("env", "one two").sinks(sinks).build()
}

/// Runs `test` under the global subscriber, then under a layer beside another.
fn each_way(test: impl Fn(&str)) {
    static INSTALL: std::sync::Once = std::sync::Once::new();
    INSTALL.call_once(|| {
        let default = context([sink::null().format(Format::json())]);
        logscope::configure().default_context(default).install().unwrap();
    });
    test("installed");
    let other = LevelFilter::TRACE.and_then(tracing_subscriber::layer::Identity::new());
    let subscriber = Dispatch::new(tracing_subscriber::registry().with(other).with(logscope::layer()));
    dispatcher::with_default(&subscriber, || test("as a layer"));
}

/// Checks that `f` does not allocate on this thread, nor on a thread of its own.
#[track_caller]
fn assert_none(what: fmt::Arguments<'_>, f: impl Fn() + Sync) {
    assert_eq!(allocations(&f), 0, "{what}");
    let subscriber = dispatcher::get_default(Dispatch::clone);
    let elsewhere = || dispatcher::with_default(&subscriber, || allocations(&f));
    let elsewhere = std::thread::scope(|scope| scope.spawn(elsewhere).join().unwrap());
    assert_eq!(elsewhere, 0, "{what}, on a thread of its own");
}

#[test]
fn the_counter_sees_allocations() {
    assert_eq!(allocations(|| drop(Box::new(1))), CALLS as u64);
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![0_u8; 3]))), CALLS as u64);
    let mut grown = Vec::with_capacity(1);
    assert!(allocations(|| grown.push(1_u64)) >= 5);
    assert_eq!(allocations(|| ()), 0);
}

#[test]
fn no_format_allocates_in_spans_or_outside() {
    each_way(|way| {
        let error = error();
        for (format_name, format) in formats() {
            let uno = context([sink::null().format(format)]);
            assert_none(format_args!("{way}, {format_name}, outside spans"), || uno.scope(|| say(&error)));
            let outer = uno.scope(|| info_span!("build", unit = "core", n = 1, path = "a b"));
            let inner = uno.scope(|| info_span!(parent: &outer, "link"));
            assert_none(format_args!("{way}, {format_name}, entering spans"), || {
                uno.scope(|| outer.in_scope(|| inner.in_scope(|| say(&error))));
            });
            assert_none(format_args!("{way}, {format_name}, with parents"), || {
                uno.scope(|| {
                    info!(parent: &inner, n = 1, "said");
                    info!(parent: None, n = 1, "said");
                });
            });
            let entered = outer.enter();
            let entered_inner = inner.enter();
            let scope = uno.enter();
            assert_eq!(allocations(|| say(&error)), 0, "{way}, {format_name}, inside spans and a guard");
            drop((scope, entered_inner, entered));
        }
    });
}

#[test]
fn no_layout_allocates_for_ordinary_names() {
    each_way(|way| {
        for (name, format) in layouts() {
            let uno = context([sink::null().format(format)]);
            let span = uno.scope(|| info_span!("build", unit = "core", n = 1, path = "a b"));
            let say = || {
                info!("linking");
                info!(unit = "main o", size = 12_u64, list = ?[1, 2, 3], shown = %format_args!("a={}", 1), "linking {}", "main.o");
                warn!(n = -3_i32, big = u128::MAX, ratio = 0.25, ok = true, text = "ein \"Wort\"\u{1b}");
            };
            assert_none(format_args!("{way}, {name}, outside spans"), || uno.scope(say));
            assert_none(format_args!("{way}, {name}, in a span"), || uno.scope(|| span.in_scope(say)));
        }
    });
}

#[test]
fn no_sink_allocates() {
    each_way(|way| {
        let error = error();
        let folder = tempfile::tempdir().unwrap();
        let file = sink::file(folder.path().join("uno.log")).open().unwrap();
        let roll = sink::Roll::by_size(1 << 30);
        let rolling = sink::file(folder.path().join("rolling.log")).roll(roll).open().unwrap();
        let sinks = [
            vec![file.clone()],
            vec![file.format(Format::json()), file.format(Format::json()).max_level(LevelFilter::WARN)],
            vec![rolling.clone()],
            vec![sink::writer(io::sink())],
            vec![sink::terminal_writer(io::sink(), true)],
            vec![sink::callback(|_| ())],
            vec![sink::custom(Nothing)],
            vec![sink::records(Nothing)],
            vec![sink::null(), sink::null().format(Format::json()), sink::null(), sink::null().format(Format::build())],
            vec![],
        ];
        for sinks in sinks {
            let uno = context(sinks);
            let span = uno.scope(|| info_span!("build", unit = "core"));
            assert_none(format_args!("{way}, {:?}", uno.sinks()), || uno.scope(|| span.in_scope(|| say(&error))));
            let ledger = uno.ledger();
            assert!(ledger.is_complete() && ledger.dropped + ledger.failed == 0, "{ledger:?}");
        }
    });
}

#[test]
fn no_verbosity_allocates() {
    each_way(|way| {
        let error = error();
        let directives = || "warn,allocations=info,linker=debug,h2=off".parse::<Verbosity>().unwrap();
        let verbosities = [
            LevelFilter::INFO.into(),
            LevelFilter::OFF.into(),
            LevelFilter::TRACE.into(),
            directives(),
            Dial::new(LevelFilter::INFO).into(),
            Dial::new(directives()).into(),
        ];
        for verbosity in verbosities {
            let uno = context([sink::null()]).with_verbosity(verbosity.clone());
            assert_none(format_args!("{way}, {verbosity:?}"), || uno.scope(|| say(&error)));
        }
        let dial = Dial::new(LevelFilter::INFO);
        let uno = context([sink::null()]).with_verbosity(&dial);
        assert_none(format_args!("{way}, outside every scope"), || say(&error));
        dial.set(directives());
        assert_none(format_args!("{way}, after the dial was turned"), || uno.scope(|| say(&error)));
    });
}

/// Values that log themselves, to the depth that is let through. In a process of its own: under a scoped subscriber, the events that
/// values log go nowhere.
#[test]
fn values_that_log_do_not_allocate() {
    struct Logs(u32);
    impl fmt::Debug for Logs {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            if let Some(rest) = self.0.checked_sub(1) {
                info!(value = ?Logs(rest), "nested");
            }
            f.write_str("logs")
        }
    }

    if let Some(child) = layers::in_own_process("values_that_log_do_not_allocate", &[]) {
        child.passed();
        return;
    }
    logscope::init();
    // A raw line has the message alone, so it does not render the value.
    for (format_name, format) in formats().into_iter().filter(|(name, _)| *name != "raw") {
        let uno = context([sink::null().format(format)]);
        let found = allocations(|| uno.scope(|| info!(value = ?Logs(3), "outer")));
        assert_eq!(found, 0, "{format_name}");
        assert_eq!(uno.ledger().written, 4 * (WARM_UP + CALLS) as u64);
    }
}

/// Tasks that are polled anew for every few events, two at once, on one worker and on several.
#[test]
fn tasks_do_not_allocate() {
    each_way(|way| {
        let runtimes = [
            tokio::runtime::Builder::new_current_thread().build().unwrap(),
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap(),
        ];
        let subscriber = dispatcher::get_default(Dispatch::clone);
        for runtime in runtimes {
            for (format_name, format) in formats() {
                let uno = context([sink::null().format(format)]);
                let task = |subscriber: Dispatch, uno: OutputContext| {
                    let error = error();
                    let work = async move {
                        // A scoped subscriber belongs to the thread, so a task must bring it along.
                        let span = dispatcher::with_default(&subscriber, || info_span!("task", n = 1));
                        let mut found = 0;
                        for round in 0..WARM_UP + CALLS {
                            // The worker may differ from that of the last poll: warm it up first.
                            dispatcher::with_default(&subscriber, || span.in_scope(|| say(&error)));
                            let before = ALLOCATIONS.get();
                            dispatcher::with_default(&subscriber, || {
                                say(&error);
                                span.in_scope(|| say(&error));
                            });
                            if round >= WARM_UP {
                                found += ALLOCATIONS.get() - before;
                            }
                            tokio::task::yield_now().await;
                        }
                        found
                    };
                    work.in_context(&uno)
                };
                let found = runtime.block_on(async {
                    let tasks = [(); 2].map(|()| tokio::spawn(task(subscriber.clone(), uno.clone())));
                    let mut found = 0;
                    for task in tasks {
                        found += task.await.unwrap();
                    }
                    found
                });
                assert_eq!(found, 0, "{way}, {format_name}");
            }
        }
    });
}

/// A poll enters and leaves the task's context, without an allocation.
#[test]
fn a_poll_does_not_allocate() {
    each_way(|way| {
        let uno = context([sink::null()]);
        let mut task = Box::pin(
            async {
                loop {
                    info!("polled");
                    let mut polled = false;
                    std::future::poll_fn(|_| match std::mem::replace(&mut polled, true) {
                        true => std::task::Poll::Ready(()),
                        false => std::task::Poll::Pending,
                    })
                    .await;
                }
            }
            .in_context(&uno),
        );
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let mut poll = || assert!(Future::poll(task.as_mut(), &mut cx).is_pending());
        assert_eq!(allocations(&mut poll), 0, "{way}");
        assert_eq!(uno.ledger().written, (WARM_UP + CALLS) as u64);
    });
}

/// No allocation where the line goes into a queue, whatever the overflow policy. (A log call that finds the other writer threads busy
/// may start one, which allocates. This is not a cost of the record: one measurement of five must be free of it.)
#[test]
fn queued_sinks_do_not_allocate() {
    use logscope::sink::{Overflow, Queue};

    let _ = logscope::try_init();
    let error = error();
    for overflow in [Overflow::Block, Overflow::DropNewest, Overflow::DropOldest] {
        let queue = Queue::new().bytes(256 << 10).overflow(overflow);
        let folder = tempfile::tempdir().unwrap();
        let file = sink::file(folder.path().join("uno.log")).open().unwrap();
        let sinks = [
            sink::null().queued(queue.clone()),
            file.queued(queue.clone()),
            sink::writer(io::sink()).queued(queue).format(Format::json()),
        ];
        let context = OutputContext::builder("uno").sinks(sinks).build();
        let least = (0..5).map(|_| context.scope(|| allocations(|| say(&error)))).min();
        assert_eq!(least, Some(0), "{overflow:?}");
        assert_eq!(context.flush(std::time::Duration::from_secs(60)).pending, 0);
    }
}
