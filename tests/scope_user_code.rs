//! Code of the program that changes scopes inside a log call: in a value's `Debug`, in a sink, and in the destructors of thread-locals.
//!
//! The record in progress stays with its context, a nested record sees the new state, and nothing that is in use is freed.

// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

mod common;

use std::cell::Cell;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use common::{
    DebugRuns, DropFlag, Log, ParsedLine, SetsWhenDropped, block_on, init, messages, tracked, unscoped_messages,
    yield_once,
};
use logscope::sink;
use logscope::{InContext as _, OutputContext, ScopeGuard};
use tracing::info;

#[test]
fn a_guard_can_be_dropped_in_its_own_emission() {
    init();
    let outer = Log::new("outer");
    let _outer = outer.context.enter();
    let (context, lines, freed) = tracked("ends while it is logged to");
    let guard = Cell::new(Some(context.enter()));
    drop(context);
    info!(
        before = ?DebugRuns(|| { info!("nested, before"); "b" }),
        drops = ?DebugRuns(|| { drop(guard.take()); freed.get() }),
        after = ?DebugRuns(|| { info!("nested, after"); freed.get() }),
        "the emission",
    );
    assert!(freed.get(), "a context released during the emission must be freed at its end");
    assert_eq!(messages(&lines), ["nested, before", "the emission"]);
    let line = ParsedLine::parse(&lines.lines()[1]);
    assert_eq!((line.context.as_str(), line.seq), ("ends while it is logged to", Some(1)));
    for field in ["drops", "after"] {
        assert_eq!(line.fields[field], "false", "the context was freed while in use, as {field} saw it");
    }
    outer.assert_holds(&["nested, after"]);
}

#[test]
fn a_task_can_replace_its_context_in_its_own_emission() {
    init();
    let next = Log::new("next");
    let (context, lines, freed) = tracked("the task's first");
    let work = async {
        yield_once().await;
        info!(
            updates = ?DebugRuns(|| { drop(logscope::update(|_| next.context.clone())); freed.get() }),
            after = ?DebugRuns(|| { info!("nested, after"); freed.get() }),
            "the emission",
        );
        assert!(freed.get());
        yield_once().await;
        info!("later");
    }
    .in_context(&context);
    drop(context);
    block_on(work);
    assert_eq!(messages(&lines), ["the emission"]);
    assert_eq!(ParsedLine::parse(&lines.lines()[0]).fields["after"], "false");
    next.assert_holds(&["nested, after", "later"]);
}

#[test]
fn a_task_can_end_in_an_emission_of_its_own_context() {
    init();
    let outer = Log::new("outer");
    let (context, lines, freed) = tracked("ends with its task");
    let guard = Cell::new(None);
    let mut task = Box::pin(
        async {
            // The guard's node is on the task's chain; the thread's chain has another scope of the same context.
            guard.set(Some(OutputContext::current().enter()));
            yield_once().await;
        }
        .in_context(&context),
    );
    assert!(common::poll(&mut task).is_pending());
    let _outer = outer.context.enter();
    let scope = Cell::new(Some(context.enter()));
    drop(context);
    let task = Cell::new(Some(task));
    info!(
        drops = ?DebugRuns(|| { drop(task.take()); drop(scope.take()); drop(guard.take()); freed.get() }),
        "the emission",
    );
    assert!(freed.get());
    assert_eq!(ParsedLine::parse(&lines.lines()[0]).fields["drops"], "false");
    outer.assert_holds::<&str>(&[]);
}

#[test]
fn a_value_can_log_while_it_is_logged() {
    init();
    let log = Log::new("log");
    let value = DebugRuns(|| {
        info!(inner = ?DebugRuns(|| { info!("third"); "c" }), "second");
        "b"
    });
    log.context.scope(|| info!(outer = ?value, "first"));
    log.assert_holds(&["third", "second", "first"]);
    let seqs: Vec<_> = log.lines().iter().map(|line| line.seq.unwrap()).collect();
    assert_eq!(seqs, [3, 2, 1], "a record gets its number when it begins");
}

#[test]
fn a_value_can_enter_and_leave_scopes_while_it_is_logged() {
    init();
    let (outer, inner) = (Log::new("outer"), Log::new("inner"));
    let slot: Cell<Option<ScopeGuard>> = Cell::new(None);
    outer.context.scope(|| {
        info!(
            scoped = ?DebugRuns(|| { inner.context.scope(|| info!("in a closure")); "a" }),
            enters = ?DebugRuns(|| { slot.set(Some(inner.context.enter())); "b" }),
            between = ?DebugRuns(|| { info!("between the values"); "c" }),
            "the record",
        );
        info!("the scope that a value entered is still there");
        info!(leaves = ?DebugRuns(|| { drop(slot.take()); "d" }), "the record that ends it");
        info!("after it");
    });
    outer.assert_holds(&["the record", "after it"]);
    inner.assert_holds(&[
        "in a closure",
        "between the values",
        "the scope that a value entered is still there",
        "the record that ends it",
    ]);
}

#[test]
fn a_value_can_update_the_context_while_it_is_logged() {
    init();
    let log = Log::new("log");
    log.context.scope(|| {
        let updates = DebugRuns(|| {
            logscope::update(|context| context.with_field("updated", true)).unwrap();
            info!("nested");
            "v"
        });
        info!(value = ?updates, "the record");
        info!("the next one");
    });
    log.context.scope(|| info!("in the next scope"));
    log.assert_holds(&["nested", "the record", "the next one", "in the next scope"]);
    let updated: Vec<_> = log.lines().iter().map(|line| line.context_fields["updated"] == true).collect();
    assert_eq!(updated, [true, false, true, false]);
}

#[test]
fn a_value_that_panics_leaves_the_scopes_that_it_entered() {
    init();
    let (outer, inner) = (Log::new("outer"), Log::new("inner"));
    outer.context.scope(|| {
        let panics = DebugRuns(|| -> &str {
            let _scope = inner.context.enter();
            inner.context.scope(|| {
                info!("in the value");
                panic!("in the value's Debug")
            })
        });
        info!(value = ?panics, "the record");
        info!("the next one");
    });
    outer.assert_holds(&["the record", "the next one"]);
    assert_eq!(outer.lines()[0].fields["value"], "<panicked>");
    inner.assert_holds(&["in the value"]);
}

#[test]
fn a_value_can_run_tasks_and_threads_while_it_is_logged() {
    init();
    let (outer, inner) = (Log::new("outer"), Log::new("inner"));
    let value = DebugRuns(|| {
        let work = async {
            let _scope = OutputContext::current().enter();
            yield_once().await;
            info!("in a task");
        };
        block_on(work.in_context(&inner.context));
        thread::scope(|scope| {
            scope.spawn(inner.context.bind(|| info!("on a thread")));
        });
        "v"
    });
    outer.context.scope(|| info!(?value, "the record"));
    inner.assert_holds(&["in a task", "on a thread"]);
    outer.assert_holds(&["the record"]);
}

#[test]
fn fields_of_a_span_can_log_and_enter_scopes() {
    init();
    let (outer, inner) = (Log::new("outer"), Log::new("inner"));
    let value = || {
        DebugRuns(|| {
            info!("from a field");
            inner.context.scope(|| tracing::info_span!("nested").in_scope(|| info!("elsewhere")));
            "v"
        })
    };
    outer.context.scope(|| {
        let span = tracing::info_span!("span", made = ?value(), recorded = tracing::field::Empty);
        span.record("recorded", tracing::field::debug(value()));
        span.in_scope(|| info!("inside"));
    });
    outer.assert_holds(&["from a field", "from a field", "inside"]);
    inner.assert_holds(&["elsewhere", "elsewhere"]);
}

thread_local! {
    /// The guard that a sink drops. The sink itself cannot hold a guard, because guards are not `Send`.
    static GUARD: Cell<Option<ScopeGuard>> = const { Cell::new(None) };
}

#[test]
fn a_sink_can_end_the_scope_that_it_is_called_for() {
    init();
    let outer = Log::new("outer");
    let _outer = outer.context.enter();
    let (freed, seen) = (DropFlag::default(), Arc::new(Mutex::new(Vec::new())));
    let (inside, sees) = (SetsWhenDropped(freed.clone()), seen.clone());
    let callback = sink::callback(move |line| {
        drop(GUARD.take());
        sees.lock().unwrap().push((inside.0.get(), line.contains("the record")));
    });
    let context = OutputContext::builder("ends in its sink").sink(callback).build();
    GUARD.set(Some(context.enter()));
    drop(context);
    info!("the record");
    info!("the next one");
    assert_eq!(
        *seen.lock().unwrap(),
        [(false, true)],
        "(the context was freed while its sink ran, the record was whole)"
    );
    assert!(freed.get());
    outer.assert_holds(&["the next one"]);
}

#[test]
fn a_sink_can_drop_the_last_handle_of_another_context() {
    init();
    let slot = Arc::new(Mutex::new(None::<OutputContext>));
    let drops = slot.clone();
    let first = Log::new("first");
    let callback = sink::callback(move |_| drop(drops.lock().unwrap().take()));
    let context = first.context.with_sink(callback.clone());
    let (other, other_lines, other_freed) = tracked("dropped in a sink");
    let (mut shares, shares_lines, shares_freed) = tracked("shares the sink that drops it");
    shares = shares.with_sink(callback);
    for (dropped, lines, freed) in [(other, other_lines, other_freed), (shares, shares_lines, shares_freed)] {
        dropped.scope(|| info!("its only record"));
        *slot.lock().unwrap() = Some(dropped);
        context.scope(|| info!("drops it"));
        assert!(freed.get());
        assert_eq!(messages(&lines), ["its only record"]);
    }
    assert_eq!(messages(&first.memory), ["drops it", "drops it"]);
}

#[test]
fn a_sink_can_close_the_context_that_it_is_called_for() {
    init();
    let slot = Arc::new(Mutex::new(None::<OutputContext>));
    let closes = slot.clone();
    let callback = sink::callback(move |_| {
        let context = closes.lock().unwrap().take().expect("one record arrives");
        assert_eq!(context.close(Duration::ZERO).pending, 1, "the record in flight is pending");
    });
    let context = OutputContext::builder("closed in its sink").sink(callback).build();
    *slot.lock().unwrap() = Some(context.clone());
    context.scope(|| {
        info!("arrives");
        info!("comes too late");
    });
    let ledger = context.ledger();
    assert_eq!((ledger.accepted, ledger.written, ledger.dropped, ledger.pending), (2, 1, 1, 0), "{ledger}");
}

/// A job that a pool throws away, or a callback that never comes: what its closure holds is dropped in the context that it was bound to.
#[test]
fn a_bound_closure_that_never_runs_is_dropped_in_its_context() {
    struct LogsWhenDropped;
    impl Drop for LogsWhenDropped {
        fn drop(&mut self) {
            info!("dropped in its context");
        }
    }

    init();
    let (elsewhere, bound, current) = (Log::new("elsewhere"), Log::new("bound"), Log::new("bound to the current"));
    let (first, second) = (LogsWhenDropped, LogsWhenDropped);
    let of_a_context = bound.context.bind(move || drop(first));
    let of_the_current = current.context.scope(|| logscope::bind_current(move || drop(second)));
    let of_nobody = LogsWhenDropped;
    let of_nobody = logscope::bind_current(move || drop(of_nobody));
    elsewhere.context.scope(|| {
        drop((of_a_context, of_the_current));
        info!("between");
        drop(of_nobody);
    });
    bound.assert_holds(&["dropped in its context"]);
    current.assert_holds(&["dropped in its context"]);
    elsewhere.assert_holds(&["between"]);
    assert_eq!(unscoped_messages("dropped in its context").len(), 1);
}

#[test]
fn what_a_bound_closure_holds_is_dropped_in_its_context_when_it_runs() {
    struct LogsWhenDropped(&'static str);
    impl Drop for LogsWhenDropped {
        fn drop(&mut self) {
            info!("{}", self.0);
        }
    }

    init();
    let (elsewhere, bound) = (Log::new("elsewhere"), Log::new("bound"));
    let (captured, result) = (LogsWhenDropped("captured"), LogsWhenDropped("result"));
    let work = bound.context.bind(move || {
        let _captured = &captured;
        result
    });
    elsewhere.context.scope(|| drop(work()));
    bound.assert_holds(&["captured"]);
    elsewhere.assert_holds(&["result"]);
}
