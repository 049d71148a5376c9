//! Jobs of rayon keep the context and the span in which they were submitted, also where they are stolen.

#![cfg(feature = "testing")]
// clippy's exception for `unwrap` in tests does not cover helpers of tests.
#![allow(clippy::unwrap_used)]

#[path = "common/carried.rs"]
mod carried;
mod common;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex};

use carried::{closes_its_span_in, with_spans};
use common::{DEADLINE, Log, LogsWhenDropped, init, panic_of, text_of, unscoped_messages};
use logscope::testing::Signal;
use logscope::{InContext as _, LevelFilter, OutputContext};
use rayon::iter::plumbing::{Consumer, Folder, Reducer, UnindexedConsumer};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use tracing::{info, info_span};

fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

fn name() -> String {
    OutputContext::try_current().map_or("-".to_owned(), |context| context.name().to_owned())
}

/// What can be waited for.
#[derive(Default)]
struct Latch(Mutex<bool>, Condvar);

impl Latch {
    fn open(&self) {
        *self.0.lock().unwrap() = true;
        self.1.notify_all();
    }

    fn wait(&self) {
        let (open, _) = self.1.wait_timeout_while(self.0.lock().unwrap(), DEADLINE, |open| !*open).unwrap();
        assert!(*open, "a step does not come");
    }
}

/// Returns when two threads have come here with this signal.
fn meet(both: &Signal) {
    both.set();
    both.wait_for(2, DEADLINE).unwrap();
}

/// A pool of two threads. One waits by a call of rayon, the other one is busy, and a job that is submitted then can only be stolen by the one
/// that waits.
#[derive(Default)]
struct Steal {
    is_busy: Latch,
    is_submitted: Latch,
    is_stolen: Latch,
}

impl Steal {
    /// What one thread does before it waits.
    fn first(&self) {
        self.is_submitted.wait();
    }

    /// What the other thread does.
    fn busy(&self) {
        self.is_busy.open();
        self.is_stolen.wait();
    }
}

/// Runs `first` on this thread and `busy` on another one, and waits.
type Wait = fn(&Steal);

fn span() -> &'static str {
    tracing::Span::current().metadata().map_or("-", |span| span.name())
}

/// Has a thread wait inside the context `waits` and a span, by `wait`, and steal the job that `submit` submits, which logs `text`. Returns the
/// span that the job was in.
fn steal(
    text: &'static str,
    waits: &Log,
    wait: Wait,
    submit: impl FnOnce(&ThreadPool, Box<dyn FnOnce() + Send>),
) -> &'static str {
    let (pool, steps) = (pool(2), Arc::new(Steal::default()));
    let (done, is_done) = channel();
    let (context, of_waiting) = (waits.context.clone(), steps.clone());
    pool.spawn(move || {
        context.scope(|| info_span!("waits").in_scope(|| wait(&of_waiting)));
        done.send(()).unwrap();
    });
    steps.is_busy.wait();
    let (of_job, (saw, seen)) = (steps.clone(), channel());
    submit(
        &pool,
        Box::new(move || {
            info!("{text}");
            saw.send(span()).unwrap();
            of_job.is_stolen.open();
        }),
    );
    steps.is_submitted.open();
    is_done.recv_timeout(DEADLINE).expect("the wait ends");
    seen.recv().expect("the job has run")
}

fn bare_join(steps: &Steal) {
    rayon::join(|| steps.first(), || steps.busy());
}

const WAITS: [(&str, Wait); 10] = [
    ("join", |steps| {
        logscope::rayon::join(|| steps.first(), || steps.busy());
    }),
    ("join_context", |steps| {
        logscope::rayon::join_context(|_| steps.first(), |_| steps.busy());
    }),
    ("scope", |steps| {
        logscope::rayon::scope(|s| {
            s.spawn(|_| steps.busy());
            steps.first();
        });
    }),
    ("scope_fifo", |steps| {
        logscope::rayon::scope_fifo(|s| {
            s.spawn_fifo(|_| steps.busy());
            steps.first();
        });
    }),
    ("in_place_scope", |steps| {
        logscope::rayon::in_place_scope(|s| {
            s.spawn(|_| steps.busy());
            steps.first();
        });
    }),
    ("in_place_scope_fifo", |steps| {
        logscope::rayon::in_place_scope_fifo(|s| {
            s.spawn_fifo(|_| steps.busy());
            steps.first();
        });
    }),
    ("install", |steps| {
        logscope::rayon::in_place_scope(|s| {
            s.spawn(|_| steps.busy());
            steps.is_busy.wait();
            // The other pool works until the job is stolen, so the thread is in this wait then.
            logscope::rayon::install(&pool(1), || steps.is_stolen.wait());
        });
    }),
    ("broadcast", |steps| {
        let here = rayon::current_thread_index();
        logscope::rayon::broadcast(|thread| if Some(thread.index()) == here { steps.first() } else { steps.busy() });
    }),
    ("yield_now", |steps| {
        logscope::rayon::in_place_scope(|s| {
            s.spawn(|_| steps.busy());
            steps.first();
            while logscope::rayon::yield_now() != Some(rayon::Yield::Executed) {}
        });
    }),
    ("a parallel iterator", |steps| {
        let step = |n: &u32| if *n == 0 { steps.first() } else { steps.busy() };
        [0, 1].par_iter().with_max_len(1).in_current_context().for_each(step);
    }),
];

#[test]
fn what_is_stolen_while_ours_waits_runs_in_its_own_context_or_in_none() {
    init();
    for (what, wait) in WAITS {
        let (waits, due) = (Log::new("waits"), Log::new("due"));
        let before = unscoped_messages("stolen, bare").len();
        let span = steal("stolen, bare", &waits, wait, |pool, job| pool.spawn(job));
        assert_eq!(span, "-", "{what}: a bare job runs in no span");
        assert_eq!(unscoped_messages("stolen, bare").len(), before + 1, "{what}: a bare job runs in no scope");
        steal("stolen", &waits, wait, |pool, job| due.context.scope(|| logscope::rayon::spawn_on(pool, job)));
        steal("stolen", &waits, wait, |pool, job| {
            due.context.scope(|| info_span!("submits").in_scope(|| logscope::rayon::spawn_on(pool, job)));
        });
        assert_eq!(with_spans(&due.memory), ["stolen", "stolen @ submits"], "{what}");
        waits.assert_holds::<&str>(&[]);
    }
}

#[test]
fn a_job_of_its_own_that_a_thread_takes_up_by_yielding_runs_in_none() {
    init();
    let waits = Log::new("waits");
    let yielded = pool(1).install(|| {
        waits.context.scope(|| {
            rayon::spawn(|| info!("taken up"));
            logscope::rayon::yield_local()
        })
    });
    assert_eq!(yielded, Some(rayon::Yield::Executed));
    assert_eq!(unscoped_messages("taken up").len(), 1);
    waits.assert_holds::<&str>(&[]);
}

#[test]
fn what_ours_submits_is_right_also_where_a_bare_call_waits() {
    init();
    let (waits, due) = (Log::new("waits"), Log::new("due"));
    steal("stolen", &waits, bare_join, |pool, job| due.context.scope(|| logscope::rayon::spawn_on(pool, job)));
    steal("stolen, of none", &waits, bare_join, logscope::rayon::spawn_on);
    waits.assert_holds::<&str>(&[]);
    assert_eq!(with_spans(&due.memory), ["stolen"], "without the span of the thread that waits");
    assert_eq!(unscoped_messages("stolen, of none").len(), 1);
}

/// Out of reach: neither the call nor the job is ours.
#[test]
fn a_bare_job_that_a_bare_call_steals_lands_in_the_scope_of_the_call() {
    init();
    let waits = Log::new("waits");
    steal("stolen", &waits, bare_join, |pool, job| pool.spawn(job));
    assert_eq!(with_spans(&waits.memory), ["stolen @ waits"]);
}

#[test]
fn of_sixty_jobs_that_log_before_they_enter_their_scope_none_lands_in_a_foreign_log() {
    const JOBS: usize = 60;
    init();
    let pool = pool(4);
    for bare in [false, true] {
        let logs: Vec<Log> = (0..JOBS).map(|job| Log::new(format!("job {job}"))).collect();
        let tag = if bare { "bare job begins" } else { "our job begins" };
        let work = |job: usize| {
            info!("{tag} {job}");
            logs[job].context.scope(|| {
                let part = || {
                    std::thread::yield_now();
                    info!("part of {job}");
                };
                let halves = || {
                    logscope::rayon::join(part, part);
                };
                logscope::rayon::join(halves, halves);
                info!("end of {job}");
            });
        };
        let work = &work;
        if bare {
            pool.scope(|s| (0..JOBS).for_each(|job| s.spawn(move |_| work(job))));
        } else {
            logscope::rayon::install(&pool, || {
                logscope::rayon::scope(|s| (0..JOBS).for_each(|job| s.spawn(move |_| work(job))));
            });
        }
        let mut expected: Vec<String> = (0..JOBS).map(|job| format!("{tag} {job}")).collect();
        let mut unscoped = unscoped_messages(tag);
        expected.sort_unstable();
        unscoped.sort_unstable();
        assert_eq!(unscoped, expected);
        for (job, log) in logs.iter().enumerate() {
            let mut messages = log.messages();
            messages.sort_unstable();
            let part = format!("part of {job}");
            assert_eq!(messages, [format!("end of {job}"), part.clone(), part.clone(), part.clone(), part]);
        }
    }
}

#[test]
fn every_function_runs_its_closures_in_the_context_and_the_span_of_the_caller() {
    init();
    let uno = Log::new("uno");
    let pool = pool(3);
    uno.context.scope(|| {
        info_span!("build").in_scope(|| {
            logscope::rayon::install(&pool, || {
                info!("install");
                logscope::rayon::join(|| info!("join a"), || info!("join b"));
                logscope::rayon::join_context(|_| info!("join_context a"), |_| info!("join_context b"));
                logscope::rayon::scope(|s| {
                    info!("scope");
                    s.spawn(|s| s.spawn(|_| info!("scope, below")));
                });
                logscope::rayon::scope_fifo(|s| s.spawn_fifo(|s| s.spawn_fifo(|_| info!("scope_fifo, below"))));
                assert_eq!(logscope::rayon::broadcast(|_| info!("broadcast")).len(), 3);
                logscope::rayon::scope(|s| s.spawn_broadcast(|_, _| info!("scope, broadcast")));
                logscope::rayon::scope_fifo(|s| s.spawn_broadcast(|_, _| info!("scope, broadcast")));
                let (done, is_done) = channel();
                logscope::rayon::spawn_broadcast(move |_| {
                    info!("spawn_broadcast");
                    done.send(()).unwrap();
                });
                let mut left = 3;
                while left > 0 {
                    // This thread has a part of it.
                    logscope::rayon::yield_local();
                    left -= is_done.try_iter().count();
                }
                let _ = logscope::rayon::yield_now();
            });
            logscope::rayon::in_place_scope(|s| s.spawn(|_| info!("in_place_scope")));
            logscope::rayon::in_place_scope_fifo(|s| s.spawn_fifo(|_| info!("in_place_scope_fifo")));
            let (done, is_done) = channel();
            for spawn in [logscope::rayon::spawn::<Box<dyn FnOnce() + Send>>, logscope::rayon::spawn_fifo] {
                let done: Sender<()> = done.clone();
                spawn(Box::new(move || {
                    info!("spawn");
                    done.send(()).unwrap();
                }));
            }
            for _ in 0..2 {
                is_done.recv_timeout(DEADLINE).unwrap();
            }
            assert_eq!(name(), "uno");
            info!("after");
        });
    });
    let mut expected = ["install", "join a", "join b", "scope", "scope, below", "scope_fifo, below"].to_vec();
    expected.extend(["join_context a", "join_context b"]);
    expected.extend(["broadcast", "scope, broadcast", "scope, broadcast", "spawn_broadcast"].repeat(3));
    expected.extend(["in_place_scope", "in_place_scope_fifo", "spawn", "spawn", "after"]);
    let mut expected: Vec<String> = expected.into_iter().map(|text| format!("{text} @ build")).collect();
    expected.sort_unstable();
    assert_eq!(with_spans(&uno.memory), expected);
}

#[test]
fn the_maker_of_a_pool_gives_it_nothing() {
    init();
    let (maker, user) = (Log::new("maker"), Log::new("user"));
    let pool = maker.context.scope(|| info_span!("makes").in_scope(|| pool(2)));
    logscope::rayon::install(&pool, || assert_eq!(name(), "-"));
    user.context.scope(|| logscope::rayon::install(&pool, || info!("installed")));
    assert_eq!(with_spans(&user.memory), ["installed"]);
    maker.assert_holds::<&str>(&[]);
}

#[test]
fn a_job_that_panics_leaves_the_thread_and_the_caller_as_they_were() {
    init();
    let uno = Log::new("uno");
    let pool = pool(1);
    uno.context.scope(|| {
        let span = info_span!("build");
        let _span = span.enter();
        let never_run = LogsWhenDropped("never run");
        let payload = panic_of(|| {
            logscope::rayon::install(&pool, || {
                logscope::rayon::join(
                    || panic!("in a job"),
                    || {
                        let _never_run = never_run;
                    },
                );
            });
        });
        assert_eq!(text_of(&*payload), "in a job");
        let scoped = panic_of(|| logscope::rayon::scope(|s| s.spawn(|_| panic!("in a scope"))));
        assert_eq!(text_of(&*scoped), "in a scope");
        info!("after the panics");
    });
    assert_eq!(pool.install(name), "-");
    assert_eq!(with_spans(&uno.memory), ["after the panics @ build", "never run @ build"]);
}

#[test]
fn an_iterator_covers_what_stands_behind_it() {
    init();
    let (caller, uno) = (Log::new("caller"), Log::new("uno"));
    let pool = pool(4);
    let items: Vec<u32> = (0..1_000).collect();
    let collected: Vec<(String, u32, String)> = caller.context.scope(|| {
        logscope::rayon::install(&pool, || {
            items.par_iter().map(|item| (name(), *item)).in_context(&uno.context).map(|(b, n)| (b, n, name())).collect()
        })
    });
    assert!(collected.iter().map(|(_, item, _)| *item).eq(0..1_000), "in order");
    assert!(collected.iter().all(|(before, _, behind)| before == "-" && behind == "uno"));
}

#[test]
fn an_iterator_with_two_contexts_has_each_behind_its_own() {
    init();
    let (uno, due) = (Log::new("uno"), Log::new("due"));
    let pairs: Vec<(String, String)> = (0..500)
        .into_par_iter()
        .in_context(&uno.context)
        .map(|_| name())
        .filter(|seen| seen == &name())
        .in_context(&due.context)
        .map(|seen| (seen, name()))
        .collect();
    assert_eq!(pairs, vec![("uno".to_owned(), "due".to_owned()); 500]);
}

/// rayon calls closures not only for items: when a part begins, when it is complete, and when parts are joined.
#[test]
fn every_closure_behind_the_context_runs_in_it() {
    init();
    let uno = Log::new("uno");
    let (calls, wrong) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let check = || {
        calls.fetch_add(1, Ordering::Relaxed);
        if (name().as_str(), span()) != ("uno", "drives") {
            wrong.fetch_add(1, Ordering::Relaxed);
        }
    };
    struct CheckedClone<'a>(&'a (dyn Fn() + Sync));
    impl Clone for CheckedClone<'_> {
        fn clone(&self) -> Self {
            (self.0)();
            CheckedClone(self.0)
        }
    }
    impl Drop for CheckedClone<'_> {
        fn drop(&mut self) {
            (self.0)();
        }
    }
    let check = &check;
    info_span!("drives").in_scope(|| {
        let sum = (0..1_000_u64)
            .into_par_iter()
            .in_context(&uno.context)
            .map_init(check, |(), n| n)
            .map_with(CheckedClone(check), |_, n| n)
            .inspect(|_| check())
            .fold(
                || {
                    check();
                    0
                },
                |sum, n| {
                    check();
                    sum + n
                },
            )
            .map(|sum| {
                check();
                sum
            })
            .reduce(
                || {
                    check();
                    0
                },
                |a, b| {
                    check();
                    a + b
                },
            );
        assert_eq!(sum, 499_500);
    });
    assert!(calls.load(Ordering::Relaxed) >= 2_000);
    assert_eq!(wrong.load(Ordering::Relaxed), 0);
}

/// Says where it is called, and adds numbers.
struct Adds<'a>(&'a (dyn Fn(&'static str) + Sync));

impl<'a> Adds<'a> {
    fn called<R>(&self, method: &'static str, result: impl FnOnce(&'a (dyn Fn(&'static str) + Sync)) -> R) -> R {
        (self.0)(method);
        result(self.0)
    }
}

impl Drop for Adds<'_> {
    fn drop(&mut self) {
        (self.0)("drop");
    }
}

impl<'a> Consumer<u64> for Adds<'a> {
    type Folder = Sum<'a>;
    type Reducer = Self;
    type Result = u64;

    fn split_at(self, _: usize) -> (Self, Self, Self) {
        self.called("split_at", |called| (Adds(called), Adds(called), Adds(called)))
    }

    fn into_folder(self) -> Sum<'a> {
        self.called("into_folder", |called| Sum(Adds(called), 0))
    }

    fn full(&self) -> bool {
        false
    }
}

impl UnindexedConsumer<u64> for Adds<'_> {
    fn split_off_left(&self) -> Self {
        self.called("split_off_left", Adds)
    }

    fn to_reducer(&self) -> Self {
        self.called("to_reducer", Adds)
    }
}

impl Reducer<u64> for Adds<'_> {
    fn reduce(self, left: u64, right: u64) -> u64 {
        self.called("reduce", |_| left + right)
    }
}

struct Sum<'a>(Adds<'a>, u64);

impl Folder<u64> for Sum<'_> {
    type Result = u64;

    fn consume(self, item: u64) -> Self {
        self.0.called("consume", |_| ());
        Sum(self.0, self.1 + item)
    }

    fn complete(self) -> u64 {
        self.0.called("complete", |_| self.1)
    }

    fn full(&self) -> bool {
        false
    }
}

#[test]
fn a_consumer_is_called_in_the_context_and_the_span_by_every_kind_of_iterator() {
    init();
    let uno = Log::new("uno");
    let calls = Mutex::new(BTreeSet::new());
    let called = |method| {
        calls.lock().unwrap().insert((method, name(), span()));
    };
    let pool = pool(2);
    info_span!("drives").in_scope(|| {
        logscope::rayon::install(&pool, || {
            let items = || (0..100_u64).into_par_iter();
            assert_eq!(items().in_context(&uno.context).drive_unindexed(Adds(&called)), 4_950);
            assert_eq!(items().filter(|_| true).in_context(&uno.context).drive_unindexed(Adds(&called)), 4_950);
            assert_eq!((0..100).par_bridge().in_context(&uno.context).drive_unindexed(Adds(&called)), 4_950);
        });
    });
    let methods = ["complete", "consume", "drop", "into_folder", "reduce", "split_at", "split_off_left", "to_reducer"];
    assert!(calls.into_inner().unwrap().into_iter().eq(methods.map(|method| (method, "uno".to_owned(), "drives"))));
}

#[test]
fn no_item_is_made_that_is_not_asked_for() {
    init();
    let (uno, made) = (Log::new("uno"), AtomicUsize::new(0));
    let items = (0..1_000_u32).into_par_iter().with_min_len(1_000).inspect(|_| {
        made.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(items.in_context(&uno.context).find_any(|n| *n == 3), Some(3));
    assert_eq!(made.load(Ordering::Relaxed), 4);
}

/// One thread waits inside a scope and a span, by a bare call, and steals a part of an iterator from the other one.
#[test]
fn a_part_of_an_iterator_that_a_bare_call_steals_sees_nothing_of_it() {
    init();
    let (waits, due) = (Log::new("waits"), Log::new("due"));
    let (pool, started, both) = (pool(2), Latch::default(), Signal::named("both parts are made"));
    let make = |_: u32| {
        meet(&both);
        (name(), span())
    };
    let drive = || -> Vec<_> {
        started.open();
        let parts = [0, 1].into_par_iter().with_max_len(1);
        parts.map(make).in_context(&due.context).map(|before| (before, (name(), span()))).collect()
    };
    let wait = || rayon::join(|| started.wait(), drive);
    let ((), seen) = pool.install(|| waits.context.scope(|| info_span!("waits").in_scope(wait)));
    assert_eq!(seen, vec![(("-".to_owned(), "-"), ("due".to_owned(), "-")); 2]);
}

#[test]
fn an_iterator_takes_items_that_come_one_by_one_or_early_ends() {
    init();
    let uno = Log::new("uno");
    let context = &uno.context;
    let odd: Vec<u32> = (0..100_u32).into_par_iter().filter(|n| n % 2 == 1).in_context(context).collect();
    assert!(odd.iter().copied().eq((0..100).filter(|n| n % 2 == 1)));
    let found = (0..1_000_u32).into_par_iter().in_context(context).find_first(|n| *n > 500 && name() == "uno");
    assert_eq!(found, Some(501));
    assert!((0..1_000_u32).into_par_iter().in_context(context).any(|n| n == 7));
    let lengths = (0..50_u32).into_par_iter().flat_map(|n| (0..n).into_par_iter()).in_context(context);
    assert_eq!(lengths.map(|_| usize::from(name() == "uno")).sum::<usize>(), 1_225);
    let (left, right): (Vec<u32>, Vec<u32>) = (0..10_u32).into_par_iter().in_context(context).partition(|n| *n < 5);
    assert_eq!((left.len(), right.len()), (5, 5));
    let bridged = (0..100_u32).par_bridge().in_context(context).map(|_| u32::from(name() == "uno"));
    assert_eq!(bridged.sum::<u32>(), 100);
    assert_eq!((0..10_u32).into_par_iter().in_context(context).opt_len(), Some(10));
    let outside = context.scope(|| [1].par_iter().in_context(context));
    assert_eq!(outside.count(), 1);
    let none = (0..4).into_par_iter().in_current_context();
    assert!(context.scope(|| none.map(|_: u32| name()).all(|name| name == "-")), "made outside every scope");
}

#[test]
fn a_panic_in_an_iterator_drops_what_is_behind_the_context_in_it() {
    init();
    let (uno, caller) = (Log::new("uno"), Log::new("caller"));
    let pool = pool(1);
    for fails_before in [true, false] {
        let payload = panic_of(|| {
            caller.context.scope(|| {
                logscope::rayon::install(&pool, || {
                    let before = (0..1).into_par_iter().map(|n: u32| if fails_before { panic!("before") } else { n });
                    before
                        .in_context(&uno.context)
                        .map_init(|| LogsWhenDropped("dropped"), |_, _: u32| panic!("behind"))
                        .for_each(|()| ());
                });
            });
        });
        assert_eq!(text_of(&*payload), if fails_before { "before" } else { "behind" });
    }
    assert_eq!(pool.install(name), "-");
    uno.assert_holds(&["dropped", "dropped"]);
    caller.assert_holds::<&str>(&[]);
}

#[test]
fn a_context_that_an_iterator_was_given_is_counted_once_a_drive() {
    init();
    let uno = Log::new("uno");
    let iterator = (0..10_000_u32).into_par_iter().in_context(&uno.context);
    drop(uno);
    let id = iterator.map(|_| OutputContext::with_current(OutputContext::id)).max().unwrap();
    assert!(logscope::live().iter().all(|live| live.id() != id), "the context went with the iterator");
}

/// A layer may log when a span is closed.
#[test]
fn a_span_that_ends_with_its_job_is_closed_in_the_context() {
    let in_context = closes_its_span_in(logscope::rayon::spawn);
    assert_eq!(in_context, "uno");
}

#[test]
fn pools_within_pools_keep_each_job_in_its_own_context() {
    init();
    let (uno, due) = (Log::new("uno"), Log::new("due"));
    let (a, b) = (pool(2), pool(2));
    uno.context.scope(|| {
        logscope::rayon::install(&a, || {
            due.context.scope(|| {
                logscope::rayon::install(&b, || {
                    info!("b");
                    uno.context.scope(|| logscope::rayon::install(&a, || info!("a in b")));
                    logscope::update(|context| context.with_verbosity(LevelFilter::OFF));
                    info!("not heard");
                });
                info!("a: the update in b has ended with the job");
            });
            let scoped = ThreadPoolBuilder::new().num_threads(2);
            scoped.build_scoped(|thread| thread.run(), |pool| logscope::rayon::install(pool, || info!("c"))).unwrap();
        });
        logscope::rayon::in_place_scope(|_| logscope::update(|context| context.with_verbosity(LevelFilter::OFF)));
        info!("so it has on this thread");
    });
    assert_eq!([&a, &b].map(|pool| pool.broadcast(|_| name())).concat(), ["-"; 4]);
    due.assert_holds(&["b", "a: the update in b has ended with the job"]);
    uno.assert_holds(&["a in b", "c", "so it has on this thread"]);
}

/// The inner iterator has two parts, and each waits for the other: so one of them is stolen.
#[test]
fn a_flat_map_ends_what_its_iterator_covers_unless_the_inner_ones_have_the_context() {
    init();
    let uno = Log::new("uno");
    let pool = pool(2);
    let parts = |_: u32| [0, 1].into_par_iter().with_max_len(1);
    let seen = || {
        let both = Signal::named("both parts are there");
        move |_: u32| {
            meet(&both);
            name()
        }
    };
    let outer = || [0].into_par_iter().in_context(&uno.context);
    let names: [Vec<String>; 3] = logscope::rayon::install(&pool, || {
        let mut bare: Vec<String> = outer().flat_map(parts).map(seen()).collect();
        bare.sort_unstable();
        let inner = outer().flat_map(|n| parts(n).in_current_context()).map(seen()).collect();
        [bare, inner, outer().flat_map(parts).in_context(&uno.context).map(seen()).collect()]
    });
    assert_eq!(names, [["-", "uno"], ["uno", "uno"], ["uno", "uno"]]);
}

#[test]
fn what_an_item_updates_and_leaves_open_ends_with_it() {
    init();
    let (uno, due) = (Log::new("uno"), Log::new("due"));
    let quiet = uno.context.with_verbosity(LevelFilter::INFO);
    let pool = pool(1);
    let seen: Vec<(String, String, bool)> = pool.install(|| {
        (0..4_u32)
            .into_par_iter()
            .with_min_len(4)
            .map(|_| name())
            .in_context(&quiet)
            .map(|before| {
                let seen = (before, name(), tracing::enabled!(tracing::Level::TRACE));
                logscope::update(|context| context.with_verbosity(LevelFilter::TRACE));
                std::mem::forget(due.context.enter());
                seen
            })
            .collect()
    });
    assert_eq!(seen, vec![("-".to_owned(), "uno".to_owned(), false); 4]);
    assert_eq!(pool.install(name), "-");
}

#[test]
fn a_panic_in_any_closure_behind_the_context_leaves_all_as_it_was() {
    init();
    let (uno, caller) = (Log::new("uno"), Log::new("caller"));
    let pool = pool(2);
    for fails in ["map_init", "fold", "map", "reduce"] {
        let step = |name: &str| assert_ne!(name, fails, "in a closure");
        caller.context.scope(|| {
            info_span!("drives").in_scope(|| {
                panic_of(|| {
                    logscope::rayon::install(&pool, || {
                        (0..64_u32)
                            .into_par_iter()
                            .with_max_len(1)
                            .in_context(&uno.context)
                            .map_init(|| step("map_init"), |(), item| item)
                            .fold(|| LogsWhenDropped("folded"), |sum, _| (step("fold"), sum).1)
                            .map(|sum| (step("map"), sum).1)
                            .reduce(|| LogsWhenDropped("identity"), |sum, _| (step("reduce"), sum).1)
                    })
                });
                assert_eq!((name().as_str(), span()), ("caller", "drives"));
            });
        });
        assert_eq!(pool.broadcast(|_| name()), ["-", "-"], "{fails}");
    }
    assert!(with_spans(&uno.memory).iter().all(|record| record.ends_with(" @ drives")));
    caller.assert_holds::<&str>(&[]);
    assert!(unscoped_messages("folded").is_empty() && unscoped_messages("identity").is_empty());
}
