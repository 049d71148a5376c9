//! With `Config::log_panics`, a panic is a record of the context in which it happens. Each test has a process of its own: there is one panic
//! hook.

#![cfg(feature = "testing")]
#![cfg(feature = "serde")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

#[path = "common/child.rs"]
mod child;
#[cfg(unix)]
#[path = "common/fork.rs"]
mod fork;

use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use child::{Child, in_child};
#[cfg(unix)]
use fork::fork;
use logscope::sink::{self, Line, Memory, Output, Queue};
use logscope::{Format, InContext as _, Layout, LayoutWriter, OutputContext, Record, RecordBuf};
use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt as _;

/// Installs logscope with a default context that logs to memory.
fn install() -> Memory {
    let (context, memory) = logged("main");
    logscope::configure().default_context(context).log_panics(true).install().unwrap();
    memory
}

/// Makes a context that logs to memory, with everything that a record has.
fn logged(name: &str) -> (OutputContext, Memory) {
    let (memory, lines) = sink::memory();
    let format = Format::json().location(true).thread_name(true).thread_id(true);
    (OutputContext::builder(name).sink(memory.format(format)).build(), lines)
}

fn records(memory: &Memory) -> Vec<RecordBuf> {
    memory.lines().iter().map(|line| RecordBuf::parse_json(line).unwrap()).collect()
}

/// Panics, and goes on.
fn panic_with(text: &'static str) {
    catch_unwind(|| panic!("{text}")).unwrap_err();
}

const LINE: u32 = line!() + 2;
fn no_paper() {
    panic!("no {}", "paper")
}

fn field<'a>(record: &'a RecordBuf, name: &str) -> &'a str {
    record.field(name).and_then(|value| value.as_str()).unwrap_or_default()
}

fn poll_once(future: impl Future<Output = ()>) {
    let mut future = Box::pin(future);
    assert_eq!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()));
}

#[test]
fn a_panic_is_a_record_of_the_context_in_which_it_happens() {
    in_child("a_panic_is_a_record_of_the_context_in_which_it_happens", |_| {
        let main = install();
        let (uno, lines) = logged("uno");
        tracing::info_span!("request", id = 7).in_scope(|| uno.scope(|| catch_unwind(no_paper).unwrap_err()));
        poll_once(async { panic_with("in a task") }.in_context(&uno));
        let named = std::thread::Builder::new().name("worker".to_owned());
        named.spawn(uno.bind(|| panic_with("on a thread"))).unwrap().join().unwrap();
        std::thread::spawn(|| panic_with("on a plain thread")).join().unwrap();
        tracing::info!("after");

        let records_of_uno = records(&lines);
        let messages: Vec<_> = records_of_uno.iter().map(|record| record.message.as_str()).collect();
        assert_eq!(messages, ["no paper", "in a task", "on a thread"]);
        let first = &records_of_uno[0];
        assert_eq!((first.level, first.target.as_str(), first.seq), (tracing::Level::ERROR, "panic", Some(1)));
        assert_eq!((first.file.as_deref(), first.line), (Some(file!()), Some(LINE)));
        assert!(field(first, "location").starts_with(&format!("{}:{LINE}:", file!())), "{first:?}");
        assert_eq!((first.spans.len(), first.spans[0].name.as_str()), (1, "request"));
        assert_eq!(first.context.as_ref().unwrap().name, "uno");
        assert_eq!(
            first.thread_id,
            Some(format!("{:?}", std::thread::current().id())),
            "not that of the writing thread"
        );
        assert_eq!(
            (field(&records_of_uno[2], "thread"), records_of_uno[2].thread_name.as_deref()),
            ("worker", Some("worker"))
        );
        let ledger = uno.ledger();
        assert_eq!((ledger.accepted, ledger.written), (3, 3));

        let records_of_main = records(&main);
        let messages: Vec<_> = records_of_main.iter().map(|record| record.message.as_str()).collect();
        assert_eq!(messages, ["on a plain thread", "after"]);
        assert!(field(&records_of_main[0], "thread").starts_with("ThreadId("), "{:?}", records_of_main[0]);
        Value::Bool(true)
    });
    let ended = Child::new("a_panic_is_a_record_of_the_context_in_which_it_happens").run();
    assert!(ended.stderr.contains("no paper"), "std's own hook is called: {}", ended.stderr);
    assert_eq!(ended.fallback_lines(), [""; 0]);
}

#[test]
fn the_record_is_there_when_the_hook_before_is_called() {
    in_child("the_record_is_there_when_the_hook_before_is_called", |_| {
        let (context, main) = logged("main");
        let (seen, lines) = (Arc::new(AtomicUsize::new(0)), main.clone());
        let counted = Arc::clone(&seen);
        std::panic::set_hook(Box::new(move |_| _ = counted.fetch_add(10 + lines.lines().len(), Ordering::Relaxed)));
        logscope::configure().default_context(context).log_panics(true).install().unwrap();
        panic_with("one");
        assert_eq!(seen.swap(0, Ordering::Relaxed), 11, "the hook was called once, and there was one record");
        // A second time changes nothing, and a configuration without it takes nothing back.
        drop(tracing_subscriber::registry().with(logscope::configure().log_panics(true).layer()));
        drop(logscope::configure().layer::<tracing_subscriber::Registry>());
        catch_unwind(|| panic_any(7)).unwrap_err();
        assert_eq!(seen.load(Ordering::Relaxed), 12);
        assert_eq!(records(&main)[1].message, "panicked with a value that is not a text");
        Value::Bool(true)
    });
    Child::new("the_record_is_there_when_the_hook_before_is_called").run();
}

#[test]
fn a_queued_record_is_written_when_the_hook_before_ends_the_process() {
    in_child("a_queued_record_is_written_when_the_hook_before_ends_the_process", |folder| {
        std::panic::set_hook(Box::new(|_| std::process::exit(3)));
        let log = sink::file(folder.join("log")).open().unwrap().queued(Queue::new());
        let context = OutputContext::builder("main").sink(log).build();
        logscope::configure().default_context(context).log_panics(true).install().unwrap();
        panic!("the last words")
    });
    let child = Child::new("a_queued_record_is_written_when_the_hook_before_ends_the_process");
    let (status, ended) = child.start().wait_for_any_end();
    assert_eq!(status.code(), Some(3), "{}", ended.stderr);
    assert!(ended.read("log").contains("the last words"), "{}", ended.read("log"));
}

/// Takes no record without a panic.
struct Panics;

impl Output for Panics {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        panic!("an output")
    }
}

impl Layout for Panics {
    fn render(&self, _: &Record<'_>, _: &mut LayoutWriter<'_>) {
        panic!("a layout")
    }
}

impl std::fmt::Debug for Panics {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("a value")
    }
}

#[test]
fn a_panic_in_what_writes_the_record_does_no_harm() {
    in_child("a_panic_in_what_writes_the_record_does_no_harm", |_| {
        let main = install();
        let (uno, lines) = logged("uno");
        let uno = uno.with_sink(sink::null().format(Format::custom(Panics))).with_sink(sink::custom(Panics));
        uno.scope(|| panic_with("one"));
        uno.scope(|| tracing::info!("two"));
        uno.scope(|| tracing::info!(value = ?Panics, "three"));
        let messages: Vec<_> = records(&lines).into_iter().map(|record| record.message).collect();
        assert_eq!(messages.iter().filter(|message| *message == "one").count(), 1, "{messages:?}");
        assert!(messages.iter().any(|message| message == "a value"), "{messages:?}");
        assert!(messages.iter().any(|message| message == "three"), "{messages:?}");
        assert!(!messages.iter().any(|message| message == "an output"), "that is told on stderr: {messages:?}");
        let ledger = uno.ledger();
        assert_eq!(ledger.accepted, ledger.written + ledger.failed + ledger.dropped, "{ledger}");
        assert_eq!(records(&main).len(), 0);
        Value::Bool(true)
    });
    Child::new("a_panic_in_what_writes_the_record_does_no_harm").run();
}

/// Needs a lock that the program holds.
struct Needs(Arc<Mutex<()>>);

impl Output for Needs {
    fn write(&self, _: Line<'_>) -> io::Result<()> {
        drop(self.0.lock());
        Ok(())
    }
}

#[test]
fn a_panicking_thread_does_not_wait_for_ever_for_what_it_holds_itself() {
    in_child("a_panicking_thread_does_not_wait_for_ever_for_what_it_holds_itself", |_| {
        install();
        let lock = Arc::new(Mutex::new(()));
        let uno = OutputContext::builder("uno").sink(sink::custom(Needs(Arc::clone(&lock)))).build();
        uno.scope(|| {
            let held = lock.lock();
            panic_with("one");
            drop(held);
        });
        assert!(uno.flush(std::time::Duration::from_secs(30)).is_complete(), "the record follows");
        assert_eq!(uno.ledger().written, 1);
        Value::Bool(true)
    });
    let ended = Child::new("a_panicking_thread_does_not_wait_for_ever_for_what_it_holds_itself").run();
    let told =
        ended.fallback_lines().iter().filter(|line| line.contains("the record of a panic is not written")).count();
    assert_eq!(told, 1, "{}", ended.stderr);
}

/// A daemon is a forked child, too, and goes on logging for days.
#[cfg(unix)]
#[test]
fn a_panic_in_a_forked_child_is_a_record_and_does_no_harm() {
    in_child("a_panic_in_a_forked_child_is_a_record_and_does_no_harm", |folder| {
        install();
        let queued = sink::file(folder.join("queued")).open().unwrap().queued(Queue::new());
        let direct = sink::file(folder.join("direct")).open().unwrap();
        let uno = OutputContext::builder("uno").sink(sink::null().format(Format::custom(Panics)));
        let uno = uno.sink(sink::custom(Panics)).sink(queued).sink(direct).build();
        uno.scope(|| tracing::info!("before"));
        fork(|| uno.scope(|| panic_with("in the child")));
        uno.scope(|| tracing::info!("after"));
        assert_eq!(uno.flush(std::time::Duration::from_secs(30)).pending, 0);
        Value::Bool(true)
    });
    let ended = Child::new("a_panic_in_a_forked_child_is_a_record_and_does_no_harm").run();
    for log in ["direct", "queued"] {
        let text = ended.read(log);
        assert_eq!(text.matches("in the child").count(), 1, "{log}: {text}{}", ended.stderr);
        assert!(text.contains("before") && text.contains("after"), "{log}: {text}");
    }
}

#[test]
fn panics_are_logged_beside_other_layers_and_routed_by_span() {
    use tracing_subscriber::prelude::*;

    struct Events(Arc<AtomicUsize>);
    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Events {
        fn on_event(&self, _: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    in_child("panics_are_logged_beside_other_layers_and_routed_by_span", |_| {
        let ((main, lines_of_main), (uno, lines_of_uno)) = (logged("main"), logged("uno"));
        let events = Arc::new(AtomicUsize::new(0));
        let layer = logscope::configure().default_context(main).log_panics(true).route_by_span(true).layer();
        tracing_subscriber::registry().with(layer).with(Events(Arc::clone(&events))).init();
        let span = uno.scope(|| tracing::info_span!("request"));
        span.in_scope(|| panic_with("in the span"));
        panic_with("outside");
        let (of_uno, of_main) = (records(&lines_of_uno), records(&lines_of_main));
        assert_eq!((of_uno.len(), of_uno[0].message.as_str(), of_uno[0].spans.len()), (1, "in the span", 1));
        assert_eq!((of_main.len(), of_main[0].message.as_str(), of_main[0].spans.len()), (1, "outside", 0));
        assert_eq!(events.load(Ordering::Relaxed), 0, "other layers do not see them");
        Value::Bool(true)
    });
    Child::new("panics_are_logged_beside_other_layers_and_routed_by_span").run();
}

#[cfg(unix)]
#[test]
fn a_panic_in_an_exit_handler_does_no_harm() {
    unsafe extern "C" {
        fn atexit(handler: extern "C" fn()) -> std::ffi::c_int;
    }
    extern "C" fn handler() {
        panic_with("at the exit");
    }

    in_child("a_panic_in_an_exit_handler_does_no_harm", |folder| {
        let log = sink::file(folder.join("log")).open().unwrap();
        let context = OutputContext::builder("main").sink(log).build();
        logscope::configure().default_context(context).log_panics(true).install().unwrap();
        // SAFETY:
        // - `atexit` takes a function without arguments.
        // - The function does not unwind: it catches its panic.
        assert_eq!(unsafe { atexit(handler) }, 0);
        json!(true)
    });
    let ended = Child::new("a_panic_in_an_exit_handler_does_no_harm").run();
    assert!(ended.read("log").contains("at the exit"), "{}", ended.stderr);
}

#[test]
fn panics_are_not_logged_unasked_or_against_the_verbosity() {
    in_child("panics_are_not_logged_unasked_or_against_the_verbosity", |folder: &Path| {
        let (uno, lines) = logged("uno");
        let quiet = uno.with_verbosity("info,panic=off".parse::<logscope::Verbosity>().unwrap());
        logscope::configure().default_context(uno.clone()).install().unwrap();
        panic_with("unasked");
        assert!(lines.lines().is_empty() && folder.exists());
        drop(tracing_subscriber::registry().with(logscope::configure().log_panics(true).layer()));
        quiet.scope(|| panic_with("unwanted"));
        assert!(lines.lines().is_empty());
        catch_unwind(AssertUnwindSafe(|| uno.scope(|| panic!("wanted")))).unwrap_err();
        assert_eq!(records(&lines).len(), 1);
        let (memory, none) = sink::memory();
        let chosen = "off,panic=warn".parse::<logscope::Verbosity>().unwrap();
        let (only, some) = sink::memory();
        let sinks =
            [memory.verbosity("info,panic=off".parse::<logscope::Verbosity>().unwrap()), only.verbosity(chosen)];
        OutputContext::builder("due").sinks(sinks).build().scope(|| panic_with("chosen"));
        assert_eq!((none.lines().len(), some.lines().len()), (0, 1), "sinks choose by the target, too");
        Value::Bool(true)
    });
    Child::new("panics_are_not_logged_unasked_or_against_the_verbosity").run();
}
