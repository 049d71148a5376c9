//! Scopes and log calls in the destructors of thread-locals, whether those are registered before or after the thread-locals of the library.

// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

mod common;

use std::cell::{Cell, RefCell};
use std::thread;

use common::{DebugRuns, Log, block_on, init, messages, panic_of, tracked, unscoped_messages, yield_once};
use logscope::{InContext as _, ScopeGuard};
use tracing::info;

thread_local! {
    /// A guard that is dropped when its thread ends.
    static GUARD: Cell<Option<ScopeGuard>> = const { Cell::new(None) };
}

/// Calls a function in the destructor of a thread-local.
struct AtThreadEnd(RefCell<Option<Box<dyn FnOnce()>>>);

impl Drop for AtThreadEnd {
    fn drop(&mut self) {
        if let Some(f) = self.0.take() {
            f();
        }
    }
}

thread_local! {
    static AT_THREAD_END: AtThreadEnd = const { AtThreadEnd(RefCell::new(None)) };
}

/// DebugRuns `during` on a thread, and `end` in a destructor of that thread, which is registered either before all others of the thread or after
/// those that `during` registers.
fn on_a_thread_with_a_destructor(
    registered_first: bool,
    during: impl FnOnce() + Send + 'static,
    end: impl FnOnce() + Send + 'static,
) {
    let register = move || AT_THREAD_END.with(|at_end| *at_end.0.borrow_mut() = Some(Box::new(end)));
    let thread = thread::spawn(move || {
        if registered_first {
            register();
            during();
        } else {
            during();
            register();
        }
    });
    thread.join().unwrap();
}

#[test]
fn thread_local_destructors_can_log_enter_update_and_leave() {
    init();
    for registered_first in [true, false] {
        let (forgotten, held, inner) = (Log::new("forgotten"), Log::new("held"), Log::new("inner"));
        let (below, above, scoped) = (forgotten.context.clone(), held.context.clone(), inner.context.clone());
        on_a_thread_with_a_destructor(
            registered_first,
            move || {
                std::mem::forget(below.enter());
                GUARD.set(Some(above.enter()));
                info!("while the thread runs");
            },
            move || {
                // In one order of registration, the destructor of `GUARD` has dropped the guard already.
                let _ = GUARD.try_with(|guard| drop(guard.take()));
                info!("in the destructor");
                logscope::update(|context| context.with_field("updated", true)).unwrap();
                info!(nested = ?DebugRuns(|| { info!("nested"); "v" }), "updated");
                scoped.scope(|| info!("scoped"));
                let guard = scoped.enter();
                block_on(
                    async {
                        yield_once().await;
                        info!("in a task");
                    }
                    .in_context(&scoped),
                );
                drop(guard);
                let payload = panic_of(|| scoped.scope(|| panic!("in a destructor")));
                assert_eq!(common::text_of(&*payload), "in a destructor");
                #[cfg(feature = "log")]
                log::info!("through the log crate");
            },
        );
        held.assert_holds(&["while the thread runs"]);
        let mut in_destructor = vec!["in the destructor", "nested", "updated"];
        in_destructor.extend(cfg!(feature = "log").then_some("through the log crate"));
        forgotten.assert_holds(&in_destructor);
        inner.assert_holds(&["scoped", "in a task"]);
    }
}

#[test]
fn a_destructor_can_be_the_first_to_log_on_its_thread() {
    init();
    let log = Log::new("scoped");
    for registered_first in [true, false] {
        let context = log.context.clone();
        on_a_thread_with_a_destructor(
            registered_first,
            || {},
            move || {
                info!("outside in a destructor");
                context.scope(|| info!("inside"));
            },
        );
    }
    assert_eq!(unscoped_messages("outside in a destructor").len(), 2);
    log.assert_holds(&["inside", "inside"]);
}

#[test]
fn spans_can_end_in_thread_local_destructors() {
    thread_local! {
        static SPAN: RefCell<Option<tracing::span::EnteredSpan>> = const { RefCell::new(None) };
    }
    init();
    for registered_first in [true, false] {
        let log = Log::new("log");
        let (during, end) = (log.context.clone(), log.context.clone());
        on_a_thread_with_a_destructor(
            registered_first,
            move || {
                let held = tracing::info_span!("held", n = 1).entered();
                SPAN.set(Some(held));
                during.scope(|| info!("in the span"));
            },
            move || {
                end.scope(|| info!("in the destructor, in the span or not"));
                let _ = SPAN.try_with(|span| drop(span.take()));
                end.scope(|| info!("in the destructor, after the span"));
            },
        );
        log.assert_holds(&[
            "in the span",
            "in the destructor, in the span or not",
            "in the destructor, after the span",
        ]);
    }
}

#[test]
fn a_thread_local_can_hold_the_last_handle_of_a_context() {
    init();
    for registered_first in [true, false] {
        let (context, lines, freed) = tracked("held by a thread-local");
        on_a_thread_with_a_destructor(
            registered_first,
            || info!("something on the thread of a dying context"),
            move || {
                let _scope = context.enter();
                drop(context);
                info!("in the destructor");
            },
        );
        assert!(freed.get());
        assert_eq!(messages(&lines), ["in the destructor"]);
    }
    assert_eq!(unscoped_messages("on the thread of a dying context").len(), 2);
}
