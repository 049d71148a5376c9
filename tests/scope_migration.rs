//! A task takes its scopes and updates along when it continues on another thread, and leaves none behind.

// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

mod common;

use std::cell::Cell;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::task::Poll;
use std::thread::{self, ThreadId};
use std::time::Instant;

use common::{DEADLINE, Log, LogsWhenDropped, Worker, init, poll, unscoped_messages, yield_once};
use logscope::{InContext as _, ScopeGuard};
use tokio::sync::oneshot;
use tracing::info;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Polls `task` once on `worker`. Returns `None` if the task was done, and was dropped there.
fn poll_on(worker: &Worker, mut task: Task) -> Option<Task> {
    worker.run(move || match poll(&mut task) {
        Poll::Pending => Some(task),
        Poll::Ready(()) => None,
    })
}

thread_local! {
    /// A guard that a task left on this thread.
    static LEFT_BEHIND: Cell<Option<ScopeGuard>> = const { Cell::new(None) };
}

#[test]
fn updates_stay_with_a_task_that_changes_threads() {
    const STEPS: u64 = 12;
    init();
    let (first, second) = (Log::new("first"), Log::new("second"));
    let work = || async {
        let mut threads: Vec<ThreadId> = Vec::new();
        for step in 0..STEPS {
            logscope::update(|context| context.with_field("step", step)).unwrap();
            yield_once().await;
            info!("{step}");
            threads.push(thread::current().id());
        }
        assert!(threads.windows(2).all(|pair| pair[0] != pair[1]), "the task did not migrate: {threads:?}");
    };
    let unbound = async {
        for _ in 0..STEPS {
            info!("unbound and migrating");
            yield_once().await;
        }
    };
    let workers = [Worker::start(), Worker::start(), Worker::start()];
    let mut tasks: Vec<Option<Task>> = vec![
        Some(Box::pin(work().in_context(&first.context))),
        Some(Box::pin(unbound)),
        Some(Box::pin(work().in_context(&second.context))),
    ];
    for round in 0.. {
        for (index, slot) in tasks.iter_mut().enumerate() {
            *slot = slot.take().and_then(|task| poll_on(&workers[(round + index) % workers.len()], task));
        }
        if tasks.iter().all(Option::is_none) {
            break;
        }
    }
    for log in [&first, &second] {
        log.assert_holds(&(0..STEPS).map(|step| step.to_string()).collect::<Vec<_>>());
        assert!(log.lines().iter().all(|line| line.context_fields["step"].as_u64() == line.message.parse().ok()));
    }
    assert_eq!(unscoped_messages("unbound and migrating").len() as u64, STEPS);
}

/// A task that enters `phase`, and leaves the guard in a thread-local of the thread of its first poll.
fn leaves_its_guard(task: &Log, phase: &Log) -> Task {
    let phase = phase.context.clone();
    let work = async move {
        LEFT_BEHIND.set(Some(phase.enter()));
        info!("entered");
        yield_once().await;
        info!("elsewhere");
        yield_once().await;
        info!("at the end");
    };
    Box::pin(work.in_context(&task.context))
}

#[test]
fn a_guard_left_on_another_thread_ends_its_scope() {
    init();
    let (task, phase, there) = (Log::new("task"), Log::new("phase"), Log::new("there"));
    let (a, b) = (Worker::start(), Worker::start());
    let work = poll_on(&a, leaves_its_guard(&task, &phase)).unwrap();
    a.run(|| info!("on a thread where a guard was left: it is the task's"));
    let work = poll_on(&b, work).unwrap();
    let on_a = there.context.clone();
    a.run(move || {
        let _scope = on_a.enter();
        drop(LEFT_BEHIND.take());
        info!("the scope of the thread is not that of the guard");
    });
    assert!(poll_on(&b, work).is_none());
    for worker in [&a, &b] {
        worker.run(|| info!("nothing is left on a thread where a guard was left"));
    }
    phase.assert_holds(&["entered", "elsewhere"]);
    task.assert_holds(&["at the end"]);
    there.assert_holds(&["the scope of the thread is not that of the guard"]);
    assert_eq!(unscoped_messages("a thread where a guard was left").len(), 3);
}

#[test]
fn a_guard_left_on_another_thread_can_outlive_its_task() {
    init();
    let (task, phase) = (Log::new("task"), Log::new("phase"));
    let (a, b) = (Worker::start(), Worker::start());
    let work = poll_on(&a, leaves_its_guard(&task, &phase)).unwrap();
    b.run(move || drop(work));
    a.run(|| {
        info!("beside a guard without a task");
        drop(LEFT_BEHIND.take());
        info!("after a guard without a task");
    });
    phase.assert_holds(&["entered"]);
    task.assert_holds::<&str>(&[]);
    assert_eq!(unscoped_messages("a guard without a task").len(), 2);
}

#[test]
fn a_guard_can_be_dropped_while_its_task_runs_elsewhere() {
    /// The drop comes at another moment in each round.
    const ROUNDS: usize = 200;
    init();
    let (a, b) = (Worker::start(), Worker::start());
    for _ in 0..ROUNDS {
        let (task, phase, newer) = (Log::new("task"), Log::new("phase"), Log::new("newer"));
        let barrier = Arc::new(Barrier::new(2));
        let (task_barrier, entered, above) = (barrier.clone(), phase.context.clone(), newer.context.clone());
        let work = async move {
            LEFT_BEHIND.set(Some(entered.enter()));
            yield_once().await;
            task_barrier.wait();
            // From here on the guard may be dropped at any moment. That must not affect the scopes above it.
            for n in 0..3 {
                above.scope(|| info!("{n}"));
            }
            info!("in either");
            yield_once().await;
            info!("the guard is gone");
        };
        let work: Task = Box::pin(work.in_context(&task.context));
        let work = poll_on(&a, work).unwrap();
        let work = thread::scope(|scope| {
            let dropping = scope.spawn(|| {
                a.run(move || {
                    barrier.wait();
                    drop(LEFT_BEHIND.take());
                });
            });
            let work = poll_on(&b, work).unwrap();
            dropping.join().unwrap();
            work
        });
        assert!(poll_on(&b, work).is_none());
        newer.assert_holds(&["0", "1", "2"]);
        let (in_task, in_phase) = (task.messages(), phase.messages());
        assert_eq!(in_task.last().map(String::as_str), Some("the guard is gone"));
        assert_eq!(in_task.len() + in_phase.len(), 2, "{in_task:?} {in_phase:?}");
    }
}

#[test]
fn a_task_dropped_on_another_thread_drops_its_values_in_its_context() {
    init();
    let (task, there) = (Log::new("task"), Log::new("there"));
    let (a, b) = (Worker::start(), Worker::start());
    let work = async {
        let _value = LogsWhenDropped("dropped on the other thread");
        std::future::pending::<()>().await;
    };
    let work = poll_on(&a, Box::pin(work.in_context(&task.context))).unwrap();
    b.run(there.context.bind(move || {
        drop(work);
        info!("after it");
    }));
    task.assert_holds(&["dropped on the other thread"]);
    there.assert_holds(&["after it"]);
}

#[test]
fn a_worker_can_block_inside_a_poll() {
    init();
    let (task, inner, beside) = (Log::new("task"), Log::new("inner"), Log::new("beside"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    // Spawned before this task blocks, so queued on the same worker: it runs on the thread by which the runtime replaces the blocked one.
    let (sender, receiver) = oneshot::channel::<()>();
    let other = async move {
        info!("while the worker is blocked");
        sender.send(()).unwrap();
    };
    let (other, inside) = (other.in_context(&beside.context), inner.context.clone());
    let work = async move {
        let other = tokio::spawn(other);
        tokio::task::block_in_place(|| {
            info!("before");
            let blocked = async {
                info!("blocked");
                receiver.await.unwrap();
                logscope::update(|context| context.with_field("updated", true)).unwrap();
                info!("still blocked");
            };
            tokio::runtime::Handle::current().block_on(blocked.in_context(&inside));
            info!("after");
        });
        other.await.unwrap();
        info!("at the end");
    };
    runtime.block_on(runtime.spawn(work.in_context(&task.context))).unwrap();
    task.assert_holds(&["before", "after", "at the end"]);
    inner.assert_holds(&["blocked", "still blocked"]);
    beside.assert_holds(&["while the worker is blocked"]);
}

#[test]
fn migrating_tasks_do_not_mix() {
    const TASKS: usize = 6;
    const MIGRATIONS: usize = 300;
    init();
    let migrations = Arc::new(AtomicUsize::new(0));
    // A task that is woken from outside the runtime is taken by any of its workers.
    let (sleepers, to_wake) = channel::<oneshot::Sender<()>>();
    let waker = thread::spawn(move || {
        for sleeper in to_wake {
            let _ = sleeper.send(());
        }
    });
    let start = Instant::now();
    let wake_elsewhere = move || {
        let (sender, receiver) = oneshot::channel();
        sleepers.send(sender).unwrap();
        async move {
            let before = thread::current().id();
            receiver.await.unwrap();
            thread::current().id() != before
        }
    };
    let go_on = {
        let migrations = migrations.clone();
        move |migrated: bool| {
            let so_far = migrations.fetch_add(usize::from(migrated), Ordering::Relaxed) + usize::from(migrated);
            so_far < MIGRATIONS && start.elapsed() < DEADLINE
        }
    };

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
    let logs: Vec<_> = (0..TASKS).map(|n| [Log::new(format!("task {n}")), Log::new(format!("phase {n}"))]).collect();
    let tasks: Vec<_> = logs
        .iter()
        .map(|[own, phase]| {
            let (wake_elsewhere, go_on, phase) = (wake_elsewhere.clone(), go_on.clone(), phase.context.clone());
            let work = async move {
                let mut steps = 0_u64;
                loop {
                    logscope::update(|context| context.with_field("step", steps)).unwrap();
                    let migrated = wake_elsewhere().await;
                    info!("{steps}");
                    // A scope of an inner future over an await, during which the task may move: the scope moves along, and ends with the future.
                    async { wake_elsewhere().await }.in_context(&phase).await;
                    async { info!("{steps}") }.in_context(&phase).await;
                    steps += 1;
                    if !go_on(migrated) {
                        return steps;
                    }
                }
            };
            runtime.spawn(work.in_context(&own.context))
        })
        .collect();
    let unbound = runtime.spawn(async move {
        let mut steps = 0;
        loop {
            info!("unbound among the workers");
            steps += 1;
            let _ = wake_elsewhere().await;
            if !go_on(false) {
                return steps;
            }
        }
    });

    for ([own, phase], task) in logs.iter().zip(tasks) {
        let steps = runtime.block_on(task).unwrap();
        let expected: Vec<_> = (0..steps).map(|step| step.to_string()).collect();
        own.assert_holds(&expected);
        phase.assert_holds(&expected);
        assert!(own.lines().iter().all(|line| line.context_fields["step"].as_u64() == line.message.parse().ok()));
        assert!(phase.lines().iter().all(|line| line.context_fields.is_null()));
    }
    let steps = runtime.block_on(unbound).unwrap();
    assert_eq!(unscoped_messages("unbound among the workers").len(), steps);
    drop(runtime);
    waker.join().unwrap();
    let migrations = migrations.load(Ordering::Relaxed);
    assert!(migrations >= MIGRATIONS, "only {migrations} migrations within {DEADLINE:?}: too few to prove anything");
}
