//! Closures that carry a context: called once or again and again, elsewhere, on several threads, inside another's scope.

#![cfg(feature = "testing")]
// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Barrier;
use std::thread;

use common::{Log, init, unscoped_messages};
use logscope::testing::run_together;
use logscope::{InContext as _, OutputContext};
use tracing::info;

#[test]
fn a_callback_runs_in_its_context_each_time() {
    init();
    let (uno, elsewhere) = (Log::new("uno"), Log::new("elsewhere"));
    let mut calls = 0;
    let mut callback = uno.context.bind_mut(|unit: &str| {
        calls += 1;
        info!("compiled {unit}");
        calls
    });
    let results = elsewhere.context.scope(|| [callback("a"), callback("b")]);
    drop(callback);
    assert_eq!((results, calls), ([1, 2], 2));
    uno.assert_holds(&["compiled a", "compiled b"]);
    elsewhere.assert_holds::<&str>(&[]);
}

#[test]
fn a_shared_callback_runs_on_several_threads_at_once() {
    init();
    let uno = Log::new("uno");
    let together = Barrier::new(4);
    let compile = uno.context.bind_fn(|unit: usize| {
        // All four are inside the closure at the same time.
        together.wait();
        info!("compiled {unit}");
        unit
    });
    assert_eq!(run_together(4, &compile), [0, 1, 2, 3]);
    let mut messages = common::messages(&uno.memory);
    messages.sort_unstable();
    assert_eq!(messages, ["compiled 0", "compiled 1", "compiled 2", "compiled 3"]);
}

#[test]
fn a_callback_may_be_called_inside_another_and_panic() {
    init();
    let (uno, due) = (Log::new("uno"), Log::new("due"));
    let inner = due.context.bind_fn(|fails: bool| {
        info!("inner");
        assert!(!fails, "a callback panics");
    });
    let outer = uno.context.bind_fn(|fails: bool| {
        inner(fails);
        info!("outer");
    });
    outer(false);
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| outer(true)));
    assert!(result.is_err() && OutputContext::try_current().is_none(), "the scopes are left");
    uno.assert_holds(&["outer"]);
    due.assert_holds(&["inner", "inner"]);
}

#[test]
fn what_was_bound_outside_every_scope_stays_there() {
    init();
    let uno = Log::new("uno");
    let bound = logscope::bind_current(|| {
        info!("bound outside");
        let inner = Log::new("inner");
        inner.context.scope(|| info!("in a scope of its own"));
        inner.assert_holds(&["in a scope of its own"]);
        OutputContext::try_current().is_none()
    });
    uno.context.scope(|| {
        assert!(bound());
        info!("after");
    });
    uno.assert_holds(&["after"]);
    assert_eq!(unscoped_messages("bound outside").len(), 1);
}

#[test]
fn a_task_of_no_scope_keeps_what_it_enters() {
    init();
    let (uno, own) = (Log::new("uno"), Log::new("own"));
    let task = async {
        let scope = own.context.enter();
        common::yield_once().await;
        info!("after an await");
        drop(scope);
        info!("a task of no scope");
    }
    .in_current_context();
    uno.context.scope(|| common::block_on(task));
    own.assert_holds(&["after an await"]);
    uno.assert_holds::<&str>(&[]);
    assert_eq!(unscoped_messages("a task of no scope").len(), 1);
}

#[test]
fn what_runs_unscoped_is_outside_every_scope_and_so_is_what_it_spawns() {
    init();
    let (uno, own) = (Log::new("uno"), Log::new("own"));
    let left_open = uno.context.scope(|| {
        let result = logscope::unscoped(|| {
            info!("unscoped");
            own.context.scope(|| info!("in a scope of its own"));
            let bound = logscope::bind_current(|| info!("unscoped, bound"));
            let task = async { info!("unscoped, a task") }.in_current_context();
            uno.context.scope(|| {
                thread::spawn(bound).join().unwrap();
                common::block_on(task);
            });
            own.context.enter()
        });
        info!("after");
        result
    });
    assert!(OutputContext::try_current().is_none(), "the scope that was left open has ended");
    drop(left_open);
    uno.assert_holds(&["after"]);
    own.assert_holds(&["in a scope of its own"]);
    assert_eq!(unscoped_messages("unscoped"), ["unscoped", "unscoped, bound", "unscoped, a task"]);
}

#[test]
fn a_panic_in_what_runs_unscoped_gives_the_scope_back() {
    init();
    let uno = Log::new("uno");
    uno.context.scope(|| {
        let panicked = std::panic::catch_unwind(|| logscope::unscoped(|| panic!("on purpose")));
        assert!(panicked.is_err());
        info!("after the panic");
    });
    uno.assert_holds(&["after the panic"]);
}
