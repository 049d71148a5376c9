//! How tasks end: completed, dropped, aborted, by a panic. The values of a task are dropped in its scopes, and its scopes end with it.

// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

mod common;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use common::{Log, LogsWhenDropped, ParsedLine, block_on, init, on_one_worker, poll, text_of, yield_once};
use logscope::{InContext as _, OutputContext};
use tracing::info;

#[test]
fn a_future_is_dropped_inside_its_context() {
    /// Never completes, and holds a value on each side of a guard.
    async fn pends(phase: OutputContext) {
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
                pends(phase).await;
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
fn aborted_and_abandoned_tasks_are_dropped_inside_their_contexts() {
    init();
    let (aborted, left) = (Log::new("aborted"), Log::new("left behind"));
    let pends = |text| async move {
        let _value = LogsWhenDropped(text);
        std::future::pending::<()>().await;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let task = tokio::spawn(pends("aborted").in_context(&aborted.context));
        tokio::spawn(pends("left behind").in_context(&left.context));
        yield_once().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    });
    left.assert_holds::<&str>(&[]);
    drop(runtime);
    aborted.assert_holds(&["aborted"]);
    left.assert_holds(&["left behind"]);
}

#[test]
fn dropping_a_guard_that_a_task_returned_ends_no_scope() {
    init();
    let (thread, task, phase) = (Log::new("thread"), Log::new("task"), Log::new("phase"));
    let _thread = thread.context.enter();
    let work = || async { phase.context.enter() }.in_context(&task.context);

    // The task has ended, and was dropped.
    let guard = block_on(work());
    info!("while the guard is held");
    drop(guard);
    info!("after the guard");

    // The task has ended, but was not dropped.
    let mut ended = Box::pin(work());
    let Poll::Ready(guard) = poll(&mut ended) else { panic!("the task is done") };
    info!("beside the ended task");
    drop(guard);
    info!("beside the ended task, without the guard");
    drop(ended);

    // The guard lives on in another task, above a scope of that task.
    let other = Log::new("other");
    let in_other = async {
        let guard = block_on(work());
        let newer = other.context.enter();
        yield_once().await;
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
            yield_once().await;
            info!("in the forgotten scope");
            let newer = OutputContext::current().enter();
            std::mem::forget(newer);
            yield_once().await;
            info!("in a second one");
        }
        .in_context(&task.context),
    );
    while poll(&mut work).is_pending() {
        info!("beside it");
    }
    assert!(lives(), "the task was not dropped yet, so its forgotten scope must live");
    drop(work);
    assert!(!lives(), "a forgotten guard leaked its context");
    info!("after it");

    let messages: Vec<_> = memory.lines().iter().map(|line| ParsedLine::parse(line).message).collect();
    assert_eq!(messages, ["in the forgotten scope", "in a second one"]);
    thread.assert_holds(&["beside it", "beside it", "after it"]);
    task.assert_holds::<&str>(&[]);
}

#[test]
fn a_poll_that_panics_restores_the_scopes_of_the_thread() {
    /// Panics in its second poll. Its value is dropped later.
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
fn a_task_that_panics_harms_no_other_task_on_its_worker() {
    init();
    let (panics, phase, other) = (Log::new("panics"), Log::new("phase"), Log::new("other"));
    on_one_worker(async {
        let inside = phase.context.clone();
        let broken = tokio::task::spawn_local(
            async move {
                let _value = LogsWhenDropped("unwound in the task");
                let _scope = inside.enter();
                let _value = LogsWhenDropped("unwound in the phase");
                yield_once().await;
                panic!("in the task");
            }
            .in_context(&panics.context),
        );
        let whole = tokio::task::spawn_local(
            async {
                for n in 0..4 {
                    info!("{n}");
                    yield_once().await;
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
