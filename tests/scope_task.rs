//! Scopes and updates of a task stay with the task: on one thread, whatever else is polled there in between.

// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

mod common;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Context;

use common::{Log, block_on, init, on_one_worker, poll, unscoped_messages, yield_once};
use logscope::{InContext as _, OutputContext, ScopeGuard};
use tracing::info;

/// Spawns a task for each of `futures` and waits for all of them.
async fn spawn_all(futures: impl IntoIterator<Item = impl Future<Output = ()> + 'static>) {
    let tasks: Vec<_> = futures.into_iter().map(tokio::task::spawn_local).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[test]
fn a_guard_held_over_an_await_stays_with_its_task() {
    const TASKS: usize = 5;
    const ROUNDS: usize = 3;
    const POLLS: usize = 4;
    init();

    /// Awaits with one guard, with two, with the older of the two dropped, and with none.
    async fn work(task: usize, own: OutputContext, phase: OutputContext, polls: Rc<RefCell<Vec<usize>>>) {
        for round in 0..ROUNDS {
            info!("{round}: own, before");
            let older = phase.enter();
            info!("{round}: phase, before the await");
            polls.borrow_mut().push(task);
            yield_once().await;
            info!("{round}: phase, after the await");
            let newer = own.enter();
            polls.borrow_mut().push(task);
            yield_once().await;
            info!("{round}: own, inside the phase");
            drop(older);
            polls.borrow_mut().push(task);
            yield_once().await;
            info!("{round}: own, the phase has ended below");
            drop(newer);
            polls.borrow_mut().push(task);
            yield_once().await;
            info!("{round}: own, after");
        }
    }

    let logs: Vec<_> = (0..TASKS).map(|n| [Log::new(format!("task {n}")), Log::new(format!("phase {n}"))]).collect();
    let polls = Rc::new(RefCell::new(Vec::new()));
    on_one_worker(async {
        let beside = tokio::task::spawn_local(async {
            for _ in 0..ROUNDS * POLLS {
                info!("beside the guards");
                yield_once().await;
            }
        });
        spawn_all(logs.iter().enumerate().map(|(n, [own, phase])| {
            work(n, own.context.clone(), phase.context.clone(), polls.clone()).in_context(&own.context)
        }))
        .await;
        beside.await.unwrap();
    });

    let in_turn: Vec<_> = (0..TASKS).cycle().take(TASKS * ROUNDS * POLLS).collect();
    assert_eq!(*polls.borrow(), in_turn, "the tasks must take turns at every poll, or nothing is proved");
    for [own, phase] in &logs {
        let of = |texts: &[&str]| -> Vec<String> {
            (0..ROUNDS).flat_map(|round| texts.iter().map(move |text| format!("{round}: {text}"))).collect()
        };
        own.assert_holds(&of(&[
            "own, before",
            "own, inside the phase",
            "own, the phase has ended below",
            "own, after",
        ]));
        phase.assert_holds(&of(&["phase, before the await", "phase, after the await"]));
    }
    assert_eq!(unscoped_messages("beside the guards").len(), ROUNDS * POLLS);
}

#[test]
fn an_update_stays_with_its_task_and_never_reaches_the_thread() {
    init();
    let (thread, left, right) = (Log::new("thread"), Log::new("left"), Log::new("right"));

    async fn work() {
        for step in 0..3_u64 {
            let before = logscope::update(|context| context.with_field("step", step)).unwrap();
            assert_eq!(before.fields().len(), usize::from(step > 0));
            yield_once().await;
            info!("{step}");
        }
    }

    thread.context.scope(|| {
        on_one_worker(async {
            let unbound = tokio::task::spawn_local(async {
                for n in 0..4 {
                    info!("between the polls {n}");
                    yield_once().await;
                }
            });
            spawn_all([work().in_context(&left.context), work().in_context(&right.context)]).await;
            unbound.await.unwrap();
        });
        info!("after the tasks");
    });

    for task in [&left, &right] {
        task.assert_holds(&["0", "1", "2"]);
        for line in task.lines() {
            assert_eq!(line.context_fields["step"].to_string(), line.message);
        }
    }
    let on_the_thread = (0..4).map(|n| format!("between the polls {n}")).chain(["after the tasks".to_owned()]);
    thread.assert_holds(&on_the_thread.collect::<Vec<_>>());
    assert!(thread.lines().iter().all(|line| line.context_fields.is_null()));
}

#[test]
fn an_update_ends_with_the_scope_that_it_was_made_in() {
    init();
    let (task, phase) = (Log::new("task"), Log::new("phase"));
    let work = async {
        let scope = phase.context.enter();
        logscope::update(|context| context.with_field("updated", "phase")).unwrap();
        yield_once().await;
        info!("in the phase");
        drop(scope);
        info!("in the task");
        yield_once().await;
        logscope::update(|context| context.with_field("updated", "task")).unwrap();
        phase.context.scope(|| info!("in the phase again"));
        info!("in the task again");
    };
    block_on(work.in_context(&task.context));
    task.assert_holds(&["in the task", "in the task again"]);
    phase.assert_holds(&["in the phase", "in the phase again"]);
    let updated = |log: &Log| -> Vec<_> {
        log.lines().iter().map(|line| line.context_fields["updated"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(updated(&task), [None, Some("task".to_owned())]);
    assert_eq!(updated(&phase), [Some("phase".to_owned()), None]);
}

#[test]
fn the_guard_of_a_parked_task_affects_no_thread_and_can_be_dropped_there() {
    init();
    let (thread, task, phase) = (Log::new("thread"), Log::new("task"), Log::new("phase"));
    let _thread = thread.context.enter();
    let guard = Rc::new(Cell::new(None::<ScopeGuard>));
    let mut parked = Box::pin(
        async {
            guard.set(Some(phase.context.enter()));
            yield_once().await;
            info!("the guard is there");
            yield_once().await;
            info!("the guard is gone");
        }
        .in_context(&task.context),
    );
    assert!(poll(&mut parked).is_pending());
    info!("while the task is parked");
    assert!(poll(&mut parked).is_pending());
    drop(guard.take());
    info!("after its guard was dropped here");
    assert!(poll(&mut parked).is_ready());
    info!("after the task");

    thread.assert_holds(&["while the task is parked", "after its guard was dropped here", "after the task"]);
    phase.assert_holds(&["the guard is there"]);
    task.assert_holds(&["the guard is gone"]);
}

#[test]
fn a_guard_of_the_thread_can_be_dropped_inside_a_poll() {
    init();
    let (base, thread, task) = (Log::new("base"), Log::new("thread"), Log::new("task"));
    let _base = base.context.enter();
    let mut guard = Some(thread.context.enter());
    let mut work = Box::pin(
        async {
            info!("before");
            drop(guard.take());
            info!("after");
            yield_once().await;
            info!("later");
        }
        .in_context(&task.context),
    );
    info!("the guard is there");
    assert!(poll(&mut work).is_pending());
    info!("the guard is gone");
    assert!(poll(&mut work).is_ready());

    task.assert_holds(&["before", "after", "later"]);
    thread.assert_holds(&["the guard is there"]);
    base.assert_holds(&["the guard is gone"]);
}

#[test]
fn nested_futures_have_chains_of_their_own() {
    init();
    let (outer, left, right) = (Log::new("outer"), Log::new("left"), Log::new("right"));
    let extra = Log::new("extra");
    let inner = |guarded: bool| {
        let extra = extra.context.clone();
        async move {
            let _scope = guarded.then(|| extra.enter());
            info!("1");
            yield_once().await;
            info!("2");
        }
    };
    let work = async {
        let _scope = outer.context.enter();
        logscope::update(|context| context.with_field("updated", true));
        tokio::join!(
            inner(false).in_context(&left.context),
            inner(true).in_context(&right.context),
            // Bound where it is made, inside the update.
            inner(false).in_current_context(),
            // Bound twice: the inner context counts.
            inner(false).in_context(&left.context).in_context(&right.context),
        );
        info!("done");
    };
    block_on(work.in_context(&outer.context));
    outer.assert_holds(&["1", "2", "done"]);
    assert!(outer.lines().iter().all(|line| line.context_fields["updated"] == true));
    left.assert_holds(&["1", "1", "2", "2"]);
    right.assert_holds::<&str>(&[]);
    extra.assert_holds(&["1", "2"]);
}

#[test]
fn in_current_context_binds_no_scope_outside_every_scope() {
    init();
    let later = Log::new("later");
    let work = || {
        async {
            info!("bound to no scope");
            let scope = later.context.enter();
            yield_once().await;
            info!("entered by itself");
            drop(scope);
            assert!(logscope::update(|_| unreachable!("there is nothing to update")).is_none());
        }
        .in_current_context()
    };
    let (first, second) = (work(), work());
    block_on(first);
    let other = Log::new("other");
    other.context.scope(|| {
        block_on(second);
        info!("after");
    });
    assert_eq!(unscoped_messages("bound to no scope").len(), 2);
    later.assert_holds(&["entered by itself"; 2]);
    other.assert_holds(&["after"]);
}

#[test]
fn block_on_inside_a_poll_leaves_the_task_as_it_was() {
    init();
    let (task, phase, other) = (Log::new("task"), Log::new("phase"), Log::new("other"));
    let work = async {
        let scope = phase.context.enter();
        yield_once().await;
        block_on(
            async {
                std::mem::forget(OutputContext::current().enter());
                info!("in the inner task");
                yield_once().await;
                logscope::update(|context| context.with_field("inner", true));
                info!("in the inner task again");
            }
            .in_context(&other.context),
        );
        info!("after the inner task");
        // An unbound future is a part of the poll that it runs in.
        let inner = block_on(async {
            yield_once().await;
            info!("in an unbound one");
            other.context.enter()
        });
        info!("under the guard that it returned");
        drop(scope);
        drop(inner);
        info!("after both");
        yield_once().await;
        info!("at the end");
    };
    block_on(work.in_context(&task.context));
    task.assert_holds(&["after both", "at the end"]);
    phase.assert_holds(&["after the inner task", "in an unbound one"]);
    other.assert_holds(&["in the inner task", "in the inner task again", "under the guard that it returned"]);
}

#[test]
fn a_waker_logs_in_the_context_that_wakes() {
    struct LogsWhenWoken;
    impl std::task::Wake for LogsWhenWoken {
        fn wake(self: Arc<Self>) {
            info!("woken");
        }
    }
    init();
    let (task, waking) = (Log::new("task"), Log::new("waking"));
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let mut work = Box::pin(async { receiver.await.unwrap() }.in_context(&task.context));
    let waker = Arc::new(LogsWhenWoken).into();
    assert!(work.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    waking.context.scope(|| sender.send(()).unwrap());
    assert!(work.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    waking.assert_holds(&["woken"]);
    task.assert_holds::<&str>(&[]);
}
