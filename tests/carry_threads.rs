//! Threads that inherit the context and the span of whoever starts them.

#![cfg(feature = "testing")]
// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

#[path = "common/carried.rs"]
mod carried;
mod common;

use std::cell::Cell;
use std::panic::resume_unwind;
use std::sync::mpsc::channel;

use carried::{closes_its_span_in, with_spans};
use common::{Log, LogsWhenDropped, init, panic_of, place_of_panic, text_of, unscoped_messages, wait_until};
use logscope::{OutputContext, thread};
use tracing::{info, info_span};

#[test]
fn threads_of_every_kind_inherit_context_and_span() {
    init();
    let uno = Log::new("uno");
    uno.context.scope(|| {
        info_span!("build").in_scope(|| {
            thread::spawn(|| info!("spawned")).join().unwrap();
            thread::Builder::new().spawn(|| info!("built")).unwrap().join().unwrap();
            thread::scope(|s| {
                s.spawn(|| info!("scoped"));
                thread::Builder::new().name("n".to_owned()).stack_size(1 << 20).spawn_scoped(s, || info!("n")).unwrap();
                s.spawn(|| info_span!("deep").in_scope(|| s.spawn(|| info!("below")).join().unwrap()));
            });
        });
    });
    let expected = ["below @ build/deep", "built @ build", "n @ build", "scoped @ build", "spawned @ build"];
    assert_eq!(with_spans(&uno.memory), expected);
    assert_eq!(uno.messages().len(), 5);
}

#[test]
fn threads_below_threads_inherit_what_is_current_where_they_are_started() {
    init();
    let (uno, due) = (Log::new("uno"), Log::new("due"));
    let started = uno.context.scope(|| {
        let due = due.context.clone();
        thread::spawn(move || {
            info!("first");
            let in_due = due.scope(|| thread::spawn(|| info!("in another context")));
            let on_purpose = logscope::unscoped(|| thread::spawn(|| info!("threads: on purpose in none")));
            let below = thread::spawn(|| thread::spawn(|| info!("third")).join().unwrap());
            [in_due, on_purpose, below].into_iter().for_each(|thread| thread.join().unwrap());
        })
    });
    started.join().unwrap();
    uno.assert_holds(&["first", "third"]);
    due.assert_holds(&["in another context"]);
    assert_eq!(unscoped_messages("threads: on purpose").len(), 1);
}

#[test]
fn a_thread_that_is_started_in_no_scope_is_in_none() {
    init();
    let thread = thread::spawn(|| {
        info!("threads: outside");
        OutputContext::try_current().is_none()
    });
    assert!(thread.join().unwrap());
    assert_eq!(unscoped_messages("threads: outside").len(), 1);
}

#[test]
fn a_panic_ends_the_thread_in_its_context_and_reaches_whoever_joins() {
    init();
    let uno = Log::new("uno");
    uno.context.scope(|| {
        let value = LogsWhenDropped("dropped while unwinding");
        let result = thread::spawn(move || {
            let _value = value;
            panic!("on a thread");
        });
        assert_eq!(text_of(&*result.join().unwrap_err()), "on a thread");
        panic_of(|| thread::scope(|s| drop(s.spawn(|| panic!("on a scoped thread")))));
        assert_eq!(OutputContext::current().name(), "uno");
    });
    assert!(OutputContext::try_current().is_none());
    uno.assert_holds(&["dropped while unwinding"]);
}

/// The scope has been left by a panic when the thread logs.
#[test]
fn a_thread_stays_in_a_scope_that_its_starter_has_left_by_unwinding() {
    init();
    let (uno, due) = (Log::new("uno"), Log::new("due"));
    let (go, wait) = channel::<()>();
    let mut started = None;
    due.context.scope(|| {
        panic_of(|| {
            uno.context.scope(|| {
                started = Some(thread::spawn(move || {
                    wait.recv().unwrap();
                    info!("later");
                }));
                panic!("the starter gives up");
            })
        });
        info!("after the panic");
    });
    go.send(()).unwrap();
    started.unwrap().join().unwrap();
    uno.assert_holds(&["later"]);
    due.assert_holds(&["after the panic"]);
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_thread_that_cannot_be_started_would_have_run_is_dropped_in_the_context() {
    init();
    let uno = Log::new("uno");
    let value = LogsWhenDropped("dropped");
    let result = uno.context.scope(|| thread::Builder::new().stack_size(1 << 60).spawn(move || drop(value)));
    assert!(result.is_err());
    uno.assert_holds(&["dropped"]);
}

#[test]
fn a_value_that_logs_when_it_is_dropped_is_dropped_in_the_context_of_its_thread() {
    init();
    let (uno, due) = (Log::new("uno"), Log::new("due"));
    let value = LogsWhenDropped("captured");
    let thread = uno.context.scope(|| thread::spawn(move || drop(value)));
    due.context.scope(|| thread.join().unwrap());
    uno.assert_holds(&["captured"]);
    due.assert_holds::<&str>(&[]);
}

/// A layer may log when a span is closed.
#[test]
fn a_span_that_ends_with_its_thread_is_closed_in_the_context() {
    let in_context = closes_its_span_in(|work| drop(thread::spawn(work)));
    assert_eq!(in_context, "uno");
}

thread_local! {
    static AT_THE_END: Cell<Option<LogsWhenDropped>> = const { Cell::new(None) };
}

/// As documented: it is not the closure's any more.
#[test]
fn what_a_thread_returns_and_its_thread_locals_are_dropped_outside_the_context() {
    init();
    let uno = Log::new("uno");
    let start = || thread::spawn(|| AT_THE_END.set(Some(LogsWhenDropped("threads: thread-local"))));
    uno.context.scope(start).join().unwrap();
    assert_eq!(unscoped_messages("threads: thread-local").len(), 1);
    drop(uno.context.scope(|| thread::spawn(|| LogsWhenDropped("threads: result"))));
    wait_until("the result is dropped", || unscoped_messages("threads: result").len() == 1);
    uno.assert_holds::<&str>(&[]);
}

#[test]
fn a_panic_of_a_scope_names_who_opened_it() {
    let place = place_of_panic(|| thread::scope(|s| drop(s.spawn(|| resume_unwind(Box::new("on a scoped thread"))))));
    assert_eq!(place.0, file!());
}

/// Code that is written for std's module, with either.
macro_rules! written_for_std {
    ($name:ident, $($thread:ident)::+) => {
        #[test]
        fn $name() {
            use $($thread)::+ as thread;

            fn start<'scope>(s: &'scope thread::Scope<'scope, '_>, n: u32) -> thread::ScopedJoinHandle<'scope, u32> {
                s.spawn(move || if n == 0 { 0 } else { start(s, n - 1).join().unwrap() + 1 })
            }

            let lengths = vec![1, 2, 3];
            let mut sum = 0;
            let depth = thread::scope(|s| {
                s.spawn(|| sum = lengths.iter().sum());
                s.spawn(|| {
                    s.spawn(|| assert_eq!(lengths.len(), 3));
                });
                start(s, 3).join().unwrap()
            });
            assert_eq!((sum, depth), (6, 3));
            let handle: thread::JoinHandle<thread::ThreadId> = thread::spawn(|| thread::current().id());
            let id = handle.thread().id();
            let result: thread::Result<thread::ThreadId> = handle.join();
            assert_eq!(result.unwrap(), id);
            let named = thread::Builder::new().name("named".to_owned());
            let name = named.spawn(|| thread::current().name().map(str::to_owned)).unwrap().join().unwrap();
            assert_eq!(name.as_deref(), Some("named"));
            thread::yield_now();
            thread::sleep(std::time::Duration::ZERO);
            assert!(!thread::panicking() && thread::available_parallelism().is_ok());
        }
    };
}

written_for_std!(code_for_std_compiles_with_std, std::thread);
written_for_std!(code_for_std_compiles_with_ours, logscope::thread);
