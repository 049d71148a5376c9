//! Tasks of tokio inherit the context and the span of whoever spawns them.

#![cfg(feature = "testing")]
// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

#[path = "common/carried.rs"]
mod carried;
mod common;

use std::sync::mpsc::channel;

use carried::{closes_its_span_in, with_spans};
use common::{
    DEADLINE, Log, LogsWhenDropped, init, panic_of, place_of_panic, text_of, unscoped_messages, wait_until, yield_once,
};
use logscope::testing::Signal;
use logscope::tokio::{JoinSetExt as _, RuntimeBuilderExt as _};
use logscope::{LevelFilter, OutputContext};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinSet, LocalSet};
use tracing::{info, info_span};

fn one_thread() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn name() -> String {
    OutputContext::try_current().map_or("-".to_owned(), |context| context.name().to_owned())
}

#[test]
fn what_is_spawned_in_every_way_inherits_context_and_span() {
    init();
    let uno = Log::new("uno");
    let (runtime, local) = (one_thread(), LocalSet::new());
    let handle = runtime.handle().clone();
    local.block_on(&runtime, async {
        let mut set = JoinSet::new();
        let tasks = uno.context.scope(|| {
            info_span!("build").in_scope(|| {
                set.spawn_in_current(async { info!("set: spawn") });
                set.spawn_on_in_current(async { info!("set: spawn_on") }, &handle);
                set.spawn_local_in_current(async { info!("set: spawn_local") });
                set.spawn_local_on_in_current(async { info!("set: spawn_local_on") }, &local);
                set.spawn_blocking_in_current(|| info!("set: spawn_blocking"));
                set.spawn_blocking_on_in_current(|| info!("set: spawn_blocking_on"), &handle);
                [
                    logscope::tokio::spawn(async { info!("spawn") }),
                    logscope::tokio::spawn_on(async { info!("spawn_on") }, &handle),
                    logscope::tokio::spawn_local(async { info!("spawn_local") }),
                    logscope::tokio::spawn_local_on(async { info!("spawn_local_on") }, &local),
                    logscope::tokio::spawn_blocking(|| info!("spawn_blocking")),
                    logscope::tokio::spawn_blocking_on(|| info!("spawn_blocking_on"), &handle),
                ]
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(set.join_all().await.len(), 6);
    });
    let kinds = ["spawn", "spawn_blocking", "spawn_blocking_on", "spawn_local", "spawn_local_on", "spawn_on"];
    let mut expected: Vec<String> =
        kinds.iter().flat_map(|kind| [format!("{kind} @ build"), format!("set: {kind} @ build")]).collect();
    expected.sort_unstable();
    assert_eq!(with_spans(&uno.memory), expected);
}

/// One thread polls all tasks inside a scope and a span that are those of none.
#[test]
fn a_task_sees_its_own_context_and_span_wherever_it_is_polled() {
    init();
    let (foreign, uno) = (Log::new("foreign"), Log::new("uno"));
    let runtime = one_thread();
    let steps = |text: &'static str| async move {
        for _ in 0..2 {
            info!("{text}");
            yield_once().await;
        }
    };
    let work = async {
        let outside = logscope::tokio::spawn(steps("polled: outside"));
        let on_purpose = logscope::unscoped(|| logscope::tokio::spawn(steps("polled: on purpose")));
        let in_uno = uno.context.scope(|| logscope::tokio::spawn(steps("no span")));
        let in_span = uno.context.scope(|| info_span!("own").in_scope(|| logscope::tokio::spawn(steps("own span"))));
        (outside, on_purpose, in_uno, in_span)
    };
    let tasks = runtime.block_on(work);
    foreign.context.scope(|| {
        info_span!("foreign").in_scope(|| {
            runtime.block_on(async {
                for task in [tasks.0, tasks.1, tasks.2, tasks.3] {
                    task.await.unwrap();
                }
                info!("beside them");
            });
        });
    });
    assert_eq!(with_spans(&foreign.memory), ["beside them @ foreign"]);
    assert_eq!(with_spans(&uno.memory), ["no span", "no span", "own span @ own", "own span @ own"]);
    assert_eq!(unscoped_messages("polled: ").len(), 4);
}

#[test]
fn what_a_task_enters_and_updates_stays_with_it() {
    init();
    let (uno, due) = (Log::new("uno"), Log::new("due"));
    let uno_context = uno.context.to_builder().verbosity(LevelFilter::INFO).build();
    let due_context = due.context.clone();
    one_thread().block_on(async {
        let task = uno_context.scope(|| {
            logscope::tokio::spawn_on(
                async move {
                    logscope::update(|context| context.with_verbosity(LevelFilter::DEBUG));
                    yield_once().await;
                    tracing::debug!("louder");
                    let in_due = due_context.scope(|| logscope::tokio::spawn(async { info!("below") }));
                    in_due.await.unwrap();
                },
                &tokio::runtime::Handle::current(),
            )
        });
        let other = uno_context.scope(|| {
            logscope::tokio::spawn(async {
                yield_once().await;
                tracing::debug!("not heard");
            })
        });
        task.await.unwrap();
        other.await.unwrap();
    });
    uno.assert_holds(&["louder"]);
    due.assert_holds(&["below"]);
}

#[test]
fn a_task_that_panics_or_is_aborted_is_dropped_in_its_context_and_span() {
    init();
    let (uno, foreign) = (Log::new("uno"), Log::new("foreign"));
    let runtime = one_thread();
    let _scope = foreign.context.enter();
    let span = info_span!("foreign");
    let _span = span.enter();
    runtime.block_on(async {
        let holds = |text: &'static str, panics: bool| {
            let value = LogsWhenDropped(text);
            async move {
                let _value = value;
                yield_once().await;
                assert!(!panics, "in a task");
                std::future::pending::<()>().await;
            }
        };
        let (panics, aborted, never_polled, left) = uno.context.scope(|| {
            info_span!(parent: None, "own").in_scope(|| {
                let panics = logscope::tokio::spawn(holds("panicked", true));
                let aborted = logscope::tokio::spawn(holds("aborted", false));
                let never_polled = logscope::tokio::spawn(holds("never polled", false));
                let left = logscope::tokio::spawn_blocking(|| panic_of(|| panic!("blocking")));
                (panics, aborted, never_polled, left)
            })
        });
        never_polled.abort();
        assert!(never_polled.await.unwrap_err().is_cancelled());
        let payload = panics.await.unwrap_err().into_panic();
        assert_eq!(text_of(&*payload), "in a task");
        aborted.abort();
        assert!(aborted.await.unwrap_err().is_cancelled());
        assert_eq!(text_of(&*left.await.unwrap()), "blocking");
        uno.context.scope(|| logscope::tokio::spawn(holds("left behind", false)));
        yield_once().await;
    });
    drop(runtime);
    assert_eq!(name(), "foreign");
    foreign.assert_holds::<&str>(&[]);
    assert_eq!(
        with_spans(&uno.memory),
        ["aborted @ own", "left behind @ foreign", "never polled @ own", "panicked @ own"]
    );
}

#[test]
fn a_whole_runtime_runs_in_a_context_with_its_bare_tasks() {
    init();
    for threads in [1, 4] {
        let uno = Log::new("uno");
        let mut builder = if threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
        if threads > 1 {
            builder.worker_threads(threads);
        }
        let result = builder.run_in_context(&uno.context, async {
            info!("main");
            let tasks: Vec<_> = (0..20)
                .map(|_| {
                    tokio::spawn(async {
                        yield_once().await;
                        info!("task");
                        tokio::task::spawn_blocking(|| info!("blocking")).await.unwrap();
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            let value = LogsWhenDropped("left behind");
            tokio::spawn(async move {
                let _value = value;
                std::future::pending::<()>().await;
            });
            7
        });
        assert_eq!(result.unwrap(), 7);
        assert_eq!(name(), "-");
        let messages = uno.messages();
        let count = |text: &str| messages.iter().filter(|message| *message == text).count();
        assert_eq!(["main", "task", "blocking", "left behind"].map(count), [1, 20, 20, 1], "{threads} threads");
    }
}

#[test]
fn what_carries_its_own_context_keeps_it_on_such_a_runtime() {
    init();
    let (runtime_log, own) = (Log::new("runtime"), Log::new("own"));
    Builder::new_multi_thread()
        .worker_threads(2)
        .run_in_context(&runtime_log.context, async {
            own.context.scope(|| logscope::tokio::spawn(async { info!("carried") })).await.unwrap();
            let bare = async { tokio::spawn(async { info!("bare") }).await.unwrap() };
            own.context.scope(|| logscope::tokio::spawn(bare)).await.unwrap();
            let none = logscope::unscoped(|| logscope::tokio::spawn(async { info!("runtime: on purpose") }));
            none.await.unwrap();
        })
        .unwrap();
    own.assert_holds(&["carried"]);
    runtime_log.assert_holds(&["bare"]);
    assert_eq!(unscoped_messages("runtime: on purpose").len(), 1);
}

#[test]
fn a_runtime_lets_go_of_its_context_when_it_ends() {
    init();
    let uno = Log::new("uno");
    let id = uno.context.id();
    let is_live = || logscope::live().iter().any(|context| context.id() == id);
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).threads_in_context(&uno.context).build().unwrap();
    // Both workers and two other threads have started.
    let both = Signal::named("both threads have started");
    let blocking: Vec<_> = (0..2)
        .map(|_| {
            let both = both.clone();
            runtime.spawn_blocking(move || {
                both.set();
                both.wait_for(2, DEADLINE).unwrap();
                name()
            })
        })
        .collect();
    for thread in blocking {
        assert_eq!(runtime.block_on(thread).unwrap(), "uno");
    }
    drop((uno, builder));
    assert!(is_live(), "the threads of the runtime are in it");
    drop(runtime);
    wait_until("the context is gone", || !is_live());
}

#[test]
fn a_future_that_panics_ends_its_runtime_in_the_context() {
    init();
    let uno = Log::new("uno");
    let value = LogsWhenDropped("dropped while unwinding");
    let payload = panic_of(|| {
        Builder::new_current_thread().run_in_context(&uno.context, async move {
            let _value = value;
            panic!("in main");
        })
    });
    assert_eq!((text_of(&*payload), name()), ("in main", "-".to_owned()));
    uno.assert_holds(&["dropped while unwinding"]);
}

/// A layer may log when a span is closed.
#[test]
fn a_span_that_ends_with_its_task_is_closed_in_the_context() {
    let runtime = Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let task = closes_its_span_in(|work| drop(logscope::tokio::spawn_on(async { work() }, runtime.handle())));
    let blocking = closes_its_span_in(|work| drop(logscope::tokio::spawn_blocking_on(work, runtime.handle())));
    assert_eq!([task, blocking], ["uno", "uno"]);
}

#[test]
fn what_never_runs_is_dropped_in_its_context_by_whoever_gives_it_up() {
    init();
    let (uno, foreign) = (Log::new("uno"), Log::new("foreign"));
    let runtime = Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    let (local, mut set) = (LocalSet::new(), JoinSet::new());
    let pending = |text: &'static str| {
        let value = LogsWhenDropped(text);
        async move {
            let _value = value;
            std::future::pending::<()>().await;
        }
    };
    let drops = |text: &'static str| {
        let value = LogsWhenDropped(text);
        move || drop(value)
    };
    let (go, wait) = channel::<()>();
    uno.context.scope(|| {
        logscope::tokio::spawn_local_on(pending("local, never polled"), &local);
        set.spawn_on_in_current(pending("of a set, aborted"), runtime.handle());
    });
    local.block_on(&runtime, async {
        uno.context.scope(|| {
            logscope::tokio::spawn_local(pending("local"));
            logscope::tokio::spawn_blocking(move || wait.recv_timeout(DEADLINE).unwrap());
            logscope::tokio::spawn_blocking(drops("blocking, never run"));
            logscope::tokio::spawn_blocking(drops("blocking, aborted")).abort();
        });
        yield_once().await;
    });
    foreign.context.scope(|| {
        info_span!("foreign").in_scope(|| {
            drop(local);
            set.abort_all();
            runtime.block_on(async { while set.join_next().await.is_some() {} });
            runtime.shutdown_background();
            go.send(()).unwrap();
        });
    });
    let texts = ["blocking, aborted", "blocking, never run", "local", "local, never polled", "of a set, aborted"];
    wait_until("all is dropped", || uno.memory.lines().len() == texts.len());
    assert_eq!(with_spans(&uno.memory), texts);
    foreign.assert_holds::<&str>(&[]);
}

#[test]
fn a_future_whose_runtime_cannot_be_built_is_dropped_in_the_context() {
    init();
    let uno = Log::new("uno");
    let value = LogsWhenDropped("never run");
    let future = async move { drop(value) };
    // No thread has such a stack. tokio panics where it cannot start a worker.
    panic_of(|| {
        Builder::new_multi_thread().worker_threads(1).thread_stack_size(1 << 60).run_in_context(&uno.context, future)
    });
    uno.assert_holds(&["never run"]);
}

#[test]
fn a_runtime_inside_another_one_blames_whoever_runs_it() {
    let uno = Log::new("uno");
    let nested = async { Builder::new_current_thread().run_in_context(&uno.context, async {}) };
    assert_eq!(place_of_panic(|| one_thread().block_on(nested)).0, file!());
}
