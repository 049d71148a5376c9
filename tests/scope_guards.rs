//! A guard ends its own scope and no other, in every order of dropping and wherever it is dropped.

// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

mod common;

use std::cell::RefCell;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::thread;

use common::{Log, LogsWhenDropped, init, panic_of, poll, unscoped_messages, yield_once};
use logscope::{InContext as _, OutputContext, ScopeGuard};
use tracing::info;

const GUARDS: usize = 5;

/// All orders in which the guards can be dropped.
fn orders() -> Vec<[usize; GUARDS]> {
    fn extend(order: &mut Vec<usize>, orders: &mut Vec<[usize; GUARDS]>) {
        if let Ok(order) = order.as_slice().try_into() {
            orders.push(order);
        }
        for guard in 0..GUARDS {
            if !order.contains(&guard) {
                order.push(guard);
                extend(order, orders);
                order.pop();
            }
        }
    }
    let mut orders = Vec::new();
    extend(&mut Vec::new(), &mut orders);
    assert_eq!(orders.len(), 120);
    orders
}

/// A log below all guards and one for each guard, and the messages that each must hold.
struct GuardLogs {
    below: Log,
    logs: [Log; GUARDS],
    expected: RefCell<[Vec<String>; GUARDS + 1]>,
}

impl GuardLogs {
    fn new(name: &str) -> Rc<GuardLogs> {
        init();
        Rc::new(GuardLogs {
            below: Log::new(format!("{name}: below")),
            logs: std::array::from_fn(|n| Log::new(format!("{name}: guard {n}"))),
            expected: RefCell::default(),
        })
    }

    fn enter_all(&self) -> Guards {
        Rc::new(RefCell::new(self.logs.each_ref().map(|log| Some(log.context.enter()))))
    }

    /// Logs a message that must reach the newest guard still held, after `dropped` of the guards in `order` were dropped.
    fn log_message(&self, order: [usize; GUARDS], dropped: usize) {
        let message = format!("{order:?} {dropped}");
        info!("{message}");
        let newest = order[dropped..].iter().max().copied().unwrap_or(GUARDS);
        self.expected.borrow_mut()[newest].push(message);
    }

    /// Checks that each log holds exactly its own messages.
    fn assert_all_hold(&self) {
        for (log, expected) in self.logs.iter().chain([&self.below]).zip(&*self.expected.borrow()) {
            assert!(!expected.is_empty(), "no message was logged for {:?}", log.context.name());
            log.assert_holds(expected);
        }
    }
}

type Guards = Rc<RefCell<[Option<ScopeGuard>; GUARDS]>>;

fn drop_guard(guards: &Guards, guard: usize) {
    let guard = guards.borrow_mut()[guard].take();
    drop(guard.expect("each guard is dropped once"));
}

#[test]
fn guards_end_their_own_scope_on_a_thread() {
    let logs = GuardLogs::new("thread");
    let _below = logs.below.context.enter();
    for order in orders() {
        let guards = logs.enter_all();
        for (dropped, guard) in order.into_iter().enumerate() {
            logs.log_message(order, dropped);
            drop_guard(&guards, guard);
        }
        logs.log_message(order, GUARDS);
    }
    logs.assert_all_hold();
}

#[test]
fn guards_end_their_own_scope_over_the_awaits_of_two_tasks() {
    let both_logs = [GuardLogs::new("left"), GuardLogs::new("right")];
    let thread = Log::new("thread");
    let _thread = thread.context.enter();
    let [mut left, mut right] = both_logs.each_ref().map(|logs| {
        let (below, logs) = (logs.below.context.clone(), logs.clone());
        let is_right = logs.below.context.name().starts_with("right");
        let work = async move {
            for mut order in orders() {
                if is_right {
                    order.reverse();
                }
                let guards = logs.enter_all();
                for (dropped, guard) in order.into_iter().enumerate() {
                    yield_once().await;
                    logs.log_message(order, dropped);
                    drop_guard(&guards, guard);
                    logs.log_message(order, dropped + 1);
                }
            }
        };
        Box::pin(work.in_context(&below))
    });
    let mut polls = 0;
    while poll(&mut left).is_pending() & poll(&mut right).is_pending() {
        info!("{polls}");
        polls += 1;
    }
    assert_eq!(polls, 120 * GUARDS);
    both_logs.iter().for_each(|logs| logs.assert_all_hold());
    thread.assert_holds(&(0..polls).map(|poll| poll.to_string()).collect::<Vec<_>>());
}

#[test]
fn guards_end_their_own_scope_while_their_task_is_suspended() {
    let logs = GuardLogs::new("suspended");
    let thread = Log::new("thread");
    let _thread = thread.context.enter();
    for order in orders() {
        let guards = Rc::new(RefCell::default());
        let (logs, inside) = (&logs, guards.clone());
        let mut task = Box::pin(
            async move {
                let entered = Rc::into_inner(logs.enter_all()).unwrap();
                inside.swap(&entered);
                for dropped in 0..=GUARDS {
                    logs.log_message(order, dropped);
                    yield_once().await;
                }
            }
            .in_context(&logs.below.context),
        );
        for guard in order {
            assert!(poll(&mut task).is_pending());
            drop_guard(&guards, guard);
            info!("between");
        }
        assert!(poll(&mut task).is_pending());
    }
    logs.assert_all_hold();
    thread.assert_holds(&["between"; 120 * GUARDS]);
}

#[test]
fn guards_of_an_inactive_chain_end_their_own_scope() {
    let logs = GuardLogs::new("interrupted");
    let task = Log::new("task");
    let _below = logs.below.context.enter();
    for order in orders() {
        let guards = logs.enter_all();
        let mut work = Box::pin(
            async {
                for guard in order {
                    drop_guard(&guards, guard);
                    info!("in the poll");
                    yield_once().await;
                }
            }
            .in_context(&task.context),
        );
        for dropped in 1..=GUARDS {
            assert!(poll(&mut work).is_pending());
            logs.log_message(order, dropped);
        }
        assert!(poll(&mut work).is_ready());
    }
    logs.assert_all_hold();
    task.assert_holds(&["in the poll"; 120 * GUARDS]);
}

#[test]
fn guards_below_a_closure_scope_end_their_own_scope() {
    let logs = GuardLogs::new("under a closure");
    let above = Log::new("above");
    let _below = logs.below.context.enter();
    for order in orders() {
        let guards = logs.enter_all();
        for dropped in 0..=GUARDS {
            logs.log_message(order, dropped);
            above.context.scope(|| {
                if let Some(guard) = order.get(dropped) {
                    drop_guard(&guards, *guard);
                    info!("above");
                }
            });
        }
    }
    logs.assert_all_hold();
    above.assert_holds(&["above"; 120 * GUARDS]);
}

#[test]
fn a_guard_outlives_the_closure_scope_and_the_update_that_it_was_entered_in() {
    init();
    let (outer, inner) = (Log::new("outer"), Log::new("inner"));
    let guard = outer.context.scope(|| {
        logscope::update(|context| context.with_field("updated", true)).unwrap();
        info!("updated");
        inner.context.enter()
    });
    info!("the closure has returned");
    outer.context.scope(|| info!("not updated"));
    drop(guard);
    info!("outside after the closure and its guard");
    outer.assert_holds(&["updated", "not updated"]);
    inner.assert_holds(&["the closure has returned"]);
    assert_eq!(unscoped_messages("after the closure and its guard").len(), 1);
}

#[test]
fn an_update_that_panics_changes_nothing() {
    init();
    let log = Log::new("log");
    log.context.scope(|| {
        panic_of(|| logscope::update(|_| resume_unwind(Box::new(()))));
        info!("as it was");
        assert_eq!(OutputContext::current().id(), log.context.id());
    });
    log.assert_holds(&["as it was"]);
}

#[test]
fn an_update_that_leaves_or_enters_a_scope_changes_no_other_scope() {
    init();
    let (outer, left, entered) = (Log::new("outer"), Log::new("left"), Log::new("entered"));
    let _outer = outer.context.enter();

    let mut guard = Some(left.context.enter());
    let before = logscope::update(|context| {
        drop(guard.take());
        context.with_field("updated", true)
    });
    assert!(before.is_none(), "the scope was left inside the update, so nothing was replaced");
    info!("after the scope was left");

    let before = logscope::update(|context| {
        guard = Some(entered.context.enter());
        context.with_field("updated", true)
    });
    assert!(before.is_none());
    info!("in the scope that was entered");
    drop(guard);
    info!("after it");

    // The inner update replaces the current context. The outer update then finds another context, and changes nothing.
    outer.context.scope(|| {
        let before = logscope::update(|context| {
            assert!(logscope::update(|context| context.with_field("updated", "inside")).is_some());
            context.with_field("updated", "around")
        });
        assert!(before.is_none());
        info!("after both");
    });

    left.assert_holds::<&str>(&[]);
    entered.assert_holds(&["in the scope that was entered"]);
    outer.assert_holds(&["after the scope was left", "after it", "after both"]);
    let updated: Vec<_> = outer.lines().iter().map(|line| line.context_fields["updated"].clone()).collect();
    assert_eq!(updated, [serde_json::Value::Null, serde_json::Value::Null, "inside".into()]);
    assert!(entered.lines()[0].context_fields.is_null());
}

#[test]
fn unwinding_leaves_each_scope_in_turn() {
    init();
    let (outer, guard, inner) = (Log::new("outer"), Log::new("guard"), Log::new("inner"));
    let _outer = outer.context.enter();
    panic_of(|| {
        let _below = LogsWhenDropped("below the guard");
        let _scope = guard.context.enter();
        let _above = LogsWhenDropped("above the guard");
        inner.context.scope(|| {
            let _value = LogsWhenDropped("in the closure");
            info!("before the panic");
            resume_unwind(Box::new(()))
        })
    });
    info!("after the panic");
    inner.assert_holds(&["before the panic", "in the closure"]);
    guard.assert_holds(&["above the guard"]);
    outer.assert_holds(&["below the guard", "after the panic"]);
}

#[test]
fn a_forgotten_guard_keeps_its_scope_on_its_own_thread_only() {
    init();
    let log = Log::new("forgotten");
    let context = log.context.clone();
    let other = common::Worker::start();
    let worker = common::Worker::start();
    worker.run(move || std::mem::forget(context.enter()));
    worker.run(|| info!("in the next job"));
    worker.run(|| {
        let inner = Log::new("inner");
        inner.context.scope(|| info!("inside"));
        inner.assert_holds(&["inside"]);
        info!("and in the one after it");
    });
    other.run(|| info!("on a thread without a forgotten guard"));
    info!("on another thread without a forgotten guard");
    log.assert_holds(&["in the next job", "and in the one after it"]);
    assert_eq!(unscoped_messages("thread without a forgotten guard").len(), 2);
}

#[test]
fn a_thread_has_the_context_bound_to_it_or_none() {
    init();
    let (outer, other) = (Log::new("outer"), Log::new("other"));
    let _scope = outer.context.enter();
    thread::spawn(|| info!("on a plain thread inside a scope")).join().unwrap();
    thread::spawn(logscope::bind_current(|| info!("bound to the current context"))).join().unwrap();
    thread::spawn(other.context.bind(|| info!("bound to another"))).join().unwrap();
    other.context.bind(|| info!("called in place"))();
    info!("here");
    outer.assert_holds(&["bound to the current context", "here"]);
    other.assert_holds(&["bound to another", "called in place"]);
    assert_eq!(unscoped_messages("on a plain thread inside a scope").len(), 1);
}

#[test]
fn current_is_the_context_that_events_go_to() {
    init();
    let (outer, inner) = (Log::new("outer"), Log::new("inner"));
    assert!(OutputContext::try_current().is_none());
    assert_eq!(OutputContext::current().name(), "outside");
    let first = outer.context.enter();
    let second = inner.context.enter();
    assert_eq!(OutputContext::with_current(OutputContext::id), inner.context.id());
    drop(first);
    assert_eq!(OutputContext::current().id(), inner.context.id());
    drop(second);
    assert!(OutputContext::try_current().is_none());
}
