//! What a task enters and updates stays with the task: on one thread, whatever else is polled there in between.

// clippy's own exception for tests does not reach their helpers.
#![allow(clippy::unwrap_used)]

mod common;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use common::{Log, LogsWhenDropped, block_on, init, on_one_worker, outside, pass, poll, text_of};
use logscope::{FutureExt as _, OutputContext, ScopeGuard};
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
            pass().await;
            info!("{round}: phase, after the await");
            let newer = own.enter();
            polls.borrow_mut().push(task);
            pass().await;
            info!("{round}: own, inside the phase");
            drop(older);
            polls.borrow_mut().push(task);
            pass().await;
            info!("{round}: own, the phase has ended below");
            drop(newer);
            polls.borrow_mut().push(task);
            pass().await;
            info!("{round}: own, after");
        }
    }

    let logs: Vec<_> = (0..TASKS).map(|n| [Log::new(format!("task {n}")), Log::new(format!("phase {n}"))]).collect();
    let polls = Rc::new(RefCell::new(Vec::new()));
    on_one_worker(async {
        let beside = tokio::task::spawn_local(async {
            for _ in 0..ROUNDS * POLLS {
                info!("beside the guards");
                pass().await;
            }
        });
        spawn_all(logs.iter().enumerate().map(|(n, [own, phase])| {
            work(n, own.context.clone(), phase.context.clone(), polls.clone()).in_context(&own.context)
        }))
        .await;
        beside.await.unwrap();
    });

    let in_turn: Vec<_> = (0..TASKS).cycle().take(TASKS * ROUNDS * POLLS).collect();
    assert_eq!(*polls.borrow(), in_turn, "the tasks must take turns at every poll, or this shows nothing");
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
    assert_eq!(outside("beside the guards").len(), ROUNDS * POLLS);
}

#[test]
fn an_update_stays_with_its_task_and_never_reaches_the_thread() {
    init();
    let (thread, left, right) = (Log::new("thread"), Log::new("left"), Log::new("right"));

    async fn work() {
        for step in 0..3_u64 {
            let before = logscope::update(|context| context.with_field("step", step)).unwrap();
            assert_eq!(before.fields().len(), usize::from(step > 0));
            pass().await;
            info!("{step}");
        }
    }

    thread.context.scope(|| {
        on_one_worker(async {
            let unbound = tokio::task::spawn_local(async {
                for n in 0..4 {
                    info!("between the polls {n}");
                    pass().await;
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
        pass().await;
        info!("in the phase");
        drop(scope);
        info!("in the task");
        pass().await;
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
fn a_future_is_dropped_inside_its_context() {
    /// Waits for ever, with a value on each side of a guard.
    async fn waits(phase: OutputContext) {
        let _own = LogsWhenDropped("below the guard");
        let _scope = phase.enter();
        let _in_phase = LogsWhenDropped("above the guard");
        std::future::pending::<()>().await;
    }
    init();

    for polls in 0..3 {
        let (thread, task, phase) = (Log::new("thread"), Log::new("task"), Log::new("phase"));
        thread.context.scope(|| {
            let argument = LogsWhenDropped("never polled, or done");
            let phase = phase.context.clone();
            let work = async move {
                let _argument = argument;
                waits(phase).await;
            };
            let mut work = Box::pin(work.in_context(&task.context));
            for _ in 0..polls {
                assert!(poll(&mut work).is_pending());
            }
            info!("before the drop");
            drop(work);
            info!("after the drop");
        });
        thread.assert_holds(&["before the drop", "after the drop"]);
        if polls == 0 {
            task.assert_holds(&["never polled, or done"]);
            phase.assert_holds::<&str>(&[]);
        } else {
            task.assert_holds(&["below the guard", "never polled, or done"]);
            phase.assert_holds(&["above the guard"]);
        }
    }
}

#[test]
fn tasks_that_are_aborted_or_left_behind_are_dropped_inside_their_contexts() {
    init();
    let (aborted, left) = (Log::new("aborted"), Log::new("left behind"));
    let waits = |text| async move {
        let _value = LogsWhenDropped(text);
        std::future::pending::<()>().await;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let task = tokio::spawn(waits("aborted").in_context(&aborted.context));
        tokio::spawn(waits("left behind").in_context(&left.context));
        pass().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    });
    left.assert_holds::<&str>(&[]);
    drop(runtime);
    aborted.assert_holds(&["aborted"]);
    left.assert_holds(&["left behind"]);
}

#[test]
fn a_guard_in_the_output_of_a_future_ends_nothing_when_it_is_dropped() {
    init();
    let (thread, task, phase) = (Log::new("thread"), Log::new("task"), Log::new("phase"));
    let _thread = thread.context.enter();
    let work = || async { phase.context.enter() }.in_context(&task.context);

    // The task has ended, and was dropped.
    let guard = block_on(work());
    info!("while the guard is held");
    drop(guard);
    info!("after the guard");

    // The task has ended, and is still there.
    let mut ended = Box::pin(work());
    let Poll::Ready(guard) = poll(&mut ended) else { panic!("it is ready") };
    info!("beside the ended task");
    drop(guard);
    info!("beside the ended task, without the guard");
    drop(ended);

    // The guard goes on in a task of its own, above a scope of that task.
    let other = Log::new("other");
    let in_other = async {
        let guard = block_on(work());
        let newer = other.context.enter();
        pass().await;
        drop(guard);
        info!("in the other task");
        drop(newer);
    };
    block_on(in_other.in_context(&other.context));

    thread.assert_holds(&[
        "while the guard is held",
        "after the guard",
        "beside the ended task",
        "beside the ended task, without the guard",
    ]);
    task.assert_holds::<&str>(&[]);
    phase.assert_holds::<&str>(&[]);
    other.assert_holds(&["in the other task"]);
}

#[test]
fn the_guard_of_a_parked_task_claims_nothing_and_can_be_dropped_from_outside() {
    init();
    let (thread, task, phase) = (Log::new("thread"), Log::new("task"), Log::new("phase"));
    let _thread = thread.context.enter();
    let guard = Rc::new(Cell::new(None::<ScopeGuard>));
    let mut parked = Box::pin(
        async {
            guard.set(Some(phase.context.enter()));
            pass().await;
            info!("the guard is there");
            pass().await;
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
            pass().await;
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
fn a_forgotten_guard_keeps_its_scope_and_context_until_the_task_ends() {
    init();
    let (thread, task) = (Log::new("thread"), Log::new("task"));
    let phase = Log::new("phase");
    let (id, memory) = (phase.context.id(), phase.memory.clone());
    let lives = || logscope::live().iter().any(|context| context.id() == id);
    let _thread = thread.context.enter();
    let mut work = Box::pin(
        async move {
            std::mem::forget(phase.context.enter());
            drop(phase);
            pass().await;
            info!("in the forgotten scope");
            let newer = OutputContext::current().enter();
            std::mem::forget(newer);
            pass().await;
            info!("in a second one");
        }
        .in_context(&task.context),
    );
    while poll(&mut work).is_pending() {
        info!("beside it");
    }
    assert!(lives(), "the task has not been dropped");
    drop(work);
    assert!(!lives(), "a forgotten guard leaked its context");
    info!("after it");

    let messages: Vec<_> = memory.lines().iter().map(|line| common::Line::parse(line).message).collect();
    assert_eq!(messages, ["in the forgotten scope", "in a second one"]);
    thread.assert_holds(&["beside it", "beside it", "after it"]);
    task.assert_holds::<&str>(&[]);
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
            pass().await;
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
            // Bound twice: the inner one counts.
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
fn in_current_context_binds_nothing_outside_every_scope() {
    init();
    let later = Log::new("later");
    let work = || async { info!("bound to nothing") }.in_current_context();
    let (first, second) = (work(), work());
    block_on(first);
    later.context.scope(|| block_on(second));
    assert_eq!(outside("bound to nothing").len(), 1);
    later.assert_holds(&["bound to nothing"]);
}

#[test]
fn block_on_inside_a_poll_leaves_the_task_as_it_was() {
    init();
    let (task, phase, other) = (Log::new("task"), Log::new("phase"), Log::new("other"));
    let work = async {
        let scope = phase.context.enter();
        pass().await;
        block_on(
            async {
                std::mem::forget(OutputContext::current().enter());
                info!("in the inner task");
                pass().await;
                logscope::update(|context| context.with_field("inner", true));
                info!("in the inner task again");
            }
            .in_context(&other.context),
        );
        info!("after the inner task");
        // Unbound, it is a part of the poll that it runs in.
        let inner = block_on(async {
            pass().await;
            info!("in an unbound one");
            other.context.enter()
        });
        info!("under the guard that it returned");
        drop(scope);
        drop(inner);
        info!("after both");
        pass().await;
        info!("at the end");
    };
    block_on(work.in_context(&task.context));
    task.assert_holds(&["after both", "at the end"]);
    phase.assert_holds(&["after the inner task", "in an unbound one"]);
    other.assert_holds(&["in the inner task", "in the inner task again", "under the guard that it returned"]);
}

#[test]
fn a_poll_that_panics_puts_everything_back() {
    /// Panics in its second poll; its own `Drop` comes later.
    struct Panics {
        phase: OutputContext,
        polled: bool,
        _value: LogsWhenDropped,
    }
    impl Future for Panics {
        type Output = ();
        fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            let phase = self.phase.clone();
            if std::mem::replace(&mut self.polled, true) {
                let _unwound = LogsWhenDropped("unwinding below the guard");
                let _scope = phase.enter();
                let _unwound = LogsWhenDropped("unwinding above the guard");
                phase.scope(|| panic!("in the poll"));
            }
            Poll::Pending
        }
    }
    init();
    let (thread, task, phase) = (Log::new("thread"), Log::new("task"), Log::new("phase"));
    let _thread = thread.context.enter();
    let future =
        Panics { phase: phase.context.clone(), polled: false, _value: LogsWhenDropped("dropped after the panic") };
    let mut work = Box::pin(future.in_context(&task.context));
    assert!(poll(&mut work).is_pending());
    let payload = common::panic_of(|| poll(&mut work));
    assert_eq!(text_of(&*payload), "in the poll");
    info!("after the panic");
    drop(work);
    info!("after the drop");

    thread.assert_holds(&["after the panic", "after the drop"]);
    task.assert_holds(&["unwinding below the guard", "dropped after the panic"]);
    phase.assert_holds(&["unwinding above the guard"]);
}

#[test]
fn a_task_that_panics_harms_no_other_task_of_its_worker() {
    init();
    let (panics, phase, other) = (Log::new("panics"), Log::new("phase"), Log::new("other"));
    on_one_worker(async {
        let inside = phase.context.clone();
        let broken = tokio::task::spawn_local(
            async move {
                let _value = LogsWhenDropped("unwound in the task");
                let _scope = inside.enter();
                let _value = LogsWhenDropped("unwound in the phase");
                pass().await;
                panic!("in the task");
            }
            .in_context(&panics.context),
        );
        let whole = tokio::task::spawn_local(
            async {
                for n in 0..4 {
                    info!("{n}");
                    pass().await;
                }
            }
            .in_context(&other.context),
        );
        assert!(broken.await.unwrap_err().is_panic());
        whole.await.unwrap();
    });
    panics.assert_holds(&["unwound in the task"]);
    phase.assert_holds(&["unwound in the phase"]);
    other.assert_holds(&["0", "1", "2", "3"]);
}

#[test]
fn a_waker_that_logs_belongs_to_who_wakes() {
    struct Wakes;
    impl std::task::Wake for Wakes {
        fn wake(self: Arc<Self>) {
            info!("woken");
        }
    }
    init();
    let (task, waking) = (Log::new("task"), Log::new("waking"));
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let mut work = Box::pin(async { receiver.await.unwrap() }.in_context(&task.context));
    let waker = Arc::new(Wakes).into();
    assert!(work.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    waking.context.scope(|| sender.send(()).unwrap());
    assert!(work.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    waking.assert_holds(&["woken"]);
    task.assert_holds::<&str>(&[]);
}
